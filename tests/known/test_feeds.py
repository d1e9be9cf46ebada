"""Recorded feeds against numbers that were computed independently of these readers."""

import csv
import gzip
import json

import numpy as np
import pytest

from engine.kernels.jit import JIT
from engine.runtime.feeds.check import Options, check_file
from engine.runtime.feeds.formats import FORMATS
from engine.runtime.feeds.lobster import read_recording
from engine.runtime.feeds.lobster_queue import queues
from engine.runtime.feeds.session import new_york_day
from engine.runtime.feeds.taq import clean_file
from engine.runtime.feeds.verb import main
from tests.support.data import data_dir

AMZN = "LOBSTER_SampleFile_AMZN_2012-06-21_{}.zip"
AAPL = "AAPL_2012-06-21_34200000_57600000_{}_10.first999.csv.gz"
MBO = "orderbooks_mbo_2024-05-08T00-00-00_2024-05-08T00-00-02.csv.gz"
MBP1 = "futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.csv.gz"
PRINTS = "futures_trades_2024-07-01T23-58_2024-07-02T00-02.csv.gz"


def checked(folder, name, format_name, **options):
    return check_file(data_dir(folder) / name, FORMATS[format_name], Options(**options))


def needs_jit():
    if not JIT:
        pytest.skip("a whole file is too slow with interpreted kernels")


def test_the_es_order_feed_replays_without_an_unknown_id_and_never_crosses():
    needs_jit()
    found = checked("databento_es", MBO, "mbo")
    assert (found.rows, found.accepted, found.quarantined) == (13_796, 13_796, {})
    assert found.events == {
        "clear": 1, "add": 13_678, "delete": 80, "modify": 27, "trade": 5, "fill": 5,
    }  # fmt: skip
    book = found.book
    assert book.states_checked == 185
    assert (book.orders, book.bid_levels, book.ask_levels) == (13_598, 976, 571)
    assert (book.best_bid, book.best_ask) == (5214.0, 5214.25)
    assert book.orders_off_ladder == 0


def test_the_trades_among_the_best_quotes_are_those_of_the_trades_file():
    found = checked("databento_es", MBP1, "mbp1")
    assert (found.rows, found.quarantined) == (2_288, {})
    assert found.events == {"trade": 120, "quote": 4_576}
    prints = checked("databento_es", PRINTS, "trades")
    assert (prints.rows, prints.quarantined) == (120, {})
    with gzip.open(data_dir("databento_es") / MBP1, "rt") as both:
        among = [tuple(row)[:8] for row in csv.reader(both) if row[2] == "T"]
    with gzip.open(data_dir("databento_es") / PRINTS, "rt") as alone:
        assert among == [tuple(row) for row in csv.reader(alone)][1:]


def test_the_bitstamp_day_ends_with_184_orders_and_its_unknown_ids_act_on_nothing():
    needs_jit()
    found = checked("bitstamp_l3_2015", "orders.csv.xz", "bitstamp")
    assert found.rows == 50_414
    assert found.quarantined == {"duplicate": 1, "unknown-id": 212}  # 208 deletes, 5 changes
    assert found.events == {"add": 24_894, "delete": 24_710, "modify": 597}
    assert (found.book.orders, found.book.best_bid, found.book.best_ask) == (184, 235.45, 235.71)
    assert found.noted == {}


def test_the_bybit_deltas_follow_their_snapshot_without_a_gap_or_a_crossing():
    found = checked("bybit_l2", "xrpusdt-ob500.data.zip", "bybit")
    assert (found.rows, found.accepted, found.noted) == (50, 50, {})
    assert (found.book.bid_levels, found.book.ask_levels) == (500, 500)
    assert found.symbols == ["XRPUSDT"]


DAYS = {  # known, first of them; unseen, first of them; adopted
    "5": (AMZN.format(5), AMZN.format(5), (7_281, 7_272, 1_693, 1_667, 33_840)),
    "1": (AMZN.format(1), AMZN.format(1), (4_478, 4_474, 4_496, 4_492, 13_953)),
    "AAPL": (AAPL.format("message"), AAPL.format("orderbook"), (90, 90, 8, 8, 318)),
}


@pytest.mark.parametrize("name", DAYS)
def test_fully_known_queues_of_a_recorded_day_are_first_in_first_out(name):
    if name != "AAPL":
        needs_jit()
    messages, books, want = DAYS[name]
    report = queues(read_recording(data_dir("lobster") / messages, data_dir("lobster") / books))
    got = (report.known, report.known_first, report.unseen, report.unseen_first)
    assert (*got, report.levels_adopted) == want
    assert report.levels_wrong == 0
    assert report.known_first >= 0.997 * report.known


@pytest.mark.parametrize("name", DAYS)
def test_a_recorded_day_is_accepted_row_for_row_with_its_book(name):
    if name != "AAPL":
        needs_jit()
    messages, books, want = DAYS[name]
    found = checked("lobster", messages, "lobster", orderbook=data_dir("lobster") / books)
    assert found.accepted == found.rows == found.transitions_exact + 1
    assert (found.quarantined, found.repaired) == ({}, {})
    assert found.levels_adopted == want[-1]
    if name == "5":  # ids from before the file: deletions, partial cancels, executions
        assert found.noted["unknown-id"] == 7_329 + 110 + 1_052


def test_cleansing_gives_the_published_sample_row_for_row():
    folder = data_dir("taq_highfrequency")
    fmt = FORMATS["taq-trades"]
    cleaned, steps = clean_file(folder / "sampleTDataRaw.csv.gz", fmt, "N", new_york_day())
    assert [step.left for step in steps] == [77_263, 11_191, 11_187, 11_187, 11_185, 7_168]
    assert [step.removed for step in steps] == [0, 66_072, 4, 0, 2, 4_017]
    with gzip.open(folder / "sampleTData.csv.gz", "rt") as text:
        want = list(csv.DictReader(text))
    stamps = np.array([row["DT"] for row in want], dtype="datetime64[ns]").astype(np.int64)
    assert np.array_equal(cleaned.at_ns, stamps)
    assert cleaned.price.tolist() == [round(float(row["PRICE"]) * 1e9) for row in want]
    assert cleaned.size.tolist() == [round(float(row["SIZE"])) * 10**8 for row in want]
    assert set(cleaned.symbol.tolist()) == {"XXX"}


def test_the_verb_prints_the_cleansing_table_and_exits_0(capsys):
    path = data_dir("taq_highfrequency") / "sampleTDataRaw.csv.gz"
    assert main(["check", str(path), "--format", "taq-trades", "--clean", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["verdict"], body["rows"], body["accepted"]) == ("clean", 77_263, 77_263)
    assert [step["left"] for step in body["clean"]] == [
        77_263,
        11_191,
        11_187,
        11_187,
        11_185,
        7_168,
    ]
    assert body["first"] == "2018-01-02T10:01:21.479000000Z"
