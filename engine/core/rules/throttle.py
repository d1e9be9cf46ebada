"""The repeated-execution throttle: a strategy that repeats itself is off until risk says so."""

from engine.core.limitbook import scopes_of, since
from engine.core.rules.desk import raise_alert
from engine.core.rules.four_eyes import check_reason
from engine.core.rules.hold import system_hold
from engine.core.rules.limits import limits_for
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.orders import Parent, ParentState
from engine.domain.people import Person


def trip(
    state: State, parent: Parent, order: e.ChildIntended, refusal: Refused
) -> tuple[AnyEvent, ...]:
    """A refusal by the throttle disables the strategy and holds every order that works by it."""
    if refusal.rule.partition("@")[0] != "max_repeats" or parent.strategy in state.limits.tripped:
        return ()
    runs = state.limits.runs.get((parent.id, order.side), [])
    many = since(runs, state.market_ns - _window(state, parent))
    out: list[AnyEvent] = [
        e.StrategyTripped(
            strategy=parent.strategy, parent_id=parent.id, side=order.side, count=many
        ),
        raise_alert(
            state, "critical", "throttle", parent.strategy,
            f"{parent.strategy} is disabled: P-{parent.id} repeated its order {many} times; its "
            "orders are held, risk must enable it again",
        ),
    ]  # fmt: skip
    for other in state.parents.values():
        if other.strategy == parent.strategy and other.state == ParentState.WORKING:
            out += system_hold(state, other, "throttle")
    return tuple(out)


def _window(state: State, parent: Parent) -> int:
    """The longest window in which repeats of this parent are counted. [ns]"""
    rows = limits_for(state, "max_repeats", scopes_of(parent))
    return max((row.window_ns for row, _scope in rows), default=0)


def enable(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A designated person lets the strategy trade again; its held orders wait for a resume."""
    command = envelope.command
    assert isinstance(command, c.EnableStrategy)
    trip = state.limits.tripped.get(command.strategy)
    if trip is None:
        raise Refused(f"{command.strategy} is not disabled", field="strategy")
    parent = state.parents.get(trip.parent_id)
    if parent is not None and parent.trader == person.id:
        raise Refused(
            f"P-{trip.parent_id}, which set the throttle off, is yours: somebody else must enable "
            f"{command.strategy}",
            rule="four_eyes",
        )
    check_reason(envelope, "enabling a strategy")
    return (
        e.StrategyEnabled(strategy=command.strategy, by=person.id, reason=envelope.reason.strip()),
    )
