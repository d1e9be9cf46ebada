"""Where the mid went after our fills, and the spreads that follow from it.

A fill without the mids a measure needs is left out of both of its sums and counted as missing.
Source: DOMAIN.md 2.1; effective 2s(p - m) = realised 2s(p - m_h) + impact 2s(m_h - m).
"""

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.kernels.cost import last_at_each, weighted_sums
from engine.tca.benchmarks import BPS, defined, executed_notional, measure
from engine.tca.inputs import FillFacts, Floats, Ints, MidSeries, ParentFacts
from engine.tca.results import Execution, Markout, Measure
from engine.tca.shortfall import trading_split


def markout_bps(side: int, price: Ints | Floats, mid_after: Floats) -> Floats:
    """Move of the mid after each fill, seen from our side. [bps]

    price, mid_after : arrays, shape (n_fills,). [one unit]
    Positive when the price went our way. NaN where the mid is missing, never filled in.
    """
    return side * (mid_after - price) / price * BPS


def effective_spread(side: int, price: Ints | Floats, mid: Floats) -> Floats:
    """Full spread paid: twice the distance from the mid just before the fill. [unit of price]

    Positive = we paid; negative for a passive fill inside the touch's own half.
    """
    return 2.0 * side * (price - mid)


def realised_spread(side: int, price: Ints | Floats, mid_after: Floats) -> Floats:
    """What the other side kept of the spread after the mid moved. [unit of price]

    The provider's viewpoint: positive = good for who provided the liquidity to us.
    """
    return 2.0 * side * (price - mid_after)


def impact_spread(side: int, mid: Floats, mid_after: Floats) -> Floats:
    """Part of the effective spread that the move of the mid took back. [unit of price]"""
    return 2.0 * side * (mid_after - mid)


def mids_after(fills: FillFacts, mids: MidSeries, horizons_ns: tuple[int, ...]) -> Floats:
    """Mid in force at each fill's time plus each horizon; NaN when missing or stale. [tick]

    Shape (n_horizons, n_fills).
    """
    ahead = np.array(horizons_ns, dtype=np.int64)
    return last_at_each(
        mids.at_ns, mids.mid, fills.at_ns, ahead, mids.until_ns, mids.stale_after_ns
    )


def take(fills: FillFacts, rows: NDArray[np.bool_]) -> FillFacts:
    """The fills of some rows."""
    untouched = fills.mid_untouched
    return FillFacts(
        price=fills.price[rows],
        sub=None if fills.sub is None else fills.sub[rows],
        quantity=fills.quantity[rows],
        at_ns=fills.at_ns[rows],
        liquidity=fills.liquidity[rows],
        venue=tuple(name for name, wanted in zip(fills.venue, rows, strict=True) if wanted),
        mid=fills.mid[rows],
        mid_untouched=None if untouched is None else untouched[rows],
        untouched_from=fills.untouched_from,
    )


def markout(parent: ParentFacts, fills: FillFacts, after: Floats, horizon_ns: int) -> Markout:
    """All measures of some fills over one horizon, each a ratio of sums.

    after : mid at the horizon of each fill, shape (n_fills,), NaN when missing. [tick]
    """
    side, tick = parent.side, parent.tick_size
    price = fills.paid
    moved = side * (after - fills.mid)
    kept = np.where(np.isnan(fills.mid), np.nan, realised_spread(side, price, after))
    return Markout(
        horizon_ns=horizon_ns,
        gain=_ratio(fills, side * (after - price), price, tick),
        from_mid=_ratio(fills, moved, fills.mid, tick),
        realised=_ratio(fills, kept, fills.mid, tick),
        missing=int(np.isnan(after).sum()),
    )


def executions(
    parent: ParentFacts, fills: FillFacts, mids: MidSeries, horizons_ns: tuple[int, ...]
) -> tuple[Execution, tuple[Execution, ...]]:
    """Costs of all fills of a parent, and of those at each venue, venues by name."""
    after = mids_after(fills, mids, horizons_ns)
    names = np.array(fills.venue, dtype=object)
    venues: list[Execution] = []
    for name in sorted({str(venue) for venue in fills.venue}):
        rows = np.asarray(names == name, dtype=np.bool_)
        there = np.ascontiguousarray(after[:, rows])
        venues.append(_execution(parent, take(fills, rows), there, horizons_ns, name))
    return _execution(parent, fills, after, horizons_ns, ""), tuple(venues)


def _execution(
    parent: ParentFacts, fills: FillFacts, after: Floats, horizons_ns: tuple[int, ...], venue: str
) -> Execution:
    tick = parent.tick_size
    shares = int(fills.quantity.sum())
    parts = trading_split(parent, fills)
    arrived = defined(parent.arrival_price)
    on_arrival = None if arrived is None else shares * arrived * tick
    paid = effective_spread(parent.side, fills.paid, fills.mid)
    is_passive = fills.liquidity == PASSIVE
    return Execution(
        venue=venue,
        fills=len(fills.price),
        passive=int(is_passive.sum()),
        aggressive=int((fills.liquidity == AGGRESSIVE).sum()),
        filled=shares,
        passive_shares=int(fills.quantity[is_passive].sum()),
        executed=executed_notional(fills) * tick,
        parts=parts,
        arrival=measure(parts.trading, on_arrival, len(fills.price)),
        effective=_ratio(fills, paid, fills.mid, tick),
        markouts=tuple(markout(parent, fills, after[k], h) for k, h in enumerate(horizons_ns)),
    )


def _ratio(fills: FillFacts, each: Floats, on: Floats, tick: float) -> Measure:
    """Sum of quantity * each over sum of quantity * on, rows with both known."""
    cost, notional, n = weighted_sums(each, on, fills.quantity)
    return measure(float(cost) * tick, float(notional) * tick, int(n))
