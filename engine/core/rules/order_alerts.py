"""Alerts about orders at work: costs, schedule, share of the volume, a model in doubt.

Looked for at every decision, which is once a second of market time. A cause is alarmed when it
appears and not again until it has gone: ``State.trouble`` holds what is known.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from engine.core import alarms
from engine.core.quotes import Quotes
from engine.core.rules.desk import raise_alert
from engine.core.rules.limits import threshold
from engine.core.rules.trouble import numbered
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.orders import Parent
from engine.domain.units import ParentId, parent_text


class Decided(Protocol):
    """What is looked at of a decision."""

    @property
    def parent(self) -> Parent: ...
    @property
    def target(self) -> float: ...
    @property
    def model_state(self) -> int: ...


def watch(
    state: State, quotes: Quotes, doubts: alarms.Doubts, decisions: Sequence[Decided]
) -> tuple[AnyEvent, ...]:
    """What has begun and what is over since the last decisions."""
    out: list[AnyEvent] = list(_ended(state))
    if decisions:
        looks = _looks(state, quotes, doubts, decisions)
        for rule in alarms.OF_ORDERS:
            most = threshold(state, rule.kind)
            values = alarms.measure(rule.kind, looks)
            stands = any(kind == rule.trouble for kind, _ in state.trouble)
            if not stands and not (values > most).any():
                continue  # nothing stands and nothing begins: nobody is looked at one by one
            for decision, value in zip(decisions, values.tolist(), strict=True):
                out += _turned(state, rule, decision, value, most)
    return numbered(state, out)


def _looks(
    state: State, quotes: Quotes, doubts: alarms.Doubts, decisions: Sequence[Decided]
) -> alarms.Looks:
    parents = [decision.parent for decision in decisions]
    columns = {
        "side": [p.side for p in parents],
        "quantity": [p.quantity for p in parents],
        "filled": [p.filled for p in parents],
        "average": [p.average_price for p in parents],
        "vwap": [vwap(quotes, p) for p in parents],
        "target": [decision.target for decision in decisions],
        "volume": [quotes.totals(p.symbol)[0] - p.arrival_volume for p in parents],
        "doubt": [doubts.add(d.parent.id, state.market_ns, d.model_state) for d in decisions],
    }
    return alarms.Looks(
        **{name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    )


def vwap(quotes: Quotes, parent: Parent) -> float:
    """The market's average price since the order began, own prints in it. [tick] NaN = none."""
    volume, notional = quotes.totals(parent.symbol)
    shares = volume - parent.arrival_volume
    return (notional - parent.arrival_notional) / shares if shares > 0 else float("nan")


def _turned(
    state: State, rule: alarms.AlertRule, decision: Decided, value: float, most: float
) -> Iterator[AnyEvent]:
    about = parent_text(decision.parent.id)
    stood = (rule.trouble, about) in state.trouble
    stands = alarms.alarm(stood, value, most, rule.back)
    if stands and not stood:
        yield e.TroubleSeen(kind=rule.trouble, object=about, since=state.market_ns)
        said = sentence(state, rule.kind, decision, value, most)
        yield raise_alert(
            state, rule.severity, f"order.{rule.trouble}", about, said, state.market_ns
        )
    elif stood and not stands:
        yield e.TroubleOver(kind=rule.trouble, object=about)


def _ended(state: State) -> Iterator[AnyEvent]:
    """What an order that is no longer live was alarmed for."""
    for kind, about in state.trouble:
        if kind in alarms.ORDER_TROUBLES:
            parent = state.parents.get(ParentId(int(about.removeprefix("P-"))))
            if parent is None or not parent.is_live:
                yield e.TroubleOver(kind=kind, object=about)


def sentence(state: State, kind: str, decision: Decided, value: float, most: float) -> str:
    """One alarm in words, with the numbers it follows from."""
    parent, name = decision.parent, parent_text(decision.parent.id)
    tick = state.instruments[parent.symbol].tick_size
    done = f"{parent.filled:,} of {parent.quantity:,} {parent.symbol}"
    match kind:
        case alarms.SLIPPAGE:
            return (
                f"{name} costs {value:.1f} bp against the market's average price since its start, "
                f"the rule is {most:g}: {done} at {parent.average_price * tick:.4f}"
            )
        case alarms.BEHIND:
            where = "behind" if parent.filled < decision.target else "ahead of"
            return (
                f"{name} is {value * 100:.1f} % of its quantity {where} its schedule, the rule is "
                f"{most * 100:g} %: {done}, target {decision.target:,.0f}"
            )
        case alarms.PARTICIPATION:
            return (
                f"{name} is {value * 100:.1f} % of the volume since its start, the rule is "
                f"{most * 100:g} %: {done}"
            )
        case _:
            return (
                f"the model of {name} was in doubt at {value * 100:.0f} % of the decisions of the "
                f"last {alarms.DOUBT_NS // 10**9} s, the rule is {most * 100:g} %: it runs its "
                "base schedule meanwhile"
            )
