"""Published laws of scheduling: what the literature says an order should be cut into.

Quantities are shares, positive; costs are in currency, positive = cost. Sources: Almgren and Chriss
2000; Obizhaeva and Wang 2013 (flat book of unit depth); Bertsimas and Lo 1998.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.kernels.schedules import almgren_chriss_kappa, share_left

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlmgrenChriss:
    """Impact and risk of one stock, per period of length ``tau``."""

    eta: float  # temporary impact [currency * time / share^2]
    gamma: float  # permanent impact [currency / share^2]
    tau: float  # length of a period [time]
    volatility: float  # of the price [currency / sqrt(time)]
    epsilon: float  # fixed cost of a share: half the spread and fees [currency / share]

    def holdings(self, quantity: float, periods: int, risk_aversion: float) -> Floats:
        """Shares held at the edges of the periods by the optimal schedule, shape (periods + 1,)."""
        kappa = self.kappa(risk_aversion)
        horizon = periods * self.tau
        left = [share_left(kappa, horizon - k * self.tau, horizon) for k in range(periods + 1)]
        return quantity * np.array(left)

    def capped(
        self, quantity: float, periods: int, risk_aversion: float, most: float, lot: float = 0.0
    ) -> Floats:
        """As ``holdings`` with at most ``most`` shares a period; see ``capped_holdings``."""
        return capped_holdings(
            quantity, periods, self.kappa(risk_aversion) * self.tau, most=most, lot=lot
        )

    def kappa(self, risk_aversion: float) -> float:
        """Decay rate of the optimal holdings. [1 / time]"""
        return float(
            almgren_chriss_kappa(risk_aversion, self.volatility, self.eta, self.gamma, self.tau)
        )

    def expected_cost(self, held: Floats) -> float:
        """E of a schedule: permanent, fixed and temporary cost. [currency]"""
        traded = -np.diff(held)
        smooth = self.eta - 0.5 * self.gamma * self.tau
        fixed = 0.5 * self.gamma * held[0] ** 2 + self.epsilon * np.abs(traded).sum()
        return float(fixed + smooth / self.tau * (traded**2).sum())

    def risk(self, held: Floats) -> float:
        """Standard deviation of the cost of a schedule. [currency]"""
        return float(self.volatility * math.sqrt(self.tau * (held[1:] ** 2).sum()))


def capped_holdings(
    quantity: float, periods: int, decay: float, *, most: float, lot: float = 0.0
) -> Floats:
    """Shares held at the edges of the periods by the optimal schedule under a cap. [share]

    decay : kappa tau, 0 = even. most : shares a period at most. lot : trades are whole lots but
    for the last, 0 = any size. In every period it is the optimal schedule for what is left, cut at
    the cap: trades of the free optimum fall, so a cap binds from the start on, and after it the
    rest is the free optimum of the rest. Shape (periods + 1,); the last entry is what the cap
    leaves over. Source: DOMAIN.md KA-20.
    """
    whole = math.floor(most / lot) * lot if lot > 0.0 and most < quantity else most
    held = np.empty(periods + 1)
    held[0] = quantity
    for k in range(periods):
        now, rest = float(held[k]), periods - k
        if rest == 1:
            held[k + 1] = max(0.0, now - most)
            continue
        trade = now - now * share_left(decay, rest - 1.0, float(rest))
        if lot > 0.0:
            trade = round(trade / lot) * lot
        needed = now - (rest - 1) * whole  # what the periods to come have no room for
        held[k + 1] = now - min(max(trade, needed), whole, now)
    return held


def obizhaeva_wang(quantity: float, count: int, resilience: float, horizon: float) -> Floats:
    """Optimal trades at ``count`` equidistant instants, the first at once. [share]

    resilience : rate at which the impact of a trade decays. [1 / time]
    """
    lost = 1.0 - math.exp(-resilience * horizon / (count - 1))
    end = quantity / (2.0 + (count - 2) * lost)
    trades = np.full(count, end * lost)
    trades[[0, -1]] = end
    return trades


def obizhaeva_wang_cost(trades: Floats, resilience: float, horizon: float) -> float:
    """1/2 sum_i sum_j n_i n_j exp(-resilience |t_i - t_j|) of equidistant trades. [currency]"""
    at = np.linspace(0.0, horizon, len(trades))
    gap = np.abs(np.subtract.outer(at, at))
    return float(0.5 * trades @ np.exp(-resilience * gap) @ trades)


def bertsimas_lo_cost(trades: Floats, theta: float) -> float:
    """Cost when each share moves the price by ``theta`` for good: theta sum n_k sum_{j<=k} n_j."""
    return float(theta * (trades * np.cumsum(trades)).sum())
