# Habits. Everything sets up through run.py; `make` alone prints this help.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run check test replay bench docs audit clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup:  ## make .venv and install what development needs
	$(PYTHON) run.py setup

run:  ## start the desk (ARGS="--port 8051")
	$(PYTHON) run.py app $(ARGS)

check: setup  ## lint, format, types, import contracts, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/arch

test: setup  ## the quick tests, without processes and browser
	$(PYTHON) run.py test -q --ignore=tests/process --ignore=tests/e2e --ignore=tests/bench $(ARGS)

replay: setup  ## tests that a journal replayed is the journal lived
	$(PYTHON) run.py test -q tests/replay $(ARGS)

bench: setup  ## measure (ARGS=book, sim, live, journal or inference)
	$(BIN)/python -m engine bench $(ARGS)

docs: setup  ## check that the docs name everything
	$(BIN)/python -m pytest -q tests/arch/test_docs.py

audit:  ## known holes in the locked packages; fails when one package could not be checked (needs uv)
	uvx pip-audit==2.10.1 --strict --disable-pip --require-hashes -r requirements.txt

clean:  ## remove caches; the state folder stays
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
