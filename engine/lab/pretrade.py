"""What every strategy is expected to cost from here on: the table of a ticket.

Costs in bp of the order's value at the mid of the start, positive = cost. The expected cost is
against the same path without the order, so the market's own drift is out of it; what the client
lives through, shortfall against arrival and distance from VWAP, is the market's moves too.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import P_MAX_PARTICIPATION
from engine.domain.orders import Objective
from engine.domain.strategy import vector
from engine.domain.units import SECOND
from engine.lab.cost import Floats, parts_bps
from engine.lab.expected import Frontier, Law, Size, frontier, laws
from engine.lab.late import shape_of
from engine.lab.market import flow_of
from engine.lab.paired import contender
from engine.lab.ranking import Scored, ranked
from engine.lab.run import Question
from engine.lab.scenario import SESSION_S, Scenario
from engine.lab.statistics import mean_of, paired

PATHS: Final = 64
TAIL: Final = 0.95
LEAST_TAIL: Final = 20  # paths before one in twenty means anything
EVEN: Final = "TWAP"
URGENT: Final = "IS"


class Row(Scored, frozen=True, kw_only=True):
    """One strategy."""

    strategy: str
    low: float | None  # 95 % interval of ``cost``
    high: float | None
    money: float  # ``cost`` in the currency of the instrument
    spread: float  # part of ``cost`` paid at the touch
    shortfall: float  # mean against the arrival mid
    worst: float | None  # shortfall that one path in twenty exceeds
    vwap: float  # mean against the market's VWAP
    minutes: float | None  # mean until the last share, clean-up included
    participation: float | None  # of the market's volume from start to end
    cleanup: float  # share of the order that the clean-up had to cross
    left: float  # share of the order that even the clean-up left over: its cost is not counted
    # against the cheapest one, on the same paths; None for itself
    behind: float | None = None
    behind_low: float | None = None
    behind_high: float | None = None
    model: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The answer after n paths, cheapest first."""

    n: int
    rows: tuple[Row, ...]
    laws: tuple[Law, ...]
    frontier: Frontier | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A strategy with the values it would run with, and its model if it has one."""

    strategy: str
    name: str = ""  # as it is shown; "" = the strategy
    values: tuple[tuple[str, float], ...] = ()
    model: bytes = b""
    model_id: str = ""


def question(scenario: Scenario, ways: tuple[Way, ...], *, seed: int) -> Question:
    """The same order by every way, on paths of questions."""
    found = []
    for way in ways:
        who = contender(scenario, way.strategy, way.model, **dict(way.values))
        found.append(replace(who, model_id=way.model_id, name=way.name or way.strategy))
    return Question(
        scenario=scenario, contenders=tuple(found), days=PATHS, seed=seed, purpose="question"
    )


def known(value: float) -> float | None:
    """None instead of a number that is none."""
    return value if math.isfinite(value) else None


def from_vwap_bps(rows: NDArray[np.void], side: int) -> Floats:
    """Own average price against the market's VWAP, own prints included; NaN without a trade. [bp]

    The market's runs from the beginning of the path, a minute before the start (with a model five
    and a half), to the end of the clean-up window.
    """
    base = 100.0 * rows["start_mid"]
    filled, volume = rows["filled"], rows["volume"]
    fine, blank = (filled > 0) & (volume > 0), np.full(rows.shape, math.nan)
    own = np.divide(rows["arrival"], filled, out=blank.copy(), where=fine)
    market = np.divide(rows["notional"], volume, out=blank.copy(), where=fine)
    found: Floats = (own - side * (market - base)) / base * 1e4
    return found


def rms(values: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(values * values)))


def _row(asked: Question, rows: NDArray[np.void], i: int) -> Row:
    order, instrument = asked.scenario.order, asked.scenario.preset.instrument
    mine = rows[:, i]
    parts = parts_bps(mine, order.quantity, instrument.tick_size)
    cost, shortfall = mean_of(parts["total"]), mean_of(parts["shortfall"])
    vwap = from_vwap_bps(mine, order.side)
    over = mine["over_ns"][mine["over_ns"] >= 0] - order.start_ns
    many = len(rows) >= LEAST_TAIL
    price = float(mine["start_mid"].mean()) * instrument.tick_size
    unfinished = int((mine["filled"] < order.quantity).sum())
    swept = (mine["cleanup"] > 0) | (mine["filled"] < order.quantity)
    return Row(
        strategy=asked.contenders[i].name,
        cost=cost.mean,
        low=known(cost.low),
        high=known(cost.high),
        money=cost.mean / 1e4 * order.quantity * price,
        spread=float(parts["spread"].mean()),
        shortfall=shortfall.mean,
        shortfall_sd=known(shortfall.sd),
        shortfall_rms=rms(parts["shortfall"]),
        worst=float(np.quantile(parts["shortfall"], TAIL)) if many else None,
        vwap=float(np.nanmean(vwap)) if np.isfinite(vwap).any() else 0.0,
        vwap_rms=rms(vwap[np.isfinite(vwap)]) if np.isfinite(vwap).any() else 0.0,
        minutes=float(over.mean()) / (60 * SECOND) if len(over) else None,
        participation=float(mine["filled"].sum() / mine["volume"].sum()),
        done=1.0 - float(swept.mean()),
        cleanup=float(mine["cleanup"].sum()) / (order.quantity * len(rows)),
        unfinished=unfinished,
        left=1.0 - float(mine["filled"].sum()) / (order.quantity * len(rows)),
        model=asked.contenders[i].model_id,
    )


def table(asked: Question, rows: NDArray[np.void], published: Size) -> Table:
    """What these paths say, shape (n, contenders)."""
    found = [_row(asked, rows, i) for i in range(len(asked.contenders))]
    tick_size = asked.scenario.preset.instrument.tick_size
    total = parts_bps(rows, asked.scenario.order.quantity, tick_size)["total"]
    best = min(range(len(found)), key=lambda i: (found[i].unfinished, found[i].cost))
    for i, row in enumerate(found):
        if i != best and not row.unfinished:
            gap = paired(total[:, i], total[:, best]).difference
            found[i] = msgspec.structs.replace(
                row, behind=gap.mean, behind_low=known(gap.low), behind_high=known(gap.high)
            )
    even = next((x.cost for x in found if x.strategy == EVEN and not x.unfinished), None)
    return Table(
        n=len(rows),
        rows=ranked(found, Objective.IMPACT),
        laws=laws(published),
        frontier=None if even is None else frontier(published, even),
    )


def cap_of(asked: Question) -> float:
    """Cap on participation of the schedule that the frontier is about: of IS, else the first way.

    1 = none: no way was asked.
    """
    named = [who for who in asked.contenders if who.strategy == URGENT] or asked.contenders
    if not named:
        return 1.0
    instrument = asked.scenario.preset.instrument
    return vector(named[0].strategy, dict(named[0].values), instrument)[P_MAX_PARTICIPATION]


def size_of(scenario: Scenario, spread: float, volatility: float, cap: float = 1.0) -> Size:
    """The order as published laws see it. spread [tick], volatility : factor on a usual day.

    cap : own share of volume at most, 1 = none.
    """
    order, instrument = scenario.order, scenario.preset.instrument
    first, last = order.start_ns // SECOND, order.end_ns // SECOND
    busy = shape_of(flow_of(scenario, scenario.regimes[0])[0])[:, 0]
    part, days = float(busy[first:last].sum() / busy.sum()), (last - first) / SESSION_S
    return Size(
        quantity=order.quantity,
        adv=instrument.adv,
        days=days,
        sigma=instrument.daily_volatility_bps / 1e4 * volatility,
        price=instrument.reference_price * instrument.tick_size,
        spread=spread * instrument.tick_size,
        participation=min(1.0, order.quantity / (instrument.adv * part)),
        rough=math.sqrt(part / days),  # variance follows activity
        cap=cap,
    )
