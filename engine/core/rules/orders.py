"""Parents: entry, amendment, hold, resume, and how a life ends."""

from dataclasses import dataclass

from msgspec import structs

from engine.core.limitbook import scopes_of
from engine.core.quotes import Quotes
from engine.core.rules import limits, overrides, reentry
from engine.core.rules.four_eyes import check_reason
from engine.core.rules.scope import Tags, allowed_names, blocking_kill
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.instrument import Instrument
from engine.domain.orders import (
    Child,
    HoldChildren,
    Parent,
    ParentState,
)
from engine.domain.people import Person
from engine.domain.strategy import check_values, strategy
from engine.domain.units import MINUTE, Nanos, ParentId, Symbol

MIN_HORIZON = Nanos(MINUTE)
MOST_AVERSE = 20.0  # bp of cost for a bp of standard deviation
LIVE = (ParentState.WORKING, ParentState.HOLDING, ParentState.HELD)
HOLDING, HELD = ParentState.HOLDING, ParentState.HELD
OVERFILL = "over-fill"  # cause of the hold of an over-filled parent


def find(state: State, parent_id: ParentId) -> Parent:
    """The parent, or a refusal."""
    parent = state.parents.get(parent_id)
    if parent is None:
        raise Refused(f"there is no parent P-{parent_id} today")
    return parent


def check_version(parent: Parent, expected: int | None) -> None:
    """Refuse when somebody else changed the parent since the person looked."""
    if expected is not None and expected != parent.version:
        raise Refused(
            f"P-{parent.id} was changed since you saw it: "
            f"you saw version {expected}, it is {parent.version}",
            rule="version",
        )


def open_instrument(state: State, symbol: Symbol) -> Instrument:
    """The instrument, if the session is open."""
    found = state.instruments.get(symbol)
    if found is None:
        names = ", ".join(state.instruments) or "none"
        raise Refused(f"symbol must be one of {names}, was {symbol!r}", field="symbol")
    if not state.is_open:
        raise Refused("the session is closed: open the next day first", rule="session")
    return found


def check_size(
    state: State, instrument: Instrument, parent: Parent, price: float, *, new: bool
) -> tuple[tuple[limits.Use, ...], tuple[limits.Use, ...]]:
    """The quantity / notional guard, before any child exists: all uses, and the soft ones."""
    if parent.quantity < 1:
        raise Refused(
            f"quantity must be at least 1 share, was {parent.quantity:,}", field="quantity"
        )
    uses = limits.parent_uses(state, instrument, parent, price, new=new)
    return uses, limits.check_parent(uses, instrument, parent, price)


def check_limit(side: int, limit: int | None, mid: float) -> None:
    """A limit far on the wrong side is a typing error."""
    if limit is None:
        return
    if limit < 1:
        raise Refused(f"limit price must be at least 1 tick, was {limit}", field="limit_price")
    if not 0.5 * mid <= limit <= 2.0 * mid:
        raise Refused(
            f"limit price must be within half and double the mid of {mid:g} ticks, was {limit}",
            field="limit_price",
        )
    del side


def check_venues(state: State, excluded: tuple[str, ...]) -> None:
    """Refuse names that the day does not know, and an order that could go nowhere."""
    known = {venue.name for venue in state.venues}
    for name in excluded:
        if name not in known:
            raise Refused(
                f"venue must be one of {', '.join(sorted(known)) or 'none'}, was {name!r}",
                field="exclude",
            )
    if excluded and not allowed_names(state, excluded):
        raise Refused("at least one venue must remain: to stop the order, hold it", field="exclude")


