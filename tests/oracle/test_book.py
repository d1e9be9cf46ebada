"""The kernel, the Python book of the benchmark and the naive twin agree, fill by fill."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bench.peers.book_python import PythonBook
from engine.bench.streams import load, make
from engine.kernels import book as kernel_book
from engine.kernels.book import (
    FILL,
    NIL,
    OFF_LADDER,
    OK,
    POOL_FULL,
    TAPE_FULL,
    Book,
    new_book,
    new_fills,
)
from engine.kernels.jit import JIT
from engine.kernels.stream import MESSAGE, RESTING, play, rehearse, resting
from tests.oracle.long_book import agree
from tests.oracle.naive_book import NaiveBook

BUY, SELL = 1, -1
PREFIX = 20_000 if JIT else 1_500
EXAMPLES = 150 if JIT else 40
Rows = list[tuple[int, int, int, int]]


def tape_rows(tape: np.ndarray) -> Rows:
    return [(int(f["maker"]), int(f["taker"]), int(f["price"]), int(f["quantity"])) for f in tape]


def resting_rows(book: Book, most: int) -> Rows:
    out = np.zeros(most, RESTING)
    return [tuple(map(int, row)) for row in out[: resting(book, out)].tolist()]


def run_kernel(
    messages: np.ndarray, n_ticks: int, slice_size: int | None = None
) -> tuple[Rows, Rows]:
    """(tape, final book) of the kernel; slicing must not matter."""
    book = new_book(n_ticks, 1, messages.size + 1)
    slots = np.zeros(int(messages["id"].max(initial=0)) + 1, np.uint32)
    fills = new_fills(2 * messages.size + 1)
    n, size = 0, slice_size or max(messages.size, 1)
    for start in range(0, messages.size, size):
        part = messages[start : start + size]
        done, n, status = play(book, part, slots, fills, n)
        assert (done, status) == (part.size, OK)
    check_book(book)
    return tape_rows(fills[:n]), resting_rows(book, messages.size + 1)


def check_book(book: Book) -> None:
    """Everything the book says about itself follows from its lists."""
    top, nodes = book.top[0], book.nodes
    end = int(top["end"])
    live, occupied = 0, {0, end}
    linked = np.flatnonzero(nodes["next"][1:end] != np.arange(1, end)) + 1
    for name, empty in (("quantity", 0), ("tag", 0), ("previous", np.arange(1, end))):
        assert set(np.flatnonzero(nodes[name][1:end] != empty) + 1) == set(linked)
    for level in map(int, linked):
        slots, slot, before = [], int(nodes[level]["next"]), level
        while slot != level:
            assert int(nodes[slot]["previous"]) == before
            assert int(nodes[slot]["level"]) == level
            assert nodes[slot]["quantity"] > 0
            slots.append(slot)
            before, slot = slot, int(nodes[slot]["next"])
        assert int(nodes[level]["previous"]) == before
        assert nodes[level]["quantity"] == sum(int(nodes[s]["quantity"]) for s in slots)
        assert nodes[level]["tag"] == len(slots)
        assert len({int(nodes[s]["side"]) for s in slots}) == 1
        live += len(slots)
        occupied.add(level)
    words = [int(w) for w in book.bits]
    second, third = int(top["second"]), int(top["third"])
    for start, stop, shift in ((0, second, 0), (second, third, 6), (third, len(words), 12)):
        found = {
            64 * i + b for i, w in enumerate(words[start:stop]) for b in range(64) if w >> b & 1
        }
        assert found == {level >> shift for level in occupied}
    assert live == top["live"]
    free, slot = 0, int(top["free"])
    while slot:
        assert nodes[slot]["quantity"] == 0
        free, slot = free + 1, int(nodes[slot]["next"])
    assert free + live == nodes.size - end - 1
    buys = [level for level in occupied - {0, end} if nodes[int(nodes[level]["next"])]["side"] > 0]
    sells = [level for level in occupied - {0, end} if level not in buys]
    assert int(top["bid"]) == max(buys, default=0)
    assert int(top["ask"]) == min(sells, default=end)
    assert int(top["bid"]) < int(top["ask"])


def python_rows(messages: np.ndarray, book: PythonBook | NaiveBook) -> tuple[Rows, Rows]:
    book.play(messages.tolist())
    return book.fills, book.resting()


@st.composite
def streams(draw: st.DrawFn, n_ticks: int = 12) -> np.ndarray:
    """Random messages: ids come back once finished, unknown and finished ids are hit too."""
    rows, naive = [], NaiveBook()
    for _ in range(draw(st.integers(0, 60))):
        kind = draw(st.sampled_from([0, 0, 0, 1, 2]))
        order = draw(st.integers(0, 15))
        if kind == 0 and any(o.id == order for o in naive.orders):
            kind = 2
        row = (
            kind | draw(st.integers(0, 1)) << 8,
            draw(st.integers(1, n_ticks)),
            draw(st.integers(1, 9)),
            order,
        )
        naive.play([row])
        rows.append(row)
    return np.array(rows, MESSAGE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(streams(), st.integers(1, 7))
def test_random_streams_give_the_fills_and_the_book_of_both_twins_in_any_slicing(
    messages: np.ndarray, slice_size: int
) -> None:
    expected = python_rows(messages, NaiveBook())
    assert python_rows(messages, PythonBook()) == expected
    assert run_kernel(messages, 12) == expected
    assert run_kernel(messages, 12, slice_size) == expected


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(streams(), st.sampled_from([7, 349, 5_000]))
def test_prices_far_apart_cross_all_storeys_of_the_bitmap(
    messages: np.ndarray, stretch: int
) -> None:
    messages = messages.copy()
    messages["price"] *= stretch
    assert run_kernel(messages, 12 * stretch) == python_rows(messages, NaiveBook())


@pytest.mark.parametrize("name", ["A", "BIG", "SPARSE"])
def test_prefixes_of_the_benchmark_streams_agree_with_the_python_book(name: str) -> None:
    stream = load(make(name, 42, PREFIX))
    expected = python_rows(stream.messages, PythonBook())
    assert len(expected[1]) > 20
    assert run_kernel(stream.messages, stream.n_ticks) == expected
    assert run_kernel(stream.messages, stream.n_ticks, 997) == expected


def test_thousands_of_random_messages_give_the_fills_and_the_books_of_both_twins() -> None:
    assert agree(3, PREFIX, naive=True) > PREFIX / 5


@pytest.mark.skipif(not JIT, reason="the parent runs without the compiler already")
@pytest.mark.parametrize(
    ("name", "messages"), [("NUMBA_BOUNDSCHECK", 20_000), ("NUMBA_DISABLE_JIT", 1_000)]
)
def test_indexes_stay_inside_and_plain_python_agrees(name: str, messages: int) -> None:
    command = [sys.executable, "-m", "tests.oracle.long_book", "--messages", str(messages)]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, name: "1"}
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{messages} messages" in done.stdout


def test_a_stream_of_ours_agrees_with_the_naive_twin() -> None:
    messages = make("SPARSE", 7, 600)
    expected = python_rows(messages, NaiveBook())
    assert len(expected[0]) > 20
    assert run_kernel(messages, 4_030) == expected


def test_a_prefix_of_a_stream_is_the_start_of_the_longer_stream() -> None:
    assert np.array_equal(make("A", 42, 400), make("A", 42, 800)[:400])
    assert not np.array_equal(make("A", 42, 400), make("A", 43, 400))


def test_a_book_that_trades_the_newest_first_does_not_pass_for_ours() -> None:
    class NewestFirst(NaiveBook):
        def match(self, side: int, limit: int, quantity: int, taker: int) -> int:
            self.orders.reverse()
            left = super().match(side, limit, quantity, taker)
            self.orders.reverse()
            return left

    rows = [(256, 5, 3, 0), (256, 5, 4, 1), (0, 5, 2, 2)]
    messages = np.array(rows, MESSAGE)
    assert run_kernel(messages, 12) != python_rows(messages, NewestFirst())


def a_book(*orders: tuple[int, int, int, int], capacity: int = 20) -> tuple[Book, list[int]]:
    """A book on prices 100 .. 119 with orders (side, price, quantity, tag) and their slots."""
    book, fills, slots = new_book(20, 100, capacity), new_fills(20), []
    for side, price, quantity, tag in orders:
        slot, n, status = kernel_book.add_limit(book, side, price, quantity, tag, fills, 0)
        assert (n, status) == (0, OK)
        slots.append(slot)
    return book, slots


def test_an_empty_book_has_no_best_price_and_no_depth() -> None:
    book, _ = a_book()
    prices, sizes = np.ones(3, np.int64), np.ones(3, np.int64)
    assert (kernel_book.best_bid(book), kernel_book.best_ask(book)) == (0, 0)
    assert kernel_book.depth(book, BUY, 3, prices, sizes) == 0
    assert prices.tolist() == sizes.tolist() == [0, 0, 0]
    assert kernel_book.oldest(book, 105) == kernel_book.newest(book, 105) == NIL


def test_the_questions_about_a_level_and_an_order_follow_the_queue() -> None:
    book, (a, b, c, d) = a_book(
        (BUY, 105, 10, 1), (BUY, 105, 20, 0), (BUY, 105, 30, 3), (SELL, 107, 5, 0)
    )
    assert (kernel_book.best_bid(book), kernel_book.best_ask(book)) == (105, 107)
    assert (kernel_book.level_volume(book, 105), kernel_book.level_count(book, 105)) == (60, 3)
    assert (kernel_book.oldest(book, 105), kernel_book.newest(book, 105)) == (a, c)
    assert [kernel_book.behind(book, s) for s in (a, b, c)] == [b, c, NIL]
    assert [kernel_book.ahead(book, s) for s in (a, b, c)] == [NIL, a, b]
    assert [kernel_book.shares_ahead(book, s) for s in (a, b, c)] == [0, 10, 30]
    assert [kernel_book.tag_of(book, s) for s in (a, b, c)] == [1, 0, 3]
    assert kernel_book.price_of(book, d) == 107
    assert (kernel_book.side_of(book, a), kernel_book.side_of(book, d)) == (BUY, SELL)
    assert kernel_book.live_orders(book) == 4


def test_a_reduce_keeps_the_place_and_taking_all_is_a_cancel() -> None:
    book, (a, b) = a_book((SELL, 110, 10, 1), (SELL, 110, 20, 2))
    assert kernel_book.reduce(book, a, 4) == 6
    assert (kernel_book.oldest(book, 110), kernel_book.level_volume(book, 110)) == (a, 26)
    assert kernel_book.reduce(book, a, 6) == 0
    assert (kernel_book.oldest(book, 110), kernel_book.quantity_of(book, a)) == (b, 0)
    assert kernel_book.remove(book, b) == 20
    assert kernel_book.best_ask(book) == 0
    check_book(book)


def test_depth_lists_the_best_levels_first_and_pads_with_zeros() -> None:
    book, _ = a_book(
        (SELL, 110, 10, 0), (SELL, 119, 7, 0), (SELL, 110, 5, 0), (BUY, 100, 3, 0), (BUY, 104, 2, 0)
    )
    prices, sizes = np.zeros(3, np.int64), np.zeros(3, np.int64)
    assert kernel_book.depth(book, SELL, 3, prices, sizes) == 2
    assert (prices.tolist(), sizes.tolist()) == ([110, 119, 0], [15, 7, 0])
    assert kernel_book.depth(book, BUY, 3, prices, sizes) == 2
    assert (prices.tolist(), sizes.tolist()) == ([104, 100, 0], [2, 3, 0])
    assert kernel_book.worse_price(book, SELL, 112) == 119
    assert kernel_book.worse_price(book, BUY, 100) == 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(streams(n_ticks=200), st.sampled_from([1, 21, 349]), st.integers(1, 12))
def test_depth_is_what_the_resting_orders_add_up_to(
    messages: np.ndarray, stretch: int, levels: int
) -> None:
    messages = messages.copy()
    messages["price"] *= stretch
    book = new_book(200 * stretch, 1, messages.size + 1)
    play(book, messages, np.zeros(16, np.uint32), new_fills(2 * messages.size + 1), 0)
    for side in (BUY, SELL):
        total: dict[int, int] = {}
        for price, of, _id, quantity in resting_rows(book, messages.size + 1):
            if of == side:
                total[price] = total.get(price, 0) + quantity
        best = sorted(total, reverse=side > 0)[:levels]
        prices, sizes = np.full(levels, -1), np.full(levels, -1)
        assert kernel_book.depth(book, side, levels, prices, sizes) == len(best)
        rest = [0] * (levels - len(best))
        assert prices.tolist() == best + rest
        assert sizes.tolist() == [total[price] for price in best] + rest


def test_a_match_limited_to_the_touch_takes_one_level_and_rests_nothing() -> None:
    book, _ = a_book((SELL, 110, 10, 8), (SELL, 111, 10, 9))
    fills = new_fills(5)
    left, n, status = kernel_book.match(book, BUY, kernel_book.best_ask(book), 25, 77, fills, 0)
    assert (left, n, status) == (15, 1, OK)
    assert fills[0].tolist() == (8, 77, 10, 110, 0, fills[0]["slot"])
    assert (kernel_book.best_bid(book), kernel_book.best_ask(book)) == (0, 111)
    assert kernel_book.match(book, SELL, 1, 5, 0, fills, 1) == (5, 1, OK)  # nobody bids
    assert kernel_book.match(book, BUY, 10_000, 10, 0, fills, 1) == (0, 2, OK)  # above the ladder
    check_book(book)


def test_a_partial_fill_leaves_the_maker_in_front() -> None:
    book, (a, _) = a_book((BUY, 105, 10, 1), (BUY, 105, 20, 2))
    fills = new_fills(5)
    slot, n, status = kernel_book.add_limit(book, SELL, 103, 4, 9, fills, 0)
    assert (slot, n, status) == (NIL, 1, OK)
    assert fills[0].tolist() == (1, 9, 4, 105, 6, a)
    assert (kernel_book.oldest(book, 105), kernel_book.level_volume(book, 105)) == (a, 26)


def test_a_full_tape_stops_the_match_and_a_second_call_goes_on() -> None:
    book, _ = a_book(*[(SELL, 110 + i, 10, i) for i in range(4)])
    fills = new_fills(3)
    left, n, status = kernel_book.match(book, BUY, 119, 35, 9, fills, 0)
    assert (left, n, status) == (5, 3, TAPE_FULL)
    check_book(book)
    assert kernel_book.match(book, BUY, 119, left, 9, fills, 0) == (0, 1, OK)
    assert kernel_book.level_volume(book, 113) == 5


def test_a_tape_that_is_exactly_long_enough_is_not_full() -> None:
    book, _ = a_book((SELL, 110, 10, 0), (SELL, 110, 10, 1))
    assert kernel_book.match(book, BUY, 119, 20, 9, new_fills(2), 0) == (0, 2, OK)


def test_a_full_tape_stops_inside_a_level_without_harming_the_queue() -> None:
    book, slots = a_book(*[(SELL, 110, 10, i) for i in range(3)])
    fills = new_fills(2)
    slot, n, status = kernel_book.add_limit(book, BUY, 112, 30, 9, fills, 0)
    assert (slot, n, status) == (NIL, 2, TAPE_FULL)
    assert kernel_book.oldest(book, 110) == slots[2]
    assert kernel_book.best_bid(book) == 0  # the remainder does not rest behind our back
    check_book(book)


def test_a_full_pool_says_so_and_keeps_the_book_whole() -> None:
    book, slots = a_book((BUY, 105, 10, 1), (BUY, 104, 10, 2), capacity=2)
    fills = new_fills(5)
    assert not kernel_book.has_room(book)
    assert kernel_book.add_limit(book, BUY, 103, 10, 3, fills, 0) == (NIL, 0, POOL_FULL)
    check_book(book)
    # an order that trades first finds the room its maker left
    slot, n, status = kernel_book.add_limit(book, SELL, 105, 15, 4, fills, 0)
    assert (slot, n, status) == (slots[0], 1, OK)
    assert kernel_book.level_volume(book, 105) == 5


@pytest.mark.parametrize("price", [99, 120, 0, -5, 2**40])
def test_a_price_off_the_ladder_changes_nothing(price: int) -> None:
    book, _ = a_book((BUY, 105, 10, 1))
    before = [part.tobytes() for part in book]
    for side in (BUY, SELL):
        assert kernel_book.add_limit(book, side, price, 5, 2, new_fills(3), 0) == (
            NIL,
            0,
            OFF_LADDER,
        )
    assert [part.tobytes() for part in book] == before
    assert kernel_book.level_volume(book, price) == 0


def test_a_copy_shares_nothing_with_its_book() -> None:
    book, (a,) = a_book((BUY, 105, 10, 1))
    copy = kernel_book.copy_book(book)
    kernel_book.remove(book, a)
    assert (kernel_book.best_bid(book), kernel_book.best_bid(copy)) == (0, 105)
    check_book(copy)


def test_a_level_holds_more_shares_than_an_int32() -> None:
    most = 2**31 - 1
    book, _ = a_book((SELL, 110, most, 1), (SELL, 110, most, 2), (SELL, 110, most, 3))
    assert kernel_book.level_volume(book, 110) == 3 * most


@pytest.mark.parametrize(("n_ticks", "capacity"), [(0, 5), (5, 0), (2**32, 5)])
def test_a_book_of_impossible_size_is_not_made(n_ticks: int, capacity: int) -> None:
    with pytest.raises(ValueError, match="n_ticks and capacity"):
        new_book(n_ticks, 1, capacity)


def test_a_stream_stops_at_the_message_that_does_not_fit() -> None:
    messages = np.array([(256, 5, 3, 0), (256, 6, 3, 1), (0, 6, 6, 2), (0, 1, 1, 3)], MESSAGE)
    slots = np.zeros(4, np.uint32)
    assert play(new_book(9, 1, 9), messages, slots, new_fills(1), 0) == (2, 1, TAPE_FULL)
    slots[:] = 0
    assert play(new_book(9, 1, 1), messages, slots, new_fills(9), 0) == (1, 0, POOL_FULL)


def test_the_rehearsal_finds_an_add_with_the_id_of_a_live_order() -> None:
    rows = [(0, 5, 3, 0), (1, 0, 0, 0), (0, 5, 3, 0), (256, 5, 3, 1), (0, 6, 2, 0), (0, 6, 2, 0)]
    found = np.zeros(3, np.int64)
    status = rehearse(
        new_book(9, 1, 9), np.array(rows, MESSAGE), np.zeros(2, np.uint32), new_fills(9), found
    )
    assert status == OK
    assert found.tolist() == [5, 1, 1]


def test_the_layout_is_the_one_the_cpp_twin_writes() -> None:
    assert (kernel_book.NODE.itemsize, FILL.itemsize, RESTING.itemsize, MESSAGE.itemsize) == (
        32,
        48,
        32,
        16,
    )
