"""What the desk derives from the market and does not journal: features, scores, their record.

Rebuilt by watching the market again; after a restart it starts empty, and says so (NaN features
make a model doubtful until the windows are full).
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.alarms import Doubts
from engine.core.moves import Moves
from engine.domain.events import ChildFilled
from engine.domain.instrument import Instrument, Session
from engine.domain.kinds import (
    MODEL_DOUBTFUL,
    MODEL_EXPIRED,
    MODEL_LIVE,
    MODEL_NONE,
    N_FEATURES,
)
from engine.domain.units import Nanos, ParentId, Symbol
from engine.kernels.features import new_state, prior_microprice, update_first
from engine.kernels.inference import Model
from engine.kernels.marks import FORGET_NS, MARKOUT_NS, judged
from engine.kernels.schedules import u_shape_curve
from engine.kernels.watch import lean_first

Floats = NDArray[np.float64]

KEPT = 2_000  # scored and labelled seconds that the running record looks back on
LEAST = 300  # labels before the record may call a model doubtful
DOUBTFUL_AUC = 0.48  # below a coin toss beyond noise at LEAST labels
# a version is demoted after so many looks (one a minute) below DOUBTFUL_AUC; a look of at least
# RECOVERED_AUC begins the count anew, one between the two does neither
DRIFT_LOOKS = 5
RECOVERED_AUC = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model as the engine uses it: flat arrays and what its card promises."""

    id: str
    model: Model
    horizon_s: int
    expires_at: Nanos  # market clock
    words: str
    trained_auc: float = float("nan")
    trained_n: int = 0
    red_flag: str = ""  # why its own validation says that it must not be believed; "" = none
    policy: bool = False  # of RL: it scores choices, not directions, and has no running record


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How the model has done today. NaN where nothing can be said."""

    n: int
    accuracy: float
    base_rate: float  # of the more frequent direction
    auc: float


@dataclass(slots=True, kw_only=True)
class Watch:
    """Scores, as far as they lean, waiting for their label, and the labelled ones."""

    waiting: deque[tuple[Nanos, Symbol, float, float]] = field(default_factory=deque)
    scored: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=KEPT))
    record: Record = Record(n=0, accuracy=float("nan"), base_rate=float("nan"), auc=float("nan"))
    of: str = ""  # id of the model that is watched
    low: int = 0  # looks in a row that were too low

    def add(self, at: Nanos, symbol: Symbol, leaning: float, mid: float) -> None:
        self.waiting.append((at, symbol, leaning, mid))

    def label(self, now: Nanos, horizon_ns: int, mids: Mapping[Symbol, float | None]) -> None:
        """Label what is a horizon old: up or down; an unmoved or missing mid says nothing."""
        while self.waiting and self.waiting[0][0] + horizon_ns <= now:
            _, symbol, leaning, before = self.waiting.popleft()
            after = mids.get(symbol)
            if after is not None and after != before:
                self.scored.append((leaning, after > before))

    def sum_up(self) -> Record:
        """Recount accuracy, base rate and AUC over what is kept."""
        n = len(self.scored)
        if n == 0:
            return self.record
        leanings = np.array([leaning for leaning, _ in self.scored])
        ups = np.array([up for _, up in self.scored])
        rate = float(ups.mean())
        self.record = Record(
            n=n,
            accuracy=float(((leanings > 0.0) == ups).mean()),
            base_rate=max(rate, 1.0 - rate),
            auc=auc(leanings, ups),
        )
        if n >= LEAST and self.record.auc < DOUBTFUL_AUC:
            self.low += 1
        elif self.record.auc >= RECOVERED_AUC:
            self.low = 0
        return self.record


def auc(scores: Floats, ups: NDArray[np.bool_]) -> float:
    """Chance that a random up scores above a random down, ties half; NaN with one class."""
    high, low = scores[ups], np.sort(scores[~ups])
    if high.size == 0 or low.size == 0:
        return float("nan")
    below = np.searchsorted(low, high, side="left")
    up_to = np.searchsorted(low, high, side="right")
    return float((below + up_to).sum() / 2.0 / (high.size * low.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A fill whose markout is not due yet."""

    due: int  # venue time + MARKOUT_NS
    parent: ParentId
    symbol: Symbol
    side: int
    price: float  # [tick]
    quantity: int
    place: int


