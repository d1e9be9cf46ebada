"""The recorded sample days against numbers that were computed independently of this reader."""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.domain.kinds import CLOSED, FILLED, IOC, NEW, PASSIVE
from engine.domain.units import Nanos
from engine.exchange.hours import session_of
from engine.exchange.recorded import RecordedMarket
from engine.kernels import recorded as kernel
from engine.kernels.jit import JIT
from engine.runtime.feeds.lobster import read_recording
from engine.runtime.feeds.lobster_check import check, main
from tests.support.data import data_dir
from tests.support.recorded import a_message, as_bytes

AMZN = "LOBSTER_SampleFile_AMZN_2012-06-21_{}.zip"
AAPL = "AAPL_2012-06-21_34200000_57600000_{}_10.first999.csv.gz"
DAYS = {  # name -> message file, order-book file, levels, adopted
    "AMZN_L1": (AMZN.format(1), AMZN.format(1), 1, 13_953),
    "AMZN_L5": (AMZN.format(5), AMZN.format(5), 5, 33_840),
    "AAPL_L10_first999": (AAPL.format("message"), AAPL.format("orderbook"), 10, 318),
}
MILLION = 1e-6


def paths(name):
    if name.startswith("AMZN") and not JIT:
        pytest.skip("a whole day is too slow with interpreted kernels")
    folder = data_dir("lobster")
    return folder / DAYS[name][0], folder / DAYS[name][1]


def expected(name):
    return json.loads((data_dir() / "expected_lobster.json").read_text())[name]


@pytest.fixture(scope="module")
def day():
    read = {}

    def of(name):
        if name not in read:
            read[name] = read_recording(*paths(name))
        return read[name]

    return of


@pytest.mark.parametrize("name", DAYS)
def test_every_transition_of_a_sample_day_is_exact(name, day):
    report = check(day(name))
    assert report.rows == expected(name)["rows"]
    assert report.transitions_exact == report.transitions_checked == report.rows - 1
    assert report.first_mismatch_row is None
    assert report.levels_adopted == DAYS[name][3]


@pytest.mark.parametrize("name", DAYS)
def test_the_reference_numbers_come_out_to_a_millionth(name, day):
    report, want = check(day(name)), expected(name)
    assert report.visible_shares == want["visible_exec_shares"]
    assert report.hidden_shares == want["hidden_exec_shares"]
    assert report.buy_initiated_shares == want["buy_initiated_visible_shares"]
    assert report.sell_initiated_shares == want["sell_initiated_visible_shares"]
    assert report.vwap_visible == pytest.approx(want["vwap_visible"], abs=MILLION)
    assert report.vwap_visible_plus_hidden == pytest.approx(
        want["vwap_visible_plus_hidden"], abs=MILLION
    )
    assert report.spread_ticks == pytest.approx(want["time_weighted_spread_ticks"], abs=MILLION)
    assert report.spread_bps == pytest.approx(want["time_weighted_spread_bps"], abs=MILLION)
    if "realised_vol_5min_logret_sqrt_sum" in want:
        assert report.realised_volatility == pytest.approx(
            want["realised_vol_5min_logret_sqrt_sum"], abs=MILLION
        )


@pytest.mark.parametrize("name", DAYS)
def test_every_number_of_the_files_is_read_exactly(name, day):
    read, want = day(name), expected(name)
    kinds = read.messages[:, kernel.TYPE]
    assert read.levels == want["levels"]
    assert {str(k): int((kinds == k).sum()) for k in set(kinds)} == want["type_counts"]
    assert read.book[0].tolist() == want["first_row_book"]
    assert read.book[-1].tolist() == want["last_row_book"]
    assert int(read.book.sum()) == want["book_sum_checksum"]
    assert read.messages[0, kernel.TIME] == round(want["first_time"] * 1e9)
    assert read.messages[-1, kernel.TIME] == pytest.approx(want["last_time"] * 1e9, abs=8)
    if "book_at_12:00:00" in want:
        noon = np.searchsorted(read.messages[:, kernel.TIME], 43_200 * 10**9, side="right") - 1
        assert read.book[noon].tolist() == want["book_at_12:00:00"]


def test_the_top_of_the_five_level_day_is_the_one_level_day(day):
    deep, top = day("AMZN_L5"), day("AMZN_L1")
    changed = np.r_[True, (deep.book[1:, :4] != deep.book[:-1, :4]).any(axis=1)]
    keep = changed | (deep.messages[:, kernel.TYPE] == kernel.HIDDEN)
    assert np.array_equal(deep.messages[keep], top.messages)
    assert np.array_equal(deep.book[keep, :4], top.book)


