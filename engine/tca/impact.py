"""Published laws of market impact: what the literature expects an order of a size to cost.

Sizes are fractions of the average daily volume, volatility a fraction a day unless said otherwise,
results are in bp of the arrival price, positive = cost. Sources: Almgren, Thum, Hauptmann, Li
2005 (ATHL); square root law with prefactor Y; Kissell's I-Star. The published I-Star parameters
disagree, so they are data.
"""

from dataclasses import dataclass
from typing import Final

BPS: Final = 10_000.0
ATHL_GAMMA: Final = 0.314
ATHL_ETA: Final = 0.142


@dataclass(frozen=True, slots=True, kw_only=True)
class Athl:
    """Impact of one order after ATHL. [bp]"""

    permanent: float  # I, of which an order pays half
    temporary: float  # K
    realised: float  # J = I / 2 + K


def athl(*, size: float, horizon: float, sigma: float, turnover: float) -> Athl:
    """ATHL 2005: I = .314 s x (T/V)^1/4, K = .142 s (x / horizon)^3/5, J = I / 2 + K.

    size : shares / ADV. horizon : days. sigma : volatility [fraction a day]. turnover : shares
    outstanding / ADV.
    """
    permanent = BPS * ATHL_GAMMA * sigma * size * turnover**0.25
    temporary = BPS * ATHL_ETA * sigma * (size / horizon) ** 0.6
    return Athl(permanent=permanent, temporary=temporary, realised=0.5 * permanent + temporary)


def square_root_peak(*, size: float, sigma: float, prefactor: float) -> float:
    """Y s sqrt(Q / V): the mid's move at the end of the order. [bp]"""
    return float(BPS * prefactor * sigma * size**0.5)


def square_root_cost(*, size: float, sigma: float, prefactor: float) -> float:
    """Mean over the path of an order whose impact does not decay: two thirds of the peak. [bp]"""
    return 2.0 / 3.0 * square_root_peak(size=size, sigma=sigma, prefactor=prefactor)


@dataclass(frozen=True, slots=True, kw_only=True)
class IStar:
    """Parameters of Kissell's I-Star model; the default is one of several published sets."""

    a1: float = 708.0
    a2: float = 0.55
    a3: float = 0.71
    a4: float = 0.50
    b1: float = 0.98


def i_star(*, size: float, sigma_year: float, parameters: IStar) -> float:
    """Instantaneous cost I* = a1 (Q / ADV)^a2 s^a3, volatility a fraction a year. [bp]"""
    return float(parameters.a1 * size**parameters.a2 * sigma_year**parameters.a3)


def i_star_cost(
    *, size: float, sigma_year: float, participation: float, parameters: IStar
) -> float:
    """Cost at a participation rate: b1 I* POV^a4 + (1 - b1) I*. [bp]"""
    whole = i_star(size=size, sigma_year=sigma_year, parameters=parameters)
    temporary = parameters.b1 * participation**parameters.a4
    return float(whole * (temporary + 1.0 - parameters.b1))
