"""TCA of a day: orders summed by strategy, venue, trader, symbol and side.

Currency is summed, then divided once; basis points are never averaged.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from engine.domain.errors import BrokenInvariant, Refused
from engine.tca.inputs import OrderFacts, SymbolMarket, TcaRules
from engine.tca.order import order_tca
from engine.tca.results import (
    DayReport,
    Execution,
    GroupMarkout,
    GroupTca,
    Measure,
    Meta,
    Note,
    OrderTca,
    Ratio,
)
from engine.tca.shortfall import TOLERANCE, add_parts, in_bps, must_sum
from engine.tca.statistics import find_outliers, ratio_of_sums

VERSION = "tca-1"
SIDE_NAMES = {1: "BUY", -1: "SELL"}
DIMENSIONS: dict[str, Callable[[OrderTca], str]] = {
    "strategy": lambda order: order.strategy,
    "trader": lambda order: order.trader,
    "symbol": lambda order: order.symbol,
    "side": lambda order: SIDE_NAMES[order.side],
}


def day_tca(
    orders: Iterable[OrderFacts],
    markets: Mapping[str, SymbolMarket],
    rules: TcaRules,
    meta: Meta,
    notes: tuple[Note, ...] = (),
) -> DayReport:
    """Report of a day from facts: every parent that ended, and the market of each symbol."""
    return day_of(
        [order_tca(o, markets[o.parent.symbol], rules) for o in orders], rules, meta, notes
    )


def day_of(
    orders: Sequence[OrderTca], rules: TcaRules, meta: Meta, notes: tuple[Note, ...] = ()
) -> DayReport:
    """Report of a day from its orders' TCA, in any order: sorted here by parent."""
    rows = sorted(orders, key=lambda order: order.parent_id)
    currency = _one_currency(rows)
    if any(order.basis != rules.basis for order in rows):
        raise BrokenInvariant(f"all orders of a report must be on the {rules.basis} basis")
    total = group(rows, "all", "all", rules)
    groups = [
        group(list(members), dimension, key, rules)
        for dimension, key_of in DIMENSIONS.items()
        for key, members in _split(rows, key_of)
    ]
    _must_cover(total, groups)
    return DayReport(
        version=VERSION,
        meta=meta,
        currency=currency,
        basis=rules.basis,
        seed=rules.seed,
        draws=rules.draws,
        minimum_n=rules.minimum_n,
        horizons_ns=rules.horizons_ns,
        total=total,
        groups=(*groups, *venue_groups(rows, rules)),
        orders=tuple(rows),
        outliers=find_outliers(
            [(order.parent_id, order.cost_bps.total) for order in rows], rules.minimum_n
        ),
        notes=notes,
    )


def with_notes(report: DayReport, notes: tuple[Note, ...]) -> DayReport:
    """The same numbers with other notes: another hash, so a signature no longer fits."""
    return msgspec.structs.replace(report, notes=notes)


def group(orders: list[OrderTca], dimension: str, key: str, rules: TcaRules) -> GroupTca:
    """Sums and ratios of some parents. Parents with an undefined total are left out of ``cost``."""
    costed = [order for order in orders if order.cost.total is not None]
    notionals = [order.paper_notional for order in costed if order.paper_notional is not None]
    cost = add_parts([order.cost for order in costed])
    notional = math.fsum(notionals)
    must_sum(cost, notional)
    return GroupTca(
        dimension=dimension,
        key=key,
        n=len(orders),
        undefined=len(orders) - len(costed),
        fills=sum(order.execution.fills for order in orders),
        passive=sum(order.execution.passive for order in orders),
        quantity=sum(order.quantity for order in orders),
        filled=sum(order.filled for order in orders),
        cost=cost,
        cost_bps=in_bps(cost, notional),
        shortfall=ratio_of_sums([_shortfall(order) for order in costed], rules),
        arrival=ratio_of_sums([order.execution.arrival for order in orders], rules),
        vwap=ratio_of_sums([order.benchmarks.vwap for order in orders], rules),
        effective=ratio_of_sums([order.execution.effective for order in orders], rules),
        markouts=_markouts([order.execution for order in orders], rules),
    )


def venue_groups(orders: list[OrderTca], rules: TcaRules) -> list[GroupTca]:
    """Fills by venue; delay, opportunity and fees belong to the order, not to a venue.

    A row of a ratio is one parent's fills at the venue, so the interval resamples parents.
    """
    names = sorted({part.venue for order in orders for part in order.venues})
    return [
        _venue(
            name, [part for order in orders for part in order.venues if part.venue == name], rules
        )
        for name in names
    ]


def _venue(name: str, parts: list[Execution], rules: TcaRules) -> GroupTca:
    costed = [part for part in parts if part.arrival.cost is not None]
    cost = add_parts([part.parts for part in costed])
    arrival = ratio_of_sums([part.arrival for part in parts], rules)
    return GroupTca(
        dimension="venue",
        key=name,
        n=len(parts),
        undefined=len(parts) - len(costed),
        fills=sum(part.fills for part in parts),
        passive=sum(part.passive for part in parts),
        quantity=None,
        filled=sum(part.filled for part in parts),
        cost=cost,
        cost_bps=in_bps(cost, arrival.notional),
        shortfall=ratio_of_sums([], rules),
        arrival=arrival,
        vwap=ratio_of_sums([], rules),
        effective=ratio_of_sums([part.effective for part in parts], rules),
        markouts=_markouts(parts, rules),
    )


def _shortfall(order: OrderTca) -> Measure:
    return Measure(
        cost=order.cost.total, notional=order.paper_notional, bps=order.cost_bps.total, n=1
    )


def _markouts(parts: list[Execution], rules: TcaRules) -> tuple[GroupMarkout, ...]:
    return tuple(
        GroupMarkout(horizon_ns=h, gain=_gain([part.markouts[i].gain for part in parts], rules))
        for i, h in enumerate(rules.horizons_ns)
    )


def _gain(rows: list[Measure], rules: TcaRules) -> Ratio:
    return ratio_of_sums(rows, rules)


def _split(
    orders: list[OrderTca], key_of: Callable[[OrderTca], str]
) -> list[tuple[str, list[OrderTca]]]:
    members: dict[str, list[OrderTca]] = {}
    for order in orders:
        members.setdefault(key_of(order), []).append(order)
    return sorted(members.items())


def _one_currency(orders: list[OrderTca]) -> str:
    names = sorted({order.currency for order in orders})
    if len(names) > 1:
        raise Refused(f"a day report must be in one currency, was {', '.join(names)}")
    return names[0] if names else ""


def _must_cover(total: GroupTca, groups: list[GroupTca]) -> None:
    """Stop when the sum over the keys of a dimension is not the day's sum."""
    whole = total.cost.total or 0.0
    scale = TOLERANCE * max(1.0, abs(whole), (total.shortfall.notional or 0.0) * 1e-4)
    for dimension in DIMENSIONS:
        members = [g for g in groups if g.dimension == dimension]
        summed = math.fsum(g.cost.total or 0.0 for g in members)
        if abs(summed - whole) > scale or sum(g.n for g in members) != total.n:
            raise BrokenInvariant(f"costs by {dimension} must sum to the day: {summed} != {whole}")
