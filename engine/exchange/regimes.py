"""Regimes of the simulated market: what a calm, trending, volatile or thin day changes.

A regime scales or sets fields of a FLOW record, so it fits any instrument. The values were found
by simulation (docs/market-model.md says how and which stylised fact applies where); acceptance
runs on other seeds. The zero-intelligence control has no memory, no information and one
volatility: what passes on it proves nothing.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused

Records = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Factors on fields of FLOW, then fields that take a value of their own."""

    name: str
    words: str  # what the day is like, for screens
    scale: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)

    def of(self, flow: Records) -> Records:
        """The flow of an instrument in this regime, shape (1,); the input is left alone."""
        changed = flow.copy()
        for name, factor in self.scale.items():
            changed[0][name] *= factor
        for name, value in self.fixed.items():
            changed[0][name] = value
        return changed


USUAL: Final = Regime(name="usual", words="the calibrated day")
CALM: Final = Regime(
    name="calm",
    words="two thirds of the usual volatility, less news",
    scale={"sigma": 0.65, "kappa": 0.62, "g_bg": 0.65, "g_own": 0.65, "c_own": 0.65, "rate": 0.85},
    fixed={"jumps": 3.0},
)
TRENDING: Final = Regime(
    name="trending",
    words="a steady drift of 60 ticks a day, longer metaorders",
    fixed={"drift": 60.0, "alpha": 1.45},
)
VOLATILE: Final = Regime(
    name="volatile",
    words="nearly one and a half times the usual volatility, more news, busier, thinner queues",
    scale={
        "sigma": 1.45, "kappa": 1.4, "g_bg": 1.45, "g_own": 1.45, "c_own": 1.45, "rate": 1.2,
        "depth": 0.62,
    },
    fixed={"jumps": 8.0},
)  # fmt: skip
THIN: Final = Regime(
    name="thin",
    words="half the usual activity, thinner queues, a wider spread",
    scale={"rate": 0.5, "depth": 0.9, "half_spread": 1.12, "kappa": 0.86},
)
REGIMES: Final = (USUAL, CALM, TRENDING, VOLATILE, THIN)

ZERO_INTELLIGENCE: Final = Regime(
    name="zero_intelligence",
    words="orders without memory, information or changing volatility: the negative control",
    fixed={
        "free_sign": 1.0, "kappa": 0.0, "g_bg": 0.0, "lean": 0.0, "informed": 0.0,
        "foresight": 0.0, "vol_day": 0.0, "vol_slow": 0.0, "vol_fast": 0.0, "jumps": 0.0,
        "u_low": 1.0, "u_edge": 0.0, "busy": 0.0, "deep": 0.0, "sigma": 0.6,
    },
)  # fmt: skip


def regime(name: str) -> Regime:
    """The regime of this name; Refused when there is none."""
    for known in (*REGIMES, ZERO_INTELLIGENCE):
        if known.name == name:
            return known
    names = ", ".join(known.name for known in (*REGIMES, ZERO_INTELLIGENCE))
    raise Refused(f"the regime must be one of {names}, was {name}", field="regime")
