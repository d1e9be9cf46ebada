"""The debrief of a drill: who noticed what when, and what it cost, from what the journal holds.

Nothing of it is recorded a second time: an exception, its first screen, its acknowledgement, a
hold and a kill are entries like those of any other day, and the drill's own begin is one too.
People are timed on the desk clock; the market on its own, which runs faster on a fast desk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from db.queries_drills import PROTECTS
from db.records import AlertRecord, DrillRecord, EntryRecord, FillRecord
from engine.domain.playbook import SECTIONS
from engine.domain.units import SECOND
from engine.gateway.judged import BLOCKS, SHOWN_S, Judged, counts, judge, within_s

# kinds of exceptions by which the desk notices an incident; others: those of the section it drills
SIGNS: Final[dict[str, tuple[str, ...]]] = {
    "outage": ("venue.down",),
    "feed_gap": ("market.feed",),
    "crossed": ("market.crossed",),
    "flash": ("market.move",),
    "news": ("market.move",),
    "halt": ("market.halt",),
    "stuck_dark": ("market.stuck", "market.pending"),
    "drift": ("model.demoted", "order.doubt"),
}
WORDS: Final = {
    "ParentHoldAsked": "hold", "ScopeHeld": "hold of a scope", "ParentVenuesSet": "venue excluded",
    "KillBlocked": "kill", "ModeSet": "mode", "ParentModelSet": "model of an order",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instant of the timeline; ``at`` 0 = it has not happened. Seconds since the begin."""

    name: str
    at: int  # desk clock
    desk_s: float | None
    market_s: float | None
    who: str = ""
    what: str = ""
    target_s: float | None = None  # of ``took_s``
    took_s: float | None = None  # desk clock: from the step that the target counts from
    object: str = ""

    @property
    def is_late(self) -> bool:
        """Whether a target was missed."""
        if self.took_s is None or self.target_s is None:
            return False
        return self.took_s > self.target_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What one order traded while the incident lasted."""

    parent: str
    symbol: str
    side: int
    filled: int
    cost: float | None  # side * (price - mid before the first of these fills) * shares [currency]
    cost_bps: float | None  # of the value at that mid


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """A drill as it went."""

    drill: DrillRecord
    steps: tuple[Step, ...]
    people: tuple[str, ...]  # who answered or acted, in that order
    orders: tuple[Touched, ...]
    judged: tuple[Judged, ...] = ()  # the trainee's own acts; none without a trainee


def signs(kind: str) -> tuple[str, ...]:
    """Kinds of exceptions that tell of an incident."""
    own = tuple(k for row in SECTIONS.values() if row.drill == kind for k in row.kinds)
    return SIGNS.get(kind, own)


def debrief(
    drill: DrillRecord,
    entries: Sequence[EntryRecord],
    alerts: Iterable[AlertRecord],
    fills: Sequence[FillRecord],
    alarm_s: float,
    *,
    narrow: bool = False,
) -> Debrief:
    """The timeline and the orders; ``alarm_s`` = target of an acknowledgement, 0 = none.

    narrow : the trainee answers exceptions of own orders only.
    """
    alert = _alert(drill, alerts)
    mine = [row for row in entries if alert is not None and row.object == alert.id]
    acts = [row for row in entries if row.event in PROTECTS and _is_somebody(row.person)]
    steps = (
        *_noticed(drill, entries, alert, mine, alarm_s),
        _step(drill, "first protective act", acts[0] if acts else None),
        *_ended(drill, entries, alert, mine),
    )
    answered = [row for row in mine if row.event != "AlertShown" and _is_somebody(row.person)]
    by_time = sorted([*answered, *acts], key=lambda row: row.seq)
    return Debrief(
        drill=drill,
        steps=steps,
        people=tuple(dict.fromkeys(row.person for row in by_time)),
        orders=touched(fills),
        judged=judge(drill, alert, mine, acts, alarm_s, narrow=narrow),
    )


def _place(drill: DrillRecord) -> str:
    """What its exception is about, "" = a strategy or an order, which a drill does not name."""
    return "" if drill.kind in ("drift", "kill") else drill.venue or drill.symbol


def _alert(drill: DrillRecord, alerts: Iterable[AlertRecord]) -> AlertRecord | None:
    """The first exception that this incident has raised; one open since before is not its own."""
    place = _place(drill)
    kinds = signs(drill.kind)
    # a call is its own exception, raised with it; whatever else must be seen after the begin
    since = drill.asked_at if drill.kind == "kill" else drill.began_at
    found = [
        row
        for row in alerts
        if row.source == drill.source
        and any(row.kind == kind or row.kind.startswith(f"{kind}.") for kind in kinds)
        and row.first_at >= since > 0
        and (not place or row.object == "all" or place in row.object.split())
    ]
    return min(found, key=lambda row: (row.first_at, row.id), default=None)


def _noticed(
    drill: DrillRecord,
    entries: Sequence[EntryRecord],
    alert: AlertRecord | None,
    mine: Sequence[EntryRecord],
    alarm_s: float,
) -> tuple[Step, ...]:
    raised = next(
        (
            row
            for row in entries
            if alert is not None
            and row.event == "AlertRaised"
            and (row.object, row.desk_at) == (alert.object, alert.first_at)
        ),
        None,
    )
    begun = Step(name="the incident began", at=drill.began_at, desk_s=0.0, market_s=0.0,
                 who=drill.by, what=drill.reason)  # fmt: skip
    seen = _step(drill, "the desk saw it", raised)
    shown = _step(drill, "on the first screen", _first(mine, "AlertShown"),
                  since=seen.at, target_s=SHOWN_S)  # fmt: skip
    taken = _step(drill, "acknowledged", _first(mine, "AlertAcknowledged"),
                  since=seen.at, target_s=alarm_s or None)  # fmt: skip
    return (begun, seen, shown, taken)


def _ended(
    drill: DrillRecord,
    entries: Sequence[EntryRecord],
    alert: AlertRecord | None,
    mine: Sequence[EntryRecord],
) -> tuple[Step, ...]:
    if drill.kind == "kill":
        return (*_receipts(drill, entries, alert), _closed(drill, alert, mine))
    place = _place(drill)
    over = next(
        (
            row
            for row in entries
            if row.event in ("TroubleOver", "VenueBack")
            and row.desk_at >= drill.began_at
            and (alert is None or row.object == alert.object)
            and (not place or row.object == "all" or place in row.object.split())
        ),
        None,
    )
    return (_step(drill, "the cause was over", over), _closed(drill, alert, mine))


def _closed(drill: DrillRecord, alert: AlertRecord | None, mine: Sequence[EntryRecord]) -> Step:
    return _step(
        drill,
        "closed",
        _first(mine, "AlertResolved"),
        since=0 if alert is None else alert.first_at,
        target_s=None if alert is None else within_s(alert.kind),
    )


def _receipts(
    drill: DrillRecord, entries: Sequence[EntryRecord], alert: AlertRecord | None
) -> tuple[Step, ...]:
    """Of the first kill that answers a kill call: cancels sent, confirmed."""
    about = "" if alert is None else alert.object
    kills = (row for row in entries if row.event == BLOCKS and counts(drill, row, about))
    kill = next(kills, None)
    later = [row for row in entries if kill is not None and row.object == kill.object]
    since = 0 if kill is None else kill.desk_at
    return (
        _step(drill, "cancels written", _first(later, "KillCancelSent"), since=since),
        _step(drill, "every order confirmed", _first(later, "KillConfirmed"), since=since),
    )


def _first(rows: Sequence[EntryRecord], event: str) -> EntryRecord | None:
    return next((row for row in rows if row.event == event), None)


def _step(
    drill: DrillRecord,
    name: str,
    row: EntryRecord | None,
    *,
    since: int = 0,
    target_s: float | None = None,
) -> Step:
    if row is None:
        return Step(name=name, at=0, desk_s=None, market_s=None, target_s=target_s)
    return Step(
        name=name,
        at=row.desk_at,
        desk_s=(row.desk_at - drill.began_at) / SECOND,
        market_s=(row.market_at - drill.market_at) / SECOND,
        who=row.person if _is_somebody(row.person) else "",
        what=f"{WORDS[row.event]}: {row.text}" if row.event in WORDS else row.text,
        target_s=target_s,
        took_s=(row.desk_at - since) / SECOND if since else None,
        object=row.object,
    )


def _is_somebody(person: str) -> bool:
    return bool(person) and person != "system"


def touched(fills: Sequence[FillRecord]) -> tuple[Touched, ...]:
    """Orders with what they traded; busted fills have no shares. Positive cost = it cost us."""
    by_parent: dict[str, list[FillRecord]] = {}
    for fill in fills:
        if fill.quantity:
            by_parent.setdefault(fill.parent, []).append(fill)
    return tuple(_touched(rows) for rows in by_parent.values())


def _touched(fills: Sequence[FillRecord]) -> Touched:
    first = fills[0]
    mid = first.mid
    shares = sum(fill.quantity for fill in fills)
    cost = (
        None
        if mid is None
        else first.side * sum((fill.price - mid) * fill.quantity for fill in fills)
    )
    return Touched(
        parent=first.parent,
        symbol=first.symbol,
        side=first.side,
        filled=shares,
        cost=cost,
        cost_bps=None if cost is None or not mid else cost / (mid * shares) * 1e4,
    )


def last_drills(debriefs: Iterable[Debrief]) -> dict[str, DrillRecord]:
    """The newest drill of everybody who took part in one, started it or answered it."""
    found: dict[str, DrillRecord] = {}
    for one in sorted(debriefs, key=lambda row: row.drill.asked_at, reverse=True):
        if not one.drill.began_at:
            continue
        for person in (one.drill.by, *one.people):
            found.setdefault(person, one.drill)
    return found
