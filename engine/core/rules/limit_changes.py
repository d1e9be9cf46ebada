"""Changing a limit: tighter at once by one person, anything else by two, always with its why.

The road is that of change requests: bound to a content hash, void on edit, single use, expiring.
Many small loosenings are one large one: their steps are summed since the last full approval.
"""

import math
from dataclasses import replace
from typing import Final

import msgspec

from engine.core.rules import four_eyes
from engine.core.rules.approval import LIFE_NS
from engine.core.rules.desk import raise_alert
from engine.core.rules.limit_terms import check_review, check_terms, own_desk
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import ChangeState
from engine.domain.limits import (
    EACH,
    KINDS,
    RESTRICTED,
    Key,
    Limit,
    LimitChange,
    Terms,
    delivered,
    is_past,
    key_text,
    limit_from,
    terms_hash,
    usual_window,
)
from engine.domain.people import Person, Reach, Role, reach
from engine.domain.units import Nanos

WHOLE: Final = 1e9  # step of what is no number any more: JSON has no infinity
SMALL: Final = math.log(1.25)  # loosening up to a quarter, in sum, is minor


def in_force(state: State, key: Key) -> Limit | None:
    """What binds at exactly this place now: the own row, that for each, or as delivered."""
    kind, level, subject = key
    found = state.limits.find(kind, level, subject) or state.limits.find(kind, level, EACH)
    base = delivered(state.policy).get(kind)
    is_home = base is not None and level == base.level and base.subject in (EACH, subject)
    return base if found is None and is_home else found


def version_of(state: State, key: Key) -> int:
    """Number of the newest version at exactly this place; 0 = nobody set one."""
    own = state.limits.find(*key)
    past = state.limits.past.get(key, ())
    return max([row.version for row in past] + ([own.version] if own is not None else [0]))


# --- tighter or looser ----------------------------------------------------------------------
def is_looser(old: Limit | None, new: Limit) -> bool:
    """Whether anything passes that did not before; where nothing binds, anything is tighter."""
    if old is None:
        return False
    if new.kind == RESTRICTED:
        return not set(old.symbols) <= set(new.symbols)
    if new.gone:
        return True
    return (
        new.value > old.value
        or new.window_ns < old.window_ns
        or (old.soft is not None and (new.soft is None or new.soft > old.soft))
    )


def is_tighter(old: Limit | None, new: Limit) -> bool:
    """Whether something is stopped that was not, and nothing else changes for the looser."""
    if is_looser(old, new):
        return False
    if old is None:
        return not new.gone
    return (new.value, new.soft, new.symbols, new.window_ns) != (
        old.value, old.soft, old.symbols, old.window_ns,
    )  # fmt: skip


def step_of(old: Limit | None, new: Limit) -> float:
    """How far a change loosens, |ln(new / old)| of the number that moves most; [0, inf]."""
    if old is None or not is_looser(old, new):
        return 0.0
    if new.kind == RESTRICTED or new.gone or (old.soft is not None and new.soft is None):
        return math.inf
    pairs = [(new.value, old.value), (float(old.window_ns), float(new.window_ns))]
    if old.soft is not None and new.soft is not None:
        pairs.append((new.soft, old.soft))
    moved = (_ratio(high, low) for high, low in pairs)
    return max(moved)


def _ratio(high: float, low: float) -> float:
    if high <= low:
        return 0.0
    return math.inf if low <= 0 else math.log(high / low)


def walked(state: State, key: Key) -> float:
    """Sum of the minor loosenings of a limit since the last full approval."""
    total = 0.0
    decided = (row for row in state.limits.changes.values() if row.terms.key == key)
    for row in sorted(decided, key=lambda row: (row.decided_at, row.id)):
        if row.state == ChangeState.APPROVED:
            total = 0.0 if row.material else total + row.step
    return total


def weigh(state: State, terms: Terms) -> tuple[Limit, float, bool]:
    """The limit these terms make, how far they loosen, and whether risk must be one of the two."""
    old = in_force(state, terms.key)
    version = version_of(state, terms.key)
    new = limit_from(terms, old, usual_window(state.policy, KINDS[terms.kind]))
    step = step_of(old, new)
    material = terms.level == "firm" or walked(state, terms.key) + step > SMALL
    return replace(new, version=version + 1), step, material and is_looser(old, new)


