"""The dark-pool kernel and its slow twin agree report for report; what a pool never does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import (
    ACCEPTED,
    CANCELLED,
    CONTINUOUS,
    FILLED,
    HALTED,
    IOC,
    PEG_MID,
    REASON_MINIMUM,
    REASON_REQUESTED,
    REASON_SELF_MATCH,
)
from engine.kernels import dark
from engine.kernels.jit import JIT
from engine.kernels.off_state import FIRST_POOL
from engine.kernels.prints import end_own
from tests.oracle.naive_dark import NaivePool
from tests.support.market import OPEN
from tests.support.off import Desk

EXAMPLES = 200 if JIT else 30
SIDES = st.sampled_from([1, -1])
SIZES = st.integers(1, 900)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), st.integers(96, 104), st.integers(97, 105)),
        st.tuples(st.just("come"), SIDES, SIZES, st.integers(0, 40)),
        st.tuples(st.just("new"), SIDES, st.sampled_from([IOC, PEG_MID]), st.integers(0, 104),
                  st.integers(50, 900), st.sampled_from([0, 1, 150, 400])),
        st.tuples(st.just("cancel"), st.integers(1, 9)),
        st.tuples(st.just("second")),
        st.tuples(st.just("session"), st.sampled_from([CONTINUOUS, CONTINUOUS, HALTED])),
        st.tuples(st.just("stuck"), st.sampled_from([0, 0, 1])),
    ),
    min_size=5, max_size=60,
)  # fmt: skip


class Both:
    """The kernel and the twin, given the same steps."""

    def __init__(self, pool=0, minimum=1):
        self.desk, self.pool = Desk(), pool
        self.desk.env.off[0]["pools"][pool]["minimum"] = minimum
        self.twin = NaivePool(minimum)
        self.rows = {}
        self.now = 0

    @property
    def arrays(self):
        return self.desk.reports, self.desk.trades

    def wait(self, seconds):
        self.now += seconds * 10**9
        self.desk.at(self.now)
        self.twin.now = OPEN + self.now

    def quote(self, bid, ask):
        self.desk.quote(bid, ask)
        self.twin.bid, self.twin.ask = bid, ask

    def come(self, side, quantity, life):
        until = OPEN + self.now + life * 10**9
        dark.come(self.desk.env, self.pool, side, quantity, until, *self.arrays)
        self.twin.come(side, quantity, until)

    def new(self, side, kind, limit, quantity, minimum):
        child = len(self.rows) + 1
        row, message = self.desk.enter(
            child, side=side, type=kind, price=limit, quantity=quantity, minimum=minimum,
            venue=FIRST_POOL + self.pool,
        )  # fmt: skip
        self.rows[child] = row
        dark.arrive(self.desk.env, row, message, *self.arrays)
        self.twin.new(child, side, kind, limit, quantity, minimum)
        return child

    def cancel(self, child):
        row = self.rows.get(child)
        if row is not None and self.desk.env.own[row]["state"] == ACCEPTED:
            end_own(self.desk.env, row, CANCELLED, REASON_REQUESTED, self.desk.reports)
        self.twin.cancel(child)

    def second(self):
        dark.look_again(self.desk.env, self.pool, *self.arrays)
        self.twin.second()

    def session(self, state):
        self.desk.st["session"] = state
        self.twin.open = state == CONTINUOUS

    def stuck(self, is_stuck):
        self.desk.env.state[0]["venues"][FIRST_POOL + self.pool]["stuck"] = is_stuck
        self.twin.stuck = is_stuck == 1

    def agree(self):
        assert self.desk.seen() == self.twin.reports
        assert self.desk.printed() == self.twin.prints
        waits = self.twin.background()
        pool = self.desk.env.off[0]["pools"][self.pool]
        rest = int(pool["rest"]) if OPEN + self.now < pool["until_ns"] else 0
        assert rest == (waits.side * waits.left if waits else 0)
        return self


@given(STEPS, st.sampled_from([(0, 1), (1, 200)]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_pool_agrees_with_its_slow_twin_report_for_report(steps, pool):
    both = Both(*pool)
    both.quote(99, 102)
    for step in steps:
        both.wait(3)
        getattr(both, step[0])(*step[1:])
    both.agree()
    own = both.desk.env.own[: both.desk.st["n_own"]]
    assert (own["cum"] + own["leaves"] <= own["quantity"]).all()
    assert int(both.desk.st["own_live"]) == int((own["state"] == ACCEPTED).sum())
    fills = [row for row in both.desk.seen() if row[0] == FILLED]
    assert sum(row[4] for row in fills) == sum(row[3] for row in both.desk.printed())
    assert int(both.desk.st["off_volume"]) == sum(row[2] for row in both.desk.printed())


def test_a_resting_buyer_meets_a_later_seller_at_the_midpoint():
    both = Both()
    both.quote(99, 102)
    both.new(1, PEG_MID, 101, 500, 0)
    both.come(-1, 300, 10)
    assert both.agree().desk.seen() == [(FILLED, 1, 100, 50, 300, 300, 200, 0, 1)]
    assert both.desk.printed() == [(100, 50, 300, 300)]
    assert both.desk.st["pushed"] == 300.0


def test_there_is_no_fill_beyond_the_limit_or_without_a_sound_quote():
    for quote, session in (((99, 102), 1), ((0, 100), 1), ((100, 0), 1), ((100, 100), 1),
                           ((101, 100), 1), ((99, 100), HALTED)):  # fmt: skip
        both = Both()
        both.quote(*quote)
        both.session(session)
        both.new(1, PEG_MID, 100, 500, 0)
        both.come(-1, 300, 10)
        assert both.agree().desk.seen() == []


def test_who_waited_beyond_its_limit_trades_when_the_mid_comes_to_it():
    both = Both()
    both.quote(99, 102)
    both.new(1, PEG_MID, 100, 500, 0)
    both.come(-1, 300, 10)
    both.quote(98, 101)
    both.second()
    assert [row[:5] for row in both.agree().desk.seen()] == [(FILLED, 1, 99, 50, 300)]


def test_priority_is_time_and_a_minimum_is_kept():
    both = Both()
    both.quote(99, 101)
    both.new(1, PEG_MID, 102, 500, 400)
    both.new(1, PEG_MID, 103, 100, 0)
    both.come(-1, 300, 10)
    both.come(-1, 450, 10)
    seen = [(row[1], row[4]) for row in both.agree().desk.seen()]
    assert seen == [(2, 100), (1, 450)]
    assert [one.left for one in both.twin.line] == [50, 200]


def test_the_pool_of_blocks_wants_blocks():
    both = Both(1, 200)
    both.quote(99, 101)
    small = both.new(1, PEG_MID, 102, 150, 0)
    both.new(1, PEG_MID, 102, 600, 0)
    both.come(-1, 250, 10)
    assert [row[:2] + row[7:8] for row in both.agree().desk.seen()] == [
        (CANCELLED, small, REASON_MINIMUM), (FILLED, 2, 0)]  # fmt: skip


def test_we_never_trade_with_ourselves():
    both = Both()
    both.quote(99, 101)
    both.new(1, PEG_MID, 102, 500, 0)
    sell = both.new(-1, IOC, 98, 100, 0)
    far = both.new(-1, PEG_MID, 103, 100, 0)  # they can never be within limits together
    assert [row[:2] + row[7:8] for row in both.agree().desk.seen()] == [
        (CANCELLED, sell, REASON_SELF_MATCH)]  # fmt: skip
    assert both.desk.env.own[both.rows[far]]["state"] == ACCEPTED


def test_a_stuck_pool_fills_nothing_and_works_again_afterwards():
    both = Both()
    both.quote(99, 101)
    both.stuck(1)
    both.new(1, PEG_MID, 102, 500, 0)
    both.come(-1, 300, 10)
    assert both.agree().desk.seen() == []
    both.stuck(0)
    both.come(-1, 300, 10)
    assert [row[4] for row in both.agree().desk.seen()] == [300]
