"""The market of a moment, as far as somebody outside can know it, and a scenario that begins there.

Matched: the hour (shape of volume, spread and volatility from there to the close), the mid, the
mean spread of the last ten minutes, volume and volatility so far today. The two last and the spread
count by what a reading of that length is worth against what a usual day would have (a Kalman
weight), never beyond half and double. Not matched: the queues of this second, orders that others
are working, the path so far, and whatever the day's regime is beyond that. docs/numbers.md.
"""

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.domain.instrument import Instrument
from engine.domain.units import SECOND, Nanos
from engine.exchange.generated import Generated
from engine.exchange.presets import Preset, Stock
from engine.lab.scenario import SESSION_S, Order, Scenario
from engine.lab.usual import at_second, usual_day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WARM_S: Final = 60  # paths begin this long before the order, so that its book is a worked one
MODEL_WARM_S: Final = 330  # ... and this long for a model, whose longest feature looks back 300 s
SWEEP_S: Final = 300  # after the end: the clean-up has this long
LEAST_SWEEP_S: Final = 60  # ... and at least this long before the close
LEAST_S: Final = 60  # of horizon
SPREAD_S: Final = 600  # the spread is the mean of this long
RETURN_S: Final = 60  # of the returns whose squares make the volatility so far
LEAST_RETURNS: Final = 5
WIDEST: Final = 2.0  # no reading moves a parameter by more than this factor, either way
FOLLOWS: Final = 0.5  # a spread moves with about this power of the half spread of the quotes
SPREAD_NOISE_S: Final = 240.0  # memory of what moves the spread about
VOLUME_NOISE_S: Final = 24.0  # variance of log activity times twice its memory of 60 s
MOVES: Final = ("sigma", "kappa", "g_bg", "g_own", "c_own")  # FLOW fields that carry volatility


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSnapshot:
    """One symbol at one instant. Prices and spreads in ticks."""

    symbol: str
    day: str
    at_s: int  # seconds since the open
    mid: float
    spread: float  # now
    spread_mean: float  # of the last ten minutes
    bid_size: int  # at the touch, shown and not matched [share]
    ask_size: int
    volume: int  # since the open [share]
    volatility: float | None  # of 60 s returns since the open, against a usual day; None = too few
    returns: int  # how many of them

    @property
    def digest(self) -> str:
        """Short hash of all of it."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What was seen of a symbol, a value a second, ascending; NaN mid = a side was missing."""

    at_ns: Ints
    mid: Floats  # [tick]
    spread: Floats  # [tick]
    bid_size: Ints
    ask_size: Ints
    volume: Ints  # since the open


