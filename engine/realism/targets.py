"""Which facts a market must show, in which band, and which of them a regime can show at all.

A target passes when its whole interval lies in the band, not only its value.
"""

import math
from dataclasses import dataclass
from typing import Final

from engine.realism import facts
from engine.realism.facts import Estimator

FOREVER: Final = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One fact: its band, how it is estimated, what its n counts."""

    name: str
    fact: str  # number in the list of stylised facts
    low: float
    high: float
    unit: str
    words: str
    estimate: Estimator
    counted: tuple[str, int]  # sums and column that n adds up; column -1 = all of them
    above: bool  # the interval must lie above ``low``, not touch it

    def holds(self, ci95: tuple[float, float]) -> bool:
        """Whether the whole interval lies in the band; False where there is none."""
        low, high = ci95
        if not (math.isfinite(low) and math.isfinite(high)):
            return False
        return (low > self.low if self.above else low >= self.low) and high <= self.high

    @property
    def band(self) -> str:
        """The band in words."""
        if self.high == FOREVER:
            return f"{'>' if self.above else '≥'} {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


TABLE: Final = (
    ("order_sign_memory", "SF-1", (0.3, 0.8), "", facts.sign_exponent, ("signs", 0),
            "exponent of the decay of the sign autocorrelation, lags 2 to 200 trades"),
    ("order_sign_c100", "SF-1", (0.0, FOREVER), "", facts.sign_at(100), ("signs", 0),
            "sign autocorrelation 100 trades later is above noise"),
    ("diffusivity_acf1", "SF-2", (-0.05, 0.05), "", facts.return_correlation,
            ("diffusion", 0), "one-minute returns do not predict the next"),
    ("variance_ratio_10", "SF-2", (0.9, 1.1), "", facts.variance_ratio(0),
            ("diffusion", 4), "variance of 10 minutes over ten times that of one"),
    ("variance_ratio_30", "SF-2", (0.9, 1.1), "", facts.variance_ratio(1),
            ("diffusion", 7), "variance of 30 minutes over thirty times that of one"),
    ("order_flow_imbalance_r2", "SF-3", (0.3, 1.0), "", facts.flow_r2, ("flow", 0),
            "order-flow imbalance explains 10 s mid changes"),
    ("depth_slope_ratio", "SF-3", (1.3, FOREVER), "", facts.depth_slopes, ("flow", 0),
            "the same imbalance moves a thin book more than a thick one"),
    ("queue_imbalance_predicts", "SF-4", (0.55, 0.80), "", facts.imbalance_right,
            ("next", 0), "the touch leans towards the next move of the mid"),
    ("response_growth", "SF-5", (1.5, 5.0), "", facts.response_growth, ("response", 0),
            "response after 100 trades over that after one"),
    ("spread_recovery", "SF-6", (0.0, 60.0), "s", facts.recovery_time, ("recovery", 0),
            "a spread opened by a large trade closes to 1/e"),
    ("volatility_clustering", "SF-7", (0.0, FOREVER), "", facts.clustering("minutes"),
            ("minutes", -1), "absolute one-minute returns still correlate 100 minutes later",
            ),
    ("volatility_clustering_10s", "SF-7", (0.0, FOREVER), "", facts.clustering("tens"),
            ("tens", -1), "absolute ten-second returns still correlate 1,000 s later"),
    ("heavy_tails", "SF-8", (2.0, 5.0), "", facts.tail_index("minutes"), ("minutes", -1),
            "tail index of one-minute returns, largest 2 %"),
    ("heavy_tails_5min", "SF-8", (2.0, 5.0), "", facts.tail_index("fives"), ("fives", -1),
            "tail index of five-minute returns, largest 2 %"),
    ("kurtosis", "SF-8", (3.0, FOREVER), "", facts.kurtosis, ("minutes", -1),
            "kurtosis of one-minute returns, 3 for a normal"),
    ("u_shape_volume", "SF-10", (1.3, FOREVER), "", facts.edge_over_middle(0),
            ("half_hours", -1), "volume at open and close over midday"),
    ("u_shape_spread", "SF-10", (1.3, FOREVER), "", facts.edge_over_middle(13),
            ("half_hours", -1), "spread at open and close over midday"),
    ("aggressor_side", "SF-11", (0.99, 1.0), "", facts.aggressor_right, ("right", 0),
            "aggressors trade on their side of the mid before"),
)  # fmt: skip

STRICTLY: Final = (  # the interval must lie above the bound, not touch it
    "order_sign_c100", "volatility_clustering", "volatility_clustering_10s", "kurtosis",
)  # fmt: skip
TARGETS: Final = tuple(
    Target(
        name=name, fact=fact, low=band[0], high=band[1], unit=unit, estimate=estimate,
        counted=counted, words=words, above=name in STRICTLY,
    )
    for name, fact, band, unit, estimate, counted, words in TABLE
)  # fmt: skip

# the control must fail these, or the measurements prove nothing
MUST_FAIL: Final = ("order_sign_memory", "order_sign_c100", "volatility_clustering")

# why a target does not apply to a regime; all others do
NOT_APPLICABLE: Final[dict[str, dict[str, str]]] = {
    "trending": {
        "variance_ratio_10": "a drift adds to the variance of long returns",
        "variance_ratio_30": "a drift adds to the variance of long returns",
    },
}

# told beside the targets, without a band
LEVELS: Final[dict[str, tuple[str, Estimator]]] = {
    "order_sign_c1": ("", facts.sign_at(1)),
    "response_1": ("tick", lambda sums, weights: facts.responses(sums, weights)[:, 0]),
    "volume": ("share a day", facts.per_day(1)),
    "lit_volume": ("share a day", facts.per_day(8)),
    "aggressors": ("a day", facts.per_day(2)),
    "spread": ("tick", facts.per_day(3, 0)),
    "widest_spread": ("tick, mean over days", facts.per_day(6)),
    "touch_size": ("share", facts.per_day(4, 0)),
    "day_deviation": ("tick", facts.day_deviation),
    "day_move": ("tick", facts.per_day(7)),
    "touch_auc_1s": ("", facts.auc(1)),
    "touch_auc_5s": ("", facts.auc(5)),
    "touch_auc_10s": ("", facts.auc(10)),
    "touch_auc_30s": ("", facts.auc(30)),
}
