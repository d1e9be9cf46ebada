"""Decisions without compiled code, step by step: ``NUMBA_DISABLE_JIT=1 python -m`` this.

Prints how many decisions were not at work, waited for certain, and could move; ends with 1 at the
first that does something although its steps were certain that it waits, or that reads a venue
before it may. With the argument ``cheat`` the steps overlook every reason to move.
"""

import sys

import numpy as np

from engine.domain import kinds
from engine.kernels import act
from engine.kernels.jit import JIT
from tests.property.test_act import CURVE, MODEL, a_case
from tests.support.parents import same_bits

CASES = 2_000
VENUES = ("bid", "bid_size", "ask", "ask_size", "volume", "kind", "make", "take")


def on_other_venues(row, draw):
    """The same decision with anything at all shown by the venues, and any of them open."""
    other = row.copy()
    other["venues"] = draw.integers(0, 256)
    for name in VENUES:
        field = other[f"venue_{name}"]
        field[:] = draw.integers(0, 6_000 if name != "kind" else 4, field.size)
    return other


def steps(row, vector, action):
    """(at work, may move) of a decision; the action is as far as they write it."""
    if not act.is_at_work(row, vector, action):
        return False, False
    wish = act.weigh(row, vector, CURVE, MODEL, action)
    return True, bool(act.may_move(row, vector, wish, action))


def main(argument=""):
    assert not JIT
    if argument == "cheat":
        act.has_reason = lambda *_seen: False
    counts = {(False, False): 0, (True, False): 0, (True, True): 0}
    for seed in range(CASES):
        row, vector = a_case(seed)
        other = on_other_venues(row, np.random.default_rng(seed))
        done = act.decide(row, vector, CURVE, MODEL)
        elsewhere = act.decide(other, vector, CURVE, MODEL)
        action, again = np.zeros_like(done), np.zeros_like(done)
        found = steps(row, vector, action)
        early = found != steps(other, vector, again) or not same_bits(action, again)
        if early and row["kind"] != kinds.RL:  # its policy reads what pools have filled
            print(f"case {seed}: a venue was read too early")
            return 1
        counts[found] += 1
        for one in (done, elsewhere):
            waits = found == (True, False) and (one is done or row["kind"] != kinds.RL)
            if waits and (one["type"] != 0 or one["cancel_mask"] != 0):
                print(f"case {seed}: certain to wait, but it did something")
                return 1
    print(*counts.values())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
