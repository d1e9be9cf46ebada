"""Decisions of the parents: state -> observation -> ``act`` -> child events.

Once a second on the grid. The observation is built here for the live desk and in
``kernels/simulate`` for simulated days; a parity test holds the two to the same records.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.core.quotes import Quotes
from engine.core.rules.modes import is_passive
from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import allowed_places
from engine.core.rules.trouble import waits_for
from engine.core.sight import LoadedModel, Sight
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.instrument import Instrument, Session
from engine.domain.kinds import N_PARAMETERS, P_EXPIRE, P_PASSIVE
from engine.domain.market import ACTION, OBSERVATION, SLOTS
from engine.domain.orders import AtEnd, Parent, ParentState
from engine.domain.strategy import STRATEGIES, vector
from engine.domain.units import Nanos, Shares, Ticks, child_id
from engine.kernels.act import act_first
from engine.kernels.inference import Model, no_model
from engine.kernels.marks import fill_rate

COLLAR_BPS = 10.0  # of the planner; the gate's own collar is wider and independent

# one decision as it is stored beside the journal entry of its child
DECISION = np.dtype(
    [
        ("parent", "<i8"),
        ("observation", OBSERVATION),
        ("parameters", "<f8", (N_PARAMETERS,)),
        ("action", ACTION),
    ],
    align=True,
)


VENUE_FIELDS: Final = (
    "venue_bid", "venue_bid_size", "venue_ask", "venue_ask_size", "venue_volume",
)  # fmt: skip
NO_MODEL: Model = no_model()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What ``act`` decided for one parent, and the record to store when it acts."""

    parent: Parent
    type: int
    price: int
    size: int
    ttl_ns: int
    cancel_mask: int
    why: int
    binding: int
    model_state: int
    model_id: str
    target: float
    band_low: float
    band_high: float
    score: float
    tilt: float
    venue: int
    display: int
    minimum: int
    record: bytes  # DECISION row; b"" when it only waits
    rollout: int = 0  # the candidate that decided, 0 = the version in force


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """By what a decision is made: a model, and what differs from the values in force."""

    model: LoadedModel | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    places: int = -1  # bits of the venues that it may see
    rollout: int = 0  # of a candidate, 0 = the version in force


class Planner:
    """Buffers for one call of ``act``; holds nothing from one call to the next."""

    def __init__(self) -> None:
        self.observations: NDArray[np.void] = np.zeros(1, dtype=OBSERVATION)
        self.actions: NDArray[np.void] = np.zeros(1, dtype=ACTION)
        self.parameters: NDArray[np.float64] = np.zeros(N_PARAMETERS)

    def decide(
        self, state: State, quotes: Quotes, sight: Sight, parent: Parent, version: Version
    ) -> Decision:
        """One call of ``act`` for one parent."""
        assert state.session is not None
        self.observations[:] = 0
        row: Any = self.observations[0]
        instrument = state.instruments[parent.symbol]
        fill_observation(row, state, parent, quotes, state.session, instrument)
        fill_venues(row, state, parent, quotes, sight)
        algo = STRATEGIES[parent.strategy]
        used = version.model if algo.uses_model else None
        row["venues"] &= version.places
        row["features"] = sight.features[parent.symbol]
        row["model_state"] = sight.model_state(state.market_ns, used)
        values = state.parameter_values(parent, version.values)
        self.parameters[:] = vector(parent.strategy, values, instrument)
        self.parameters[P_EXPIRE] = float(parent.at_end == AtEnd.EXPIRE)
        self.parameters[P_PASSIVE] = float(parent.passive_only or is_passive(state))
        flat = NO_MODEL if used is None else used.model
        act_first(self.observations, self.parameters, sight.curve, flat, self.actions)
        return self._decision(parent, "" if used is None else used.id, version.rollout)

    def _decision(self, parent: Parent, model_id: str, rollout: int) -> Decision:
        action: Any = self.actions[0]
        kind, mask = int(action["type"]), int(action["cancel_mask"])
        record = b""
        if kind or mask:
            stored = np.zeros(1, dtype=DECISION)
            stored["parent"] = parent.id
            stored["observation"] = self.observations
            stored["parameters"] = self.parameters
            stored["action"] = self.actions
            record = stored.tobytes()
        return Decision(
            parent=parent,
            type=kind,
            price=int(action["price"]),
            size=int(action["size"]),
            ttl_ns=int(action["ttl_ns"]),
            cancel_mask=mask,
            why=int(action["why"]),
            binding=int(action["binding"]),
            model_state=int(action["model_state"]),
            model_id=model_id,
            target=float(action["target"]),
            band_low=float(action["band_low"]),
            band_high=float(action["band_high"]),
            score=float(action["score"]),
            tilt=float(action["tilt"]),
            venue=int(action["venue"]),
            display=int(action["display"]),
            minimum=int(action["minimum"]),
            record=record,
            rollout=rollout,
        )


