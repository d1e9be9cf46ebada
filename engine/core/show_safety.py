"""State -> rows of kills, holds, differences and conditions, for screens. Pure."""

from typing import Final

from engine.core.rules.kill import unconfirmed
from engine.core.rules.pending import Late, late, waited
from engine.core.state import State
from engine.core.turn import Desk
from engine.domain import views as v
from engine.domain.governance import Kill, KillState
from engine.domain.orders import Child, ChildState
from engine.domain.safety import Condition, Difference, Hold
from engine.domain.units import ChildId, child_text, parent_text


def kill_row(desk: Desk, kill: Kill) -> v.KillRow:
    """One kill and its receipts."""
    state = desk.state
    open_ones = unconfirmed(state, kill)
    ended = [state.ended[i] for i in kill.children if i in state.ended]
    flown = sum(1 for child in ended if child.state == ChildState.FILLED)

    def after(at: int) -> float | None:
        return (at - kill.requested_at) / 1e6 if at else None

    return v.KillRow(
        id=f"K-{kill.id}",
        scope=kill.scope,
        target=kill.target,
        by=kill.by,
        door=kill.door,
        state=kill.state,
        requested_at=kill.requested_at,
        blocked_ms=after(kill.blocked_at),
        cancel_sent_ms=after(kill.cancel_sent_at),
        confirmed_ms=after(kill.confirmed_at),
        parents=len(kill.parents),
        children=len(kill.children),
        acked=len(ended) - flown,
        filled_in_flight=flown,
        unconfirmed=len(open_ones),
        oldest_s=max((age for _, age in open_ones), default=0) / 1e9 if open_ones else None,
        reason=kill.reason,
        release_by=kill.release_by,
        released_by=kill.released_by,
        release_reason=kill.release_reason,
        repeats=kill.repeats,
        waiting=tuple(_child_at(state, i) for i, _ in open_ones[:WAITING_SHOWN]),
        silent=silent(desk, kill),
        waits_for=waits_for(desk, kill),
    )


WAITING_SHOWN: Final = 50  # children that a receipt names


def _child_at(state: State, child_id: ChildId) -> str:
    """``C-1-17 at SIM-B``."""
    venue = state.venue_name(state.children[child_id].venue) or "the venue"
    return f"{child_text(child_id)} at {venue}"


def waits_for(desk: Desk, kill: Kill) -> str:
    """What a kill that cannot send its cancels waits for; "" = nothing."""
    return "the exchange" if desk.is_away and kill.state == KillState.BLOCKED else ""


def silent(desk: Desk, kill: Kill) -> list[list[str | int | float]]:
    """Venue, children without its word, seconds since their kill (desk clock), phone; by age."""
    state = desk.state
    counts: dict[int, int] = {}
    for child_id, _ in unconfirmed(state, kill):
        place = state.children[child_id].venue
        counts[place] = counts.get(place, 0) + 1
    since = kill.cancel_sent_at or kill.blocked_at
    age = max(desk.now - since, 0) / 1e9
    return [
        [
            state.venue_name(place) or "the venue", n, age,
            state.venues[place].phone if 0 <= place < len(state.venues) else "",
        ]
        for place, n in sorted(counts.items())
    ]  # fmt: skip


def hold_row(desk: Desk, hold: Hold) -> v.HoldRow:
    """One hold by scope."""
    state = desk.state
    held = [state.parents[i] for i in hold.parents if i in state.parents]
    live = sum(len(state.live.get(parent.id, ())) for parent in held)
    ends = "" if hold.when is None else hold.when.replace("_", " ")
    if hold.when is not None and hold.level:
        ends = f"{ends} {hold.level:g}"
    return v.HoldRow(
        id=f"H-{hold.id}",
        scope=hold.scope,
        target=hold.target,
        children=hold.children,
        state=hold.state,
        by=hold.by,
        reason=hold.reason,
        since=hold.since,
        parents=[parent_text(parent.id) for parent in held],
        live=live,
        left_s=None if hold.until is None else max(hold.until - state.market_ns, 0) / 1e9,
        ends=f"{ends} in {hold.symbol}" if ends else "",
        released_by=hold.released_by,
    )


def difference_row(difference: Difference) -> v.DifferenceRow:
    """How the books of one symbol differ."""
    return v.DifferenceRow(
        id=difference.symbol,
        digest=difference.digest,
        sentences=list(difference.sentences[:8]),
        places=len(difference.sentences),
        grows=difference.grows,
        since=difference.since,
        asked_by=difference.asked_by,
    )


def condition_row(condition: Condition) -> v.ConditionRow:
    """Something wrong with the desk itself."""
    return v.ConditionRow(
        id=condition.kind,
        sentence=condition.sentence,
        mode=condition.mode,
        since=condition.since,
    )


PENDING_SHOWN: Final = 50  # the oldest; System counts the others by venue


def pending_rows(desk: Desk) -> tuple[v.PendingRow, ...]:
    """Cancels that are late, the oldest first."""
    state = desk.state
    found = [(waited(state, child, desk.away), child) for child in state.children.values()]
    late_ones = [(age, child) for age, child in found if late(age) != Late.NO]
    late_ones.sort(key=lambda row: (-row[0], row[1].id))
    return tuple(_pending_row(desk, child, age) for age, child in late_ones[:PENDING_SHOWN])


def _pending_row(desk: Desk, child: Child, age: int) -> v.PendingRow:
    state = desk.state
    parent = state.parents[child.parent_id]
    known = 0 <= child.venue < len(state.venues)
    return v.PendingRow(
        id=child_text(child.id),
        parent=parent_text(parent.id),
        trader=parent.trader,
        desk=parent.desk,
        symbol=child.symbol,
        venue=state.venue_name(child.venue) or "the venue",
        leaves=child.leaves,
        by=child.cancel_by,
        asked_at=child.cancel_asked_at,
        age_s=age / 1e9,
        late=late(age),
        phone=state.venues[child.venue].phone if known else "",
    )
