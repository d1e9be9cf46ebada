"""Alert rules: what each measures, and the one function that says whether it alarms. Pure.

The live desk and the calibration on past days both come here: the desk with one look at every
order, the calibration with every look at one order. NaN = cannot be said.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.alert_rules import BEHIND as BEHIND
from engine.domain.alert_rules import DOUBT as DOUBT
from engine.domain.alert_rules import MOVE as MOVE
from engine.domain.alert_rules import OF_ORDERS as OF_ORDERS
from engine.domain.alert_rules import ORDER_TROUBLES as ORDER_TROUBLES
from engine.domain.alert_rules import PARTICIPATION as PARTICIPATION
from engine.domain.alert_rules import REJECTS as REJECTS
from engine.domain.alert_rules import RULES as RULES
from engine.domain.alert_rules import SLIPPAGE as SLIPPAGE
from engine.domain.alert_rules import STALE as STALE
from engine.domain.alert_rules import AlertRule as AlertRule
from engine.domain.kinds import MODEL_DOUBTFUL, MODEL_EXPIRED, MODEL_NONE
from engine.domain.units import SECOND

Floats = NDArray[np.float64]
Mids = Floats | float
LEAST_DONE: Final = 0.05  # of an order, before its average and its share of the volume say anything
DOUBT_NS: Final = 600 * SECOND  # market clock
# decisions in it before their share says anything: half as many again as a model is in doubt after
# each start, until its features are full
DOUBT_LEAST: Final = 450


def alarm(standing: bool, value: float, threshold: float, back: float = 1.0) -> bool:  # noqa: FBT001
    """Whether it alarms now: beyond the threshold, and then until it is back below a part of it.

    What cannot be said leaves everything as it is.
    """
    if value != value:
        return standing
    return bool(value > (back * threshold if standing else threshold))


def begins(values: Floats, threshold: float, back: float) -> list[int]:
    """Places of a series at which an alarm begins: ``alarm`` walked over it."""
    beyond = np.flatnonzero(values > threshold)
    out: list[int] = []
    standing = False
    first = int(beyond[0]) if len(beyond) else len(values)
    for place, value in enumerate(values[first:].tolist(), start=first):
        now = alarm(standing, value, threshold, back)
        if now and not standing:
            out.append(place)
        standing = now
    return out


# --- orders ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Orders as the rules see them at a decision, one element a look. Prices in ticks."""

    side: Floats
    quantity: Floats  # [share]
    filled: Floats  # [share]
    average: Floats  # of the fills, NaN before the first
    vwap: Floats  # of the market since the order began, own prints in it; NaN = nothing traded
    target: Floats  # that should be done by now [share]; NaN = without a schedule
    volume: Floats  # of the market since the order began, own shares in it [share]
    doubt: Floats  # part of its decisions of DOUBT_NS whose model was in doubt


def _slippage(looks: Looks) -> Floats:
    """Side * (average - VWAP) / VWAP, both since the order began. [bp] Positive = cost."""
    return np.asarray(looks.side * (looks.average - looks.vwap) / looks.vwap * 1e4)


def _behind(looks: Looks) -> Floats:
    """|filled - target| / quantity, ahead as much as behind. [fraction]"""
    return np.asarray(np.abs(looks.filled - looks.target) / looks.quantity)


def _participation(looks: Looks) -> Floats:
    """Filled / volume since the order began. [fraction]"""
    traded = np.where(looks.volume > 0, looks.volume, np.nan)
    return np.asarray(looks.filled / traded)


MEASURES: Final[dict[str, Callable[[Looks], Floats]]] = {
    SLIPPAGE: _slippage,
    BEHIND: _behind,
    PARTICIPATION: _participation,
    DOUBT: lambda looks: looks.doubt,
}
NEEDS_FILLS: Final = (SLIPPAGE, PARTICIPATION)


def measure(kind: str, looks: Looks) -> Floats:
    """What a rule of orders compares with its threshold, one value a look."""
    found = MEASURES[kind](looks)
    if kind in NEEDS_FILLS:
        return np.where(looks.filled >= LEAST_DONE * looks.quantity, found, np.nan)
    return found


@dataclass(slots=True)
class Doubts:
    """Of each order, which of its last decisions had a model in doubt. Derived, not journalled."""

    seen: dict[int, deque[tuple[int, bool]]] = field(default_factory=dict)

    def add(self, parent: int, at: int, model_state: int) -> float:
        """Take a decision in; the part in doubt, NaN without a model or with too few decisions."""
        if model_state == MODEL_NONE:
            return float("nan")
        kept = self.seen.setdefault(parent, deque())
        kept.append((at, model_state in (MODEL_DOUBTFUL, MODEL_EXPIRED)))
        while kept[0][0] <= at - DOUBT_NS:
            kept.popleft()
        if len(kept) < DOUBT_LEAST:
            return float("nan")
        return sum(doubted for _, doubted in kept) / len(kept)


# --- stocks ---------------------------------------------------------------------------------
def furthest(newest: Mids, low: Mids, high: Mids) -> Floats:
    """The largest move to the newest mid from any of its window, signed. [fraction]"""
    up, down = newest / low - 1.0, newest / high - 1.0
    return np.where(up >= -down, up, down)


def furthest_of(newest: float, low: float, high: float) -> float:
    """``furthest`` of one mid, the same bits: a call of numpy costs a hundred times as much."""
    up, down = newest / low - 1.0, newest / high - 1.0
    return up if up >= -down else down


def times_usual(move: Floats | float, usual: float) -> Floats:
    """A move in multiples of what is usual in that time; NaN where nothing is usual."""
    return np.asarray(np.abs(move) / (usual if usual > 0.0 else np.nan))


def in_window(instants: Sequence[int], now: int, window_ns: int) -> int:
    """How many of these lie in the window that ends now."""
    return sum(1 for at in instants if now - window_ns < at <= now)
