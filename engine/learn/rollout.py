"""What the policy of RL learns from: slots of orders that were worked with drawn choices.

Each path is worked twice on the same draws, with drawn choices and by the base schedule, and once
without the order. A slot's reward is what the choices saved against the base in it, each cost
against the mid of the no-trade twin, fees included. Shares bought early would look dear and shares
put off cheap, so being ahead is credited at the price that the base's own impact gives it then:
such credits cancel out over the whole order and change no comparison of policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import N_FEATURES, P_EXPLORE
from engine.domain.strategy import vector
from engine.domain.units import SECOND
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.inference import no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, Tape, new_tape, simulate
from engine.lab.market import CLOSE_NS, OPEN_NS, SECONDS, SeedRange, fees, fresh_run, open_path
from engine.lab.paired import FILLS, Contender, Task, contender, parent_row, quiet_mids
from engine.lab.scenario import Scenario
from engine.learn.mixture import part_of_path

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SLOT_S: Final = 120  # a choice of training holds so long
LEFT_TICKS: Final = 20.0  # what a share that was never filled is charged beyond the impact [tick]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Slots one after the other, path by path.

    states : float32, shape (n, 16), the choice in the last three. rewards : shape (n,). [bp of the
    order] last : whether a slot is the last of its path. paths : index of the path.
    """

    states: NDArray[np.float32]
    rewards: Floats
    last: NDArray[np.bool_]
    paths: Ints


def join(parts: list[Slots]) -> Slots:
    """All slots of several paths."""
    return Slots(
        states=np.concatenate([part.states for part in parts]),
        rewards=np.concatenate([part.rewards for part in parts]),
        last=np.concatenate([part.last for part in parts]),
        paths=np.concatenate([part.paths for part in parts]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worked:
    """One run of a path, slot by slot."""

    fills: NDArray[np.void]
    mids: Floats  # by second since the open
    states: NDArray[np.float32]  # of the first decision of each slot that was decided


def _work(task: Task, who: Contender, day: Any, seed: int, explore: float, tape: Tape) -> _Worked:
    values = np.array(vector(who.strategy, dict(who.values), task.scenario.preset.instrument))
    values[P_EXPLORE] = explore
    env = fresh_run(task.scenario, day)
    adv, curve = float(task.scenario.preset.instrument.adv), u_shape_curve()
    state = new_state(OPEN_NS, CLOSE_NS, adv, curve, prior_microprice())
    parent = parent_row(task, who, seed)
    status = simulate(env, state[0], parent, values, curve, no_model(), 1, tape)
    if status != FINE:
        raise BrokenInvariant(f"path {seed} of {task.scenario.name}: ended {status}")
    first = np.arange(0, max(int(tape.counts[0]), 1), SLOT_S)
    seen = (
        tape.actions["state"][first].copy()
        if explore > 0.0
        else np.zeros((0, N_FEATURES), np.float32)
    )
    return _Worked(fills=tape.fills[: tape.counts[1]].copy(), mids=tape.mids.copy(), states=seen)


def _slot_of(times: Ints, start_ns: int, slots: int) -> Ints:
    return np.clip((times - start_ns - 1) // (SLOT_S * SECOND), 0, slots - 1)


def path_slots(task: Task, who: Contender, index: int, tapes: tuple[Tape, Tape]) -> Slots:
    """The slots of one path."""
    scenario, order = task.scenario, task.scenario.order
    seed = task.paths.path(index)
    day = open_path(scenario, index, seed)
    drawn = _work(task, who, day, seed, float(SLOT_S), tapes[0])
    base = _work(task, who, day, seed, 0.0, tapes[1])
    start, n = OPEN_NS + order.start_ns, len(drawn.states)
    edges = start + np.arange(n + 1) * SLOT_S * SECOND
    edges = np.minimum(edges, OPEN_NS + order.end_ns)
    instants = np.unique(
        np.concatenate([drawn.fills["venue_ns"], base.fills["venue_ns"], edges + 1])
    )
    mids = quiet_mids(scenario, day, instants, tapes[1])

    def quiet(times: Ints) -> Floats:
        return mids[np.searchsorted(instants, times)]

    def gap(run: _Worked) -> Floats:
        own = run.mids[(edges - OPEN_NS) // SECOND]
        return order.side * (np.where(np.isnan(own), quiet(edges + 1), own) - quiet(edges + 1))

    def costs(run: _Worked) -> tuple[Floats, Floats]:
        shares, cost = np.zeros(n), np.zeros(n)
        at = _slot_of(run.fills["venue_ns"], start, n)
        price = run.fills["price"] + run.fills["sub"] / 100.0
        paid = order.side * (price - quiet(run.fills["venue_ns"]))
        paid += fees()[run.fills["venue"], run.fills["liquidity"]] / tick
        np.add.at(shares, at, run.fills["quantity"])
        np.add.at(cost, at, paid * run.fills["quantity"])
        left = order.quantity - shares.sum()
        cost[-1] += left * (max(float(gap(run)[-1]), 0.0) + LEFT_TICKS)
        shares[-1] += left
        return shares, cost

    tick = scenario.preset.instrument.tick_size
    (mine, paid), (theirs, dues) = costs(drawn), costs(base)
    ahead = np.concatenate([[0.0], np.cumsum(mine - theirs)])
    credit = gap(base) * ahead
    saved = dues - paid + np.diff(credit)
    last = np.zeros(n, dtype=np.bool_)
    last[-1] = True
    start_mid = float(quiet(edges[:1] + 1)[0])
    return Slots(
        states=drawn.states.astype(np.float32),
        rewards=saved / (order.quantity * start_mid) * 1e4,
        last=last,
        paths=np.full(n, index),
    )


def collect(scenarios: Sequence[Scenario], paths: SeedRange) -> Slots:
    """Slots of all of these paths, the scenarios in turn; the base is RL without a policy."""
    tasks = []
    for scenario in scenarios:
        who = contender(scenario, "RL")
        tasks.append((Task(scenario=scenario, contenders=(who,), paths=paths), who))
    tapes = new_tape(SECONDS + 1, FILLS), new_tape(SECONDS + 1, FILLS, record=False)
    found = []
    for index in range(paths.days):
        turn = part_of_path(index, len(tasks), len(scenarios[0].regimes))
        found.append(path_slots(*tasks[turn], index, tapes))
    return join(found)
