"""The simulated market: same bits for any slicing, twins, conservation, the close."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import (
    ACCEPTED,
    BUY,
    CANCEL_REJECTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    IOC,
    PASSIVE,
    REASON_BAD_PRICE,
    REASON_BAD_QUANTITY,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_NONE,
    REASON_REQUESTED,
    REASON_SELF_MATCH,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REJECTED,
    SELL,
)
from engine.domain.market import REPORT, TRADE
from engine.exchange.presets import PRESETS
from engine.kernels.background import candidate_ns, candidates_until
from engine.kernels.environment import copy_env, grown, new_day
from engine.kernels.flow import REPORTS_FULL, TOO_SMALL, new_env, run_until
from engine.kernels.own_orders import find, relink
from tests.support.market import OPEN, SECOND, Run, cancel, env_of, message

END = OPEN + 120 * SECOND


def busy(run, step=7 * SECOND):
    """Own orders of every sort through a two-minute day, sent at fixed times."""
    for k, at in enumerate(range(OPEN + SECOND, END, step)):
        run.to(at)
        tick = run.tick
        bid, ask = int(tick["bid"][0]), int(tick["ask"][0])
        child = 10 * k + 1
        run.send(message(child, at=at, price=bid, quantity=300))
        run.send(message(child + 1, at=at, side=SELL, price=ask, quantity=200))
        run.send(message(child + 2, at=at, type=IOC, price=ask + 3, quantity=900))
        run.send(cancel(child - 10, at=at))
    return run


def sliced(run, cuts):
    """As `busy`, stopping at every cut on the way."""
    at = OPEN + SECOND
    for k, at in enumerate(range(OPEN + SECOND, END, 7 * SECOND)):
        for cut in [c for c in cuts if run.env.state[0]["now_ns"] < c < at]:
            run.to(cut)
        run.to(at)
        tick = run.tick
        bid, ask = int(tick["bid"][0]), int(tick["ask"][0])
        child = 10 * k + 1
        run.send(message(child, at=at, price=bid, quantity=300))
        run.send(message(child + 1, at=at, side=SELL, price=ask, quantity=200))
        run.send(message(child + 2, at=at, type=IOC, price=ask + 3, quantity=900))
        run.send(cancel(child - 10, at=at))
    for cut in [c for c in cuts if at < c < END]:
        run.to(cut)
    return run.to(END)


@given(st.lists(st.integers(OPEN, END), max_size=40), st.integers(1, 3))
@settings(max_examples=12, deadline=None)
def test_slicing_changes_nothing_to_the_bit(cuts, seed):
    whole = busy(Run(env_of(seed))).to(END)
    cut = sliced(Run(env_of(seed)), sorted(cuts))
    assert cut.everything() == whole.everything()


@given(st.integers(240, 800))
@settings(max_examples=8, deadline=None)
def test_small_arrays_are_emptied_never_overrun(rows):
    assert (
        busy(Run(env_of(2), rows)).to(END).everything() == busy(Run(env_of(2))).to(END).everything()
    )


def test_an_array_that_cannot_hold_one_event_says_so():
    run = Run(env_of(3)).send(message(1, at=OPEN, price=4_990))
    reports, trades = np.zeros(1, REPORT), np.zeros(4096, TRADE)
    assert run_until(run.env, END, reports, 0, trades, 0)[0] == TOO_SMALL
    assert run_until(run.env, END, np.zeros(3, REPORT), 2, trades, 0)[0] == REPORTS_FULL


@given(st.integers(1, 400), st.integers(-1, SECOND))
@settings(max_examples=200, deadline=None)
def test_counting_candidates_agrees_with_their_times(n, after):
    assert candidates_until(n, after) == sum(candidate_ns(i, n) <= after for i in range(n))


def test_the_same_seed_gives_the_same_day_and_another_seed_another():
    assert busy(Run(env_of(5))).everything() == busy(Run(env_of(5))).everything()
    assert busy(Run(env_of(5))).trades != busy(Run(env_of(6))).trades


def test_twins_are_identical_before_the_first_own_order():
    day = new_day(4, PRESETS[0].flow(), OPEN, END)
    quiet, active = Run(new_env(day, 0)), Run(new_env(day, 0))
    first = OPEN + 60 * SECOND
    active.send(message(1, at=first, type=IOC, price=5_100, quantity=2_000))
    quiet.to(first), active.to(first)
    assert quiet.trades == active.trades
    assert quiet.tick == active.tick
    assert quiet.env.book.nodes.tobytes() == active.env.book.nodes.tobytes()
    quiet.to(END), active.to(END)
    assert quiet.trades != active.trades
    assert quiet.env.state[0]["market"] == active.env.state[0]["market"]


def test_a_strategy_against_itself_differs_by_nothing():
    day = new_day(4, PRESETS[0].flow(), OPEN, END)
    once, again = busy(Run(new_env(day, 0))), busy(Run(new_env(day, 0)))
    assert once.everything() == again.everything()


def test_own_buying_moves_the_price_up_passively_as_well_as_aggressively():
    day = new_day(8, PRESETS[0].flow(), OPEN, OPEN + 600 * SECOND)
    moved = {}
    for way in ("none", "cross", "rest"):
        run = Run(new_env(day, 0))
        ats = range(OPEN + 10 * SECOND, OPEN + 130 * SECOND, SECOND)
        for child, at in enumerate(ats, start=1):
            run.to(at)
            if way == "cross":
                ask = int(run.tick["ask"][0])
                run.send(message(child, at=at, type=IOC, price=ask + 5, quantity=200))
            elif way == "rest":
                run.send(cancel(child - 1, at=at)) if child > 1 else None
                run.send(message(child, at=at, price=int(run.tick["bid"][0]) + 1, quantity=400))
        run.to(OPEN + 140 * SECOND)
        moved[way] = run.env.state[0]["r"]
    assert moved["cross"] > moved["none"] + 1
    assert moved["rest"] > moved["none"] + 0.5


def test_the_background_never_cancels_an_own_order():
    run = Run(env_of(9, 3_000)).send(
        message(1, at=OPEN, price=4_400, quantity=100)  # far below: no trade can reach it
    )
    run.send(message(2, at=OPEN, side=SELL, price=5_600, quantity=100))
    run.to(OPEN + 2_999 * SECOND)
    assert run.kinds(1) == [(ACCEPTED, 0)]
    assert run.kinds(2) == [(ACCEPTED, 0)]


def test_shares_are_conserved_and_reports_add_up():
    run = busy(Run(env_of(11))).to(END)
    done, reports = {}, run.named()
    for row in reports:
        if row["kind"] == FILLED:
            done[row["child"]] = done.get(row["child"], 0) + row["quantity"]
            assert row["cum"] == done[row["child"]]
    own = run.env.own[: run.env.state[0]["n_own"]]
    for row in own:
        assert row["cum"] == done.get(int(row["child"]), 0)
        assert row["cum"] + row["leaves"] <= row["quantity"]
        assert row["leaves"] == 0  # the day is over
    trades = np.array([tuple(t) for t in run.trades], TRADE)
    tick = run.tick
    assert np.all(np.diff(trades["at_ns"]) >= 0)
    auctions = trades["auction"] == 1
    by_venue = np.bincount(trades["venue"], trades["quantity"], 8).astype(int)
    assert by_venue.tolist() == tick["venue_volume"].tolist()
    trades = trades[~auctions]  # the day's volume is without them
    assert trades["quantity"].sum() == tick["volume"]
    assert trades["quantity"][trades["venue"] > 2].sum() == tick["off_exchange"]
    hundredths = (trades["quantity"] * (100 * trades["price"] + trades["sub"])).sum()
    assert (hundredths + 50) // 100 == tick["notional"]
    assert (trades["quantity"] * trades["side"]).sum() == tick["signed_volume"]
    assert trades["own"].sum() == tick["own_volume"] > 0
    assert len(trades) == tick["trades"]
    assert [r["exec_id"] for r in reports] == list(range(1, len(reports) + 1))


def test_every_fill_is_inside_the_limit_and_passive_ones_at_it():
    run = busy(Run(env_of(12))).to(END)
    limits = {int(o["child"]): (int(o["side"]), int(o["price"])) for o in run.env.own}
    fills = [r for r in run.named() if r["kind"] == FILLED]
    assert {r["liquidity"] for r in fills} == {1, 2}
    for row in fills:
        side, price = limits[row["child"]]
        assert side * (row["price"] - price) <= 0
        if row["liquidity"] == PASSIVE:
            assert row["price"] == price


def test_the_close_expires_what_works_and_answers_what_is_on_its_way():
    run = Run(env_of(1))
    run.send(message(1, at=OPEN, price=4_900))
    run.to(END - SECOND)
    run.send(message(2, at=END, price=4_900)).send(cancel(1, at=END))
    run.to(END)
    assert run.kinds(1) == [
        (ACCEPTED, REASON_NONE),
        (EXPIRED, REASON_CLOSED),
        (CANCEL_REJECTED, REASON_CLOSED),
    ]
    assert run.kinds(2) == [(REJECTED, REASON_CLOSED)]
    run.send(message(3, at=END, price=4_900)).to(END)
    assert run.kinds(3) == [(REJECTED, REASON_CLOSED)]
    assert run.env.state[0]["own_live"] == 0


def test_what_comes_before_the_open_is_rejected():
    run = Run(env_of(1)).send(message(1, at=OPEN - SECOND, price=4_900)).to(OPEN)
    assert run.kinds(1) == [(REJECTED, REASON_CLOSED)]


def test_duplicate_bad_unknown_and_late_messages_are_rejected_with_their_reason():
    run = Run(env_of(1)).to(OPEN + SECOND)
    at = OPEN + SECOND
    run.send(message(1, at=at, price=4_900)).send(message(1, at=at, price=4_901))
    run.send(message(2, at=at, price=0)).send(message(3, at=at, quantity=0, price=4_900))
    run.send(message(4, at=at, price=50_000)).send(message(5, at=at, type=IOC, price=4_900))
    run.send(cancel(1, at=at)).send(cancel(1, at=at)).send(cancel(99, at=at))
    run.send(message(2, at=at, price=4_900))
    run.to(at + SECOND)
    assert run.kinds(1) == [
        (ACCEPTED, 0),
        (REJECTED, REASON_DUPLICATE),
        (CANCELLED, REASON_REQUESTED),
        (CANCEL_REJECTED, REASON_TOO_LATE),
    ]
    assert run.kinds(2) == [(REJECTED, REASON_BAD_PRICE), (REJECTED, REASON_DUPLICATE)]
    assert run.kinds(3) == [(REJECTED, REASON_BAD_QUANTITY)]
    assert run.kinds(4) == [(REJECTED, REASON_BAD_PRICE)]
    assert run.kinds(5) == [(ACCEPTED, 0), (CANCELLED, REASON_IOC_REMAINDER)]
    assert run.kinds(99) == [(CANCEL_REJECTED, REASON_UNKNOWN_ORDER)]


def test_a_message_acts_after_its_latency_and_never_overtakes():
    run = Run(env_of(1, latency_ns=5_000_000, jitter_ns=3_000_000)).to(OPEN + SECOND)
    for k in range(50):
        run.send(message(k + 1, at=OPEN + SECOND + k * 100_000, price=4_900))
    run.to(OPEN + 2 * SECOND)
    times = [r["venue_ns"] for r in run.named()]
    assert [r["child"] for r in run.named()] == list(range(1, 51))
    assert times == sorted(times)
    delays = [t - OPEN - SECOND - k * 100_000 for k, t in enumerate(times)]
    assert min(delays) >= 5_000_000
    assert max(delays) < 8_000_000
    assert len(set(delays)) > 10


def test_an_own_order_never_trades_with_an_own_order_the_newer_one_is_cancelled():
    runs = (Run(env_of(seed, latency_ns=0)).to(OPEN + SECOND) for seed in range(1, 20))
    run = next(r for r in runs if r.tick["ask"][0] - r.tick["bid"][0] > 1)  # room inside
    before = run.tick.copy()
    inside = int(before["bid"][0]) + 1
    run.send(message(1, at=OPEN + SECOND, side=BUY, price=inside, quantity=100))
    run.send(message(2, at=OPEN + SECOND, side=SELL, type=IOC, price=inside, quantity=100))
    run.to(OPEN + SECOND)
    assert run.kinds(1) == [(ACCEPTED, 0)]
    assert run.kinds(2) == [(ACCEPTED, 0), (CANCELLED, REASON_SELF_MATCH)]
    assert run.tick["own_volume"] == 0
    assert run.tick["volume"] == before["volume"]


def test_the_table_of_children_grows_without_losing_one():
    run = Run(env_of(1, max_own=64)).to(OPEN + SECOND)
    for k in range(60):
        run.send(message(k + 1, at=OPEN + SECOND, price=4_900))
    run.to(OPEN + 2 * SECOND)
    run.env = grown(run.env)
    relink(run.env)
    assert all(find(run.env, k + 1) == k for k in range(60))
    assert find(run.env, 61) == -1
    run.send(cancel(7, at=OPEN + 2 * SECOND)).to(OPEN + 3 * SECOND)
    assert run.kinds(7)[-1] == (CANCELLED, REASON_REQUESTED)


def test_a_snapshot_goes_its_own_way_and_comes_out_the_same():
    run = busy(Run(env_of(14)))
    copy = Run(copy_env(run.env))
    copy.reports, copy.trades = list(run.reports), list(run.trades)
    assert run.to(END).everything() == copy.to(END).everything()
