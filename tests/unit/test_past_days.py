"""Past days are whole, sealed, marked DEMO, and a pure function of their seed."""

import json
import math
import shutil

import msgspec
import numpy as np
import pytest

from db.journal import read_segment, segments, verify
from db.market import Market
from db.project import catch_up, day_source, history_sources
from db.queries import Queries
from engine.core.evolve import evolve
from engine.core.state import State
from engine.domain import events as e
from engine.domain.kinds import N_FEATURES
from engine.exchange.presets import market_hash
from engine.exchange.simulated import SimulatedMarket
from engine.tca.report import report_hash
from engine.tca.results import DayReport
from engine.worker import past
from engine.worker.history import (
    PART,
    changed_files,
    make_day,
    read_sealed,
    report_of,
    sealed_days,
    sweep,
)
from engine.worker.past import Stopped
from engine.worker.training import recordings
from tests.support.busy_desk import tables
from tests.support.past_days import DAY, a_state_with_a_past_day, an_order, to_the_end


@pytest.fixture
def queries(tmp_path):
    """The tables of a state with one past day."""
    state = a_state_with_a_past_day()
    engine = tables(tmp_path / "desk.db")
    (source,) = history_sources(state)
    catch_up(engine, source, 1)
    yield Queries(engine, state)
    engine.dispose()


def entries():
    folder = a_state_with_a_past_day() / "history" / DAY
    return list(read_segment(segments(folder)[0]))


def test_a_past_day_is_sealed_and_its_chain_verifies():
    history = a_state_with_a_past_day() / "history"
    verdict = verify(history / DAY)
    sealed = read_sealed(history, DAY)
    assert verdict.reason == ""
    assert (verdict.entries, verdict.head) == (sealed.entries, sealed.head)
    assert sealed.entries > 200
    assert sealed_days(history) == (DAY,)
    assert sorted(path.name for path in history.iterdir()) == [DAY]
    assert changed_files(history, DAY) == ()


def test_a_changed_file_of_a_sealed_day_is_found(tmp_path):
    history = tmp_path / "history"
    shutil.copytree(a_state_with_a_past_day() / "history", history)
    tape = history / DAY / "market" / f"{DAY}.npz"
    tape.write_bytes(tape.read_bytes() + b"\0")
    assert changed_files(history, DAY) == (f"market/{DAY}.npz",)


def test_a_past_day_folds_like_any_journal_and_every_order_has_ended():
    state = State()
    for entry in entries():
        evolve(state, entry)
    assert not state.is_open
    assert len(state.parents) >= 5
    assert not any(parent.is_live for parent in state.parents.values())
    assert min(state.parents) == 2026111201
    assert state.signed[DAY][0] == state.reports[DAY]


def test_people_did_a_bit_of_everything():
    names = {type(entry.event).__name__ for entry in entries()}
    wanted = {
        e.ParentAccepted, e.ChildFilled, e.KillReleased, e.CommandRefused, e.ParentEnded,
        e.ChangeEdited, e.ChangeApproved, e.ParametersSet, e.TcaAnnotated, e.DaySigned,
    }  # fmt: skip
    assert {kind.__name__ for kind in wanted} - names == set()
    people = {x.event.envelope.person for x in entries() if isinstance(x.event, e.CommandTaken)}
    assert {"u1", "u2", "u3", "u4", "u8", "system"} - people == set()


