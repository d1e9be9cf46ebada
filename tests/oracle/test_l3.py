"""The order-level kernel against its slow twin: every status, every best price, every queue."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernels import l3
from engine.kernels.book import NIL, behind, new_book, oldest, quantity_of, tag_of
from engine.kernels.jit import JIT
from tests.oracle.naive_l3 import NaiveOrders

LOW, TICKS, TICK = 100, 40, 250
HIGH = LOW + TICKS - 1
KINDS = [l3.ADD, l3.ADD, l3.ADD, l3.REDUCE, l3.DELETE, l3.MODIFY, l3.TRADE, l3.FILL]


def packed(events):
    rows = np.zeros(len(events), dtype=l3.EVENT)
    for row, (kind, key, side, price, size, flags) in zip(rows, events, strict=True):
        row["kind"], row["order"], row["side"] = kind, key, side
        row["price"], row["size"], row["flags"] = price * TICK, size, flags
    return rows


def run_both(events, undo, most=64):
    bids, asks = new_book(TICKS, LOW, most), new_book(TICKS, LOW, most)
    orders, naive = l3.new_orders(most), NaiveOrders(LOW, HIGH)
    status = np.zeros(len(events), dtype=np.int8)
    touch = np.zeros((len(events), 2), dtype=np.int64)
    l3.apply_events(bids, asks, orders, packed(events), TICK, undo, status, touch)
    for i, event in enumerate(events):
        assert naive.step(event, undo) == status[i], (i, event)
        assert (naive.best(1), naive.best(-1)) == tuple(touch[i]), (i, event)
    return bids, asks, orders, naive


def queue(book, price):
    found, slot = [], oldest(book, price)
    while slot != NIL:
        found.append([tag_of(book, slot), quantity_of(book, slot)])
        slot = behind(book, slot)
    return found


def same_queues(bids, asks, orders, naive):
    for side, book in ((1, bids), (-1, asks)):
        for price in range(LOW, HIGH + 1):
            assert queue(book, price) == naive.queues.get((side, price), [])
    assert orders.held[0] == len(naive.where)
    far = [p for _, p in naive.where.values() if not LOW <= p <= HIGH]
    assert orders.held[1] == len(far)
    for key in naive.where:
        assert orders.keys[l3.place_of(orders, key)] == key


EVENT = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 20),
    st.sampled_from([1, -1]),
    st.integers(LOW - 3, HIGH + 3),
    st.integers(1, 5),
    st.sampled_from([0, l3.LAST, l3.LAST | l3.CONTINUOUS, l3.LAST | l3.CONTINUOUS]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=60), st.sampled_from([0, 1]))
def test_every_event_ends_as_in_the_slow_twin(events, undo):
    same_queues(*run_both(events, undo))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_random_feed_ends_as_in_the_slow_twin(seed):
    n = 20_000 if JIT else 400
    draw = np.random.default_rng(seed)
    kinds, keys = draw.choice(KINDS, n), draw.integers(0, 60, n) * (1 << 17)  # ids that collide
    sides, prices = draw.choice([1, -1], n), draw.integers(LOW - 1, HIGH + 2, n)
    sizes, flags = draw.integers(1, 6, n), draw.choice([0, 1, 5], n)
    events = list(
        zip(*(a.tolist() for a in (kinds, keys, sides, prices, sizes, flags)), strict=True)
    )
    events[n // 2] = (l3.CLEAR, 0, 0, 0, 0, 1)
    same_queues(*run_both(events, 1))


def test_a_full_pool_is_told_and_the_rest_stands():
    events = [(l3.ADD, i, 1, LOW, 1, 1) for i in range(10)]
    bids, asks = new_book(TICKS, LOW, 4), new_book(TICKS, LOW, 4)
    orders = l3.new_orders(4)
    status, touch = np.zeros(10, dtype=np.int8), np.zeros((10, 2), dtype=np.int64)
    l3.apply_events(bids, asks, orders, packed(events), TICK, 1, status, touch)
    assert status.tolist() == [l3.DONE] * 4 + [l3.NO_ROOM] * 6
    assert queue(bids, LOW) == [[i, 1] for i in range(4)]


def test_priority_is_kept_by_less_size_and_lost_by_more_or_another_price():
    start = [(l3.ADD, i, 1, LOW, 5, 1) for i in (1, 2, 3)]
    for change, want in (
        ((l3.MODIFY, 1, 1, LOW, 4, 1), [[1, 4], [2, 5], [3, 5]]),
        ((l3.MODIFY, 1, 1, LOW, 6, 1), [[2, 5], [3, 5], [1, 6]]),
        ((l3.MODIFY, 1, 1, LOW + 1, 4, 1), [[2, 5], [3, 5]]),
        ((l3.REDUCE, 2, 1, LOW, 2, 1), [[1, 5], [2, 3], [3, 5]]),
    ):
        bids, *_ = run_both([*start, change], 1)
        assert queue(bids, LOW) == want
