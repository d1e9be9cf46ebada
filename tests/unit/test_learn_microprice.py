import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.learn.microprice import estimate, states


def quotes(seed, n, *, pull):
    """A one-tick market that steps up or down rather towards the longer queue, by ``pull``."""
    draw = np.random.default_rng(seed)
    bid_size = draw.integers(1, 1000, n)
    ask_size = draw.integers(1, 1000, n)
    share = bid_size / (bid_size + ask_size)
    moves = draw.random(n) < 0.3
    up = draw.random(n) < 0.5 + pull * (share - 0.5)
    bid = 5000 + np.concatenate([[0], np.cumsum(np.where(moves, np.where(up, 1, -1), 0))[:-1]])
    return states(bid, bid_size, bid + 1, ask_size), 2 * bid + 1


def test_the_table_is_antisymmetric_and_finds_the_planted_pull():
    table = estimate([quotes(seed, 20_000, pull=0.8) for seed in range(5)])
    assert table[0] == pytest.approx(-table[0, ::-1], abs=1e-12)
    assert (np.diff(table[0]) > 0).all()
    # queues are drawn afresh, so only the next step is predictable: 0.3 * 0.8 * 2 * (share - .5)
    assert table[0, 9] == pytest.approx(0.3 * 0.8 * 2 * 0.45, rel=0.15)
    assert (table[1:] == 0.0).all()  # never seen: says nothing


def test_without_a_pull_the_microprice_is_the_mid():
    table = estimate([quotes(seed, 20_000, pull=0.0) for seed in range(5)])
    assert np.abs(table).max() < 0.02


def test_a_book_without_a_side_has_no_state_and_too_little_data_is_refused():
    one = np.array([0, 5000]), np.array([5, 5]), np.array([5001, 5001]), np.array([5, 5])
    assert states(*one).tolist() == [-1, 5]
    with pytest.raises(Refused, match="too little data"):
        estimate([quotes(1, 50, pull=0.0)])