def test_the_same_seed_makes_the_same_day_and_another_seed_another(tmp_path):
    heads = [
        make_day(tmp_path / name, an_order(seed=seed, minutes=3), to_the_end).head
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    assert heads[0] == heads[1]
    assert heads[0] != heads[2]


def test_a_past_day_is_the_day_of_the_full_market_to_the_bit(tmp_path, monkeypatch):
    lean = make_day(tmp_path / "lean", an_order(minutes=3), to_the_end)
    monkeypatch.setattr(past, "LeanMarket", SimulatedMarket)
    assert make_day(tmp_path / "full", an_order(minutes=3), to_the_end).head == lean.head


def test_a_day_that_is_stopped_leaves_nothing(tmp_path):
    turns = iter(range(100))
    with pytest.raises(Stopped):
        make_day(tmp_path / "history", an_order(), lambda done: next(turns) < 60)
    assert list((tmp_path / "history").iterdir()) == []


def test_what_a_killed_worker_left_is_no_day_and_is_swept(tmp_path):
    left = tmp_path / "history" / f"{PART}{DAY}"
    left.mkdir(parents=True)
    (left / "000001.db").write_bytes(b"half")
    half = tmp_path / "history" / "2026-11-11"
    half.mkdir()
    assert history_sources(tmp_path) == ()
    assert sealed_days(tmp_path / "history") == ()
    sweep(tmp_path / "history")
    assert not left.exists()


def test_everything_of_a_past_day_is_marked_demo(queries):
    (day,) = queries.days()
    assert (day.origin, day.source, day.sealed) == ("DEMO", f"demo-{DAY}", True)
    assert queries.days("LIVE") == ()
    parents = queries.parents_of_day(DAY)
    assert len(parents) == day.parents
    assert {row.origin for row in parents} == {"DEMO"}
    with queries._engine.connect() as connection:
        from db.tables import TABLES

        for table in TABLES.sorted_tables:
            rows = connection.execute(table.select()).mappings().all()
            assert {row["origin"] for row in rows} <= {"DEMO"}, table.name


def test_the_parts_of_every_order_sum_to_its_cost_and_the_orders_to_the_day(queries):
    day = queries.tca_day(DAY)
    report = msgspec.json.decode(day.body.encode(), type=DayReport)
    assert len(report.orders) >= 5
    for order in report.orders:
        cost = order.cost
        parts = (cost.delay, cost.trading, cost.opportunity, cost.fees)
        assert cost.total is not None
        assert math.isclose(sum(p or 0.0 for p in parts), cost.total, rel_tol=1e-9, abs_tol=1e-9)
    summed = math.fsum(order.cost.total for order in report.orders)
    assert math.isclose(summed, report.total.cost.total, rel_tol=1e-9, abs_tol=1e-9)
    assert report.meta.watermark == "DEMO"


def test_the_reports_vwap_is_that_of_the_engines_own_totals(queries):
    report = msgspec.json.decode(queries.tca_day(DAY).body.encode(), type=DayReport)
    checked = 0
    for order in report.orders:
        row = queries.parent(order.parent_id)
        with queries._engine.connect() as connection:
            from db.tables import PARENTS

            marks = connection.execute(
                PARENTS.select().where(PARENTS.c.id == order.parent_id)
            ).mappings().one()  # fmt: skip
        volume = marks["end_volume"] - marks["arrival_volume"]
        assert order.benchmarks.market_volume == volume
        if order.benchmarks.interval_vwap is not None:
            notional = marks["end_notional"] - marks["arrival_notional"]
            assert order.benchmarks.interval_vwap == notional / volume
            assert math.isclose(order.benchmarks.vwap.bps, row.vwap_bps, abs_tol=1e-9)
            checked += 1
        assert math.isclose(order.benchmarks.arrival_bps or 0, row.slippage_bps or 0, abs_tol=1e-9)
    assert checked >= 3


def test_a_report_built_again_has_the_same_hash(tmp_path):
    source = a_state_with_a_past_day() / "history" / DAY
    folder = tmp_path / DAY
    shutil.copytree(source, folder)
    with np.load(folder / "market" / f"{DAY}.npz") as packed:
        for kind in ("bars", "points"):
            (folder / "market" / f"{DAY}.{kind}").write_bytes(packed[kind].tobytes())
    assert report_of(folder, DAY).digest == read_sealed(source.parent, DAY).report_hash


def test_notes_and_signature_leave_the_stored_report_alone(queries):
    day = queries.tca_day(DAY)
    assert day.notes
    assert day.day.signed_by == "u8"
    assert day.day.signed_hash == day.report_hash == report_hash(day.body.encode())


def test_the_export_names_the_signed_hash_and_holds_the_notes(queries):
    page = queries.tca_html(DAY, {"u8": "Per <Olsen>"})
    day = queries.tca_day(DAY)
    assert day.report_hash in page
    assert "Per &lt;Olsen&gt;" in page
    assert "DOES NOT FIT" not in page
    assert day.notes[0].text in page
    assert "<script" not in page
    assert page.endswith("</html>")


def test_the_tape_of_a_sealed_day_reads_like_a_live_one(queries):
    parent = next(row for row in queries.parents_of_day(DAY) if row.filled)
    points = queries.points(parent.number)
    assert len(points.at_ns) > 20
    assert (np.diff(points.at_ns) > 0).all()
    assert points.filled[-1] <= parent.filled
    prices = queries.prices(DAY, parent.symbol, parent.accepted_at, parent.ended_at)
    assert np.isfinite(prices.mid).mean() > 0.9
    assert abs(np.nanmean(prices.mid) / parent.arrival - 1) < 0.05
    assert len(queries.prices(DAY, parent.symbol, most=50).at_ns) == 50
    assert Market(a_state_with_a_past_day()).bars("2020-01-01").size == 0


def test_features_are_kept_for_training():
    found = recordings(a_state_with_a_past_day() / "history", [DAY])
    assert [recording.name for recording in found] == [f"MIDC {DAY}", f"NRTH {DAY}"]
    for recording in found:
        assert recording.features.shape == (len(recording.at_ns), N_FEATURES)
        assert len(recording.at_ns) > 100
        assert np.isfinite(recording.features[-1]).sum() > 10
        assert recording.market == market_hash()  # a model of these days may be compared there


def test_an_entry_is_shown_with_its_place_in_the_chain(queries):
    found = queries.entry(3, f"demo-{DAY}")
    before = queries.entry(2, f"demo-{DAY}")
    assert found.fits
    assert (found.before, before.after) == (before.hash, found.hash)
    assert json.loads(found.json)["seq"] == 3
    assert queries.entry(1, f"demo-{DAY}").before == "00" * 32
    assert queries.entry(10_000_000, f"demo-{DAY}") is None


def test_an_intended_child_has_its_decision_record(queries):
    parent = next(row for row in queries.parents_of_day(DAY) if row.children_total)
    child = queries.children_of(parent.number)[0]
    detail = queries.entry(child.decision, f"demo-{DAY}")
    assert detail.has_decision
    record = queries.decision(child.decision, f"demo-{DAY}")
    import hashlib

    assert hashlib.sha256(record).hexdigest() == json.loads(detail.json)["event"]["digest"]


def test_a_source_that_is_not_there_answers_nothing(queries):
    assert queries.entry(1, "demo-2001-01-01") is None
    assert day_source(a_state_with_a_past_day() / "history" / DAY).report("ff" * 32) is None
