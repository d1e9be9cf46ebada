"""Decisions of the parents: state -> observation -> ``act`` -> child events.

Once a second on the grid. The observation is built here for the live desk and in
``kernels/simulate`` for simulated days; a parity test holds the two to the same records.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.core.observe import Observer, layout
from engine.core.quotes import Quotes
from engine.core.rules.modes import is_passive
from engine.core.rules.orders import needs_cancel
from engine.core.sight import LoadedModel, Sight
from engine.core.state import NONE, State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.governance import ParameterVersion
from engine.domain.instrument import Instrument
from engine.domain.kinds import N_PARAMETERS, P_EXPIRE, P_PASSIVE
from engine.domain.market import ACTION, OBSERVATION, SLOTS
from engine.domain.orders import AtEnd, Parent, ParentState
from engine.domain.strategy import STRATEGIES, vector
from engine.domain.units import Nanos, Shares, Ticks, child_id
from engine.kernels.act import act_first
from engine.kernels.inference import Model, no_model

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


NO_MODEL: Model = no_model()
KEPT_VECTORS: Final = 1_024
PARENT: Final = struct.Struct("<q")  # a DECISION begins with it; then the buffers as they are
ACTED: Final = layout(ACTION, ("contributions", "state"))
Key = tuple[str, str, tuple[tuple[str, float], ...], int]
Made = tuple[ParameterVersion | None, Mapping[str, float], Instrument]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
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
    values: Mapping[str, float] = field(default_factory=lambda: NONE)
    places: int = -1  # bits of the venues that it may see
    rollout: int = 0  # of a candidate, 0 = the version in force


class Planner:
    """Buffers for one call of ``act``; keeps only what is the same for many calls."""

    def __init__(self) -> None:
        self.observations: NDArray[np.void] = np.zeros(1, dtype=OBSERVATION)
        self.actions: NDArray[np.void] = np.zeros(1, dtype=ACTION)
        self.parameters: NDArray[np.float64] = np.zeros(N_PARAMETERS)
        self._observer = Observer(self.observations)
        self._acted = memoryview(self.actions.view(np.uint8))  # type: ignore[arg-type]
        self._vectors: dict[Key, tuple[Made, NDArray[np.float64]]] = {}

    def decide(
        self, state: State, quotes: Quotes, sight: Sight, parent: Parent, version: Version
    ) -> Decision:
        """One call of ``act`` for one parent."""
        used = version.model if STRATEGIES[parent.strategy].uses_model else None
        model_state = sight.model_state(state.market_ns, used)
        self._observer.write(state, quotes, sight, parent, model_state, version.places)
        self.parameters[:] = self._vector(state, parent, version)
        self.parameters[P_EXPIRE] = float(parent.at_end == AtEnd.EXPIRE)
        self.parameters[P_PASSIVE] = float(parent.passive_only or is_passive(state))
        flat = NO_MODEL if used is None else used.model
        act_first(self.observations, self.parameters, sight.curve, flat, self.actions)
        return self._decision(parent, "" if used is None else used.id, version.rollout)

    def _vector(self, state: State, parent: Parent, version: Version) -> NDArray[np.float64]:
        """The values in force as ``act`` takes them; the same objects make the same vector."""
        in_force = state.parameters.get(parent.strategy)
        key = (parent.strategy, parent.symbol, parent.overrides, version.rollout)
        made_of = (in_force, version.values, state.instruments[parent.symbol])
        known = self._vectors.get(key)
        if known is None or any(a is not b for a, b in zip(known[0], made_of, strict=True)):
            if len(self._vectors) >= KEPT_VECTORS:
                self._vectors.clear()
            values = state.parameter_values(parent, version.values)
            known = (made_of, np.array(vector(parent.strategy, values, made_of[2])))
            self._vectors[key] = known
        return known[1]

    def _decision(self, parent: Parent, model_id: str, rollout: int) -> Decision:
        (
            kind, mask, price, size, ttl_ns, why, binding, model_state, _, target, band_low,
            band_high, score, tilt, _, venue, display, minimum, _,
        ) = ACTED.unpack_from(self._acted)  # fmt: skip
        record = b""
        if kind or mask:
            parts = (self.observations, self.parameters, self.actions)
            record = PARENT.pack(parent.id) + b"".join(part.tobytes() for part in parts)
        return Decision(
            parent=parent, type=kind, price=price, size=size, ttl_ns=ttl_ns, cancel_mask=mask,
            why=why, binding=binding, model_state=model_state, model_id=model_id, target=target,
            band_low=band_low, band_high=band_high, score=score, tilt=tilt, venue=venue,
            display=display, minimum=minimum, record=record, rollout=rollout,
        )  # fmt: skip


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
