"""The playbook: what is done about each kind of exception, step by step, and how it is drilled.

The first version of each section is text of this repository; people edit it at the desk, and each
edit is a numbered version with its author. A section is bound to kinds of exceptions for good.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.units import Nanos, PersonId

TEXTS: Final = Path(__file__).with_name("playbook_text")
STEP: Final = "- [ ]"
BODY_MOST: Final = 2_000  # characters of one section
STEPS_MOST: Final = 20
STEP_MOST: Final = 200  # characters of one step


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One checklist as the repository has it."""

    id: str
    part: str
    title: str
    body: str
    kinds: tuple[str, ...] = ()  # of exceptions; "gate" also means gate.collar
    drill: str = ""  # the incident that rehearses it
    within_min: int = 0  # how long the whole of it should take


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionVersion:
    """The text of a section from a moment on. Version 1 is that of the repository."""

    section: str
    version: int
    body: str
    by: PersonId = PersonId("")
    at: Nanos = Nanos(0)  # desk clock
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTick:
    """Somebody has done one step about one exception. Time on the desk clock."""

    section: str
    version: int
    step: int
    text: str
    by: PersonId
    at: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """When an incident was last rehearsed, and by whom. Time on the desk clock."""

    kind: str
    by: PersonId
    at: Nanos


def steps_of(body: str) -> tuple[str, ...]:
    """The steps of a section, in order."""
    lines = (line.strip() for line in body.splitlines())
    return tuple(line.removeprefix(STEP).strip() for line in lines if line.startswith(STEP))


def words_of(body: str) -> str:
    """What stands in a section beside its steps."""
    lines = (line.strip() for line in body.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(STEP))


def check_body(body: str) -> str:
    """The text as it is kept; refuses one without steps, or one that nobody would read."""
    text = body.replace("\r\n", "\n").strip()
    if len(text) > BODY_MOST:
        raise Refused(f"a section has at most {BODY_MOST:,} characters, was {len(text):,}",
                      field="body")  # fmt: skip
    steps = steps_of(text)
    if not 1 <= len(steps) <= STEPS_MOST:
        raise Refused(
            f"a section must have 1 to {STEPS_MOST} steps, each a line that begins with {STEP!r}, "
            f"was {len(steps)}",
            field="body",
        )
    longest = max(len(step) for step in steps)
    if longest > STEP_MOST or not all(steps):
        raise Refused(f"a step must have 1 to {STEP_MOST} characters, one has {longest}",
                      field="body")  # fmt: skip
    return text


def read_part(text: str) -> Iterator[Section]:
    """The sections of one file: ``# part``, then ``## id: title``, fields, words and steps."""
    head, *blocks = text.split("\n## ")
    part = head.strip().removeprefix("# ").strip()
    for block in blocks:
        title, *lines = block.strip().splitlines()
        name, _, words = title.partition(":")
        fields: dict[str, str] = {}
        while lines and ":" in lines[0] and not lines[0].startswith(STEP):
            key, _, value = lines.pop(0).partition(":")
            fields[key.strip()] = value.strip()
        if set(fields) - {"kinds", "drill", "within"}:
            raise BrokenInvariant(f"the playbook's {name} has a field nobody knows: {fields}")
        yield Section(
            id=name.strip(),
            part=part,
            title=words.strip(),
            body=check_body("\n".join(lines)),
            kinds=tuple(kind.strip() for kind in fields.get("kinds", "").split(",") if kind),
            drill=fields.get("drill", ""),
            within_min=int(fields.get("within", "0 min").removesuffix(" min")),
        )


def _all() -> dict[str, Section]:
    found = [
        section
        for path in sorted(TEXTS.glob("*.md"))
        for section in read_part(path.read_text(encoding="utf-8"))
    ]
    return {section.id: section for section in found}


SECTIONS: Final = _all()
_OF_KIND: Final = {kind: section for section in SECTIONS.values() for kind in section.kinds}


def section_of(kind: str) -> Section | None:
    """The section about a kind of exception, by the longest binding that fits."""
    while kind:
        if kind in _OF_KIND:
            return _OF_KIND[kind]
        kind = kind.rpartition(".")[0]
    return None
