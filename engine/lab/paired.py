"""Twins of one path: the day without us, and every strategy on the same draws.

The exogenous layer is drawn once a path. Strategies run on it one by one; then the no-trade twin
runs once and stops just before each instant at which any of them was filled, so every cost is
against the mid that would have been there.
"""

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.kinds import MODEL_LIVE, MODEL_NONE
from engine.domain.market import OBSERVATION
from engine.domain.strategy import STRATEGIES, check_values, strategy, vector
from engine.domain.units import SECOND
from engine.exchange.venues import may_use
from engine.kernels.environment import Day, Env
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.inference import Model, no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, TAPE_FULL, Tape, new_tape
from engine.kernels.twin import BEFORE_SWEEP, FILLED_BEFORE, LAST_NS, N_SUMS, quiet, work
from engine.lab.cost import OUTCOME, PROFILE, Floats, Ints, Rows, fill_costs, fill_fees
from engine.lab.market import (
    CLOSE_NS,
    OPEN_NS,
    SECONDS,
    SeedRange,
    allowed_places,
    collar_ticks,
    fees,
    fresh_run,
    open_path,
)
from engine.lab.scenario import FIXED, FIXED_VALUES, SIMULATED, Scenario
from engine.runtime.model_bytes import unpack

FILLS: Final = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One strategy with the parameters it runs with."""

    name: str  # as it is shown
    strategy: str  # of the catalogue
    values: tuple[tuple[str, float], ...] = ()
    model: bytes = b""  # of ``model_bytes.pack``; none = the strategy runs without
    model_id: str = ""
    trained_on: tuple[SeedRange, ...] = ()  # paths that a model or its tuning has seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every process of a run has to know to make any path of it."""

    scenario: Scenario
    contenders: tuple[Contender, ...]
    paths: SeedRange


def contender(scenario: Scenario, name: str, model: bytes = b"", **values: float) -> Contender:
    """A strategy by its name, with the scenario's parameters for it unless told otherwise."""
    base = FIXED.get(name, name)
    if base not in STRATEGIES:
        known = ", ".join((*STRATEGIES, *FIXED))
        raise Refused(f"strategy must be one of {known}, was {name!r}", field="strategies")
    given = {**FIXED_VALUES.get(name, {}), **scenario.values(name), **values}
    check_values(base, given)
    if model:
        unpack(model)  # refused here, not on the first path
    return Contender(name=name, strategy=base, values=tuple(given.items()), model=model)


@functools.cache
def _curve() -> Floats:
    return u_shape_curve()


def parent_row(task: Task, who: Contender, seed: int) -> Any:
    """OBSERVATION row of the order before its start."""
    order, instrument = task.scenario.order, task.scenario.preset.instrument
    row = np.zeros(1, OBSERVATION)[0]
    row["open_ns"], row["close_ns"] = OPEN_NS, CLOSE_NS
    row["start_ns"] = row["base_ns"] = OPEN_NS + order.start_ns
    row["end_ns"] = OPEN_NS + order.end_ns
    row["kind"] = strategy(who.strategy).kind
    row["side"], row["quantity"], row["limit_price"] = order.side, order.quantity, order.limit_price
    row["arrival_price"], row["lot"] = instrument.reference_price, instrument.lot
    row["collar_ticks"] = collar_ticks(task.scenario)
    row["expected_volume"] = instrument.adv
    row["seed"] = seed
    row["volume"] = -1
    row["model_state"] = MODEL_LIVE if who.model else MODEL_NONE
    may_use(row, SIMULATED)
    row["venues"] &= allowed_places(task.scenario)
    return row


def small_tape(fills: int) -> Tape:
    """A tape that keeps every fill and mid, and one decision."""
    return new_tape(SECONDS + 1, fills, record=False)


def model_of(who: Contender) -> Model:
    """The model of a contender, or the one that is never scored."""
    return unpack(who.model) if who.model else no_model()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is left of one strategy's run of a path."""

    fills: Rows
    mids: Floats  # of every second from the beginning of the path on
    sums: Ints
    decisions: int
    children: int
    env: Env


