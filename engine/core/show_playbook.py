"""State -> rows of the playbook, for screens. Pure."""

from typing import Final

from engine.core.rules.playbook import text_of
from engine.core.state import State
from engine.domain import views as v
from engine.domain.playbook import SECTIONS, Section, section_of, steps_of, words_of

EARLIER_SHOWN: Final = 10  # versions of a section


def playbook_rows(state: State) -> tuple[v.PlaybookRow, ...]:
    """Every section as it is in force, in the order of the parts."""
    open_ones: dict[str, int] = {}
    for alert in state.alerts.values():
        bound = None if alert.is_closed else section_of(alert.kind)
        if bound is not None:
            open_ones[bound.id] = open_ones.get(bound.id, 0) + 1
    return tuple(_row(state, section, open_ones) for section in SECTIONS.values())


def _row(state: State, section: Section, open_ones: dict[str, int]) -> v.PlaybookRow:
    text = text_of(state, section.id)
    drilled = state.drilled.get(section.drill)
    edits = state.playbook.get(section.id, ())
    first: list[list[str | int]] = [[1, 0, "", "", section.body]] if edits else []
    earlier: list[list[str | int]] = [
        [old.version, old.at, old.by, old.reason, old.body] for old in reversed(edits[:-1])
    ]
    return v.PlaybookRow(
        id=section.id,
        part=section.part,
        title=section.title,
        kinds=list(section.kinds),
        within_min=section.within_min,
        version=text.version,
        words=words_of(text.body),
        steps=list(steps_of(text.body)),
        body=text.body,
        by=text.by,
        at=text.at,
        reason=text.reason,
        earlier=[*earlier, *first][:EARLIER_SHOWN],
        drill=section.drill,
        drilled_at=0 if drilled is None else drilled.at,
        drilled_by="" if drilled is None else drilled.by,
        unresolved=open_ones.get(section.id, 0),
    )
