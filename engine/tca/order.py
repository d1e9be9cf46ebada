"""TCA of one parent order: facts and market in, one frozen answer out."""

import numpy as np

from engine.domain.errors import BrokenInvariant
from engine.tca.benchmarks import benchmarks, defined
from engine.tca.inputs import OrderFacts, SymbolMarket, TcaRules
from engine.tca.markouts import executions
from engine.tca.results import Benchmarks, Execution, OrderTca, Quality
from engine.tca.shortfall import decision_price, in_bps, paper_notional, shortfall

NO_DECISION = "no decision price"
NO_ARRIVAL = "no arrival price"
NO_END = "no end price"
NO_MID = "no mid at fill"
NO_MID_AFTER = "no mid after fill"
NO_PRINTS = "no prints"
ONLY_PRINTS = "all of the volume"
LACKS_OWN = "tape lacks own prints"
OVERFILL = "filled more than ordered"
LIQUIDITY = "liquidity not stated"


def order_tca(order: OrderFacts, market: SymbolMarket, rules: TcaRules) -> OrderTca:
    """Shortfall, benchmarks, markouts and data quality of one parent order."""
    parent, fills = order.parent, order.fills
    must_agree(order)
    notional = paper_notional(parent)
    cost = shortfall(parent, fills, rules.basis)
    marks = benchmarks(parent, fills, market.tape, rules.pwp_rates)
    whole, venues = executions(parent, fills, market.mids, rules.horizons_ns)
    return OrderTca(
        parent_id=parent.parent_id,
        symbol=parent.symbol,
        side=parent.side,
        strategy=parent.strategy,
        trader=parent.trader,
        state=parent.state,
        currency=parent.currency,
        tick_size=parent.tick_size,
        basis=rules.basis,
        quantity=parent.quantity,
        filled=parent.filled,
        arrived_at=parent.arrived_at,
        done_at=parent.done_at,
        decision_price=decision_price(parent),
        arrival_price=defined(parent.arrival_price),
        end_price=defined(parent.end_price),
        paper_notional=notional,
        cost=cost,
        cost_bps=in_bps(cost, notional),
        untouched_from=fills.untouched_from if cost.impact is not None else "",
        benchmarks=marks,
        execution=whole,
        venues=venues,
        quality=quality(order, marks, whole),
    )


def must_agree(order: OrderFacts) -> None:
    """Stop when the fills do not add up to what the parent says was filled."""
    booked = int(order.fills.quantity.sum())
    if booked != order.parent.filled:
        raise BrokenInvariant(
            f"parent {order.parent.parent_id} says {order.parent.filled} shares filled, "
            f"its fills add up to {booked}"
        )


def quality(order: OrderFacts, marks: Benchmarks, whole: Execution) -> tuple[Quality, ...]:
    """What could not be known about this order; a measure that needs it is undefined."""
    parent, fills = order.parent, order.fills
    left = parent.quantity - parent.filled
    silent = len(fills.price) - whole.passive - whole.aggressive
    unmarked = int(np.isnan(fills.mid).sum())
    volume, filled = marks.market_volume, parent.filled
    checks = (
        (NO_DECISION, defined(parent.decision_price) is None, 1, "arrival price is P_d"),
        (NO_ARRIVAL, defined(parent.arrival_price) is None, 1, "shortfall is undefined"),
        (NO_END, left != 0 and defined(parent.end_price) is None, left, "opportunity is undefined"),
        (OVERFILL, left < 0, -left, "shares above the order count as bought at the end price"),
        (NO_MID, unmarked > 0, unmarked, "trading is not split, fill left out of spreads"),
        (LIQUIDITY, silent > 0, silent, "neither passive nor aggressive"),
        (NO_PRINTS, volume == 0 and filled == 0, 1, "no VWAP"),
        (LACKS_OWN, volume < filled, filled - volume, "shares missing on the tape: no VWAP"),
        (ONLY_PRINTS, volume == filled > 0, 1, "VWAP is our own price: not reported"),
    )
    rows = [
        Quality(parent_id=parent.parent_id, kind=kind, count=count, sentence=sentence)
        for kind, is_so, count, sentence in checks
        if is_so
    ]
    for after in whole.markouts:
        if after.missing:
            seconds = after.horizon_ns / 1e9
            sentence = f"no usable mid {seconds:g} s after these fills: left out of the markout"
            rows.append(
                Quality(
                    parent_id=parent.parent_id,
                    kind=NO_MID_AFTER,
                    count=after.missing,
                    sentence=sentence,
                )
            )
    return tuple(rows)
