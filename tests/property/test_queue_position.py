"""Own orders in a recorded book against a twin that knows every order, and fill promises."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import BUY, CANCEL, FILLED, IOC, LIMIT, NEW, PASSIVE, SELL
from engine.domain.units import Nanos
from engine.exchange.recorded import RecordedMarket
from engine.kernels import recorded as kernel
from tests.oracle.queue_twin import Own, Twin
from tests.support.recorded import (
    OPENED,
    SECOND,
    Row,
    a_message,
    a_recording,
    add,
    as_bytes,
    delete,
    execute,
    hidden,
    reduce,
)

MID = 1000
ALL = 60  # levels: nothing leaves the window
WARM = [add(i + 1, 5 + i, MID - 1 - i % 3, BUY) for i in range(6)] + [
    add(i + 11, 5 + i, MID + 2 + i % 3, SELL) for i in range(6)
]
KINDS = "aaaarrddxxxxyhnnnic"
OPS = st.tuples(st.sampled_from(KINDS), st.integers(0, 60), st.integers(1, 9), st.integers(0, 1))


class Writer:
    """Turns arbitrary numbers into a day that a price-time matching engine could have recorded."""

    def __init__(self):
        self.twin = Twin(WARM)
        self.rows: list[Row] = []
        self.own: list[tuple[int, object]] = []  # (at, Own or child to cancel)
        self.at = SECOND
        self.order = 100

    def write(self, row):
        self.rows.append(row)
        self.twin.book.apply(row)

    def resting(self, pick):
        held = [(s, p, e) for (s, p), q in sorted(self.twin.book.queues.items()) for e in q]
        return held[pick % len(held)] if held else None

    def uncrossed(self, side, pick):
        """A price around the middle that does not meet the other side."""
        price, other = MID + pick % 7 - 3, self.twin.book.prices(-side)
        return side * min(side * price, side * (other[0] - side)) if other else price

    def op(self, kind, pick, size, late):
        self.at += late * SECOND
        side = BUY if pick % 2 else SELL
        if kind == "a":
            self.order += 1
            self.write(add(self.order, size, self.uncrossed(side, pick // 2), side, self.at))
        elif kind in "rd":
            self.withdraw(kind, pick, size)
        elif kind in "xy":
            self.trade(side, size, 0 if kind == "x" else -1)
        elif kind == "h":
            self.hide(pick, size)
        elif kind == "c":
            self.own.append((self.at, 1 + pick % 6))
        else:
            child = sum(isinstance(o, Own) for _, o in self.own) + 1
            price = MID + pick // 2 % 7 - 3
            order = Own(child, side, IOC if kind == "i" else LIMIT, price, size * 2)
            self.own.append((self.at, order))

    def withdraw(self, kind, pick, size):
        held = self.resting(pick)
        if held is None:
            return
        side, price, (order, shares) = held
        if kind == "d":
            self.write(delete(order, shares, price, side, self.at))
        elif shares > size:
            self.write(reduce(order, size, price, side, self.at))

    def trade(self, side, size, place):
        """Execute the first order of the best price; the last one is out of order, as 0.3 % are."""
        prices = self.twin.book.prices(side)
        if prices:
            order, shares = self.twin.book.queue(side, prices[0])[place]
            self.write(execute(order, min(size, shares), prices[0], side, self.at))

    def hide(self, pick, size):
        bids, asks = self.twin.book.prices(BUY), self.twin.book.prices(SELL)
        if bids and asks and asks[0] - bids[0] > 1:
            price = bids[0] + 0.5 + pick % (asks[0] - bids[0] - 1)
            self.write(hidden(size, price, BUY if pick % 2 else SELL, self.at))


def written(ops):
    """(rows, own actions) of one day; it starts with a quote and ends with one last print."""
    writer = Writer()
    writer.write(add(99, 1, MID - 5, BUY, 0))
    for op in ops:
        writer.op(*op)
    writer.rows.append(hidden(1, MID + 0.5, BUY, writer.at + SECOND))
    return writer.rows, writer.own


def long_day(seed, n=250):
    """A day long enough for levels to come, go, and come back."""
    draw = Random(seed)
    return written(
        (draw.choice(KINDS), draw.randrange(61), draw.randrange(1, 10), draw.randrange(2))
        for _ in range(n)
    )


days = st.lists(OPS, min_size=10, max_size=60).map(written)


def played(rows, own, levels, slices=1):
    """The market after the day, and everything it said."""
    market = RecordedMarket(a_recording(rows, levels, WARM), latency_ns=Nanos(0))
    waiting = [
        a_message(NEW, o.child, side=o.side, type=o.type, price=o.price, quantity=o.leaves, at=at)
        if isinstance(o, Own)
        else a_message(CANCEL, o, at=at)
        for at, o in own
    ]
    end = rows[-1].at + SECOND
    said = []
    for cut in range(1, slices + 1):
        to = OPENED + end * cut // slices
        while waiting and waiting[0]["sent_ns"][0] <= to:
            market.submit(waiting.pop(0))
        said.append(market.advance(Nanos(to)))
    return market, said


def twinned(rows, own):
    """The twin after the same day: own messages act after all rows of their instant."""
    twin, waiting = Twin(WARM), list(own)
    for row in [*rows, None]:
        while waiting and (row is None or waiting[0][0] < row.at):
            at, o = waiting.pop(0)
            if isinstance(o, Own):
                copy = Own(o.child, o.side, o.type, o.price, o.leaves)
                twin.new(copy, at)
            else:
                twin.cancel(o)
        if row is not None:
            twin.play(row)
    return twin


def fills_of(said):
    return [
        (int(r["child"]), int(r["price"]), int(r["quantity"]), int(r["venue_ns"]) - OPENED)
        for one in said
        for r in one.reports[one.reports["kind"] == FILLED]
    ]


def equal_to_the_twin(day):
    rows, own = day
    market, said = played(rows, own, ALL)
    twin = twinned(rows, own)
    assert fills_of(said) == twin.fills
    for order in twin.live():
        assert market.queue_ahead(order.child) == twin.ahead(order.child)


def never_too_early(day, levels):
    """Each resting order alone, so that budgets are not shared: never more filled than the twin."""
    rows, own = day
    for action in [(at, o) for at, o in own if isinstance(o, Own) and o.type == LIMIT][:12]:
        market, said = played(rows, [action], levels)
        twin = twinned(rows, [action])
        fills = fills_of(said)
        for at in {f[3] for f in fills}:
            mine = sum(f[2] for f in fills if f[3] <= at)
            assert mine <= sum(f[2] for f in twin.fills if f[3] <= at), (action, at)
        ahead = market.queue_ahead(action[1].child)
        if ahead is not None and twin.live():
            assert ahead >= min(twin.ahead(action[1].child), 1), action


@settings(max_examples=100, deadline=None)
@given(days)
def test_with_all_levels_in_view_fills_and_queues_equal_the_twins(day):
    equal_to_the_twin(day)


@pytest.mark.parametrize("seed", range(12))
def test_a_long_day_in_full_view_equals_the_twins(seed):
    equal_to_the_twin(long_day(seed))


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 3))
def test_through_a_narrow_window_an_order_is_never_filled_before_its_queue_is_gone(day, levels):
    never_too_early(day, levels)


@pytest.mark.parametrize("seed", range(12))
def test_on_a_long_day_no_narrow_window_fills_too_early(seed):
    never_too_early(long_day(seed), 1 + seed % 4)


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 4), st.integers(2, 9))
def test_any_slicing_gives_the_same_day_to_the_bit(day, levels, slices):
    rows, own = day
    assert as_bytes(played(rows, own, levels)[1]) == as_bytes(played(rows, own, levels, slices)[1])


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 4))
def test_own_fills_are_bounded_by_what_traded_or_was_displayed(day, levels):
    rows, own = day
    _, said = played(rows, own, levels)
    reports = np.concatenate([one.reports for one in said])
    trades = np.concatenate([one.trades for one in said])
    fills = reports[reports["kind"] == FILLED]
    market = sum(row.size for row in rows if row.kind in (4, 5))
    assert (trades["own"] <= trades["quantity"]).all()
    assert trades["own"].sum() == fills["quantity"].sum() == said[-1].ticks[0]["own_volume"]
    assert trades["quantity"].sum() - market <= sum(r.size for r in [*WARM, *rows] if r.kind == 1)
    for at in set(fills["venue_ns"].tolist()):
        traded = sum(row.size for row in rows if row.kind in (4, 5) and row.at + OPENED == at)
        shown = sum(row.size for row in rows if row.kind == 1 and row.at + OPENED <= at)
        passive = fills[(fills["venue_ns"] == at) & (fills["liquidity"] == PASSIVE)]
        assert passive["quantity"].sum() <= traded + shown + sum(r.size for r in WARM)


@settings(max_examples=60, deadline=None)
@given(days, st.integers(1, 4))
def test_any_window_on_a_matched_day_explains_itself_and_an_altered_size_does_not(day, levels):
    recording = a_recording(day[0], levels, WARM)
    verdict = kernel.transitions(recording.messages, recording.book)
    assert (verdict != kernel.MISMATCH).all()
    for row in range(1, recording.rows):
        if verdict[row] == kernel.ADOPTED:
            continue
        book = recording.book.copy()
        book[row, 1] += 3
        if recording.book[row, 1] > 0:
            assert kernel.transitions(recording.messages, book)[row] == kernel.MISMATCH
