"""The cheap numbers of a running order, from sums the engine keeps anyway.

The same formulas as the report (``benchmarks``), so the live number and the report's are one.
"""

from dataclasses import dataclass

from engine.tca.benchmarks import participation_rate, slippage_bps
from engine.tca.results import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSums:
    """What a parent and its symbol's market have added up since the parent was accepted."""

    side: int  # +1 buy, -1 sell
    filled: int  # [share]
    filled_notional: int  # sum q*p of own fills [tick * share]
    arrival_price: float | None  # mid at acceptance [tick]
    market_volume: int  # prints since acceptance, own included [share]
    market_notional: int  # of those prints [tick * share]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCosts:
    """Numbers of one row of the blotter; None = undefined, shown as "-"."""

    average_price: Number  # [tick]
    slippage_bps: Number  # against arrival, positive = cost
    vwap: Number  # of the market since acceptance, own prints included [tick]
    vwap_slippage_bps: Number  # positive = cost; None at 100 % participation
    participation: Number  # own volume in the denominator [fraction]


def live_costs(sums: RunningSums) -> LiveCosts:
    """Slippage against arrival and VWAP and the participation so far.

    Before the tape has shown own fills (volume < filled) VWAP and participation are undefined.
    """
    average = sums.filled_notional / sums.filled if sums.filled else None
    others = sums.market_volume - sums.filled
    vwap = sums.market_notional / sums.market_volume if others > 0 else None
    return LiveCosts(
        average_price=average,
        slippage_bps=slippage_bps(sums.side, average, sums.arrival_price),
        vwap=vwap,
        vwap_slippage_bps=slippage_bps(sums.side, average, vwap),
        participation=(
            participation_rate(sums.filled, sums.market_volume) if others >= 0 else None
        ),
    )
