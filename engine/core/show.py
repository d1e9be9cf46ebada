"""State -> rows for screens. Pure; the same numbers feed REST, pages and the stream."""

import math
from dataclasses import asdict

import numpy as np

from engine.core import words
from engine.core.plan import Decision
from engine.core.rules.drills import is_under_way
from engine.core.rules.pending import AMBER_NS, late
from engine.core.rules.reentry import left
from engine.core.rules.scope import venue_stops
from engine.core.rules.splitting import with_step
from engine.core.rules.trouble import UNANSWERED as UNANSWERED
from engine.core.rules.trouble import silent_for, waits_for
from engine.core.show_rollout import limits_text, rollout_cells
from engine.core.sight import LoadedModel
from engine.core.turn import Desk, stopped_by
from engine.domain import views as v
from engine.domain.governance import Change, ChangeState, ModelInForce
from engine.domain.incidents import INCIDENT_KINDS, Incident, IncidentState
from engine.domain.instrument import usual_touch
from engine.domain.kinds import CLOSED, CONTINUOUS, HALTED, LIMIT, PRE_OPEN
from engine.domain.market import LEVELS
from engine.domain.orders import (
    VENUE_LOST,
    Child,
    ChildState,
    Parent,
    ParentState,
    VenueUse,
    average_of,
)
from engine.domain.strategy import STRATEGIES
from engine.domain.units import ChildId, ParentId, Symbol, child_text, parent_text


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
        binding=binding_word(desk, parent, decision),
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
        on_disconnect=parent.after(VENUE_LOST),
        on_model_loss=parent.on_model_loss or "",
        model_off=parent.model_off,
        canary=f"R-{decision.rollout}" if decision is not None and decision.rollout else "",
        reenters=parent_text(parent.reenters) if parent.reenters else "",
        reentered=[parent_text(i) for i in parent.reentered],
        room=left(state, parent),
        catch_up=parent.catch_up,
        client=parent.client,
        note=parent.note,
        fees=parent.fees,
        excluded=list(parent.excluded),
        objective=parent.objective,
        risk_aversion=parent.risk_aversion,
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
    if parent.model_off:
        return "off"
    return "none" if decision is None else words.MODEL[decision.model_state]


def why_word(parent: Parent, decision: Decision | None) -> str:
    """What it is doing and why."""
    if parent.state != ParentState.WORKING:
        return parent.state.lower().replace("_", " ")
    return "" if decision is None else words.WHY[decision.why]


def binding_word(desk: Desk, parent: Parent, decision: Decision | None) -> str:
    """What keeps the order from sending now; a market that is not fit to trade on comes first."""
    if parent.is_live and desk.state.is_open:
        stopped = stopped_by(desk.state, parent) if parent.state == ParentState.WORKING else ""
        waits = stopped or waits_for(desk.state, desk.quotes, parent.symbol)
        if waits:
            return waits
    return "" if decision is None else words.BINDING.get(decision.binding, "")


def alert_word(desk: Desk, parent: Parent) -> str:
    """Newest open alert about the parent."""
    about = parent_text(parent.id)
    for alert in reversed(tuple(desk.state.alerts.values())):
        if alert.object == about and not alert.acknowledged_by:
            return alert.kind
    return ""


def child_row(desk: Desk, child: Child) -> v.ChildRow:
    """One child order."""
    state = desk.state
    tick = state.instruments[child.symbol].tick_size
    return v.ChildRow(
        id=child_text(child.id),
        parent=parent_text(child.parent_id),
        symbol=child.symbol,
        side=child.side,
        type=words.TYPE.get(child.type, str(child.type)),
        price=child.price * tick,
        quantity=child.quantity,
        filled=child.filled,
        average=number(child.average_price * tick),
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
        venue=state.venue_name(child.venue),
        unconfirmed=unanswered(desk, child),
        late=late(silence(desk, child)) if child.is_live else "",
    )


def silence(desk: Desk, child: Child) -> int:
    """How long the venue owes its word on a child, desk time while it is away too. [ns]"""
    return silent_for(desk.state, child) + desk.away.get(child.id, 0)


