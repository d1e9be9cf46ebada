"""The eight simulated instruments. Every name is invented.

MIDC is the calibrated stock of the scenario; the others scale it inside the ranges in which the
calibration holds (docs/numbers.md): sizes scale freely, the rate between a third and three times
(with background pressure and information divided by its root), the volatility up to twice.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.domain.instrument import Instrument
from engine.domain.units import Shares, Symbol
from engine.kernels import exogenous
from engine.kernels.environment import SIM_VENUES
from engine.kernels.exogenous import FLOW
from engine.kernels.off_state import LIT_SHARE

BASE = {
    "sigma": 0.47, "half_spread": 0.58, "rate": 11.2, "size": 1.0, "depth": 2.4, "kappa": 0.027,
    "g_bg": 0.43, "beta_bg": 0.42, "pi_bg": 0.04, "alpha": 1.5, "g_own": 0.66, "beta_own": 0.28,
    "pi_own": 0.03, "c_own": 1.3, "p_own": 0.58, "jumps": 4.0,
    "drift": 0.0, "lean": 0.62, "informed": 0.7, "foresight": 0.7, "vol_day": 0.30,
    "vol_slow": 0.35, "vol_fast": 0.30, "open_vol": 0.0, "u_low": 0.6, "u_edge": 2.7,
    "half_u": 0.6, "busy": 0.45, "deep": 0.35, "lag": 1.5, "free_sign": 0.1, "slots": 3.0,
}  # fmt: skip
TICK_SIZE = 0.01
MARKET_VERSION = 4  # raise it whenever the kernels draw or match differently
LATENCY_NS = 1_000_000  # from the desk to the book, every message, market time


class Stock(Protocol):
    """An instrument and the flow that trades it."""

    @property
    def instrument(self) -> Instrument: ...

    @property
    def off_size(self) -> float:
        """Size of trades off the public books, relative to the calibrated stock's."""
        ...

    def flow(self) -> NDArray[np.void]:
        """FLOW record of this instrument, shape (1,)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A stock that scales the calibrated one. The port `Stock`."""

    instrument: Instrument
    off_size: float = 1.0
    rate: float = 1.0  # relative to the calibrated stock
    size: float = 1.0  # order sizes, likewise; volume is consolidated, a part of it is lit
    move: float = 1.0  # volatility in ticks, likewise: fundamental, information and pressure
    half_spread: float = BASE["half_spread"]  # [tick]

    def flow(self) -> NDArray[np.void]:
        """FLOW record of this instrument, shape (1,)."""
        row = np.zeros(1, FLOW)
        for name, value in BASE.items():
            row[name] = value
        busy = max(1.0, self.rate) ** -0.5  # trades are more, so each says less
        row["reference"] = self.instrument.reference_price
        row["rate"] *= self.rate
        row["size"] = self.size * LIT_SHARE
        row["sigma"] *= self.move
        row["kappa"] *= self.move * busy
        row["g_bg"] *= self.move * busy
        row["g_own"] *= self.move
        row["c_own"] *= self.move
        row["half_spread"] = self.half_spread
        return row


# mean shares at one side of the consolidated touch, every five minutes of 12 days without orders of
# ours (seeds 50000-50011): a queue depends on rate and spread as well as on the size of orders
TOUCH = {
    "MIDC": 235, "NRTH": 482, "ALTR": 255, "HBRK": 1_084, "QLTX": 187, "VNTR": 344, "OSPR": 141,
    "TLMC": 3_963,
}  # fmt: skip


def _instrument(
    symbol: str, name: str, price: int, adv: int, spread: float, volatility: float
) -> Instrument:
    """An instrument; price [tick], adv [share], spread [tick], volatility [bp a day]."""
    return Instrument(
        symbol=Symbol(symbol),
        name=name,
        currency="USD",
        tick_size=TICK_SIZE,
        lot=Shares(100),
        adv=Shares(adv),
        reference_price=price,
        spread_ticks=spread,
        daily_volatility_bps=volatility,
        touch=Shares(TOUCH[symbol]),
    )


PRESETS: tuple[Preset, ...] = (
    Preset(instrument=_instrument("MIDC", "Midland Castings", 5_000, 2_000_000, 2.0, 210.0)),
    Preset(
        instrument=_instrument("NRTH", "Northgate Foods", 8_200, 9_700_000, 1.9, 115.0),
        rate=3.0,
        size=1.63,
    ),
    Preset(
        instrument=_instrument("ALTR", "Alderton Software", 12_400, 5_900_000, 2.4, 150.0),
        rate=2.5,
        size=1.24,
        move=2.0,
    ),
    Preset(
        instrument=_instrument("HBRK", "Harbrook Bank", 3_150, 11_700_000, 1.6, 180.0),
        rate=2.0,
        size=2.9,
        move=0.6,
        half_spread=0.35,
    ),
    Preset(
        instrument=_instrument("QLTX", "Quillan Textiles", 1_850, 440_000, 1.9, 215.0),
        rate=0.4,
        size=0.573,
        move=0.5,
    ),
    Preset(
        instrument=_instrument("VNTR", "Ventris Energy", 6_700, 4_400_000, 2.1, 170.0),
        rate=1.5,
        size=1.515,
        move=1.2,
    ),
    Preset(
        instrument=_instrument("OSPR", "Osprey Diagnostics", 2_600, 620_000, 2.2, 320.0),
        rate=0.5,
        size=0.659,
    ),
    Preset(
        instrument=_instrument("TLMC", "Tallmere Telecom", 1_420, 20_000_000, 1.4, 185.0),
        rate=2.0,
        size=4.93,
        move=0.26,
        half_spread=0.05,
    ),
)
MIDCAP: Preset = PRESETS[0]  # the calibrated stock of the scenario
KERNEL_CONSTANTS = (
    exogenous.N_MEMORIES, exogenous.LAG_S, exogenous.MAX_LIFE, exogenous.BASE_RATE,
    exogenous.MEAN_SIZE, exogenous.SIZE_CAP, exogenous.ACCEPT, exogenous.QUANTILES,
    exogenous.MARKET_BELOW, exogenous.LIMIT_BELOW, exogenous.STALE_BELOW,
)  # fmt: skip


def market_hash(
    flows: Iterable[NDArray[np.void]] | None = None,
    *,
    latency_ns: int = LATENCY_NS,
    venues: Iterable[object] = SIM_VENUES,
) -> str:
    """Short hash of all that the simulated market is made of; printed with every result.

    flows : FLOW records, those of all presets when None. venues : whatever describes them;
    their ``repr`` counts. The version stands for what no parameter says.
    """
    digest = hashlib.sha256(f"{MARKET_VERSION} {latency_ns} {KERNEL_CONSTANTS}".encode())
    for venue in venues:
        digest.update(repr(venue).encode())
    for flow in flows if flows is not None else (preset.flow() for preset in PRESETS):
        digest.update(flow.tobytes())
    return digest.hexdigest()[:8]