def submit(
    state: State, quotes: Quotes, envelope: Envelope, person: Person
) -> tuple[AnyEvent, ...]:
    """A new parent: WORKING, or NEEDS_APPROVAL above the personal size limit."""
    order = envelope.command
    assert isinstance(order, c.SubmitParent)
    entry = draft(state, quotes, order, person)
    used = overrides.use(state, order, person, entry.soft, entry.instrument.currency)
    accepted = e.ParentAccepted(parent=entry.parent)
    spent = tuple(e.OverrideUsed(override_id=i, parent_id=entry.parent.id) for i in used)
    link = reentry.entered(entry.parent)
    return (accepted, *link, *spent, *limits.highest(state, entry.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order that breaks no hard limit, and what it uses of all limits."""

    parent: Parent
    instrument: Instrument
    uses: tuple[limits.Use, ...]
    soft: tuple[limits.Use, ...]  # of these, what is above a soft number


def draft(state: State, quotes: Quotes, order: c.SubmitParent, person: Person) -> Draft:
    """Every check of an entry but that of the soft limits."""
    instrument = open_instrument(state, order.symbol)
    _check_kills(state, order, person)
    if order.side not in (1, -1):
        raise Refused(f"side must be +1 (buy) or -1 (sell), was {order.side}", field="side")
    mid = quotes.mid(order.symbol)
    if mid is None:
        raise Refused(f"{order.symbol} has no two-sided quote now", field="symbol", rule="quote")
    check_limit(order.side, order.limit_price, mid)
    check_venues(state, order.exclude)
    reentry.check(state, order, person)
    _check_strategy(order)
    version = state.parameters.get(order.strategy)
    if version is None:
        raise Refused(f"{order.strategy} has no parameters in force yet", field="strategy")
    parent = _parent(state, quotes, order, person, mid)
    parent = structs.replace(parent, parameter_version=version.version)
    limits.check_restricted(state, scopes_of(parent), order.symbol)
    limits.check_tripped(state, order.strategy)
    uses, soft = check_size(state, instrument, parent, mid, new=True)
    if order.quantity * mid * instrument.tick_size > person.max_notional:
        parent = structs.replace(parent, state=ParentState.NEEDS_APPROVAL)
    return Draft(parent=parent, instrument=instrument, uses=uses, soft=soft)


def _check_kills(state: State, order: c.SubmitParent, person: Person) -> None:
    tags = Tags(
        symbol=order.symbol,
        trader=person.id,
        strategy=order.strategy,
        desk=person.desk,
        client=order.client,
        model=state.model_id(order.strategy),
    )
    kill = blocking_kill(state, tags)
    if kill is not None:
        raise Refused(
            f"kill K-{kill.id} ({kill.scope} {kill.target}) is in force: it must be released first",
            rule="kill",
        )


def _check_strategy(order: c.SubmitParent) -> None:
    """Strategy, its parameters inside the approved band, and a horizon."""
    algo = strategy(order.strategy)
    check_values(order.strategy, order.parameters)
    outside = [
        name
        for name, value in order.parameters.items()
        if not algo.parameter(name).is_inside_band(value)
    ]
    if outside:
        row = algo.parameter(outside[0])
        raise Refused(
            f"{row.name} must be between {row.band_low:g} and {row.band_high:g} {row.unit} for one "
            f"parent (the approved band), was {order.parameters[row.name]:g}; wider needs a change "
            "request",
            field=row.name,
            rule="band",
        )
    if not 0.0 <= order.risk_aversion <= MOST_AVERSE:
        raise Refused(
            f"risk aversion must be from 0 to {MOST_AVERSE:g}, was {order.risk_aversion:g}",
            field="risk_aversion",
        )
    if order.horizon_ns < MIN_HORIZON:
        raise Refused(
            f"horizon must be at least 1 minute, was {order.horizon_ns / 1e9:g} s", field="horizon"
        )


def _parent(
    state: State, quotes: Quotes, order: c.SubmitParent, person: Person, mid: float
) -> Parent:
    assert state.session is not None
    volume, notional = quotes.totals(order.symbol)
    now = state.market_ns
    return Parent(
        id=ParentId(state.next_parent),
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        strategy=order.strategy,
        trader=person.id,
        desk=person.desk,
        client=order.client,
        state=ParentState.WORKING,
        accepted_at=now,
        start_at=now,
        end_at=Nanos(min(now + order.horizon_ns, state.session.close_at)),
        limit_price=order.limit_price,
        arrival_price=mid,
        arrival_volume=volume,
        arrival_notional=notional,
        seed=state.seed * 1_000_003 + state.next_parent,
        overrides=tuple(sorted(order.parameters.items())),
        parameter_version=0,
        on_restart=order.on_restart,
        on_disconnect=order.on_disconnect or order.on_restart,
        on_model_loss=order.on_model_loss,
        catch_up=order.catch_up,
        at_end=order.at_end,
        objective=order.objective,
        risk_aversion=order.risk_aversion,
        note=order.note,
        excluded=tuple(sorted(set(order.exclude))),
        reenters=order.reenters,
        base_at=now,
    )


def approve(
    state: State, quotes: Quotes, envelope: Envelope, person: Person
) -> tuple[AnyEvent, ...]:
    """The second person for a parent above the personal size limit."""
    command = envelope.command
    assert isinstance(command, c.ApproveParent)
    parent = find(state, command.parent_id)
    if parent.state != ParentState.NEEDS_APPROVAL:
        raise Refused(f"P-{parent.id} does not wait for approval, it is {parent.state}")
    if person.id == parent.trader:
        raise Refused(
            "a parent is approved by a different person than its trader", rule="four_eyes"
        )
    if not command.approve:
        check_reason(envelope, "a refusal")
        return (e.ParentTurnedDown(parent_id=parent.id, by=person.id, reason=envelope.reason),)
    mid = quotes.mid(parent.symbol)
    if mid is None:
        raise Refused(f"{parent.symbol} has no two-sided quote now", rule="quote")
    instrument = open_instrument(state, parent.symbol)
    reentry.check_fits(state, parent)
    limits.check_restricted(state, scopes_of(parent), parent.symbol)
    limits.check_tripped(state, parent.strategy)
    check_size(state, instrument, parent, mid, new=False)  # limits may have become tighter
    assert state.session is not None
    volume, notional = quotes.totals(parent.symbol)
    horizon = parent.end_at - parent.accepted_at
    return (
        e.ParentApproved(
            parent_id=parent.id,
            by=person.id,
            arrival_price=mid,
            arrival_volume=volume,
            arrival_notional=notional,
            end_at=Nanos(min(state.market_ns + horizon, state.session.close_at)),
        ),
    )


def move_parameter(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """One parameter of one parent inside the approved band: at once."""
    command = envelope.command
    assert isinstance(command, c.MoveParameter)
    parent = find(state, command.parent_id)
    if parent.state not in LIVE:
        raise Refused(f"P-{parent.id} is {parent.state}: its parameters no longer matter")
    check_version(parent, envelope.expected_version)
    row = strategy(parent.strategy).parameter(command.name)
    row.check(command.value)
    if not row.is_inside_band(command.value):
        raise Refused(
            f"{row.name} must be between {row.band_low:g} and {row.band_high:g} {row.unit} (the "
            f"approved band), was {command.value:g}; wider needs a change request and a supervisor",
            field=row.name,
            rule="band",
        )
    return (
        e.ParameterMoved(parent_id=parent.id, name=command.name, value=command.value, by=person.id),
    )


def cancels(state: State, parent: Parent, by: str) -> tuple[AnyEvent, ...]:
    """A cancel for every live child that has none on its way."""
    return tuple(
        e.CancelIntended(child_id=child.id, by=by)
        for child in state.live_children(parent.id)
        if needs_cancel(child)
    )


def needs_cancel(child: Child) -> bool:
    """Whether no cancel is on its way yet."""
    return child.is_live and child.cancel_asked_at == 0


def ended(parent: Parent, quotes: Quotes, to: ParentState) -> e.ParentEnded:
    """The end of a life, with the market at that instant."""
    volume, notional = quotes.totals(parent.symbol)
    return e.ParentEnded(
        parent_id=parent.id,
        state=to,
        end_price=quotes.mid(parent.symbol),
        end_volume=volume,
        end_notional=notional,
    )


def progress(state: State, quotes: Quotes, parent: Parent) -> tuple[AnyEvent, ...]:
    """Steps that time and reports bring: held, completed, expired, killed."""
    live = state.live.get(parent.id, ())
    if parent.state == ParentState.KILLING:
        # a cancel that was turned down is asked for again, until the venue confirms an end
        again = cancels(state, parent, f"kill:{parent.kill_id}")
        return again if live else (ended(parent, quotes, ParentState.KILLED),)
    if parent.state == ParentState.NEEDS_APPROVAL:
        over = not state.is_open or state.market_ns >= parent.end_at
        return (ended(parent, quotes, ParentState.EXPIRED),) if over else ()
    over = not state.is_open or state.market_ns >= parent.end_at
    # an over-fill waits for a person, though nothing is left to send
    waits = parent.hold_cause == OVERFILL and parent.state in (HOLDING, HELD)
    if over or (parent.filled >= parent.quantity and not waits):
        if live:  # a working parent's own decision takes its children back; the close expires them
            takes_back = parent.state != ParentState.WORKING and state.is_open
            return cancels(state, parent, "horizon") if takes_back else ()
        done = parent.filled >= parent.quantity
        return (ended(parent, quotes, ParentState.COMPLETED if done else ParentState.EXPIRED),)
    if parent.state == ParentState.HOLDING:
        if not live:
            return (e.ParentHeld(parent_id=parent.id),)
        takes_back = parent.hold_children == HoldChildren.CANCEL
        return cancels(state, parent, "hold") if takes_back else ()
    return ()