def unanswered(desk: Desk, child: Child) -> str:
    """Where a child is without the venue's word on it, and for how long; "" = all is well."""
    age = silence(desk, child)
    if age < AMBER_NS:
        return ""
    what = "cancel unconfirmed" if child.state == ChildState.PENDING_CANCEL else "unconfirmed"
    name = desk.state.venue_name(child.venue) or "the venue"
    return f"{what} at {name}, {age // 10**9} s"


def use_row(desk: Desk, parent_id: ParentId, place: int) -> v.UseRow | None:
    """What one parent did at one venue; None when it did nothing there."""
    state = desk.state
    use, parent = state.use.get((parent_id, place)), state.parents.get(parent_id)
    if use is None or parent is None:
        return None
    average = number(average_of(use.notional100, use.filled))
    tick = state.instruments[parent.symbol].tick_size
    name = state.venue_name(place)
    return v.UseRow(
        id=f"{parent_text(parent_id)} {name}",
        parent=parent_text(parent_id),
        venue=name,
        sent=use.sent,
        filled=use.filled,
        fill_rate=use.filled / use.sent if use.sent else None,
        passive=use.passive / use.filled if use.filled else None,
        average=None if average is None else average * tick,
        slippage_bps=slippage(parent.side, average, parent.arrival_price),
        markout_bps=None
        if desk.sight is None
        else number(desk.sight.marks.of_venue(place, parent_id)),
        fees=use.fees,
    )


def venue_rows(desk: Desk) -> tuple[v.VenueRow, ...]:
    """Every venue of the day, in the order of their places."""
    return tuple(_venue_row(desk, place) for place in range(len(desk.state.venues)))


def _venue_row(desk: Desk, place: int) -> v.VenueRow:
    state, quotes = desk.state, desk.quotes
    venue = state.venues[place]
    use = state.venue_use.get(place, VenueUse())
    there = [child for child in state.children.values() if child.venue == place]
    seen = quotes.venue_seen.get(place, 0)
    ages = [silence(desk, child) for child in there]
    return v.VenueRow(
        id=venue.name,
        kind=words.VENUE_KIND.get(venue.kind, str(venue.kind)),
        state=venue_word(desk, place),
        seen_at=seen,
        age_s=(state.market_ns - seen) / 1e9 if seen else None,
        open=len(there),
        open_shares=sum(child.leaves for child in there),
        unconfirmed=sum(1 for child in there if unanswered(desk, child)),
        oldest_s=max(ages) / 1e9 if ages and max(ages) >= AMBER_NS else None,
        sent=use.sent,
        filled=use.filled,
        fill_rate=use.filled / use.sent if use.sent else None,
        markout_bps=None if desk.sight is None else number(desk.sight.marks.of_venue(place)),
        make_fee=venue.make_fee,
        take_fee=venue.take_fee,
        fees=use.fees,
        phone=venue.phone,
    )


def venue_word(desk: Desk, place: int) -> str:
    """How a venue stands: killed, held, closed with the session, down, halted everywhere, or up."""
    state = desk.state
    name = state.venue_name(place)
    stop = venue_stops(state).get(name)
    if stop is not None:
        return stop
    if not state.is_open:
        return "closed"
    if name in state.lost:
        return "down"
    found = {desk.quotes.venue_state(symbol, place) for symbol in state.instruments}
    for known in (CONTINUOUS, HALTED, PRE_OPEN):
        if known in found:
            return words.VENUE_STATE[known]
    return words.VENUE_STATE[CLOSED]


def quote_row(desk: Desk, symbol: Symbol) -> v.QuoteRow | None:
    """The market of one symbol; None before its first tick."""
    state, ticks = desk.state, desk.quotes.ticks
    quote = desk.quotes.get(symbol)
    if ticks is None or quote is None:
        return None
    instrument = state.instruments[symbol]
    row = ticks[desk.quotes.places[symbol]]
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
        touch=usual_touch(instrument),
        currency=instrument.currency,
        waits=waits_for(state, desk.quotes, symbol) if state.is_open else "",
        bids=_levels(row["bid"], row["bid_size"], own, 1, size),
        asks=_levels(row["ask"], row["ask_size"], own, -1, size),
        venues=_touches(desk, symbol, row, size),
    )