def snapshot(
    instrument: Instrument, stock: Stock, bars: Bars, day: str, open_ns: int, at_ns: int
) -> MarketSnapshot:
    """The last that was seen at or before ``at_ns``; Refused while there is no two-sided quote."""
    last = int(np.searchsorted(bars.at_ns, at_ns, side="right")) - 1
    first = int(np.searchsorted(bars.at_ns, open_ns))
    if last < first or math.isnan(bars.mid[last]):
        raise Refused(
            f"{instrument.symbol} must have a two-sided quote of today to begin a simulation with"
        )
    seen = slice(first, last + 1)
    recent = bars.at_ns[seen] > at_ns - SPREAD_S * SECOND
    spreads = bars.spread[seen][recent]
    fine = spreads[np.isfinite(spreads) & (spreads > 0)]
    move, count = volatility_so_far(stock, bars.at_ns[seen], bars.mid[seen], open_ns)
    return MarketSnapshot(
        symbol=instrument.symbol,
        day=day,
        at_s=max(0, int((at_ns - open_ns) // SECOND)),
        mid=float(bars.mid[last]),
        spread=float(bars.spread[last]),
        spread_mean=float(fine.mean()) if len(fine) else float(bars.spread[last]),
        bid_size=int(bars.bid_size[last]),
        ask_size=int(bars.ask_size[last]),
        volume=int(bars.volume[last]),
        volatility=move,
        returns=count,
    )


def volatility_so_far(
    stock: Stock, at_ns: Ints, mids: Floats, open_ns: int
) -> tuple[float | None, int]:
    """Root of squared 60 s returns over what the hours so far have on a usual day; and how many."""
    grid = np.arange(open_ns, at_ns[-1] + 1, RETURN_S * SECOND)
    found = np.searchsorted(at_ns, grid, side="right") - 1
    edges = np.where(found >= 0, mids[np.maximum(found, 0)], math.nan)
    moves = np.diff(edges)
    there = np.isfinite(moves)
    count = int(there.sum())
    if count < LEAST_RETURNS:
        return None, count
    steps = np.diff(usual_day(stock).variance)
    minutes = np.minimum(np.arange(len(moves)), len(steps) - 1)[there]
    return math.sqrt(float((moves[there] ** 2).sum()) / float(steps[minutes].sum())), count


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Factors on the usual day, and what each reading was worth (0 = nothing, 1 = all)."""

    volatility: float
    volatility_weight: float
    volume: float
    volume_weight: float
    spread: float
    spread_weight: float


def _toward(ratio: float | None, weight: float) -> float:
    """A usual day's 1, moved towards a reading."""
    if ratio is None or ratio <= 0.0:
        return 1.0
    return min(WIDEST, max(1.0 / WIDEST, math.pow(ratio, weight)))


def match(now: MarketSnapshot, stock: Stock) -> Match:
    """How today differs from a usual day of the stock."""
    flow = stock.flow()[0]
    slow = float(flow["vol_day"]) ** 2 + float(flow["vol_slow"]) ** 2
    noise = 1.0 / (2.0 * max(now.returns, 1))
    noise += float(flow["vol_fast"]) ** 2 * 2.0 * 240.0 / max(now.at_s, 1)
    move_weight = slow / (slow + noise) if now.volatility is not None and slow > 0.0 else 0.0
    active = 0.25 * slow
    volume_noise = VOLUME_NOISE_S / max(now.at_s, 1)
    volume_weight = active / (active + volume_noise) if active > 0.0 and now.at_s else 0.0
    usual = usual_day(stock)
    volume = at_second(usual.volume, now.at_s)
    seen = min(now.at_s, SPREAD_S)
    spread_weight = seen / (seen + SPREAD_NOISE_S)
    wide = at_second(usual.spread, max(0, now.at_s - seen // 2))
    return Match(
        volatility=_toward(now.volatility, move_weight),
        volatility_weight=move_weight,
        volume=_toward(now.volume / volume if volume > 0.0 else None, volume_weight),
        volume_weight=volume_weight,
        spread=_toward(now.spread_mean / wide, spread_weight / FOLLOWS),
        spread_weight=spread_weight,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The order to ask about, as it would be sent at the instant of the snapshot."""

    side: int
    quantity: int
    horizon_s: int
    limit_price: int = 0  # 0 = none [tick]
    excluded: tuple[str, ...] = ()
    warm_s: int = WARM_S


def order_of(now: MarketSnapshot, wanted: Wanted) -> Order:
    """Its instants: cut so that a clean-up has a minute before the close."""
    end = min(now.at_s + wanted.horizon_s, SESSION_S - 60 - LEAST_SWEEP_S)
    if end - now.at_s < LEAST_S:
        raise Refused("at least three minutes of the session must be left to simulate an order")
    relax = min(SWEEP_S, SESSION_S - 60 - end)
    return Order(
        side=wanted.side,
        quantity=wanted.quantity,
        start_ns=Nanos(now.at_s * SECOND),
        end_ns=Nanos(end * SECOND),
        limit_price=wanted.limit_price,
        relax_ns=Nanos(relax * SECOND),
    )


def scenario_of(
    now: MarketSnapshot,
    instrument: Instrument,
    stock: Stock,
    wanted: Wanted,
    known: tuple[str, ...],
) -> Scenario:
    """Paths that begin at the snapshot. known : names of all venues."""
    if not 1 <= wanted.quantity <= instrument.adv:
        raise Refused(
            f"quantity must be from 1 to the average day of {instrument.adv:,} shares to be "
            f"simulated, was {wanted.quantity:,}",
            field="quantity",
        )
    today = replace(instrument, reference_price=round(now.mid))
    begin = max(0, now.at_s - wanted.warm_s)
    allowed = tuple(name for name in known if name not in wanted.excluded)
    if not allowed:
        raise Refused("at least one venue must remain", field="exclude")
    base = stock if isinstance(stock, Preset) else Preset(instrument=instrument)
    return Scenario(
        name=f"{now.symbol} {now.day} {now.digest}",
        words="the market of a moment",
        preset=replace(base, instrument=today),
        order=order_of(now, wanted),
        market=_flow_fields(now, stock),
        venues=allowed if wanted.excluded else (),
        begin_ns=Nanos(begin * SECOND),
    )


def _flow_fields(now: MarketSnapshot, stock: Stock) -> tuple[tuple[str, float], ...]:
    """FLOW fields that today gives another value."""
    found = match(now, stock)
    flow = stock.flow()[0]
    changed: dict[str, float] = {}
    if isinstance(stock, Generated):
        changed |= {name: value for name, value in stock.parameters.items() if name != "reference"}
    for name in MOVES:
        changed[name] = float(flow[name]) * found.volatility
    changed["rate"] = float(flow["rate"]) * found.volume
    changed["half_spread"] = float(flow["half_spread"]) * found.spread
    changed["vol_day"] = float(flow["vol_day"]) * math.sqrt(1.0 - found.volatility_weight)
    return tuple(sorted(changed.items()))
