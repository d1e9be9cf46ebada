"""Progress, stop rules and cancel of a run, with rows instead of a market; what the report says."""

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.lab import run as lab
from engine.lab.report import BASELINES, comparison, sensitivity, sign, text, verdict
from engine.lab.run import CANCELLED, DAY_LIMIT, NARROW, PRECISE, StopRule, ask, run
from engine.lab.statistics import paired
from tests.support.lab import a_question, a_result, a_scenario

KEYS = ["scenario", "days", "seed", "market_hash", "rows", "by_regime"]
ROW_KEYS = [
    "strategy", "model", "shortfall_bps", "impact_bps", "headline_bps", "arrival_cents_per_share",
    "completion", "cleanup_share", "venue_share", "paired_vs", "n", "unfinished",
]  # fmt: skip
PAIR_KEYS = [
    "mean_bps", "ci95", "p_value", "win_rate", "n", "verdict", "left_out", "same_arrival_bps",
    "total_bps",
]  # fmt: skip


class Rows:
    """Stands in for a pool: hands over prepared rows, slice after slice."""

    def __init__(self, rows, slice_days=1):
        self.rows, self.slice, self.handed = rows, slice_days, 0

    def spread(self, task, days, slice_days, take):
        nothing = self.rows[:0]
        for first in range(0, days, self.slice):
            if take(first, nothing):
                return
            part = self.rows[first : min(first + self.slice, days)]
            self.handed = first + len(part)
            if take(first, part):
                return


def headlines(n, sd=0.5, apart=1.0):
    """Two strategies, the second dearer by ``apart`` on average, spread evenly."""
    wave = np.sin(np.arange(n) * 1.7) * sd
    level = 10.0 + 3.0 * np.cos(np.arange(n))
    return np.stack([level, level + apart + wave], axis=1)


def answer(n, *, stop=None, slice_days=1, sd=0.5, should_stop=None):
    rows = a_result(headlines(n, sd)).rows
    seen = []
    question = a_question("TWAP", "VWAP", days=n, stop=stop or StopRule())
    pool = Rows(rows, slice_days)
    result = run(question, pool=pool, on_batch=seen.append, should_stop=should_stop)
    return result, seen, pool


def test_the_first_ranking_comes_after_eight_paths_and_then_one_a_batch():
    result, seen, _ = answer(60)
    assert [now.n for now in seen] == [8, 25, 50, 60]
    assert (result.stopped, result.n) == (DAY_LIMIT, 60)
    last = seen[-1]
    assert [row.name for row in last.standings] == ["TWAP", "VWAP"]
    assert last.standings[1].against_first == pytest.approx(1.0, abs=0.05)
    assert last.standings[0].low < last.standings[0].mean < last.standings[0].high
    assert last.standings[0].against_first_error == 0.0


def test_a_run_stops_when_it_is_precise_enough_and_not_before():
    result, seen, _ = answer(1_000, stop=StopRule(error_ticks=0.02))
    assert result.stopped == PRECISE
    errors = [now.standings[1].against_first_error for now in seen]
    assert errors[-1] < 0.02 * 2.0  # a tick of a $50 stock is 2 bp
    assert all(error >= 0.02 * 2.0 for error in errors[:-1])
    assert result.n == seen[-1].n < 1_000


def test_a_run_stops_at_the_width_that_was_asked_for():
    result, seen, _ = answer(1_000, stop=StopRule(width_bps=0.2))
    assert result.stopped == NARROW
    assert 2 * 1.96 * seen[-1].standings[1].against_first_error < 0.2


def test_a_difference_that_is_significant_from_the_start_stops_nothing():
    result, seen, _ = answer(200, sd=0.01)
    first = seen[0].standings[1]
    assert first.against_first > 50 * first.against_first_error
    assert (result.stopped, result.n) == (DAY_LIMIT, 200)


def test_where_a_run_stops_does_not_depend_on_the_size_of_a_slice():
    found = [answer(1_000, stop=StopRule(width_bps=0.2), slice_days=n)[0] for n in (1, 7, 40)]
    assert len({(result.n, result.digest) for result in found}) == 1


def test_cancel_is_heard_before_the_next_slice_and_keeps_whole_batches():
    calls = iter(range(10_000))
    result, seen, pool = answer(1_000, should_stop=lambda: next(calls) > 80)
    assert result.stopped == CANCELLED
    assert pool.handed <= 41  # asked twice a slice
    assert result.n == seen[-1].n == 25


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(Refused, match="days must be from 1"):
        run(a_question("TWAP", days=0), workers=0)
    with pytest.raises(Refused, match="workers and slice must be positive"):
        run(a_question("TWAP"), workers=-1)
    with pytest.raises(Refused, match="strategies must be different names"):
        ask(a_scenario(), ("TWAP", "TWAP"), days=1, seed=1)
    with pytest.raises(Refused, match="seed must be from 0"):
        run(a_question("TWAP", seed=-1), workers=0)
    gap = '[[incidents]]\nkind = "feed_gap"\nat = "09:35"\nseconds = 60\n'
    with pytest.raises(Refused, match="changes what is published and not the market"):
        run(a_question("TWAP", scenario=a_scenario(more=gap)), workers=0)


def test_the_report_has_the_agreed_shape():
    body = comparison(a_result(headlines(60)))
    assert list(body) == KEYS
    assert (body["days"], body["market_hash"]) == (60, "abcd1234")
    for row in body["rows"]:
        assert list(row) == ROW_KEYS
        assert list(row["shortfall_bps"]) == ["mean", "ci95", "sd"]
        assert list(row["impact_bps"]) == ["total", "temporary", "permanent", "spread"]
        for pair in row["paired_vs"].values():
            assert list(pair) == PAIR_KEYS
    twap, vwap = body["rows"]
    assert "TWAP" in BASELINES
    assert twap["paired_vs"] == {}
    assert list(vwap["paired_vs"]) == ["TWAP"]
    assert list(body["by_regime"]) == ["usual", "volatile"]
    assert [body["by_regime"][name]["days"] for name in ("usual", "volatile")] == [30, 30]


