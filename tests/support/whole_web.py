"""The web as it starts on a state folder, all pages and read tables; wires are stand-ins."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.gateway.server import Parts, Web, parts_of
from engine.settings import resolve
from tests.support.desk_fakes import ORIGIN, QUICK, FakeDesk, FakeSwitch, NoFrames, people_file


def whole_parts(state: Path, **flags: Any) -> Parts:
    """Parts of the real start, people with known passwords, nothing on the wire."""
    settings = resolve({"state": str(state), "demo": False, **flags}, {})
    if not (state / "people.db").exists():
        people_file(settings.state).close()
    parts, _first = parts_of(settings)
    wires: tuple[Any, ...] = (parts.desk, parts.frames)
    for wire in wires:
        wire.close()
    return replace(
        parts, desk=FakeDesk(), frames=NoFrames(), switch=FakeSwitch(), hasher=QUICK,
        origins=frozenset({ORIGIN}),
    )  # fmt: skip


def whole_web(state: Path, **flags: Any) -> Web:
    """The whole application."""
    return Web(whole_parts(state, **flags))
