"""How the named trainee of a drill did: this person's acts alone, each against its goal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db.queries_drills import PROTECTS
from db.records import AlertRecord, DrillRecord, EntryRecord
from engine.domain.playbook import section_of
from engine.domain.units import SECOND

SHOWN_S: Final = 5.0  # the law: an alert is on a screen within 5 s of being seen
KILL_S: Final = 60.0  # a kill call is answered within a minute
MINUTE_S: Final = 60.0
SEEN: Final = ("AlertShown", "AlertAcknowledged", "StepTicked", "AlertResolved")
BLOCKS: Final = "KillBlocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One thing that the trainee should have done. Desk clock; seconds since the desk saw it."""

    name: str
    goal_s: float | None  # None = no goal, it is told only
    took_s: float | None  # None = this person has not done it
    at: int = 0
    what: str = ""
    by_other: str = ""  # who did it instead, or before

    @property
    def is_met(self) -> bool | None:
        """Whether the goal was met; None = there is none, or nothing has raised the alarm."""
        if self.goal_s is None:
            return None
        return self.took_s is not None and self.took_s <= self.goal_s


def within_s(kind: str) -> float | None:
    """Time of the playbook's section about a kind of exception, None = it names none. [s]"""
    section = section_of(kind)
    return None if section is None or not section.within_min else section.within_min * MINUTE_S


def judge(
    drill: DrillRecord,
    alert: AlertRecord | None,
    mine: Sequence[EntryRecord],
    acts: Sequence[EntryRecord],
    alarm_s: float,
    *,
    narrow: bool = False,
) -> tuple[Judged, ...]:
    """The trainee's acts; none without a trainee, or before the desk has seen the incident.

    mine : entries about the drill's exception. acts : what people did to protect, oldest first.
    narrow : this person answers exceptions of own orders only: of others there is no goal.
    """
    if not drill.trainee or alert is None:
        return ()
    within = within_s(alert.kind)
    answers = [row for row in mine if row.event in SEEN]
    taken = [row for row in mine if row.event == "AlertAcknowledged"]
    closed = [row for row in mine if row.event == "AlertResolved"]
    fitting = [
        row for row in acts if row.desk_at >= alert.first_at and counts(drill, row, alert.object)
    ]
    answers_it = not narrow or alert.object.startswith("P-")
    asked = (
        ("seen", answers, SHOWN_S if answers and answers[0].event == "AlertShown" else None),
        ("acknowledged", taken, (alarm_s or None) if answers_it else None),
        ("killed" if drill.kind == "kill" else "first act", fitting,
         KILL_S if drill.kind == "kill" else within),
        ("closed", closed, within if answers_it else None),
    )  # fmt: skip
    return tuple(_one(drill, alert, name, rows, goal) for name, rows, goal in asked)


def counts(drill: DrillRecord, act: EntryRecord, about: str) -> bool:
    """Whether an act answers this drill: a kill call is answered by a kill that covers it."""
    if drill.kind != "kill":
        return act.event in PROTECTS
    covering = (f"kill symbol {drill.symbol} ", f"kill parent {about} ", "kill trader ",
                "kill desk ", "kill all ")  # fmt: skip
    return act.event == BLOCKS and act.text.startswith(covering)


def _one(
    drill: DrillRecord,
    alert: AlertRecord,
    name: str,
    rows: Sequence[EntryRecord],
    goal_s: float | None,
) -> Judged:
    own = next((row for row in rows if row.person == drill.trainee), None)
    other = rows[0].person if rows and rows[0].person != drill.trainee else ""
    if name == "seen" and other:
        goal_s = None  # another screen was first: when this one had it, nobody wrote down
    if own is None:
        return Judged(name=name, goal_s=goal_s, took_s=None, by_other=other)
    return Judged(
        name=name,
        goal_s=goal_s,
        took_s=(own.desk_at - alert.first_at) / SECOND,
        at=own.desk_at,
        what=own.text,
        by_other=other,
    )
