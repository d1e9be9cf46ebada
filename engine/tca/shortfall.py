"""Implementation shortfall and the split of its trading part.

Perold 1988: total = s(sum qp - Q*P_d) + s(X - Q)(P_n - P_d) + fees, over X*P_d.

=========  ===============  ========================
basis      delay            opportunity
=========  ===============  ========================
order      s X (P_0 - P_d)  s (X - Q)(P_n - P_0)
executed   s Q (P_0 - P_d)  s (X - Q)(P_n - P_d)
=========  ===============  ========================

trading = s(sum qp - Q*P_0) = spread s*sum q(p - m) + impact s*sum q(m - m0) + timing
s*sum q(m0 - P_0); m is the mid just before the fill, m0 that of the market without our order.
Source: DOMAIN.md 2.2; Kissell for the order basis, CFA / Wagner for the executed basis.
"""

import math

import msgspec
import numpy as np

from engine.domain.errors import BrokenInvariant
from engine.tca.benchmarks import BPS, defined, executed_notional
from engine.tca.inputs import Basis, FillFacts, Floats, ParentFacts
from engine.tca.results import Number, Parts

OUTER = ("delay", "trading", "opportunity", "fees")
INNER = ("spread", "impact", "timing", "impact_and_timing", "unsplit")
TOLERANCE = 1e-9


def decision_price(parent: ParentFacts) -> Number:
    """P_d; the arrival price when no decision price was given, by definition. [tick]"""
    decided = defined(parent.decision_price)
    return defined(parent.arrival_price) if decided is None else decided


def paper_notional(parent: ParentFacts) -> Number:
    """X * P_d, what the whole order was worth when it was decided. [currency]"""
    decided = decision_price(parent)
    return None if decided is None else parent.quantity * decided * parent.tick_size


def shortfall(parent: ParentFacts, fills: FillFacts, basis: Basis) -> Parts:
    """Cost of the whole order against the paper portfolio, with its parts. [currency]

    Positive = cost. Without an arrival price, or without an end price while shares are left, only
    the fees (and trading, if it can be had) are defined. Parts sum to the total to 1e-9.
    """
    decided = decision_price(parent)
    arrived = defined(parent.arrival_price)
    trading = trading_split(parent, fills)
    if decided is None or arrived is None:
        return msgspec.structs.replace(trading, fees=parent.fees)
    left = parent.quantity - parent.filled
    end = defined(parent.end_price) if left else arrived  # any price times 0 shares
    money = parent.side * parent.tick_size
    waited = parent.quantity if basis == "order" else parent.filled
    delay = money * waited * (arrived - decided)
    if end is None:
        return msgspec.structs.replace(trading, delay=delay, fees=parent.fees)
    missed_from = arrived if basis == "order" else decided
    opportunity = money * left * (end - missed_from)
    gained = executed_notional(fills) - parent.filled * decided + left * (end - decided)
    parts = msgspec.structs.replace(
        trading,
        delay=delay,
        opportunity=opportunity,
        fees=parent.fees,
        total=money * gained + parent.fees,
    )
    must_sum(parts, parent.quantity * decided * parent.tick_size)
    return parts


def trading_split(parent: ParentFacts, fills: FillFacts) -> Parts:
    """Trading cost against arrival and its parts. [currency]

    The whole is ``unsplit`` when the mid is missing at any fill; impact and timing stay together
    when the no-trade mid is missing.
    """
    arrived = defined(parent.arrival_price)
    if arrived is None:
        return Parts()
    money = parent.side * parent.tick_size
    shares = int(fills.quantity.sum())
    trading = money * (executed_notional(fills) - shares * arrived)
    mid, without_us = fills.mid, fills.mid_untouched
    if np.isnan(mid).any():
        return Parts(trading=trading, unsplit=trading)
    spread = money * _weighted(fills, fills.paid - mid)
    if without_us is None or np.isnan(without_us).any():
        both = money * _weighted(fills, mid - arrived)
        return Parts(trading=trading, spread=spread, impact_and_timing=both)
    impact = money * _weighted(fills, mid - without_us)
    timing = money * _weighted(fills, without_us - arrived)
    return Parts(trading=trading, spread=spread, impact=impact, timing=timing)


def in_bps(parts: Parts, notional: Number) -> Parts:
    """Each part over the notional. [bps]"""
    if notional is None or notional <= 0.0:
        return Parts()
    values = msgspec.structs.asdict(parts)
    return Parts(**{name: None if v is None else v / notional * BPS for name, v in values.items()})


def add_parts(rows: list[Parts]) -> Parts:
    """Sums of the parts over orders; a part that no order has stays None."""
    total: dict[str, Number] = {}
    for name in Parts.__struct_fields__:
        known = [value for row in rows if (value := getattr(row, name)) is not None]
        total[name] = math.fsum(known) if known else None
    return Parts(**total)


def must_sum(parts: Parts, notional: float) -> None:
    """Stop when the parts miss their total by 1e-9 currency and by 1e-9 bp of the notional."""
    scale = TOLERANCE * max(1.0, abs(notional) / BPS)
    if parts.total is not None and abs(_sum_of(parts, OUTER) - parts.total) > scale:
        raise BrokenInvariant(f"shortfall parts must sum to the total: {parts}")
    if parts.trading is not None and abs(_sum_of(parts, INNER) - parts.trading) > scale:
        raise BrokenInvariant(f"trading parts must sum to trading: {parts}")


def _sum_of(parts: Parts, names: tuple[str, ...]) -> float:
    return math.fsum(v for name in names if (v := getattr(parts, name)) is not None)


def _weighted(fills: FillFacts, difference: Floats) -> float:
    return float(np.sum(fills.quantity * difference))
