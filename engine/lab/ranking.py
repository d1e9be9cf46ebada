"""Which strategy serves a client best: one number a strategy, smallest first.

    impact    mean cost                          [bp]
    vwap      root mean square of the distance from the market's VWAP   [bp]
    arrival   root mean square of the shortfall against arrival         [bp]
    finish    share of paths on which it was not done by the end, then mean cost
    urgency   mean cost + risk aversion x standard deviation of the shortfall   [bp]

An order without an objective is ranked by impact. Whatever is wanted, a strategy that left shares
over on some path, clean-up included, comes after those that did not: what is not bought is cheap.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from engine.domain.orders import Objective

T = TypeVar("T", bound="Scored")


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What an objective looks at; costs in bp, positive = cost."""

    cost: float  # mean against the path without the order, fees included
    shortfall_sd: float | None
    shortfall_rms: float
    vwap_rms: float
    done: float  # share of paths on which it was done by the end
    unfinished: int = 0  # paths on which even the clean-up left shares over


def score(row: Scored, objective: Objective, risk_aversion: float) -> tuple[float, float, float]:
    """Smallest is best: paths left unfinished, what is wanted, what decides between equals."""
    return (float(row.unfinished), *_wanted(row, objective, risk_aversion))


def _wanted(row: Scored, objective: Objective, risk_aversion: float) -> tuple[float, float]:
    """What the objective looks at; what is not known is last."""
    if objective == Objective.VWAP:
        return row.vwap_rms, row.cost
    if objective == Objective.ARRIVAL:
        return row.shortfall_rms, row.cost
    if objective == Objective.FINISH:
        return 1.0 - row.done, row.cost
    if objective == Objective.URGENCY:
        sd = math.inf if row.shortfall_sd is None else row.shortfall_sd
        return row.cost + risk_aversion * sd if risk_aversion > 0.0 else row.cost, row.cost
    return row.cost, 0.0


def ranked(rows: Sequence[T], objective: Objective, risk_aversion: float = 0.0) -> tuple[T, ...]:
    """The rows, best first; equals keep their order."""
    return tuple(sorted(rows, key=lambda row: score(row, objective, risk_aversion)))
