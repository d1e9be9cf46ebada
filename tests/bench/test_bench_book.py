"""``bench book`` runs tiny: keys, exit codes and results; never a time."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.bench import book as bench
from engine.bench.peers.book_cpp import compiler
from engine.bench.streams import LADDER, load, make
from engine.kernels.stream import MESSAGE

KEYS = {
    "messages",
    "fills",
    "volume",
    "notional",
    "best_bid",
    "best_ask",
    "ns_per_message_best",
    "ns_per_message_median",
    "meta",
}
BUY, SELL = 0, 256
ADD, CANCEL, REDUCE = 0, 1, 2


@pytest.fixture
def run(tmp_path, capsys):
    """Write rows (or bytes) to a file, run the verb: (exit code, report, words on stderr)."""

    def go(rows, *more):
        path = tmp_path / "stream.bin"
        path.write_bytes(rows if isinstance(rows, bytes) else np.array(rows, MESSAGE).tobytes())
        code = bench.main(["--stream", str(path), "--repeat", "2", "--json", *more])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return go


def test_a_small_stream_worked_by_hand(run):
    rows = [
        (ADD | BUY, 100, 10, 1),
        (ADD | BUY, 101, 5, 2),
        (ADD | SELL, 103, 7, 3),
        (ADD | SELL, 100, 12, 4),  # 5 at 101, 7 at 100
        (REDUCE, 0, 2, 1),  # 3 - 2 = 1 left at 100
        (CANCEL, 0, 0, 99),  # unknown: skipped, still a message
        (CANCEL, -5, 0, 3),
        (ADD | SELL, 105, 1, 3),  # the id returns
        (REDUCE, 0, 1, 1),  # all that is left: a cancel
    ]
    code, report, _ = run(rows)
    assert code == 0
    assert {key: report[key] for key in ("messages", "fills", "volume", "notional")} == {
        "messages": 9,
        "fills": 2,
        "volume": 12,
        "notional": 5 * 101 + 7 * 100,
    }
    assert (report["best_bid"], report["best_ask"]) == (None, 105)


def test_the_report_has_the_keys_of_the_contract(run):
    code, report, _ = run([(ADD, 5, 5, 5)])
    assert code == 0
    assert set(report) == KEYS
    assert set(report["meta"]) == {"machine", "git", "at", "load"}
    machine = {"cpu", "cores", "memory_gib", "os", "python", "numpy", "numba"}
    assert set(report["meta"]["machine"]) == machine


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"x" * 17, "record 1: size must be a multiple of 16 bytes, was 17"),
        ([(ADD, 5, 5, 1), (3, 5, 5, 2)], "record 1: type must be"),
        ([(-1, 5, 5, 2)], "record 0: type must be"),
        ([(ADD | 512, 5, 5, 2)], "record 0: side must be"),
        ([(-256, 5, 5, 2)], "record 0: side must be"),
        ([(ADD, 0, 5, 2)], "record 0: price of an add must be at least 1, was 0"),
        ([(ADD, 5, 0, 2)], "record 0: quantity must be at least 1, was 0"),
        ([(ADD, 5, 5, 2), (REDUCE, 0, 0, 2)], "record 1: quantity must be at least 1, was 0"),
        ([(ADD, 5, 5, 2), (ADD, 6, 5, 2)], "record 1: an add must not have the id of a live order"),
    ],
)
def test_a_bad_file_is_refused_by_the_number_of_its_record(run, rows, words):
    code, report, err = run(rows)
    assert (code, report) == (2, None)
    assert words in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repeat", "0"],
        ["--messages", "0"],
        ["--recipe", "NONE"],
        ["--recipe", "ALL", "--stream", "a.bin"],
        ["--stream", "/nowhere"],
        ["-x"],
    ],
)
def test_bad_usage_exits_with_2(arguments, capsys):
    assert bench.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err


def test_an_empty_file_is_a_stream_of_no_messages(run):
    code, report, _ = run(b"")
    assert code == 0
    assert (report["messages"], report["fills"], report["best_bid"]) == (0, 0, None)


def test_any_id_and_price_of_an_int32_works(run):
    most = 2**31 - 1
    rows = [
        (ADD | BUY, 1, most, most),
        (ADD | SELL, most, most, 0),
        (ADD | BUY, most, most, 17),
        (ADD | SELL, most - 1, 4, 5),
    ]
    code, report, _ = run(rows)
    assert code == 0
    assert report["notional"] == most * most
    assert (report["best_bid"], report["best_ask"]) == (1, most - 1)


def test_ranks_of_prices_give_the_result_of_the_ladder(run):
    raw = make("SPARSE", 3, 400)
    stretched = raw.copy()
    stretched["price"] = raw["price"] * LADDER // 8
    assert load(stretched).n_ticks < LADDER
    _, plain, _ = run(raw.tobytes())
    _, ranked, _ = run(stretched.tobytes())
    assert plain["fills"] == ranked["fills"] > 10
    assert plain["volume"] == ranked["volume"]
    assert ranked["notional"] == plain["notional"] * LADDER // 8
    assert ranked["best_bid"] == plain["best_bid"] * LADDER // 8


@pytest.mark.parametrize("recipe", ["A", "BIG", "SPARSE"])
def test_a_saved_recipe_is_a_file_that_gives_the_same_result(recipe, run, tmp_path, capsys):
    path = tmp_path / "saved.bin"
    common = ["--repeat", "1", "--json", "--messages", "300"]
    assert bench.main(["--recipe", recipe, "--save", str(path), *common]) == 0
    made = json.loads(capsys.readouterr().out)
    _, read_back, _ = run(path.read_bytes())
    names = ("messages", "fills", "volume", "notional", "best_bid", "best_ask")
    assert made["messages"] == 300
    assert [made[name] for name in names] == [read_back[name] for name in names]


def test_peers_have_our_result_and_are_left_out_where_they_are_absent(run, monkeypatch):
    raw = make("SPARSE", 3, 500).tobytes()
    code, report, _ = run(raw, "--peers")
    assert code == 0
    assert set(report["peers"]) == ({"cpp", "python"} if compiler() else {"python"})
    assert all(peer["identical"] and peer["ratio"] > 0 for peer in report["peers"].values())
    monkeypatch.setattr(bench, "compiler", lambda: None)
    code, report, err = run(raw, "--peers")
    assert (code, set(report["peers"])) == (0, {"python"})
    assert "left out" in err


def test_all_our_streams_run_in_turns_and_the_worst_case_is_compared(capsys):
    common = ["--repeat", "2", "--messages", "300", "--json"]
    assert bench.main(["--recipe", "ALL", "--peers", *common]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"A", "BIG", "SPARSE", "sparse_over_a", "meta"}
    for name in ("A", "BIG", "SPARSE"):
        assert set(report[name]) == (KEYS | {"peers"}) - {"meta"}
        assert report[name]["messages"] == 300
        assert all(peer["identical"] for peer in report[name]["peers"].values())
    assert report["sparse_over_a"] > 0


@pytest.mark.skipif(compiler() is None, reason="no g++ here")
def test_a_checkout_of_cpptrader_is_compiled_and_compared(run, monkeypatch):
    raw = make("SPARSE", 3, 500).tobytes()
    stand_in = Path(__file__).parents[1] / "support/cpptrader"
    code, report, _ = run(raw, "--peers", "--cpptrader", str(stand_in))
    assert code == 0
    assert report["fills"] > 10
    assert set(report["peers"]) == {"cpp", "cpptrader", "python"}
    assert all(peer["identical"] for peer in report["peers"].values())
    monkeypatch.setenv("CPPTRADER", str(stand_in))
    assert "cpptrader" in run(raw, "--peers")[1]["peers"]


def test_a_folder_that_is_no_checkout_of_cpptrader_is_refused(run, tmp_path):
    code, report, err = run(b"", "--peers", "--cpptrader", str(tmp_path))
    assert (code, report) == (2, None)
    assert "must be a checkout of CppTrader" in err


def test_a_peer_with_another_result_exits_with_3(run, monkeypatch):
    class Forgetful(bench.PythonBook):
        def add(self, side, price, quantity, order):
            super().add(side, price, quantity, order)
            del self.fills[3:]

    monkeypatch.setattr(bench, "PythonBook", Forgetful)
    monkeypatch.setattr(bench, "compiler", lambda: None)
    code, report, _ = run(make("SPARSE", 3, 500).tobytes(), "--peers")
    assert (code, report["peers"]["python"]["identical"]) == (3, False)


def test_repeats_that_differ_exit_with_3(run, monkeypatch):
    class Drifting(bench.Ours):
        def outcome(self):
            outcome = super().outcome()
            self._drift = getattr(self, "_drift", 0) + 1
            outcome.final["quantity"] += self._drift
            return outcome

    monkeypatch.setattr(bench, "Ours", Drifting)
    code, report, err = run([(ADD, 5, 5, 5)])
    assert (code, report) == (3, None)
    assert "different results" in err


def test_without_json_people_get_a_table(run, capsys):
    assert bench.main(["--recipe", "SPARSE", "--messages", "50", "--repeat", "1"]) == 0
    assert "ns_per_message_best" in capsys.readouterr().out
