"""Every panel of every page has its words, every text its panel; the glossary is read as is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain.errors import BrokenInvariant
from engine.gateway.words import DOCS, panels, words

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "components").glob("*.py")])
PANELS = panels((DOCS / "panels.md").read_text(encoding="utf-8"))
WORDS = words((DOCS / "glossary.md").read_text(encoding="utf-8"))
HELPER = "components/live.py"  # it passes on the name that it was given


def pattern(node: ast.AST | None) -> str:
    """What a name can be: a text, or a text with something filled in; "" = there is none."""
    match node:
        case ast.Constant(value=str(value)):
            return re.escape(value)
        case ast.JoinedStr(values=parts):
            return "".join(pattern(p) if isinstance(p, ast.Constant) else ".+" for p in parts)
        case _:
            return ""


def named(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a source draws as a panel."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "data-panel":
                    yield node.lineno, pattern(value)
        if not isinstance(node, ast.Call):
            continue
        given = {word.arg: word.value for word in node.keywords if word.arg}
        if ast.unparse(node.func) == "live.panel":
            yield node.lineno, pattern(given.get("about") or given.get("id"))
        elif "panel" in re.split(r"\W+(?<!-)", ast.unparse(given.get("className", ast.Pass()))):
            marked = [ast.unparse(word.value) for word in node.keywords]
            if not any("data-panel" in text for text in marked):
                yield node.lineno, ""


def every_name() -> list[tuple[str, str]]:
    found = []
    for path in SOURCES:
        place = path.relative_to(ROOT).as_posix()
        if place != HELPER:
            found += [
                (f"{place}:{line}", name) for line, name in named(path.read_text(encoding="utf-8"))
            ]
    return found


def test_every_panel_has_a_name_and_a_text() -> None:
    found = every_name()
    assert len(found) > 80
    lacking = [
        (place, name)
        for place, name in found
        if not name or not any(re.fullmatch(name, panel) for panel in PANELS)
    ]
    assert lacking == [], "docs/panels.md must have a line for each panel"


def test_every_text_names_a_panel() -> None:
    names = [name for _, name in every_name()]
    assert [p for p in PANELS if not any(re.fullmatch(name, p) for name in names)] == []


@pytest.mark.parametrize(
    "source",
    [
        'live.panel("New", body, topic="quotes")',
        'html.Section(body, className="panel grow")',
        'html.Div(body, className="panel", **attrs({"data-panel": name}))',
    ],
)
def test_a_panel_without_a_name_is_seen(source: str) -> None:
    assert [name for _, name in named(source)] == [""]


def test_a_name_is_read_as_it_is_written() -> None:
    source = 'live.panel("A", b, id="alerts")\nlive.panel("B", b, id="x", about=f"tca-{name}")'
    assert [name for _, name in named(source)] == ["alerts", "tca\\-.+"]


def test_a_text_says_what_it_is_what_numbers_mean_and_where_they_come_from() -> None:
    for name, row in PANELS.items():
        assert min(len(row.what), len(row.source), len(row.numbers) + 3) > 5, name


def test_a_panel_that_stands_twice_or_has_too_few_cells_is_refused() -> None:
    row = "| panel | a | b | c |\n|---|---|---|---|\n| `x` | 1 | 2 | 3 |\n"
    with pytest.raises(BrokenInvariant, match="x twice"):
        panels(row + "| `x` | 1 | 2 | 3 |\n")
    with pytest.raises(BrokenInvariant, match="4 cells"):
        panels(row + "| `y` | 1 | 2 |\n")


def test_each_name_of_a_row_is_a_word_and_names_of_classes_are_none() -> None:
    table = (
        "| word | unit | meaning | not to be confused with |\n|---|---|---|---|\n"
        "| quantity, filled | share | asked, **done** | volume |\n| `Parent` | - | a class | |\n"
    )
    found = words(table)
    assert sorted(found) == ["filled", "quantity"]
    assert found["filled"] is found["quantity"]
    assert (found["filled"].meaning, found["filled"].unit) == ("asked, done", "share")
    assert found["filled"].beside == "volume"


def test_words_of_tables_without_units_are_there_too() -> None:
    assert WORDS["unattended alarm"].unit == ""
    assert WORDS["shortfall"].unit == "bp"
    assert len(WORDS) > 80
