"""Orders at several venues and what happens to a market: priority, outages, halts, moves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import (
    ACCEPTED,
    BUY,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    FILLED,
    HALTED,
    HIDDEN,
    ICEBERG,
    INCIDENT_CROSSED,
    INCIDENT_FLASH,
    INCIDENT_HALT,
    INCIDENT_NEWS,
    INCIDENT_OUTAGE,
    INCIDENT_STUCK_DARK,
    IOC,
    PASSIVE,
    POST_ONLY,
    REASON_BAD_TYPE,
    REASON_HALTED,
    REASON_REQUESTED,
    REASON_VENUE_DOWN,
    REASON_WOULD_TRADE,
    REJECTED,
)
from engine.domain.market import TRADE
from engine.kernels.environment import INCIDENT, LIT_VENUES
from engine.kernels.flow import add_incident
from tests.oracle.test_market import schedule
from tests.support.market import OPEN, SECOND, Run, cancel, env_of, message

DAY = 40
END = OPEN + DAY * SECOND
EVERY = (INCIDENT_OUTAGE, INCIDENT_CROSSED, INCIDENT_FLASH, INCIDENT_HALT, INCIDENT_NEWS)


def incident(run, kind, first, last, venue=-1, size=0):
    """Schedule an incident, seconds since the open."""
    row = np.zeros(1, INCIDENT)
    row["kind"], row["venue"], row["size"] = kind, venue, size
    row["from_ns"], row["to_ns"] = OPEN + int(first * SECOND), OPEN + int(last * SECOND)
    assert add_incident(run.env, row[0])
    return run


def troubled(seed, cuts=()):
    """A day with orders of every type and an incident of every kind, stopped at every cut."""
    run = Run(env_of(seed, DAY))
    for i, kind in enumerate(EVERY):
        incident(run, kind, 3 + 5 * i + 0.3, 9 + 5 * i + 0.7, venue=i % LIT_VENUES, size=7 - 3 * i)
    stops = sorted(cuts)
    for order in schedule(seed, DAY, 4):
        for cut in [c for c in stops if run.env.state[0]["now_ns"] < c < order["sent_ns"]]:
            run.to(cut)
        row = message(1, at=0)
        for name, value in order.items():
            row[name] = value
        run.to(order["sent_ns"]).send(row)
    for cut in [c for c in stops if run.env.state[0]["now_ns"] < c]:
        run.to(cut)
    return run.to(END)


@given(st.lists(st.integers(OPEN, END), max_size=30), st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_slicing_changes_nothing_whatever_is_ordered_and_whatever_happens(cuts, seed):
    assert troubled(seed, cuts).everything() == troubled(seed).everything()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_published_levels_are_the_venues_put_together(seed):
    run = Run(env_of(seed, DAY))
    for second in range(1, DAY):
        tick = run.to(OPEN + second * SECOND).tick
        for name, best in (("bid", max), ("ask", min)):
            touches = [int(p) for p in tick[f"venue_{name}"][:LIT_VENUES] if p]
            assert tick[name][0] == best(touches)
            at_best = tick[f"venue_{name}"][:LIT_VENUES] == tick[name][0]
            sizes = tick[f"venue_{name}_size"][:LIT_VENUES]
            assert tick[f"{name}_size"][0] == sizes[at_best].sum()
        assert tick["bid"][0] < tick["ask"][0]


def test_each_venue_has_its_own_latency():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    for venue in (1, 0, 2):
        run.send(message(venue + 1, at=OPEN + SECOND, price=4_900, venue=venue))
    run.to(OPEN + 2 * SECOND)
    after = {row["child"]: row["venue_ns"] - OPEN - SECOND for row in run.named()}
    assert after == {1: 1_000_000, 2: 1_200_000, 3: 800_000}
    assert [row["child"] for row in run.named()] == [3, 1, 2]


def test_a_hidden_order_trades_after_everything_displayed_at_its_price():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    bid = int(run.tick["bid"][0])
    at = OPEN + SECOND
    run.send(message(1, at=at, price=bid, quantity=100, type=HIDDEN))
    run.send(message(2, at=at, price=bid, quantity=100))
    shown = int(run.to(at + 2_000_000).tick["venue_bid_size"][0])
    run.to(END - 1)
    fills = [(r["child"], r["venue_ns"]) for r in run.named() if r["kind"] == FILLED]
    order = [child for child, _ in fills]
    assert shown >= 100  # the displayed one is seen, the hidden one is not
    assert 1 in order
    assert order.index(2) < order.index(1)


def test_an_iceberg_shows_its_display_and_goes_to_the_end_of_the_queue():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    bid = int(run.tick["bid"][0])
    at = OPEN + SECOND
    before = int(run.tick["venue_bid_size"][0]) if run.tick["venue_bid"][0] == bid else 0
    run.send(message(1, at=at, price=bid, quantity=2_000, display=200, type=ICEBERG))
    tick = run.to(at + 1_000_000).tick
    assert tick["venue_bid"][0] == bid
    assert abs(int(tick["venue_bid_size"][0]) - before) <= 200
    run.to(END - 1)
    fills = [r for r in run.named() if r["kind"] == FILLED]
    assert fills
    assert all(r["quantity"] <= 200 for r in fills)
    assert all(r["liquidity"] == PASSIVE for r in fills)


def test_what_would_lock_the_quote_of_another_venue_is_not_shown():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    tick = run.tick
    ask = int(tick["ask"][0])
    there = [v for v in range(LIT_VENUES) if tick["venue_ask"][v] == ask]
    away = next(v for v in range(LIT_VENUES) if v not in there) if len(there) < 3 else None
    at = OPEN + SECOND
    run.send(message(1, at=at, price=ask, type=POST_ONLY, venue=there[0]))
    if away is not None:
        run.send(message(2, at=at, price=ask, type=POST_ONLY, venue=away))
    run.to(at + 5_000_000)
    assert run.kinds(1) == [(REJECTED, REASON_WOULD_TRADE)]
    assert away is None or run.kinds(2) == [(REJECTED, REASON_WOULD_TRADE)]


def test_a_type_that_a_venue_does_not_take_is_rejected():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    at = OPEN + SECOND
    run.send(message(1, at=at, price=4_900, type=99)).send(message(2, at=at, price=4_900, venue=7))
    run.send(message(3, at=at, price=4_900, type=ICEBERG, venue=5, display=10))
    run.to(at + SECOND)
    assert all(run.kinds(child) == [(REJECTED, REASON_BAD_TYPE)] for child in (1, 2, 3))


def test_a_venue_that_is_down_shows_nothing_answers_nothing_and_cancels_when_it_is_back():
    run = incident(Run(env_of(1, DAY)), INCIDENT_OUTAGE, 10, 20, venue=1)
    run.send(message(1, at=OPEN + SECOND, price=4_900, venue=1)).to(OPEN + 10 * SECOND)
    tick = run.tick
    assert tick["venue_state"][1] == CLOSED
    assert tick["venue_bid"][1] == tick["venue_ask"][1] == 0
    assert tick["bid"][0] > 0
    run.send(message(2, at=OPEN + 11 * SECOND, price=4_900, venue=1))
    run.send(cancel(1, at=OPEN + 12 * SECOND, venue=1)).to(OPEN + 20 * SECOND - 1)
    assert [row["child"] for row in run.named()] == [1]
    volume = int(run.tick["venue_volume"][1])
    assert volume == tick["venue_volume"][1]  # nothing traded there
    run.to(OPEN + 21 * SECOND)
    assert run.kinds(1)[1] == (CANCELLED, REASON_VENUE_DOWN)
    assert run.kinds(2) == [(REJECTED, REASON_VENUE_DOWN)]
    assert run.tick["venue_state"][1] == CONTINUOUS
    run.send(message(3, at=OPEN + 21 * SECOND, price=4_900, venue=1)).to(OPEN + 30 * SECOND)
    assert run.kinds(3) == [(ACCEPTED, 0)]
    assert run.tick["venue_bid"][1] > 0


def test_nothing_matches_in_a_halt_and_what_came_in_it_enters_when_it_ends():
    run = incident(Run(env_of(1, DAY)), INCIDENT_HALT, 10, 20)
    run.send(message(1, at=OPEN + SECOND, price=4_900)).to(OPEN + 10 * SECOND)
    assert run.tick["session"] == HALTED
    before = run.tick.copy()
    ask = int(before["ask"][0])
    at = OPEN + 11 * SECOND
    run.send(message(2, at=at, type=IOC, price=ask)).send(message(3, at=at, price=ask))
    run.send(message(4, at=at, price=4_901)).send(cancel(1, at=at)).send(cancel(4, at=at + 1))
    run.to(OPEN + 20 * SECOND - 1)
    assert run.kinds(1)[-1] == (CANCELLED, REASON_REQUESTED)
    assert run.kinds(2) == [(REJECTED, REASON_HALTED)]
    assert run.kinds(3) == [(ACCEPTED, 0)]
    assert run.kinds(4) == [(ACCEPTED, 0), (CANCELLED, REASON_REQUESTED)]
    assert run.tick["volume"] == before["volume"]
    run.to(OPEN + 25 * SECOND)
    assert run.tick["session"] == CONTINUOUS
    assert run.kinds(3)[1][0] in (FILLED, CANCELLED)
    assert run.tick["volume"] > before["volume"]


def test_a_flash_move_comes_back_and_news_stay():
    for kind, size, back in ((INCIDENT_FLASH, -40, True), (INCIDENT_NEWS, 40, False)):
        quiet = Run(env_of(1, 120))
        moved = incident(Run(env_of(1, 120)), kind, 10, 70, size=size)
        gaps = {}
        for second in (10, 20, 119):
            at = OPEN + second * SECOND
            a, b = quiet.to(at).env.state[0]["r"], moved.to(at).env.state[0]["r"]
            gaps[second] = float(b - a)
        assert abs(gaps[20]) > 30
        assert np.sign(gaps[20]) == np.sign(size)
        assert (abs(gaps[119]) < 1) == back
        tick = moved.tick
        assert (abs(tick["bid"][0] - quiet.tick["bid"][0]) < 10) == back


def test_a_crossed_venue_publishes_garbage_while_its_book_is_fine():
    run = incident(Run(env_of(1, DAY)), INCIDENT_CROSSED, 10, 20, venue=2)
    tick = run.to(OPEN + 15 * SECOND).tick
    assert tick["venue_bid"][2] > tick["venue_ask"][2]
    assert tick["bid"][0] >= tick["ask"][0]
    same = Run(env_of(1, DAY)).to(OPEN + 15 * SECOND)
    assert run.trades == same.trades
    tick = run.to(OPEN + 21 * SECOND).tick
    assert tick["bid"][0] < tick["ask"][0]


def test_a_stuck_pool_accepts_and_cancels_late():
    run = incident(Run(env_of(1, DAY)), INCIDENT_STUCK_DARK, 5, 30, venue=3)
    run.to(OPEN + 6 * SECOND)
    mid = int(run.tick["ask"][0]) + 3
    run.send(message(1, at=OPEN + 6 * SECOND, price=mid, type=8, venue=3, quantity=500))
    run.send(cancel(1, at=OPEN + 8 * SECOND, venue=3)).to(OPEN + 29 * SECOND)
    assert run.kinds(1) == [(ACCEPTED, 0)]
    run.to(OPEN + 31 * SECOND)
    assert run.kinds(1)[-1] == (CANCELLED, REASON_REQUESTED)
    assert run.named()[-1]["venue_ns"] == OPEN + 30 * SECOND


def test_twins_of_a_troubled_day_are_identical_before_the_first_own_order():
    quiet, active = Run(env_of(4, DAY)), Run(env_of(4, DAY))
    for run in (quiet, active):
        incident(run, INCIDENT_OUTAGE, 3, 6, venue=0)
        incident(run, INCIDENT_HALT, 8, 10)
    at = OPEN + 20 * SECOND
    active.send(message(1, at=at, type=IOC, price=5_100, quantity=400, side=BUY))
    a, b = quiet.to(at), active.to(at)
    assert a.trades == b.trades
    assert a.tick.tobytes() == b.tick.tobytes()


def test_fills_and_prints_name_the_venue_the_order_was_sent_to():
    run = Run(env_of(1, DAY)).to(OPEN + SECOND)
    for venue in range(LIT_VENUES):
        at = OPEN + (1 + venue) * SECOND
        ask = int(run.to(at).tick["venue_ask"][venue])
        run.send(message(venue + 1, at=at, type=IOC, price=ask + 2, quantity=50, venue=venue))
    run.to(END - 1)
    fills = [r for r in run.named() if r["kind"] == FILLED]
    assert {r["venue"] for r in fills} == {0, 1, 2}
    assert all(r["venue"] == r["child"] - 1 for r in fills)
    own = np.array([tuple(t) for t in run.trades], TRADE)
    own = own[own["own"] > 0]
    assert sorted(own["venue"].tolist()) == sorted(r["venue"] for r in fills)
    assert set(own["side"].tolist()) == {BUY}