def run_one(task: Task, who: Contender, day: Day, seed: int, tape: Tape) -> Run:
    """Work the order by one strategy; raises BrokenInvariant when the kernel gives up."""
    order, adv = task.scenario.order, float(task.scenario.preset.instrument.adv)
    sums = np.zeros(N_SUMS, np.int64)
    values = np.array(vector(who.strategy, dict(who.values), task.scenario.preset.instrument))
    env = fresh_run(task.scenario, day)
    state = new_state(OPEN_NS, CLOSE_NS, adv, _curve(), prior_microprice())
    parent, model = parent_row(task, who, seed), model_of(who)
    until = OPEN_NS + order.end_ns + order.relax_ns
    status = work(env, state[0], parent, values, _curve(), model, until, sums, tape)
    if status == TAPE_FULL:
        return run_one(task, who, day, seed, small_tape(2 * len(tape.fills)))
    if status != FINE:
        raise BrokenInvariant(f"path {seed} of {task.scenario.name}: {who.name} ended {status}")
    seconds = int(tape.counts[3])
    return Run(
        fills=tape.fills[: tape.counts[1]].copy(),
        mids=tape.mids[:seconds].copy(),
        sums=sums,
        decisions=int(tape.counts[0]),
        children=int(tape.counts[2]),
        env=env,
    )


def grid(task: Task) -> Ints:
    """Seconds of the impact profile: from the start to the end of relaxation. [s since open]"""
    order = task.scenario.order
    first, last = order.start_ns // SECOND, (order.end_ns + order.relax_ns) // SECOND
    return np.linspace(first, last, PROFILE).astype(np.int64)


def distinct(*ascending: Ints) -> Ints:
    """What stands in any of these ascending arrays, ascending, each once.

    A sort that merges what is in order already: np.unique hashes, which took ten times as long.
    """
    together = np.sort(np.concatenate(ascending), kind="stable")
    return together[np.diff(together, prepend=together[0] - 1) > 0]


def quiet_mids(scenario: Scenario, day: Day, instants: Ints, tape: Tape) -> Floats:
    """Mid of the no-trade twin just before each of these ascending instants. [tick]"""
    mids = np.empty(len(instants))
    where = f"{scenario.name}, path {day.seed}"
    if quiet(fresh_run(scenario, day, 1), instants, mids, tape) != FINE:
        raise BrokenInvariant(f"{where}: the no-trade twin did not finish")
    if np.isnan(mids).any():
        raise Refused(f"{where}: without the order one side of the market was empty; thin it less")
    return mids


def outcome(task: Task, run: Run, instants: Ints, mids: Floats, out: np.void) -> None:
    """Write the OUTCOME of a run against the no-trade twin's mids at these instants."""
    order = task.scenario.order
    seconds = grid(task)
    base = mids[np.searchsorted(instants, OPEN_NS + seconds * SECOND + 1)]
    at_fill = mids[np.searchsorted(instants, run.fills["venue_ns"])]
    fill_costs(out, run.fills, at_fill, order.side, float(base[0]))
    out["fees"] = fill_fees(run.fills, fees())
    begun = task.scenario.begin_ns // SECOND
    gap = order.side * (run.mids[seconds - begun] - base)
    over = int(run.sums[LAST_NS])
    end = int(np.searchsorted(seconds, order.end_ns // SECOND))
    out["profile"], out["impact"], out["impact_end"] = gap, gap[-1], gap[min(end, PROFILE - 1)]
    out["cleanup"] = out["filled"] - run.sums[FILLED_BEFORE] if run.sums[BEFORE_SWEEP] >= 0 else 0
    out["children"], out["decisions"] = run.children, run.decisions
    for name in ("volume", "notional", "events"):
        out[name] = run.env.state[0][name]
    out["over_ns"] = over - OPEN_NS if over else -1


def run_path(task: Task, index: int, tape: Tape | None = None) -> NDArray[np.void]:
    """OUTCOME of every contender on one path, shape (contenders,)."""
    tape = small_tape(FILLS) if tape is None else tape
    seed = task.paths.path(index)
    day = open_path(task.scenario, index, seed)
    runs = [run_one(task, who, day, seed, tape) for who in task.contenders]
    moments = [run.fills["venue_ns"] for run in runs]
    instants = distinct(OPEN_NS + grid(task) * SECOND + 1, *moments)
    mids = quiet_mids(task.scenario, day, instants, tape)
    rows = np.zeros(len(runs), OUTCOME)
    for row, run in zip(rows, runs, strict=True):
        outcome(task, run, instants, mids, row)
    return rows
