"""One order past a soft limit: its trader asks, risk and another person let it pass, once.

Bound to the content of that order by its hash: an order that differs in anything is another
order. Hard limits are never passed: every check is made again when the order comes.
"""

from engine.core.rules.four_eyes import check_reason
from engine.core.rules.limits import SOFT, Use, soft_sentence
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.overrides import Override, OverrideState, order_hash
from engine.domain.people import Person, Role, covers
from engine.domain.units import SECOND, Nanos

LIFE_NS = 15 * 60 * SECOND  # desk clock: a market that has moved on is another question


def asked(
    state: State,
    envelope: Envelope,
    order: c.SubmitParent,
    person: Person,
    soft: tuple[Use, ...],
    currency: str,
) -> Override:
    """The request for an order that breaks exactly these soft limits."""
    if not soft:
        raise Refused("the order breaks no soft limit: it needs no override, send it")
    check_reason(envelope, "an override")
    digest = order_hash(person.id, order)
    for row in state.limits.overrides.values():
        if row.is_open and row.content_hash == digest:
            raise Refused(f"O-{row.id} is already asked for this order and is {row.state}")
    return Override(
        id=state.limits.next_override,
        order=order,
        person=person.id,
        content_hash=digest,
        limits=tuple(use.rule for use in soft),
        sentence="; ".join(soft_sentence(use, currency) for use in soft),
        reason=envelope.reason.strip(),
        asked_at=state.desk_ns,
        expires_at=Nanos(state.desk_ns + LIFE_NS),
    )


def find(state: State, number: int) -> Override:
    """The override, or a refusal."""
    row = state.limits.overrides.get(number)
    if row is None:
        raise Refused(f"there is no override O-{number} today", rule="override")
    return row


def confirm(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Two people, neither the trader, one of them risk, for exactly the content that was shown."""
    command = envelope.command
    assert isinstance(command, c.ConfirmOverride)
    row = find(state, command.override_id)
    _check_decider(state, row, command.content_hash, person)
    reason = envelope.reason.strip()
    if not command.approve:
        check_reason(envelope, "a refusal")
        return (e.OverrideRefused(override_id=row.id, by=person.id, reason=reason),)
    is_second = row.state == OverrideState.VERIFIED
    if is_second and not (_is_risk(state, row.first_by) or Role.RISK in person.roles):
        raise Refused(f"O-{row.id}: one of the two must be risk", rule="four_eyes")
    return (
        e.OverrideConfirmed(
            override_id=row.id,
            by=person.id,
            content_hash=row.content_hash,
            reason=reason,
            granted=is_second,
        ),
    )


def _check_decider(state: State, row: Override, shown: str, person: Person) -> None:
    if row.state not in (OverrideState.ASKED, OverrideState.VERIFIED):
        raise Refused(f"O-{row.id} is {row.state} and can no longer be decided", rule="override")
    if shown != row.content_hash:
        raise Refused(
            f"O-{row.id} is for the order {row.content_hash[:8]}, your decision was for "
            f"{shown[:8]}",
            rule="content_hash",
        )
    if person.id == row.person:
        raise Refused(f"O-{row.id}: nobody decides about an own order", rule="four_eyes")
    trader = state.people.get(row.person)
    if trader is not None and not covers(
        person, "override.confirm", owner=row.person, desk=trader.desk
    ):
        raise Refused(f"O-{row.id} is of desk {trader.desk}, not yours", rule="permission")
    if person.id == row.first_by:
        raise Refused(f"O-{row.id}: a second person must let it pass too", rule="four_eyes")


def _is_risk(state: State, person_id: str) -> bool:
    return any(row.id == person_id and Role.RISK in row.roles for row in state.people.values())


def use(
    state: State, order: c.SubmitParent, person: Person, soft: tuple[Use, ...], currency: str
) -> tuple[int, ...]:
    """The overrides that an order spends; refuses a soft limit that none of them passes."""
    if not order.override:
        if soft:
            raise Refused(
                "; ".join(soft_sentence(one, currency) for one in soft)
                + ": two people may let this one order pass, ask for an override",
                field="quantity",
                rule=SOFT + soft[0].rule,
            )
        return ()
    row = find(state, order.override)
    _check(state, row, order, person)
    more = [one for one in soft if one.rule not in row.limits]
    if more:
        raise Refused(
            f"O-{row.id} does not cover it: {soft_sentence(more[0], currency)}",
            field="quantity",
            rule=SOFT + more[0].rule,
        )
    return (row.id,)


def _check(state: State, row: Override, order: c.SubmitParent, person: Person) -> None:
    if person.id != row.person:
        raise Refused(f"O-{row.id} was given to {row.person}", rule="override")
    if row.state != OverrideState.GRANTED:
        raise Refused(f"O-{row.id} is {row.state}", rule="override")
    if state.desk_ns > row.expires_at:
        raise Refused(f"O-{row.id} has expired", rule="override")
    if order_hash(person.id, order) != row.content_hash:
        raise Refused(
            f"O-{row.id} is for another order: any change of it needs a new one", rule="override"
        )


def expire(state: State) -> tuple[AnyEvent, ...]:
    """Open overrides whose time is over (desk clock)."""
    return tuple(
        e.OverrideExpired(override_id=row.id)
        for row in state.limits.overrides.values()
        if row.is_open and state.desk_ns > row.expires_at
    )
