"""Average price against arrival, interval VWAP, PWP and the end; participation.

Every formula: slippage = side * (average - benchmark) / benchmark * 1e4, positive = cost.
Source: DOMAIN.md 2.1 and 2.2.
"""

import math

import numpy as np

from engine.domain.errors import BrokenInvariant
from engine.kernels.cost import notional_of_first, rows_between
from engine.tca.inputs import FillFacts, Floats, Ints, ParentFacts, Tape
from engine.tca.results import Benchmarks, Measure, Number, Pwp

BPS = 1e4


def defined(value: float | None) -> Number:
    """The value, or None when it is missing or NaN."""
    return None if value is None or not math.isfinite(value) else float(value)


def slippage_bps(side: int, average_price: Number, benchmark: Number) -> Number:
    """Cost of the executed shares against a benchmark price. [bps]

    Both prices in one unit. None when one is missing.
    """
    if average_price is None or benchmark is None:
        return None
    return side * (average_price - benchmark) / benchmark * BPS


def measure(cost: Number, notional: Number, n: int) -> Measure:
    """A cost with the notional it was paid on; bps None when there is none."""
    if cost is None or notional is None or notional <= 0.0 or n == 0:
        return Measure(cost=None, notional=None, bps=None, n=0)
    return Measure(cost=cost, notional=notional, bps=cost / notional * BPS, n=n)


def executed_notional(fills: FillFacts) -> float:
    """Sum of quantity * price, added exactly in hundredths. [tick * share]"""
    return int(np.sum(fills.hundredths * fills.quantity, dtype=np.int64)) / 100


def participation_rate(filled: int, market_volume: int) -> Number:
    """Own share of the market's volume, own volume in the denominator. [fraction]

    None without market volume.
    """
    return filled / market_volume if market_volume > 0 else None


def interval_sums(tape: Tape, start_ns: int, end_ns: int) -> tuple[int, float]:
    """Volume and notional of all prints from start to end, both ends in. [share, tick * share]"""
    first, after = rows_between(tape.at_ns, start_ns, end_ns)
    volume = int(tape.volume_before[after] - tape.volume_before[first])
    return volume, int(tape.notional100_before[after] - tape.notional100_before[first]) / 100


def pwp_price(tape: Tape, arrived_at: int, filled: int, rate: float) -> Number:
    """VWAP of the first filled/rate shares printed after arrival, the last print in part. [tick]

    None when nothing was filled or the tape ends before.
    """
    if filled <= 0:
        return None
    first, _ = rows_between(tape.at_ns, arrived_at, arrived_at)
    wanted = filled / rate
    notional = notional_of_first(tape.volume_before, tape.notional100_before, first, wanted)
    return defined(notional / wanted / 100.0)


def pov_schedule(quantity: int, rate: float, volume: Ints) -> Ints:
    """Shares that a fixed share of each bin's market volume would have traded. [share]

    volume : market volume a bin, shape (n,). Whole shares, rounded down, until nothing is left.
    """
    wanted = np.floor(np.round(rate * volume.astype(np.float64), 9)).astype(np.int64)
    done = np.minimum(np.cumsum(wanted), quantity)
    return np.diff(done, prepend=np.int64(0))


def roll_spread(price: Floats) -> float:
    """Spread implied by the bounce of the price. [unit of price]

    Changes demeaned by their full mean, sum over neighbours / (n - 1), n changes. NaN when the
    covariance is not negative or there are fewer than two changes. Source: Roll 1984.
    """
    change = np.diff(price)
    if len(change) < 2:
        return math.nan
    change = change - change.mean()
    covariance = float(np.sum(change[1:] * change[:-1])) / (len(change) - 1)
    return 2.0 * math.sqrt(-covariance) if covariance < 0.0 else math.nan


def benchmarks(
    parent: ParentFacts, fills: FillFacts, tape: Tape, pwp_rates: tuple[float, ...]
) -> Benchmarks:
    """All benchmark prices of one order and its slippage against each.

    VWAP measures are None when nothing filled, at 100 % participation (slippage is then 0 by
    construction, which is no information) and when the tape lacks own prints.
    """
    executed = executed_notional(fills)
    average = executed / parent.filled if parent.filled else None
    volume, notional = interval_sums(tape, parent.arrived_at, parent.done_at)
    others = volume - parent.filled
    vwap = notional / volume if others > 0 else None
    ex_own = (notional - executed) / others if others > 0 else None
    cost = None
    if average is not None and vwap is not None:
        cost = parent.side * (average - vwap) * parent.filled * parent.tick_size
    paid_on = None if vwap is None else vwap * parent.filled * parent.tick_size
    return Benchmarks(
        average_price=average,
        market_volume=volume,
        participation=participation_rate(parent.filled, volume) if others >= 0 else None,
        interval_vwap=vwap,
        vwap_ex_own=ex_own,
        vwap=measure(cost, paid_on, 1),
        vwap_ex_own_bps=slippage_bps(parent.side, average, ex_own),
        arrival_bps=slippage_bps(parent.side, average, defined(parent.arrival_price)),
        end_bps=slippage_bps(parent.side, average, defined(parent.end_price)),
        pwp=tuple(_pwp(parent, average, tape, rate) for rate in pwp_rates),
    )


def _pwp(parent: ParentFacts, average: Number, tape: Tape, rate: float) -> Pwp:
    if not 0.0 < rate <= 1.0:
        raise BrokenInvariant(f"a PWP rate must be in (0, 1], was {rate}")
    price = pwp_price(tape, parent.arrived_at, parent.filled, rate)
    return Pwp(rate=rate, price=price, slippage_bps=slippage_bps(parent.side, average, price))