def fill_observation(
    row: Any, state: State, parent: Parent, quotes: Quotes, session: Session, instrument: Instrument
) -> None:
    """Write everything but features and model state into one zeroed OBSERVATION row."""
    quote = quotes.get(parent.symbol)
    row["now_ns"] = state.market_ns
    row["start_ns"] = parent.start_at
    row["end_ns"] = parent.end_at
    row["open_ns"] = session.open_at
    row["close_ns"] = session.close_at
    row["kind"] = STRATEGIES[parent.strategy].kind
    row["side"] = parent.side
    row["quantity"] = parent.quantity
    row["filled"] = parent.filled
    row["limit_price"] = parent.limit_price or 0
    row["arrival_price"] = parent.arrival_price
    row["lot"] = instrument.lot
    row["expected_volume"] = instrument.adv
    row["collar_ticks"] = max(1, int(parent.arrival_price * COLLAR_BPS / 1e4))
    row["seed"] = parent.seed
    row["base_ns"] = parent.base_at
    row["base_filled"] = parent.base_filled
    row["base_volume"] = parent.base_volume
    row["own_volume"] = parent.filled
    if quote is not None:
        row["volume"] = quote.volume - parent.arrival_volume
    if quote is not None and not waits_for(state, quotes, parent.symbol):
        row["bid"] = quote.bid
        row["ask"] = quote.ask
        row["bid_size"] = quote.bid_size
        row["ask_size"] = quote.ask_size
    for slot, child in zip(range(SLOTS), state.live_children(parent.id), strict=False):
        row["slot_child"][slot] = child.id
        row["slot_price"][slot] = child.price
        row["slot_leaves"][slot] = child.leaves
        row["slot_sent_ns"][slot] = child.sent_at
        row["slot_cancelling"][slot] = 0 if needs_cancel(child) else 1
        row["slot_venue"][slot] = child.venue
        row["slot_type"][slot] = child.type


def fill_venues(row: Any, state: State, parent: Parent, quotes: Quotes, sight: Sight) -> None:
    """Write what is known of each venue into the OBSERVATION row."""
    tick = quotes.row(parent.symbol)
    if tick is not None and not waits_for(state, quotes, parent.symbol):
        for name in VENUE_FIELDS:
            row[name] = tick[name]
    allowed = allowed_places(state, parent)
    row["venues"] = allowed & quotes.open_places(parent.symbol)
    row["venue_fill"], row["venue_markout"] = math.nan, math.nan
    for place, venue in enumerate(state.venues):
        row["venue_kind"][place] = venue.kind
        row["venue_make"][place] = venue.make_fee
        row["venue_take"][place] = venue.take_fee
        use = state.venue_use.get(place)
        if use is not None:
            row["venue_fill"][place] = fill_rate(use.sent, use.filled, int(row["lot"]))
        row["venue_markout"][place] = sight.marks.believed(place)


def recompute(record: bytes, curve: NDArray[np.float64], model: Model) -> Any:
    """Decide again from a stored DECISION record: the same ACTION bits as the stored one."""
    stored = np.frombuffer(record, dtype=DECISION)
    fresh = np.zeros(1, dtype=ACTION)
    # copies on purpose: a read-only or unaligned view is another type to the compiler, and a
    # compilation of seconds here would silence the engine
    observations = stored["observation"].copy()
    parameters = stored["parameters"][0].copy()
    act_first(observations, parameters, curve, model, fresh)
    return fresh[0]


def ttl_cancels(state: State, parent: Parent) -> Iterator[AnyEvent]:
    """Cancels for children that have outlived their time. Due at the first decision after it."""
    for child in state.live_children(parent.id):
        old = child.ttl_ns and state.market_ns - child.sent_at >= child.ttl_ns
        if old and needs_cancel(child):
            yield e.CancelIntended(child_id=child.id, by="ttl")


def cancels_of(state: State, decision: Decision) -> tuple[AnyEvent, ...]:
    """The cancels a decision asks for."""
    live = state.live_children(decision.parent.id)
    return tuple(
        e.CancelIntended(child_id=child.id, by="plan")
        for slot, child in zip(range(SLOTS), live, strict=False)
        if decision.cancel_mask & (1 << slot) and needs_cancel(child)
    )


def child_of(state: State, decision: Decision) -> e.ChildIntended | None:
    """The new child a decision asks for, if any."""
    parent = decision.parent
    if decision.type == 0:
        return None
    return e.ChildIntended(
        child_id=child_id(state.epoch, state.next_child),
        parent_id=parent.id,
        symbol=parent.symbol,
        side=parent.side,
        type=decision.type,
        price=Ticks(decision.price),
        quantity=Shares(decision.size),
        ttl_ns=Nanos(decision.ttl_ns),
        why=decision.why,
        binding=decision.binding,
        parameter_version=state.parameters[parent.strategy].version,
        model_id=decision.model_id,
        model_state=decision.model_state,
        digest=hashlib.sha256(decision.record).hexdigest(),
        venue=decision.venue,
        display=Shares(decision.display),
        minimum=Shares(decision.minimum),
        rollout=decision.rollout,
    )


def working(state: State) -> tuple[Parent, ...]:
    """Parents that decide, in the order of entry."""
    return tuple(p for p in state.parents.values() if p.state == ParentState.WORKING)