# --- the road -------------------------------------------------------------------------------
def propose(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Tighter: in force at once. Anything else is a request that somebody else decides."""
    command = envelope.command
    assert isinstance(command, c.ProposeLimit)
    terms = command.terms
    check_terms(state, terms, person)
    reason = four_eyes.check_reason(envelope, "a limit change")
    new, step, material = weigh(state, terms)
    old = in_force(state, terms.key)
    _check_changed(old, new)
    if is_tighter(old, new):
        return (e.LimitSet(limit=replace(new, by=person.id)),)
    return (
        e.LimitProposed(
            limit_change_id=state.limits.next_change,
            terms=terms,
            base_version=new.version - 1,
            content_hash=terms_hash(terms, new.version - 1),
            by=person.id,
            reason=reason,
            expires_at=Nanos(state.desk_ns + LIFE_NS),
            material=material,
            step=min(step, WHOLE),
        ),
    )


def _check_changed(old: Limit | None, new: Limit) -> None:
    if old is None and new.gone:
        raise Refused("there is no limit of its own here to take away", field="terms.value")
    if old is not None and old.version and _terms_of(old) == _terms_of(new):
        raise Refused("the limit proposed is the one in force", field="terms.value")


def _terms_of(row: Limit) -> tuple[object, ...]:
    return (
        row.key, row.value, row.soft, row.window_ns, row.symbols, row.derivation, row.owner,
        row.review, row.gone,
    )  # fmt: skip


def find_open(state: State, number: int) -> LimitChange:
    """The open request, or a refusal that says what became of it."""
    change = state.limits.changes.get(number)
    if change is None:
        raise Refused(f"there is no limit change L-{number}")
    four_eyes.check_open(f"L-{number}", change)
    return change


def edit(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """New content under the same number; the editor becomes an author too."""
    command = envelope.command
    assert isinstance(command, c.EditLimit)
    change = find_open(state, command.limit_change_id)
    terms = command.terms
    if terms.key != change.terms.key:
        raise Refused("an edit keeps kind, level and subject: propose another", field="terms.kind")
    check_terms(state, terms, person)
    new, step, material = weigh(state, terms)
    _check_changed(in_force(state, terms.key), new)
    return (
        e.LimitEdited(
            limit_change_id=change.id,
            terms=terms,
            base_version=new.version - 1,
            content_hash=terms_hash(terms, new.version - 1),
            by=person.id,
            reason=envelope.reason.strip(),
            material=material,
            step=min(step, WHOLE),
        ),
    )


def withdraw(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """An author takes the request back."""
    command = envelope.command
    assert isinstance(command, c.WithdrawLimit)
    change = find_open(state, command.limit_change_id)
    four_eyes.check_author("limit change", change, person)
    return (e.LimitWithdrawn(limit_change_id=change.id, by=person.id),)


def decide_limit(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Approve or refuse exactly the content whose hash was shown."""
    command = envelope.command
    assert isinstance(command, c.DecideLimit)
    change = find_open(state, command.limit_change_id)
    _check_decider(state, change, command.content_hash, person)
    reason = envelope.reason.strip()
    if not command.approve:
        four_eyes.check_reason(envelope, "a refusal")
        return (
            e.LimitRefused(
                limit_change_id=change.id,
                content_hash=change.content_hash,
                by=person.id,
                reason=reason,
            ),
        )
    _check_still_valid(state, change)
    new, _step, material = weigh(state, change.terms)
    if material and not change.material:
        raise Refused(
            f"L-{change.id} has become material since it was written: it must be edited first",
            rule="base_version",
        )
    approved = e.LimitApproved(
        limit_change_id=change.id, content_hash=change.content_hash, by=person.id, reason=reason
    )
    row = replace(new, change_id=change.id, by=change.authors[-1], approved_by=person.id)
    return (approved, e.LimitSet(limit=row))


def _check_decider(state: State, change: LimitChange, shown: str, person: Person) -> None:
    four_eyes.check_other(f"L-{change.id}", change, person)
    placed = change.terms.level in ("desk", "trader")
    everywhere = reach(person.roles, "limit.decide") == Reach.ALL
    if placed and not everywhere and not own_desk(state, change.terms, person):
        raise Refused(f"L-{change.id} is of another desk than yours", rule="permission")
    four_eyes.check_shown(f"L-{change.id}", change, shown)
    people = [state.people[author] for author in change.authors if author in state.people]
    if change.material and not any(Role.RISK in row.roles for row in (*people, person)):
        raise Refused(
            f"L-{change.id} loosens a limit of the firm, or more than a quarter in sum since the "
            "last full approval: risk must be one of the two",
            rule="four_eyes",
        )


def _check_still_valid(state: State, change: LimitChange) -> None:
    version = version_of(state, change.terms.key)
    four_eyes.check_base(f"L-{change.id}", change, "this limit", version)
    owner = state.people.get(change.terms.owner)
    if owner is None or not owner.active:
        raise Refused(f"{change.terms.owner} is no longer here to own the limit", rule="owner")
    check_review(state, change.terms.review)


def expire(state: State) -> tuple[AnyEvent, ...]:
    """Open requests whose time is over (desk clock)."""
    return tuple(
        e.LimitExpired(limit_change_id=change.id)
        for change in state.limits.changes.values()
        if four_eyes.is_over(change, state.desk_ns)
    )


def overdue(state: State, day: str) -> tuple[AnyEvent, ...]:
    """An alert for every limit whose review date lies before the day that opens."""
    out: list[AnyEvent] = []
    for rows in state.limits.rows.values():
        for row in rows.values():
            if is_past(row.review, day):
                out.append(_review_alert(state, row, len(out)))
    return tuple(out)


def _review_alert(state: State, row: Limit, before: int) -> AnyEvent:
    """Several alerts of one turn need numbers of their own; an open one is counted up."""
    name = key_text(row.key)
    words = f"{name}: its review was due on {row.review}, owner {row.owner}"
    raised = raise_alert(state, "warn", "limit.review", name, words)
    assert isinstance(raised, e.AlertRaised)
    if raised.alert_id != state.next_alert:
        return raised
    return msgspec.structs.replace(raised, alert_id=state.next_alert + before)
