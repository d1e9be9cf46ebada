"""The strategies and their parameters, each with unit, hard limits, approved band and meaning.

These tables draw the ticket and the strategies page, write the error texts, and guard the engine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from engine.domain import kinds
from engine.domain.errors import Refused
from engine.domain.instrument import Instrument, usual_touch

DERIVED: Final = -1  # not an entry of the vector of ``act``: one is made of it and the instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One knob. ``low``/``high`` are hard; inside the band one person may move it."""

    name: str
    index: int  # position in the vector of ``act``, or DERIVED
    unit: str
    low: float
    high: float
    band_low: float
    band_high: float
    default: float
    meaning: str
    raises_risk: bool  # whether raising it raises risk
    decimals: int = 2

    def check(self, value: float) -> None:
        """Refuse what lies outside the hard limits (NaN included)."""
        if not self.low <= value <= self.high:
            raise Refused(
                f"{self.name} must be between {self.low:g} and {self.high:g} {self.unit}, "
                f"was {value:g}",
                field=self.name,
                rule=f"limits.{self.name}",
            )

    def is_inside_band(self, value: float) -> bool:
        return self.band_low <= value <= self.band_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One algorithm of the catalogue."""

    name: str
    kind: int
    words: str  # plain language, one or two sentences
    parameters: tuple[Parameter, ...]
    uses_model: bool = False

    def parameter(self, name: str) -> Parameter:
        for row in self.parameters:
            if row.name == name:
                return row
        names = ", ".join(row.name for row in self.parameters)
        raise Refused(f"{self.name} has no parameter {name!r}; it has {names}", field=name)

    def defaults(self) -> dict[str, float]:
        return {row.name: float(row.default) for row in self.parameters}


BAND = Parameter(
    name="band", index=kinds.P_BAND, unit="of quantity", low=0.001, high=0.2, band_low=0.005,
    band_high=0.05, default=0.01, raises_risk=True, decimals=3,
    meaning="Half-width of the discretion band: how far from schedule before it crosses.",
)  # fmt: skip
AGGRESSION = Parameter(
    name="aggression", index=kinds.P_AGGRESSION, unit="0..1", low=0.0, high=1.0, band_low=0.0,
    band_high=0.7, default=0.3, raises_risk=True,
    meaning="0 rests and waits; 1 crosses the spread as soon as it is behind schedule.",
)  # fmt: skip
MAX_PARTICIPATION = Parameter(
    name="max_participation", index=kinds.P_MAX_PARTICIPATION, unit="of volume", low=0.005,
    high=0.4, band_low=0.01, band_high=0.25, default=0.25, raises_risk=True,
    meaning="Own share of market volume that is never exceeded, own volume in the denominator.",
)  # fmt: skip
TARGET_PARTICIPATION = Parameter(
    name="target_participation", index=kinds.P_TARGET_PARTICIPATION, unit="of volume", low=0.005,
    high=0.35, band_low=0.01, band_high=0.2, default=0.1, raises_risk=True,
    meaning="Own share of market volume to follow, own volume in the denominator.",
)  # fmt: skip
JITTER = Parameter(
    name="jitter", index=kinds.P_JITTER, unit="of slice", low=0.0, high=0.9, band_low=0.0,
    band_high=0.5, default=0.3, raises_risk=False,
    meaning="How irregular the slice clock is, so that others cannot read it.",
)  # fmt: skip
SLICE = Parameter(
    name="slice", index=kinds.P_SLICE_S, unit="s", low=5.0, high=900.0, band_low=10.0,
    band_high=300.0, default=30.0, raises_risk=False, decimals=0,
    meaning="Seconds between steps of the schedule.",
)  # fmt: skip
MAX_CHILD = Parameter(
    name="max_child", index=kinds.P_MAX_CHILD, unit="shares", low=100, high=20_000, band_low=100,
    band_high=5_000, default=2_000, raises_risk=True, decimals=0,
    meaning="Largest single child order.",
)  # fmt: skip
OFFSET = Parameter(
    name="offset", index=kinds.P_DISPLAY_OFFSET, unit="ticks", low=0, high=10, band_low=0,
    band_high=3, default=0, raises_risk=False, decimals=0,
    meaning="How many ticks behind the own touch passive children rest.",
)  # fmt: skip
MAX_TILT = Parameter(
    name="max_tilt", index=kinds.P_MAX_TILT, unit="of quantity", low=0.0, high=0.1, band_low=0.0,
    band_high=0.04, default=0.002, raises_risk=True, decimals=3,
    meaning="Most that the model may move the target away from the base schedule.",
)  # fmt: skip
CONFIDENCE = Parameter(
    name="confidence_floor", index=kinds.P_CONFIDENCE, unit="|p - 0.5|", low=0.0, high=0.5,
    band_low=0.01, band_high=0.2, default=0.03, raises_risk=False, decimals=3,
    meaning="Scores closer to a coin toss than this are ignored.",
)  # fmt: skip
BASE = Parameter(
    name="base", index=kinds.P_BASE, unit="0 TWAP, 1 VWAP, 2 POV", low=0, high=2, band_low=0,
    band_high=1, default=1, raises_risk=False, decimals=0,
    meaning="Schedule that the model tilts, and that runs alone when the model is off.",
)  # fmt: skip

DARK = Parameter(
    name="dark", index=kinds.P_DARK, unit="of what rests", low=0.0, high=1.0, band_low=0.0,
    band_high=0.5, default=0.0, raises_risk=False,
    meaning="Part of the resting quantity that goes to the dark pool where fills and what follows "
    "them were best; it trades at the mid, unseen, or not at all.",
)  # fmt: skip

CURVE_UPDATE = Parameter(
    name="curve_update", index=kinds.P_CURVE_UPDATE, unit="0..1", low=0.0, high=1.0, band_low=0.0,
    band_high=1.0, default=1.0, raises_risk=False,
    meaning="0 follows the usual curve of the day; 1 what has traded so far and what that makes "
    "likely for the rest.",
)  # fmt: skip
URGENCY = Parameter(
    name="urgency", index=kinds.P_URGENCY, unit="kappa x horizon", low=0.0, high=20.0,
    band_low=0.0, band_high=6.0, default=0.0, raises_risk=True, decimals=1,
    meaning="0 demands what the volume curve says; the larger, the more of it early.",
)  # fmt: skip
MINIMUM = Parameter(
    name="min_quantity", index=kinds.P_MINIMUM, unit="shares", low=0, high=5_000, band_low=0,
    band_high=1_000, default=100, raises_risk=False, decimals=0,
    meaning="Least quantity of one execution in a dark pool: a shield against being probed.",
)  # fmt: skip
DEALER = Parameter(
    name="dealers", index=kinds.P_DEALER, unit="0 no, 1 yes", low=0, high=1, band_low=0,
    band_high=1, default=0, raises_risk=False, decimals=0,
    meaning="Whether a child that has to cross takes a dealer's quote as good as the touch.",
)  # fmt: skip
SIZE_GAIN = Parameter(
    name="size_gain", index=kinds.P_SIZE_GAIN, unit="of max_child", low=0.0, high=4.0,
    band_low=0.0, band_high=1.0, default=0.0, raises_risk=True,
    meaning="How much larger a child may be when the model leans all the way towards trading now.",
)  # fmt: skip
SKEW = Parameter(
    name="skew", index=kinds.P_SKEW, unit="ticks", low=0, high=3, band_low=0, band_high=1,
    default=0, raises_risk=False, decimals=0,
    meaning="How far a model that leans all the way moves a new resting child: into the spread "
    "when the price is about to go away, back when it is about to come.",
)  # fmt: skip
DEVIATION = Parameter(
    name="max_deviation", index=kinds.P_DEVIATION, unit="of quantity", low=0.0, high=0.1,
    band_low=0.0, band_high=0.05, default=0.02, raises_risk=True, decimals=3,
    meaning="Most that the learnt policy may work ahead of, or behind, its base schedule.",
)  # fmt: skip
RISK_AVERSION = Parameter(
    name="risk_aversion", index=kinds.P_RISK_AVERSION, unit="kappa x horizon", low=0.0, high=20.0,
    band_low=0.0, band_high=6.0, default=2.0, raises_risk=True, decimals=1,
    meaning="0 trades evenly; the larger, the more of it early: less risk of the price running "
    "away, more impact.",
)  # fmt: skip

SEEK_DARK = replace(
    DARK, default=0.3,
    meaning="Part of what is left that may wait in dark pools at a time, one child in each pool "
    "worth it.",
)  # fmt: skip
SEEK_DEALER = replace(
    DEALER, default=1,
    meaning="Whether a dealer's quote as good as the touch is taken as soon as less is done than "
    "the schedule says, and before any crossing.",
)  # fmt: skip

# what learns goes off exchange first and shows little: docs/numbers.md has what each is worth
CHILD_OF_TOUCH = Parameter(
    name="child_of_touch", index=DERIVED, unit="of usual touch", low=0.1, high=25.0, band_low=0.4,
    band_high=10.0, default=1.28, raises_risk=True,
    meaning="Largest single child order, in parts of what usually stands at the touch of the "
    "instrument, in whole lots: a long queue of ours moves the price before we have traded.",
)  # fmt: skip
PART_DARK = replace(DARK, default=0.3)
ASK_DEALER = replace(DEALER, default=1)

COMMON: Final = (BAND, AGGRESSION, MAX_PARTICIPATION, MAX_CHILD, OFFSET, DARK, DEALER)

LEARNING: Final = (
    BAND, AGGRESSION, MAX_PARTICIPATION, CHILD_OF_TOUCH, OFFSET, PART_DARK, ASK_DEALER,
)  # fmt: skip

CLOCKED: Final = (SLICE, JITTER)
EVERY: Final = (
    *COMMON, *CLOCKED, TARGET_PARTICIPATION, RISK_AVERSION, MAX_TILT, CONFIDENCE, BASE,
    CURVE_UPDATE, URGENCY, MINIMUM, SIZE_GAIN, SKEW, DEVIATION,
)  # fmt: skip

STRATEGIES: Final[dict[str, Strategy]] = {
    row.name: row
    for row in (
        Strategy(
            name="TWAP",
            kind=kinds.TWAP,
            words="Trades evenly over time. Rests at the touch on schedule, crosses when behind.",
            parameters=(*COMMON, *CLOCKED),
        ),
        Strategy(
            name="VWAP",
            kind=kinds.VWAP,
            words="Follows the usual volume curve of the day, more at the open and close, and "
            "updates it from what has traded so far.",
            parameters=(*COMMON, *CLOCKED, CURVE_UPDATE),
        ),
        Strategy(
            name="POV",
            kind=kinds.POV,
            words="Keeps a fixed share of what the market trades; one that has to finish speeds "
            "up in the last fifth of its time.",
            parameters=(*COMMON, TARGET_PARTICIPATION),
        ),
        Strategy(
            name="IS",
            kind=kinds.IS,
            words="Trades early what is risky to keep: the arrival schedule of Almgren and Chriss.",
            parameters=(*COMMON, *CLOCKED, RISK_AVERSION),
        ),
        Strategy(
            name="LIQUIDITY",
            kind=kinds.LIQUIDITY,
            words="Waits in the dark pools and takes dealers' quotes first; goes to public books "
            "as the schedule demands.",
            parameters=(
                BAND, AGGRESSION, MAX_PARTICIPATION, MAX_CHILD, OFFSET, SEEK_DARK, SEEK_DEALER,
                *CLOCKED, CURVE_UPDATE, URGENCY, MINIMUM,
            ),
        ),
        Strategy(
            name="ADAPTIVE",
            kind=kinds.ADAPTIVE,
            words="Pools and dealers before public books, small children there, on a base "
            "schedule that a price-direction model tilts: earlier when the price is about to move "
            "away, later when it is about to come closer. Without a trusted model the tilt is 0.",
            parameters=(
                *LEARNING, *CLOCKED, TARGET_PARTICIPATION, CURVE_UPDATE, MAX_TILT, CONFIDENCE, BASE,
                SIZE_GAIN, SKEW,
            ),
            uses_model=True,
        ),
        Strategy(
            name="RL",
            kind=kinds.RL,
            words="A policy learnt in the simulator: it works ahead of its base schedule or waits, "
            "crosses early or late, on public books or off them. Without a trusted model it is "
            "exactly its base schedule, worked as ADAPTIVE works its own.",
            parameters=(
                *LEARNING, *CLOCKED, TARGET_PARTICIPATION, CURVE_UPDATE, DEVIATION, BASE,
            ),
            uses_model=True,
        ),
    )
}  # fmt: skip


def strategy(name: str) -> Strategy:
    """The strategy of this name, or a refusal that lists the names."""
    found = STRATEGIES.get(name)
    if found is None:
        raise Refused(
            f"strategy must be one of {', '.join(STRATEGIES)}, was {name!r}", field="strategy"
        )
    return found


def check_values(name: str, values: dict[str, float]) -> None:
    """Refuse unknown parameters and values outside their hard limits."""
    algo = strategy(name)
    for key, value in values.items():
        algo.parameter(key).check(value)


def known_values(name: str, values: Mapping[str, float]) -> dict[str, float]:
    """Values of a version as the catalogue has them now: a new parameter has its table default.

    A parameter that the strategy no longer has is left out.
    """
    known = strategy(name).defaults()
    return known | {key: value for key, value in values.items() if key in known}


def child_shares(part: float, instrument: Instrument) -> int:
    """Largest child for a part of the usual touch: whole lots, at least one. [share]

    Never above the hard limit of a largest child.
    """
    lot = max(1, instrument.lot)
    lots = max(1, math.floor(part * usual_touch(instrument) / lot + 0.5))
    return int(min(lots * lot, MAX_CHILD.high))


def vector(name: str, values: Mapping[str, float], instrument: Instrument) -> list[float]:
    """The parameter vector of ``act``; parameters a strategy lacks keep their table default."""
    algo = strategy(name)
    out = [0.0] * kinds.N_PARAMETERS
    for row in EVERY:
        out[row.index] = row.default
    for row in algo.parameters:
        value = values.get(row.name, row.default)
        if row.index == DERIVED:
            out[kinds.P_MAX_CHILD] = float(child_shares(value, instrument))
        else:
            out[row.index] = value
    return out
