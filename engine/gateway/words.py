"""What a panel shows and what a word means: read from the two documents that say it, once.

``docs/panels.md`` has a row a panel, ``docs/glossary.md`` a row a word; nothing repeats them.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from engine.domain.errors import BrokenInvariant
from engine.gateway.grants import LOGIN, Grants

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
CELL: Final = re.compile(r"(?<!\\)\|")
PANEL_CELLS: Final = 4
KEPT_S: Final = 600  # how long a browser may keep the answer [s]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel of a page, in plain words."""

    what: str
    numbers: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of the glossary; ``beside`` = what it must not be confused with."""

    name: str  # all names of the row, as it writes them
    meaning: str
    unit: str = ""
    beside: str = ""


def panels(text: str) -> dict[str, Panel]:
    """Every panel of docs/panels.md by its id."""
    found: dict[str, Panel] = {}
    for _head, cells in _rows(text):
        if len(cells) != PANEL_CELLS:
            raise BrokenInvariant(f"a row of docs/panels.md has 4 cells, was {cells}")
        name, what, numbers, source = (_plain(cell) for cell in cells)
        if name in found:
            raise BrokenInvariant(f"docs/panels.md has {name} twice")
        found[name] = Panel(what=what, numbers=numbers, source=source)
    return found


def words(text: str) -> dict[str, Word]:
    """Every word of docs/glossary.md in small letters; names of classes are not for screens."""
    found: dict[str, Word] = {}
    for head, cells in _rows(text):
        row = dict(zip(head, cells, strict=False))
        names = cells[0]
        if "`" in names:
            continue
        unit = _plain(row.get("unit", "")).strip("-–")
        word = Word(
            name=_plain(names),
            meaning=_plain(row["meaning"]),
            unit=unit,
            beside=_plain(row.get("not to be confused with", "")),
        )
        for name in _plain(names).split(","):
            found.setdefault(name.strip().lower(), word)
    return found


def _rows(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Head and cells of every row of every table."""
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in CELL.split(line)[1:-1]]
        if not head:
            head = cells
        elif not cells[0].startswith("---"):
            yield head, cells


def _plain(cell: str) -> str:
    """Markdown as text."""
    return re.sub(r"\*\*?|`", "", cell)


def routes(grants: Grants) -> APIRouter:
    """Both tables as one answer; it is the same for everybody."""
    router = APIRouter()
    grants.route("GET", "/api/v1/words", LOGIN)
    answer = orjson.dumps(
        {
            "panels": {n: asdict(p) for n, p in panels(_document("panels")).items()},
            "words": {n: asdict(w) for n, w in words(_document("glossary")).items()},
        }
    )

    @router.get("/api/v1/words")
    async def read() -> Response:
        """What every panel shows and what every word means."""
        return Response(answer, media_type="application/json",
                        headers={"cache-control": f"private, max-age={KEPT_S}"})  # fmt: skip

    return router


def _document(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")
