"""The dealer kernel and its slow twin agree report for report; how a dealer protects itself."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import (
    ACCEPTED,
    BUY,
    CANCELLED,
    CONTINUOUS,
    FILLED,
    HALTED,
    IOC,
    REASON_LAST_LOOK,
    REASON_REQUESTED,
    SELL,
)
from engine.domain.market import TICK
from engine.kernels import dealer
from engine.kernels.jit import JIT
from engine.kernels.off_state import FIRST_DEALER
from engine.kernels.prints import end_own
from tests.oracle.naive_dealer import NaiveDealers
from tests.support.market import OPEN
from tests.support.off import SEED, Desk

EXAMPLES = 150 if JIT else 30
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), st.integers(4_990, 5_000), st.integers(4_995, 5_006)),
        st.tuples(st.just("wait"), st.integers(1, 400_000_000)),
        st.tuples(st.just("wait"), st.integers(700_000_000, 2_000_000_000)),
        st.tuples(st.just("new"), st.integers(0, 1), st.sampled_from([1, -1]),
                  st.integers(-1, 3), st.integers(1, 2_000), st.sampled_from([0, 0, 300])),
        st.tuples(st.just("cancel"), st.integers(1, 9)),
        st.tuples(st.just("session"), st.sampled_from([CONTINUOUS, CONTINUOUS, HALTED])),
    ),
    min_size=8, max_size=60,
)  # fmt: skip


class Both:
    """The kernel and the twin, given the same steps."""

    def __init__(self):
        self.desk = Desk()
        env = self.desk.env
        names = ("size", "tolerance", "look_ns", "better", "worse")
        dealers = [{name: int(row[name]) for name in names} for row in env.off[0]["dealers"]]
        self.twin = NaiveDealers(SEED, OPEN, dealers)
        self.orders, self.rows = {}, {}
        self.now = 0

    @property
    def arrays(self):
        return self.desk.reports, self.desk.trades

    def quote(self, bid, ask):
        self.desk.quote(bid, ask)
        self.twin.bid, self.twin.ask = bid, ask
        return self

    def _to(self, after_ns):
        self.now = after_ns
        self.desk.at(after_ns)
        self.twin.now = OPEN + after_ns

    def begin(self):
        dealer.mark(self.desk.env)
        self.twin.begin()
        return self

    def wait(self, ns):
        """Move on; looks end and seconds begin at their times."""
        until = self.now + ns
        while True:
            following = (self.now // 10**9 + 1) * 10**9
            due = min((held[0] - OPEN for held in self.twin.held), default=until + 1)
            if min(following, due) > until:
                self._to(until)
                return self
            self._to(min(following, due))
            if following <= due:
                self.begin()
            if due <= following:
                self._look()

    def _look(self):
        state, env = self.desk.st, self.desk.env
        at = int(state["head"]) & (len(env.queue) - 1)
        assert int(env.queue[at]["act_ns"]) == self.twin.now
        dealer.look(env, env.queue[at].copy(), *self.arrays)
        state["head"] += 1
        self.twin.look(min(self.twin.held, key=lambda held: held[0]))

    def new(self, d, side, beyond, quantity, minimum):
        """An IOC ``beyond`` ticks through the touch."""
        child = len(self.rows) + 1
        limit = (self.twin.ask if side > 0 else self.twin.bid) + side * beyond
        row, message = self.desk.enter(
            child, side=side, type=IOC, price=limit, quantity=quantity,
            minimum=min(minimum, quantity), venue=FIRST_DEALER + d,
        )  # fmt: skip
        self.rows[child] = row
        dealer.arrive(self.desk.env, row, message, self.desk.reports)
        self.orders[child] = self.twin.new(child, d, side, limit, quantity, min(minimum, quantity))
        return child

    def cancel(self, child):
        row = self.rows.get(child)
        if row is not None and self.desk.env.own[row]["state"] == ACCEPTED:
            end_own(self.desk.env, row, CANCELLED, REASON_REQUESTED, self.desk.reports)
            self.twin.end(self.orders[child], REASON_REQUESTED)

    def session(self, state):
        self.desk.st["session"] = state
        self.twin.open = state == CONTINUOUS

    def agree(self):
        assert self.desk.seen() == self.twin.reports
        assert self.desk.printed() == self.twin.prints
        for d in (0, 1):
            for side in (BUY, SELL):
                wanted = self.twin.quote(d, side) or (0, 0)
                assert dealer.quote(self.desk.env, d, side) == wanted
        return self


@given(STEPS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_dealers_agree_with_their_slow_twin_report_for_report(steps):
    both = Both().quote(4_999, 5_001).begin()
    for step in steps:
        getattr(both, step[0])(*step[1:])
    both.wait(10**9).agree()
    own = both.desk.env.own[: both.desk.st["n_own"]]
    assert (own["cum"] + own["leaves"] <= own["quantity"]).all()
    assert not (own["state"] == ACCEPTED).any()  # nothing is held for ever
    fills = [row for row in both.desk.seen() if row[0] == FILLED]
    assert sum(row[4] for row in fills) == sum(row[3] for row in both.desk.printed())


def test_a_dealer_declines_when_the_mid_went_against_it_and_only_then():
    outcomes = {}
    for move in (-3, 0, 3):
        both = Both().quote(4_999, 5_001).begin()
        both.new(0, BUY, 2, 100, 0)
        both.quote(4_999 + move, 5_001 + move).wait(300_000_000)
        outcomes[move] = [row[0::7][:2] for row in both.agree().desk.seen()]
    assert outcomes[-3] == outcomes[0] == [(FILLED, 0)]
    assert outcomes[3] == [(CANCELLED, REASON_LAST_LOOK)]


def test_a_stale_quote_is_no_free_gift():
    both = Both().quote(4_999, 5_001).begin()
    both.quote(5_004, 5_006)  # it moved after the quote was made, before we came
    both.new(0, BUY, 0, 100, 0)
    both.wait(300_000_000)
    assert both.agree().desk.seen()[0][7] == REASON_LAST_LOOK


def test_a_dealer_that_is_hit_quotes_worse_on_that_side_for_a_while():
    both = Both().quote(4_990, 5_010).begin()
    calm = [dealer.quote(both.desk.env, 0, side)[0] for side in (BUY, SELL)]
    hit = both.desk.env.off[0]["dealers"][0]
    hit["hit"] = 4.0 * hit["size"]
    shy = [dealer.quote(both.desk.env, 0, side)[0] for side in (BUY, SELL)]
    assert (shy[0] - calm[0], shy[1] - calm[1]) == (100, 0)
    hit["hit_second"] = -30  # half a minute ago
    assert dealer.quote(both.desk.env, 0, BUY)[0] - calm[0] == 50


def test_streamed_quotes_are_rounded_away_from_us_and_inside_half_spread_of_the_touch():
    better = 0
    for second in range(1, 100):
        desk = Desk().at(second * 10**9).quote(4_999, 5_002)
        dealer.mark(desk.env)
        tick = np.zeros(1, TICK)
        dealer.write_quotes(desk.env, tick[0])
        for d in (0, 1):
            buy, _ = dealer.quote(desk.env, d, BUY)
            sell, _ = dealer.quote(desk.env, d, SELL)
            assert buy > 500_050 > sell  # nobody quotes through the mid
            better += buy < 500_200
            assert tick[0]["venue_ask"][FIRST_DEALER + d] - 1 < buy / 100
            assert buy / 100 <= tick[0]["venue_ask"][FIRST_DEALER + d]
            assert tick[0]["venue_bid"][FIRST_DEALER + d] <= sell / 100
    assert 40 < better < 140