@dataclass(slots=True)
class Marks:
    """What the mid did 10 s after our fills, by venue and by parent and venue; positive = good.

    Mean over shares of side * (mid - price) / price. [bp] The mid is that of the first decision at
    least 10 s after the fill; fills without a two-sided mid then are left out. Starts empty after
    a restart. People see the mean as it is, the router what can be believed of it (`judged`).
    """

    waiting: deque[Waiting] = field(default_factory=deque)
    sums: dict[tuple[int, int], tuple[float, int]] = field(default_factory=dict)  # parent 0 = all
    known: dict[int, tuple[float, float, float]] = field(default_factory=dict)  # place: gain,
    # shares, squares as far as remembered
    judgements: dict[int, tuple[tuple[float, float, float], float]] = field(default_factory=dict)
    era: int = 0  # stretch of FORGET_NS that ``known`` was last halved in

    def add(self, parent: ParentId, symbol: Symbol, side: int, fill: ChildFilled) -> None:
        """A fill; its markout is due later."""
        self.waiting.append(
            Waiting(
                due=fill.venue_at + MARKOUT_NS,
                parent=parent,
                symbol=symbol,
                side=side,
                price=fill.price + fill.sub / 100.0,
                quantity=fill.quantity,
                place=fill.venue,
            )
        )

    def book(self, now: Nanos, mids: Mapping[Symbol, float | None]) -> None:
        """Forget by half when the time has come, then book what is due."""
        if now // FORGET_NS != self.era:
            self.era = now // FORGET_NS
            self.known = {
                place: (0.5 * gain, 0.5 * shares, 0.5 * squares)
                for place, (gain, shares, squares) in self.known.items()
            }
        while self.waiting and self.waiting[0].due <= now:
            fill = self.waiting.popleft()
            mid = mids.get(fill.symbol)
            if mid is None:
                continue
            gain = fill.side * (mid - fill.price) / fill.price * 1e4 * fill.quantity
            for key in ((0, fill.place), (fill.parent, fill.place)):
                total, shares = self.sums.get(key, (0.0, 0))
                self.sums[key] = (total + gain, shares + fill.quantity)
            known = self.known.get(fill.place, (0.0, 0.0, 0.0))
            size = float(fill.quantity)
            self.known[fill.place] = (known[0] + gain, known[1] + size, known[2] + size * size)

    def believed(self, place: int) -> float:
        """Markout of a venue as the router takes it; NaN while too little is known. [bp]"""
        known = self.known.get(place)
        if known is None:
            return math.nan
        found = self.judgements.get(place)
        if found is None or found[0] is not known:  # asked for every order, news are rare
            found = (known, judged(*known))
            self.judgements[place] = found
        return found[1]

    def of_venue(self, place: int, parent: int = 0) -> float:
        """Markout at a venue, of one parent or of all; NaN before the first. [bp]"""
        total, shares = self.sums.get((parent, place), (0.0, 0))
        return total / shares if shares else float("nan")


@dataclass(slots=True, kw_only=True)
class Sight:
    """Features of every instrument and the record of the model in use."""

    session: Session
    instruments: tuple[Instrument, ...]
    curve: Floats
    states: dict[Symbol, NDArray[np.void]]
    features: dict[Symbol, NDArray[np.float32]]
    watch: Watch = field(default_factory=Watch)
    trial: Watch = field(default_factory=Watch)  # of a candidate
    marks: Marks = field(default_factory=Marks)
    moves: Moves = field(default_factory=Moves)
    doubts: Doubts = field(default_factory=Doubts)
    seconds: int = 0

    def look(self, ticks: NDArray[np.void]) -> None:
        """Take one second of TICK rows in."""
        for index, instrument in enumerate(self.instruments):
            symbol = instrument.symbol
            update_first(self.states[symbol], ticks[index : index + 1], self.features[symbol])
        self.seconds += 1

    def judge(
        self, now: Nanos, model: LoadedModel | None, mids: Mapping[Symbol, float | None]
    ) -> None:
        """Score every instrument and label what is due, whether or not anybody trades on it."""
        if model is None or model.policy:
            return
        if self.watch.of != model.id:  # another version has its own record
            self.watch = self.trial if self.trial.of == model.id else Watch(of=model.id)
            self.trial = Watch() if self.trial is self.watch else self.trial
        self._judge(self.watch, now, model, mids)

    def judge_trial(
        self, now: Nanos, model: LoadedModel | None, mids: Mapping[Symbol, float | None]
    ) -> None:
        """The same for a candidate, which has its own record."""
        if model is None or model.policy or model.id == self.watch.of:
            return
        if self.trial.of != model.id:
            self.trial = Watch(of=model.id)
        self._judge(self.trial, now, model, mids)

    def _judge(
        self, watch: Watch, now: Nanos, model: LoadedModel, mids: Mapping[Symbol, float | None]
    ) -> None:
        watch.label(now, model.horizon_s * 1_000_000_000, mids)
        for instrument in self.instruments:
            mid = mids.get(instrument.symbol)
            row = self.features[instrument.symbol]
            leaning = float(lean_first(model.model, row))
            if mid is not None and leaning == leaning:
                watch.add(now, instrument.symbol, leaning, mid)
        if self.seconds % 60 == 0:
            watch.sum_up()

    def _watch_of(self, model: LoadedModel) -> Watch:
        return self.trial if model.id and self.trial.of == model.id else self.watch

    def model_state(self, now: Nanos, model: LoadedModel | None) -> int:
        """Whether a model may be used: none, expired, doubtful by its record, or live."""
        if model is None:
            return MODEL_NONE
        if now >= model.expires_at:
            return MODEL_EXPIRED
        record = self._watch_of(model).record
        if not model.policy and record.n >= LEAST and record.auc < DOUBTFUL_AUC:
            return MODEL_DOUBTFUL
        return MODEL_LIVE

    def verdict(self, now: Nanos, model: LoadedModel) -> str:
        """Why a version must decide no more, "" = nothing is known against it."""
        if now >= model.expires_at:
            return "is past its expiry"
        watch = self._watch_of(model)
        if watch.of == model.id and watch.low >= DRIFT_LOOKS:
            record = watch.record
            return (
                f"has drifted: AUC {record.auc:.3f} over its last {record.n:,} labels, below "
                f"{DOUBTFUL_AUC:g} at {DRIFT_LOOKS} looks in a row"
            )
        return ""


def open_sight(session: Session, instruments: tuple[Instrument, ...]) -> Sight:
    """Empty windows for a day."""
    curve = u_shape_curve()
    micro: Any = prior_microprice()
    return Sight(
        session=session,
        instruments=instruments,
        curve=curve,
        states={
            row.symbol: new_state(session.open_at, session.close_at, float(row.adv), curve, micro)
            for row in instruments
        },
        features={row.symbol: np.full(N_FEATURES, np.nan, dtype=np.float32) for row in instruments},
    )
