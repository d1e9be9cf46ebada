"""What published laws expect an order to cost, and the frontier of Almgren and Chriss.

Costs in bp of the arrival price, positive = cost. The frontier is drawn in the simulator's units:
its two impact parameters are scaled together (permanent : temporary as in the rule of thumb of
Almgren and Chriss) until its even schedule costs what the simulated TWAP costs. It is the frontier
that the order's cap on participation leaves: an urgent schedule trades at the cap until the rest
fits below it.
"""

import math
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from engine.tca.impact import IStar, athl, i_star_cost, square_root_cost
from engine.tca.scheduling import AlmgrenChriss, capped_holdings

PREFACTOR: Final = 0.842  # of the square root law: Sato and Kanazawa 2024
TURNOVER: Final = 200.0  # shares outstanding / average day: assumed, invented stocks have none
YEAR: Final = 250.0  # trading days
PERIODS: Final = 13
AVERSIONS: Final = (0.0, *np.geomspace(0.5, 12.0, 20))  # kappa x horizon of the points


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """An order in the units of the laws."""

    quantity: int
    adv: int
    days: float  # horizon
    sigma: float  # volatility a day [fraction]
    price: float  # [currency]
    spread: float  # [currency]
    participation: float  # of the volume to expect over the horizon
    rough: float = 1.0  # volatility of the horizon's hours against the mean of the day
    cap: float = 1.0  # own share of volume at most, own shares in the denominator; 1 = none

    @property
    def size(self) -> float:
        """Shares / ADV."""
        return self.quantity / self.adv

    @property
    def most(self) -> float:
        """Shares in one of the frontier's periods at most: c / (1 - c) of what others trade."""
        if self.cap >= 1.0:
            return math.inf
        others = self.quantity / self.participation / PERIODS
        return others * self.cap / (1.0 - self.cap)


class Law(msgspec.Struct, frozen=True, kw_only=True):
    """One published number."""

    name: str
    bps: float
    formula: str
    source: str


def laws(order: Size) -> tuple[Law, ...]:
    """Each law with its formula and the numbers that went in."""
    said = f"sigma {order.sigma:.2%} a day, size {order.size:.2%} of ADV"
    spread = 0.5 * order.spread / order.price * 1e4
    found = athl(size=order.size, horizon=order.days, sigma=order.sigma, turnover=TURNOVER)
    root = square_root_cost(size=order.size, sigma=order.sigma, prefactor=PREFACTOR)
    star = i_star_cost(
        size=order.size,
        sigma_year=order.sigma * math.sqrt(YEAR),
        participation=order.participation,
        parameters=IStar(),
    )
    return (
        Law(
            name="Square root",
            bps=root,
            formula=f"2/3 x {PREFACTOR} x sigma x sqrt(Q / ADV); {said}",
            source="Sato and Kanazawa 2024; mean over a path that does not decay",
        ),
        Law(
            name="Almgren et al.",
            bps=found.realised,
            formula="I/2 + K, I = .314 sigma X/V (Theta/V)^1/4, K = .142 sigma (X/VT)^3/5; "
            f"{said}, T {order.days:.2f} days, Theta/V {TURNOVER:g} assumed",
            source="Almgren, Thum, Hauptmann, Li 2005",
        ),
        Law(
            name="I-Star",
            bps=star,
            formula="(.98 POV^.5 + .02) x 708 (Q/ADV)^.55 sigma_year^.71; "
            f"{said}, POV {order.participation:.1%}",
            source="Kissell; one of several published sets",
        ),
        Law(
            name="Half the spread",
            bps=spread,
            formula="spread / 2: crossing everything at once in a book of endless depth",
            source="no impact at all",
        ),
    )


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """Points of the frontier from even to urgent: standard deviation and expected cost. [bp]"""

    risk: tuple[float, ...]
    cost: tuple[float, ...]
    aversion: tuple[float, ...]  # kappa x horizon: 0 = even
    words: str


def frontier(order: Size, even_cost_bps: float) -> Frontier | None:
    """The frontier through the cost of an even schedule; None when that is below half the spread.

    even_cost_bps : what the simulated TWAP costs. None too when the cap has no room for the order.
    """
    most = order.most
    if most * PERIODS < order.quantity:
        return None
    unit = _model(order, 1.0)
    even = np.linspace(order.quantity, 0.0, PERIODS + 1)
    on = order.quantity * order.price / 1e4
    fixed = unit.epsilon * order.quantity
    wanted = even_cost_bps * on
    impact = unit.expected_cost(even) - fixed
    if wanted <= fixed or impact <= 0.0:
        return None
    model = _model(order, (wanted - fixed) / impact)
    half = 0.5 * order.spread / order.price * 1e4
    risk, cost, cut = [], [], 0
    for kappa in AVERSIONS:
        held = capped_holdings(order.quantity, PERIODS, kappa / PERIODS, most=most)
        cut += bool(held[0] - held[1] >= most * (1.0 - 1e-9))
        risk.append(model.risk(held) / on)
        cost.append(model.expected_cost(held) / on)
    capped = f"; cap {order.cap:.0%} of volume binds on {cut} of {len(cost)}" if cut else ""
    return Frontier(
        risk=tuple(risk),
        cost=tuple(cost),
        aversion=tuple(float(kappa) for kappa in AVERSIONS),
        words=f"{PERIODS} periods, sigma {order.sigma * order.rough:.2%} a day at these hours, "
        f"half spread {half:.2f} bp; impact scaled to the simulated TWAP{capped}",
    )


def _model(order: Size, scale: float) -> AlmgrenChriss:
    """Rule of thumb: a spread for 1 % of ADV at a time, and one for good for each 10 %."""
    return AlmgrenChriss(
        eta=scale * order.spread / (0.01 * order.adv),
        gamma=scale * order.spread / (0.1 * order.adv),
        tau=order.days / PERIODS,
        volatility=order.sigma * order.rough * order.price,
        epsilon=0.5 * order.spread,
    )