def test_the_report_says_dearer_with_its_interval_and_the_version_of_the_market():
    body = comparison(a_result(headlines(60)))
    pair = body["rows"][1]["paired_vs"]["TWAP"]
    assert pair["mean_bps"] == pytest.approx(1.0, abs=0.05)
    assert pair["ci95"][0] > 0.8
    assert pair["p_value"] < 1e-6
    assert pair["n"] == 60
    assert "VWAP dearer than TWAP by 1.0" in pair["verdict"]
    assert pair["verdict"].endswith("n = 60, simulator abcd1234")
    shown = text(body)
    assert "bootstrap by path" in shown
    assert "VWAP and TWAP: VWAP dearer" in shown


def sentence(one, other, unfinished=0):
    found = paired(np.asarray(one, float), np.asarray(other, float))
    return verdict("A", "B", found, "abcd1234", unfinished)


def test_without_an_interval_that_leaves_out_zero_no_difference_is_claimed():
    noise = np.array([3.0, -3.1, 2.9, -2.8, 3.2, -3.1])
    said = sentence(noise, np.zeros(6))
    assert said.startswith("no difference shown, n = 6, needed ≈ ")
    assert int(said.split("≈ ")[1].replace(",", "")) > 1_000


def test_the_other_verdicts():
    assert sentence([1.0, 2.0], [1.0, 2.0]).startswith("no different: A and B did the same")
    assert sentence([1.0], [2.0]).startswith("not enough data")
    assert sentence([1.0, 1.1], [2.0, 2.1], unfinished=1).startswith("not comparable")
    assert sentence([1.0, 1.2, 1.1], [2.0, 2.3, 2.2]).startswith("A cheaper than B by 1.07 bp [1.0")


def test_an_order_that_was_not_finished_is_no_comparison():
    result = a_result(headlines(10))
    result.rows["filled"][3, 1] -= 100
    pair = comparison(result)["rows"][1]["paired_vs"]["TWAP"]
    assert pair["verdict"] == "not comparable: the order was not finished on 1 of 10 paths"


def test_a_path_that_only_the_baseline_did_not_finish_is_left_out_and_counted():
    result = a_result(headlines(10))
    result.rows["filled"][3, 0] -= 100
    body = comparison(result)
    pair = body["rows"][1]["paired_vs"]["TWAP"]
    assert pair["n"] == 9
    assert pair["left_out"] == {"paths": 1, "VWAP": 0, "TWAP": 1}
    assert "VWAP dearer than TWAP" in pair["verdict"]
    assert [row["unfinished"] for row in body["rows"]] == [1, 0]
    assert [row["n"] for row in body["rows"]] == [9, 9]  # the same paths for every row


def test_a_path_without_a_mid_after_the_end_has_no_cost_and_spoils_no_mean():
    result = a_result(headlines(10))
    result.rows["impact"][4, :] = np.nan
    body = comparison(result)
    costs = np.delete(headlines(10)[:, 1], 4)
    assert body["rows"][1]["headline_bps"]["mean"] == pytest.approx(costs.mean(), abs=1e-3)
    assert body["rows"][1]["paired_vs"]["TWAP"]["left_out"]["paths"] == 1
    assert body["by_regime"]["usual"]["rows"][1]["headline_bps"]["mean"] is not None


def test_the_difference_at_the_same_arrival_price_stands_beside_the_headline():
    result = a_result(headlines(40))
    result.rows["arrival"] = result.rows["cost"] * 2
    pair = comparison(result)["rows"][1]["paired_vs"]["TWAP"]
    assert pair["same_arrival_bps"]["mean"] == pytest.approx(2 * pair["mean_bps"], rel=1e-3)
    assert pair["total_bps"]["mean"] == pytest.approx(pair["mean_bps"], rel=1e-6)


def test_the_sensitivity_table_asks_every_market_once_and_gives_each_pair_a_sign():
    asked = []

    def ask_market(question):
        asked.append(dict(question.scenario.market))
        apart = 1.0 if question.scenario.market[-1] != ("p_own", 0.4) else -1.0
        return a_result(headlines(40, apart=apart))

    table = sensitivity(a_question("TWAP", "VWAP"), ask_market)
    assert len(table) == len(asked) == 10
    assert len({tuple(market.items()) for market in asked}) == 10
    signs = {
        (row["field"], row["value"]): row["rows"][1]["paired_vs"]["TWAP"]["sign"] for row in table
    }
    assert signs.pop(("p_own", 0.4)) == -1
    assert set(signs.values()) == {1}


def test_an_interval_that_holds_zero_has_no_sign():
    assert sign({"ci95": [-0.1, 0.2]}) == 0
    assert sign({"ci95": [None, None]}) == 0
    assert sign({"ci95": [-0.3, -0.1]}) == -1


def test_intervals_on_the_way_use_the_rows_so_far(monkeypatch):
    monkeypatch.setattr(lab, "FIRST", 2)
    _, seen, _ = answer(4)
    costs = headlines(4)[:2, 0]
    assert seen[0].n == 2
    best = next(row for row in seen[0].standings if row.name == "TWAP")
    assert best.mean == pytest.approx(costs.mean(), abs=1e-4)
    assert best.error == pytest.approx(costs.std(ddof=1) / np.sqrt(2), abs=1e-4)
