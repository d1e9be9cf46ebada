"""State -> rows for screens. Pure; the same numbers feed REST, pages and the stream."""

import math

import numpy as np

from engine.core import words
from engine.core.plan import Decision
from engine.core.rules.risk import unconfirmed
from engine.core.turn import Desk
from engine.domain import views as v
from engine.domain.governance import Alert, Change, Kill
from engine.domain.kinds import LIMIT
from engine.domain.market import LEVELS
from engine.domain.orders import Child, ChildState, Parent, ParentState
from engine.domain.strategy import STRATEGIES
from engine.domain.units import Symbol, child_text, parent_text


def number(value: float | None) -> float | None:
    """NaN and infinity cannot be said."""
    return None if value is None or not math.isfinite(value) else float(value)


def parent_row(desk: Desk, parent: Parent) -> v.ParentRow:
    """One line of the blotter."""
    state = desk.state
    tick = state.instruments[parent.symbol].tick_size
    live = state.live_children(parent.id)
    decision = desk.decided.get(parent.id)
    values = state.parameter_values(parent)
    target = None if decision is None else number(decision.target)
    average = number(parent.average_price)
    kill = f"K-{parent.kill_id}" if parent.kill_id else ""
    volume, vwap = interval(desk, parent)
    return v.ParentRow(
        id=parent_text(parent.id),
        symbol=parent.symbol,
        side=parent.side,
        strategy=parent.strategy,
        state=parent.state,
        trader=parent.trader,
        desk=parent.desk,
        quantity=parent.quantity,
        filled=parent.filled,
        leaves=parent.leaves,
        live=sum(child.leaves for child in live),
        children=len(live),
        done=parent.filled / parent.quantity,
        average=None if average is None else average * tick,
        arrival=parent.arrival_price * tick,
        limit=None if parent.limit_price is None else parent.limit_price * tick,
        slippage_bps=slippage(parent.side, average, parent.arrival_price),
        vwap_bps=None if volume <= parent.filled else slippage(parent.side, average, vwap),
        participation=parent.filled / volume if volume > 0 else None,
        cap=values.get("max_participation", 1.0),
        passive=parent.passive_filled / parent.filled if parent.filled else None,
        target=target,
        behind=None if target is None else (parent.filled - target) / parent.quantity,
        score=None if decision is None else number(decision.score),
        model=model_word(parent, decision),
        why=why_word(parent, decision),
        binding="" if decision is None else words.BINDING.get(decision.binding, ""),
        decided_at=0 if decision is None else state.market_ns,
        accepted_at=parent.accepted_at,
        end_at=parent.end_at,
        ended_at=parent.ended_at,
        hold=f"{parent.hold_cause} ({parent.hold_by})" if parent.hold_cause else "",
        kill=kill,
        alert=alert_word(desk, parent),
        version=parent.version,
        parameter_version=state.parameters[parent.strategy].version,
        on_restart=parent.on_restart,
        catch_up=parent.catch_up,
        client=parent.client,
        note=parent.note,
    )


def interval(desk: Desk, parent: Parent) -> tuple[int, float | None]:
    """Market volume and VWAP from acceptance to now or to the end. [share, tick]"""
    if parent.is_live:
        volume, notional = desk.quotes.totals(parent.symbol)
    else:
        volume, notional = parent.end_volume, parent.end_notional
    shares = volume - parent.arrival_volume
    if shares <= 0:
        return 0, None
    return shares, (notional - parent.arrival_notional) / shares


def slippage(side: int, price: float | None, benchmark: float | None) -> float | None:
    """Side * (price - benchmark) / benchmark; positive = cost. [bps]"""
    if price is None or not benchmark:
        return None
    return side * (price - benchmark) / benchmark * 1e4


def model_word(parent: Parent, decision: Decision | None) -> str:
    """Where the model of this parent stands; "-" when the strategy uses none."""
    if not STRATEGIES[parent.strategy].uses_model:
        return "-"
    return "none" if decision is None else words.MODEL[decision.model_state]


def why_word(parent: Parent, decision: Decision | None) -> str:
    """What it is doing and why."""
    if parent.state != ParentState.WORKING:
        return parent.state.lower().replace("_", " ")
    return "" if decision is None else words.WHY[decision.why]


def alert_word(desk: Desk, parent: Parent) -> str:
    """Newest open alert about the parent."""
    about = parent_text(parent.id)
    for alert in reversed(tuple(desk.state.alerts.values())):
        if alert.object == about and not alert.acknowledged_by:
            return alert.kind
    return ""