@pytest.mark.parametrize("name", DAYS)
def test_the_verb_exits_0_on_a_sample_day_and_2_on_the_wrong_levels(name, capsys):
    messages, orderbook = map(str, paths(name))
    asked = ["--messages", messages, "--orderbook", orderbook, "--check", "--json"]
    assert main([*asked, "--levels", str(DAYS[name][2])]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["first_mismatch_row"] is None
    assert printed["levels_adopted"] == DAYS[name][3]
    assert main([*asked, "--levels", str(DAYS[name][2] + 1)]) == 2
    assert "levels must be" in capsys.readouterr().err


@pytest.mark.parametrize("row", [1, 2, 375, 440, 900, 997])
@pytest.mark.parametrize("level", [0, 4])
def test_one_altered_book_size_is_reported_at_its_row(row, level, day):
    sound = day("AAPL_L10_first999")
    book = sound.book.copy()
    book[row, 4 * level + 1] += 1
    report = check(replace(sound, book=book))
    assert report.first_mismatch_row == row
    assert report.transitions_checked - report.transitions_exact == (1 if row == 998 else 2)


def test_an_altered_size_that_was_adopted_at_the_edge_is_reported_at_its_row(day):
    sound = day("AAPL_L10_first999")
    verdict = kernel.transitions(sound.messages, sound.book)
    adopted = [k for k in np.flatnonzero(verdict == kernel.ADOPTED) if verdict[k + 1] == 1]
    for row in adopted[:20]:
        book = sound.book.copy()
        column = 36 + (2 if sound.messages[row, kernel.SIDE] == 1 else 0)
        if sound.book[row + 1, column] != book[row, column]:
            continue  # it left the window at once: nothing in the file can tell
        book[row, column + 1] += 7
        assert check(replace(sound, book=book)).first_mismatch_row == row


def test_one_altered_message_size_is_reported_at_its_row(day):
    sound = day("AAPL_L10_first999")
    for row in np.flatnonzero(sound.messages[:, kernel.TYPE] <= kernel.EXECUTED)[5:400:40]:
        messages = sound.messages.copy()
        messages[row, kernel.SIZE] += 1
        assert check(replace(sound, messages=messages)).first_mismatch_row == row


def test_a_recorded_day_prints_its_own_volume_and_ends_at_its_last_book(day):
    recording, want = day("AMZN_L5"), expected("AMZN_L5")
    market = RecordedMarket(recording, latency_ns=Nanos(1_000_000))
    end = market.advance(market.close_ns)
    tick = end.ticks[0]
    assert end.session == CLOSED
    shares = want["visible_exec_shares"] + want["hidden_exec_shares"]
    assert tick["volume"] == shares == end.trades["quantity"].sum()
    vwap = tick["notional"] / shares / 100
    assert vwap == pytest.approx(want["vwap_visible_plus_hidden"], abs=MILLION)
    assert tick["ask"][:5].tolist() == [p // 100 for p in want["last_row_book"][0::4]]
    assert tick["bid_size"][:5].tolist() == want["last_row_book"][3::4]
    assert not tick["ask"][5:].any()


def test_a_day_in_slices_is_the_same_day_to_the_bit(day):
    recording = replace(
        day("AMZN_L5"), messages=day("AMZN_L5").messages[:9000], book=day("AMZN_L5").book[:9000]
    )
    start = session_of(recording.day).open_at

    def run(step_ns):
        market = RecordedMarket(recording, latency_ns=Nanos(3_000_000))
        orders = []
        for i in range(5, 200, 5):
            for s in (0, 1):
                price, kind, side = 22_380 - s * 5, 1 + (i + s) % 2, 1 - 2 * s
                shape = {"price": price, "quantity": 300, "side": side, "type": kind}
                orders.append(a_message(NEW, 2 * i + s, at=i * 10**9, **shape))
        said, now = [], start
        while now < start + 300 * 10**9:
            ahead = now + step_ns
            while orders and orders[0]["sent_ns"][0] <= ahead:
                market.submit(orders.pop(0))
            said.append(market.advance(Nanos(ahead)))
            now = ahead
        return as_bytes(said)

    whole = run(300 * 10**9)
    assert whole[0]
    assert whole == run(10**9) == run(75 * 10**6)


def test_passive_fills_of_a_real_day_never_exceed_its_prints(day):
    recording = day("AAPL_L10_first999")
    market = RecordedMarket(recording, latency_ns=Nanos(0))
    start = market.open_ns
    tick = market.advance(Nanos(start + 10**9)).ticks[0]
    market.submit(a_message(NEW, 1, price=tick["bid"][0], quantity=500, at=10**9))
    market.submit(a_message(NEW, 2, price=tick["bid"][0], quantity=100, at=10**9, type=IOC))
    end = market.advance(Nanos(start + 50 * 10**9))
    fills = end.reports[(end.reports["kind"] == FILLED) & (end.reports["child"] == 1)]
    assert (fills["liquidity"] == PASSIVE).all()
    assert (end.trades["own"] <= end.trades["quantity"]).all()
    assert end.ticks[0]["own_volume"] == fills["quantity"].sum() == end.trades["own"].sum()
