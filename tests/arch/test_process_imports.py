"""What each process loads, seen from a fresh interpreter: also through other people's packages."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ("dash", "plotly", "pandas", "fastapi", "starlette", "uvicorn")
LEARNING = ("sklearn", "scipy")
TRAINING = ("sklearn",)  # numba itself looks at scipy's version
SQL = ("sqlalchemy", "alembic")
JOBS = ("apscheduler",)
NUMBERS = ("numpy", "numba")

# module, what it must not load, what of ours it may load (empty = no limit)
PROCESSES = (
    ("app", (*SCREENS, *LEARNING, *SQL, *JOBS, *NUMBERS, "zmq", "msgspec"), ()),
    ("engine.supervise", (*SCREENS, *LEARNING, *SQL, *JOBS, *NUMBERS, "zmq", "msgspec"), ()),
    ("engine.lifeline", (*SCREENS, *LEARNING, *SQL, *JOBS, *NUMBERS, "zmq", "msgspec"), ()),
    ("engine.cli", (*SCREENS, *LEARNING, *SQL, *JOBS, "numba"), ()),
    ("engine.__main__", (*SCREENS, *LEARNING, *SQL, *JOBS, "numba"), ()),
    ("engine.compose", (*SCREENS, *TRAINING, *SQL, *JOBS), ()),
    ("engine.exchange.server", (*SCREENS, *TRAINING, *SQL, *JOBS, "sqlite3"), ()),
    (
        "engine.watchdog.__main__",
        (*SCREENS, *LEARNING, *SQL, *JOBS, *NUMBERS, "zmq", "msgspec"),
        ("engine", "engine.watchdog"),
    ),
    ("engine.worker.__main__", ("dash", "plotly", "fastapi", "starlette", "uvicorn"), ()),
    ("engine.gateway.server", (*LEARNING, *JOBS, "numba"), ()),
    ("db.journal", (*SCREENS, *LEARNING, *SQL, *JOBS, *NUMBERS), ()),
)


def exists(module: str) -> bool:
    return (ROOT / (module.replace(".", "/") + ".py")).exists()


def loaded(code: str) -> set[str]:
    """Modules in a fresh interpreter after it ran this."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(' '.join(sys.modules))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def wrong(modules: set[str], banned: tuple[str, ...], ours: tuple[str, ...]) -> set[str]:
    """The modules that should not be there."""
    bad = {name for name in modules if name.split(".")[0] in banned}
    if ours:
        own = {name for name in modules if name.split(".")[0] in ("engine", "db", "components")}
        bad |= {n for n in own if n not in ours and not n.startswith(f"{ours[-1]}.")}
    return bad


@pytest.mark.parametrize(
    ("module", "banned", "ours"),
    [pytest.param(*row, id=row[0]) for row in PROCESSES if exists(row[0])],
)
def test_a_process_loads_only_what_it_may(module, banned, ours):
    assert wrong(loaded(f"import {module}"), banned, ours) == set()


def test_a_banned_module_behind_another_package_is_seen():
    assert wrong(loaded("import dash"), ("plotly",), ())


def test_a_foreign_part_in_the_watchdog_is_seen():
    modules = loaded("import engine.watchdog, engine.domain.units")
    assert wrong(modules, (), ("engine", "engine.watchdog")) == {
        "engine.domain",
        "engine.domain.units",
    }
