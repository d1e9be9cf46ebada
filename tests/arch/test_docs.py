"""The docs name everything there is, nothing that is not, and their links lead somewhere."""

import ast
import re
from pathlib import Path

import pytest

from engine.settings import SETTINGS, Setting

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
DOMAIN = sorted((ROOT / "engine" / "domain").glob("*.py"))


def settings_row(row: Setting) -> str:
    """The line of docs/settings.md for one setting."""
    if row.default is None or row.default == "":
        default = "none"
    else:
        default = str(row.default).lower() if isinstance(row.default, bool) else str(row.default)
    limits = ""
    if row.low is not None:
        limits = (
            f" ({row.low:g} to {row.high:g})" if row.high < 1e15 else f" (at least {row.low:g})"
        )
    if row.choices:
        limits = f" ({', '.join(row.choices)})"
    return f"| `{row.name}` | `{row.flag}` | `{row.variable}` | {default} | {row.help}{limits} |"


def test_every_setting_is_documented_as_it_is():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    wanted = [settings_row(row) for row in SETTINGS]
    written = [line for line in text.splitlines() if line.startswith("| `")]
    assert written == wanted, "docs/settings.md must hold:\n" + "\n".join(wanted)


def public_classes(source: str) -> list[str]:
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


def unnamed(names: list[str], text: str) -> list[str]:
    """Names that stand nowhere in the text as `Name`."""
    known = set(re.findall(r"`([A-Za-z_0-9]+)`", text))
    return [name for name in names if name not in known]


@pytest.mark.parametrize("module", DOMAIN, ids=lambda p: p.name)
def test_the_glossary_names_every_class_of_the_domain(module):
    assert unnamed(public_classes(module.read_text(encoding="utf-8")), GLOSSARY) == []


def test_the_glossary_names_every_unit():
    tree = ast.parse((ROOT / "engine" / "domain" / "units.py").read_text(encoding="utf-8"))
    units = [
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name) and node.value.func.id == "NewType"
    ]  # fmt: skip
    assert len(units) >= 4
    assert unnamed(units, GLOSSARY) == []


def test_a_class_without_an_entry_is_seen():
    names = public_classes("class Known: ...\nclass Unknown: ...\nclass _Own: ...\n")
    assert unnamed(names, "| `Known` | a thing |") == ["Unknown"]


def test_the_glossary_names_nothing_that_is_gone():
    known = {name for path in DOMAIN for name in _names(path)}
    first = re.findall(r"^\| `([A-Za-z_0-9]+)`", GLOSSARY, flags=re.MULTILINE)
    assert len(first) > 20
    assert [name for name in first if name not in known] == []


def _names(path: Path) -> set[str]:
    """Every class and constant at the top of a module."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.TypeAlias if hasattr(ast, "TypeAlias") else ()):
            found.add(node.name.id)
    return found


def dead_links(text: str, folder: Path) -> list[str]:
    """Relative links and images that lead to no file."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    return [t for t in links if "://" not in t and not (folder / t).exists()]


@pytest.mark.parametrize("document", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file(document):
    assert dead_links(document.read_text(encoding="utf-8"), document.parent) == []


def test_a_dead_link_is_seen(tmp_path):
    assert dead_links("[a](nowhere.md) [b](https://example.org)", tmp_path) == ["nowhere.md"]


def missing_paths(text: str) -> list[str]:
    """Files of the tree that a text names in back-quotes and that do not exist."""
    named = re.findall(r"`((?:engine|db|pages|components|assets|tests|docs)/[\w./-]+)`", text)
    return [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("document", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(document):
    assert missing_paths(document.read_text(encoding="utf-8")) == []


def test_a_file_that_is_not_there_is_seen():
    assert missing_paths("see `engine/nowhere.py` and `engine/settings.py`") == [
        "engine/nowhere.py"
    ]


def test_decisions_are_numbered_without_gaps_and_say_why():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(p.name[:4]) for p in records] == list(range(1, len(records) + 1))
    assert records
    for record in records:
        text = record.read_text(encoding="utf-8")
        for part in ("## Question", "## Decision", "## Why", "## Price"):
            assert part in text, f"{record.name} lacks {part}"
