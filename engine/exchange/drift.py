"""A drift of the simulated market: for a while its trades tell of the price something else.

Each trade of the usual market carries a little information: after buying the price goes up for
good, and a model learns that. In a drift the price goes the other way, and much further. Times,
sizes and signs of what is traded stay as they are; nothing but the reference price that quotes
follow is another one. The desk is told nothing: it sees what its models guess go wrong.
"""

from typing import Final

from engine.kernels.environment import SECOND_NS, Env, new_day

# times the usual: how soon a model is found wrong by them stands in docs/drills.md
INFORMATION: Final = -12.0
PRESSURE: Final = -1.0


def drift(env: Env, from_ns: int, to_ns: int) -> None:
    """Turn what trades tell around, from the first whole second after ``from_ns`` to ``to_ns``.

    The path joins without a jump at both ends, and afterwards goes on as it would have gone. Only
    seconds that have not begun are written, so the same day with the same drift is the same again.
    """
    state = env.state[0]
    opened, rows = int(state["open_ns"]), env.seconds
    first = max(1, (from_ns - opened) // SECOND_NS + 2)
    behind = min(len(rows), max(first, -((opened - to_ns) // SECOND_NS)))
    if first >= behind:
        return
    flow = env.flow.copy()
    flow["kappa"] *= INFORMATION
    flow["g_bg"] *= PRESSURE
    other = new_day(int(state["seed"]), flow, opened, int(state["close_ns"])).seconds["r"]
    usual = rows["r"].copy()
    rows["r"][first:behind] = other[first:behind] + (usual[first - 1] - other[first - 1])
    rows["r"][behind:] += rows["r"][behind - 1] - usual[behind - 1]