def _touches(
    desk: Desk, symbol: Symbol, row: np.void, tick: float
) -> list[list[str | int | float | None]]:
    """Name, state, bid, shares, ask, shares of each venue; None = it shows no price."""
    stops = venue_stops(desk.state)
    found: list[list[str | int | float | None]] = []
    for place, venue in enumerate(desk.state.venues):
        bid, ask = int(row["venue_bid"][place]), int(row["venue_ask"][place])
        stands = words.VENUE_STATE.get(desk.quotes.venue_state(symbol, place), "")
        found.append(
            [
                venue.name,
                stops.get(venue.name, stands),
                bid * tick if bid else None,
                int(row["venue_bid_size"][place]),
                ask * tick if ask else None,
                int(row["venue_ask_size"][place]),
            ]
        )
    return found


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


def change_row(desk: Desk, change: Change) -> v.ChangeRow:
    """One change request with the values it would replace, or replaced when it was decided."""
    in_force = desk.state.parameters[change.strategy].values
    is_open = change.state == ChangeState.OPEN
    return v.ChangeRow(
        id=f"R-{change.id}",
        strategy=change.strategy,
        state=change.state,
        material=change.material,
        moved=with_step(desk.state, change.strategy, change.values) if is_open else {},
        values=change.values,
        before={key: in_force[key] for key in change.values if key in in_force}
        if is_open
        else dict(change.replaced),
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
        evidence=None if change.evidence is None else asdict(change.evidence),
        comments=[[note.at, note.by, note.text] for note in change.comments],
        stage=change.stage or "",
        canary=limits_text(change.canary),
        against=list(desk.state.against(change.model_id)),
    )


def _where(incident: Incident) -> str:
    if incident.child:
        return child_text(ChildId(incident.child))
    of_order = INCIDENT_KINDS[incident.kind].is_of_order
    return incident.venue or incident.symbol or ("newest order" if of_order else "all symbols")


def incident_row(desk: Desk, incident: Incident) -> v.IncidentRow:
    """One drill: what, who, from when to when by market time."""
    state = desk.state
    under_way = is_under_way(state, incident)
    begun = incident.state == IncidentState.STARTED
    word = incident.state.lower() if not begun else "under way" if under_way else "over"
    return v.IncidentRow(
        id=f"I-{incident.id}",
        kind=incident.kind.replace("_", " "),
        about=_where(incident),
        size=incident.size or None,
        seconds=incident.seconds,
        state=word,
        by=incident.by,
        reason=incident.reason,
        asked_at=incident.asked_at,
        started_at=incident.started_at,
        ends_at=incident.ends_at,
        left_s=(incident.ends_at - state.market_ns) / 1e9 if begun and under_way else None,
        sentence=incident.sentence,
        trainee=incident.trainee,
    )


def model_state_word(in_force: ModelInForce | None, status: int) -> str:
    """A version that decides no more says so, whatever its record is now."""
    return "demoted" if in_force is not None and in_force.demoted else words.MODEL[status]


def card_of(in_force: ModelInForce | None, model: LoadedModel | None) -> str:
    """What people read about a model in force: with the words it was installed by, else its own.

    The words of an installation say who approved it, or that nobody did.
    """
    told = "" if in_force is None else in_force.card
    return told or ("" if model is None else model.words)


def strategy_row(desk: Desk, name: str) -> v.StrategyRow:
    """What is in force for one strategy, and how its model does."""
    state = desk.state
    version = state.parameters[name]
    in_force = state.models.get(name)
    model = desk.model_of(name)
    has_record = desk.sight is not None and model is not None and not model.policy
    record = desk.sight.watch.record if has_record and desk.sight is not None else None
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
        model_card=card_of(in_force, model),
        model_state=model_state_word(in_force, status) if uses else "-",
        demoted="" if in_force is None else in_force.demoted,
        **rollout_cells(state, name),
        accuracy=None if record is None else number(record.accuracy),
        base_rate=None if record is None else number(record.base_rate),
        auc=None if record is None else number(record.auc),
        n=0 if record is None else record.n,
        trained_auc=None if model is None else number(model.trained_auc),
    )