def child_row(desk: Desk, child: Child) -> v.ChildRow:
    """One child order."""
    tick = desk.state.instruments[child.symbol].tick_size
    return v.ChildRow(
        id=child_text(child.id),
        parent=parent_text(child.parent_id),
        symbol=child.symbol,
        side=child.side,
        type=words.TYPE.get(child.type, str(child.type)),
        price=child.price * tick,
        quantity=child.quantity,
        filled=child.filled,
        average=child.notional / child.filled * tick if child.filled else None,
        state=child.state,
        sent_at=child.sent_at,
        ended_at=child.ended_at,
        cancel_asked_at=child.cancel_asked_at,
        cancel_by=child.cancel_by,
        why=words.WHY.get(child.why, ""),
        binding=words.BINDING.get(child.binding, ""),
        parameter_version=child.parameter_version,
        model=child.model_id,
        decision=child.decision_seq,
    )


def quote_row(desk: Desk, symbol: Symbol) -> v.QuoteRow | None:
    """The market of one symbol; None before its first tick."""
    state, ticks = desk.state, desk.quotes.ticks
    quote = desk.quotes.get(symbol)
    if ticks is None or quote is None:
        return None
    instrument = state.instruments[symbol]
    row = ticks[list(state.instruments).index(symbol)]
    size = instrument.tick_size
    mid = quote.mid
    own: dict[tuple[int, int], list[float]] = {}
    for child in state.children.values():
        if child.symbol == symbol and child.type == LIMIT:
            mine = own.setdefault((child.side, int(child.price)), [0])
            mine[0] += child.leaves
            if len(mine) == 1 and child.id in desk.ahead:  # the oldest of ours there
                mine.append(desk.ahead[child.id])
    return v.QuoteRow(
        symbol=symbol,
        name=instrument.name,
        at=quote.at_ns,
        bid=quote.bid * size if quote.bid else None,
        ask=quote.ask * size if quote.ask else None,
        mid=None if mid is None else mid * size,
        last=quote.last * size if quote.last else None,
        spread_bps=None if mid is None else (quote.ask - quote.bid) / mid * 1e4,
        volume=quote.volume,
        adv=instrument.adv,
        tick_size=size,
        lot=instrument.lot,
        currency=instrument.currency,
        bids=_levels(row["bid"], row["bid_size"], own, 1, size),
        asks=_levels(row["ask"], row["ask_size"], own, -1, size),
    )


def _levels(
    prices: np.ndarray,
    sizes: np.ndarray,
    own: dict[tuple[int, int], list[float]],
    side: int,
    tick: float,
) -> list[list[float]]:
    """[price, shares, own shares, shares ahead of our first order] a level; ahead if known."""
    out = []
    for level in range(LEVELS):
        price = int(prices[level])
        if price > 0:
            out.append([price * tick, int(sizes[level]), *own.get((side, price), [0])])
    return out


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
    )


def change_row(desk: Desk, change: Change) -> v.ChangeRow:
    """One change request with the values it would replace."""
    in_force = desk.state.parameters[change.strategy].values
    return v.ChangeRow(
        id=f"R-{change.id}",
        strategy=change.strategy,
        state=change.state,
        material=change.material,
        values=change.values,
        before={key: in_force[key] for key in change.values if key in in_force},
        model=change.model_id,
        content_hash=change.content_hash,
        authors=list(change.authors),
        reason=change.reason,
        edits=change.edits,
        proposed_at=change.proposed_at,
        expires_at=change.expires_at,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        decision_reason=change.decision_reason,
    )


def alert_row(alert: Alert) -> v.AlertRow:
    """One alert."""
    return v.AlertRow(
        id=f"A-{alert.id}",
        severity=alert.severity,
        kind=alert.kind,
        object=alert.object,
        sentence=alert.sentence,
        raised_at=alert.raised_at,
        times=alert.times,
        acknowledged_by=alert.acknowledged_by,
    )


def strategy_row(desk: Desk, name: str) -> v.StrategyRow:
    """What is in force for one strategy, and how its model does."""
    state = desk.state
    version = state.parameters[name]
    in_force = state.models.get(name)
    model = desk.model_of(name)
    record = None if desk.sight is None or model is None else desk.sight.watch.record
    status = 0 if desk.sight is None else desk.sight.model_state(state.market_ns, model)
    uses = STRATEGIES[name].uses_model
    return v.StrategyRow(
        id=name,
        version=version.version,
        values=version.values,
        change=version.change_id,
        by=version.by,
        since=version.since,
        model="" if in_force is None else in_force.model_id,
        model_card="" if model is None else model.words,
        model_state=words.MODEL[status] if uses else "-",
        accuracy=None if record is None else number(record.accuracy),
        base_rate=None if record is None else number(record.base_rate),
        auc=None if record is None else number(record.auc),
        n=0 if record is None else record.n,
        trained_auc=None if model is None else number(model.trained_auc),
    )
