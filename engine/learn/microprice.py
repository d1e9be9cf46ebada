"""Stoikov's microprice: the expected long-run mid, by queue share and spread.

Source: Stoikov 2018; DOMAIN.md 2.1 and KA-3. Estimated offline; the kernel looks the table up.
"""

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.kernels.features import MICRO_BUCKETS, MICRO_SPREADS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_MOVE = 8  # half ticks; larger mid moves of one step count as this
LEAST_VISITS = 100  # a state seen less often says nothing: its shift is 0


def fixed_point(stay: Floats, move: Floats, sizes: Floats, after: Floats) -> Floats:
    """G* = sum over i of B^i G1, with G1 = (I - Q)^-1 R1 K and B = (I - Q)^-1 R2. [price]

    stay (Q) : transitions without a mid move, shape (s, s). move (R1) : probability of each move,
    shape (s, k). sizes (K) : the moves, shape (k,). after (R2) : state after a move, shape (s, s).
    Symmetrised data make B's powers average G1 to zero, so the sum converges.
    """
    inverse = np.linalg.inv(np.eye(len(stay)) - stay)
    first: Floats = inverse @ move @ sizes
    chain: Floats = inverse @ after
    total, term = first.copy(), first
    for _ in range(10_000):
        term = chain @ term
        total = total + term
        if np.abs(term).max() < 1e-12:
            return total
    raise Refused("the microprice does not converge: the moves are not symmetric")


def states(bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints) -> Ints:
    """State of each quote: spread row * buckets + queue share bucket; -1 without both sides."""
    both = (bid > 0) & (ask > bid) & (bid_size + ask_size > 0)
    share = bid_size / np.maximum(bid_size + ask_size, 1)
    bucket = np.minimum((share * MICRO_BUCKETS).astype(np.int64), MICRO_BUCKETS - 1)
    row = np.clip(ask - bid, 1, MICRO_SPREADS) - 1
    out: Ints = np.where(both, row * MICRO_BUCKETS + bucket, -1)
    return out


def count_steps(days: list[tuple[Ints, Ints]]) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts of (Q, R1, R2) over all days and their mirror images, and the visits of each state.

    days : (state, twice the mid) of consecutive quotes. The mirror image swaps the sides: share
    bucket b becomes the opposite one, moves change sign.
    """
    n = MICRO_SPREADS * MICRO_BUCKETS
    stay, after = np.zeros((n, n)), np.zeros((n, n))
    move = np.zeros((n, 2 * MOST_MOVE + 1))
    for state, twice_mid in days:
        known = (state[:-1] >= 0) & (state[1:] >= 0)
        now, then = state[:-1][known], state[1:][known]
        change = np.clip(np.diff(twice_mid)[known], -MOST_MOVE, MOST_MOVE)
        for a, b, d in ((now, then, change), (mirror(now), mirror(then), -change)):
            still = d == 0
            np.add.at(stay, (a[still], b[still]), 1.0)
            np.add.at(after, (a[~still], b[~still]), 1.0)
            np.add.at(move, (a[~still], d[~still] + MOST_MOVE), 1.0)
    return stay, move, after, stay.sum(axis=1) + after.sum(axis=1)


def mirror(state: Ints) -> Ints:
    """The state seen from the other side of the book."""
    row, bucket = np.divmod(state, MICRO_BUCKETS)
    out: Ints = row * MICRO_BUCKETS + (MICRO_BUCKETS - 1 - bucket)
    return out


def estimate(days: list[tuple[Ints, Ints]]) -> Floats:
    """The table of the features kernel, shape (4, 10): microprice - mid. [tick]"""
    stay, move, after, visits = count_steps(days)
    kept = np.flatnonzero(visits >= LEAST_VISITS)
    if kept.size == 0:
        raise Refused(f"no book state was seen {LEAST_VISITS} times: too little data")
    total = visits[kept][:, None]
    sizes: Floats = 0.5 * np.arange(-MOST_MOVE, MOST_MOVE + 1, dtype=np.float64)
    shift = fixed_point(
        stay[np.ix_(kept, kept)] / total,
        move[kept] / total,
        sizes,
        after[np.ix_(kept, kept)] / total,
    )
    out = np.zeros(MICRO_SPREADS * MICRO_BUCKETS)
    out[kept] = shift
    return out.reshape(MICRO_SPREADS, MICRO_BUCKETS)
