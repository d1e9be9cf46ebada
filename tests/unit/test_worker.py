"""The worker's jobs: reports once a day closed, past days, the first model, the nightly walk."""

import gc
import tracemalloc
from functools import partial
from threading import Event
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from db.facts import Facts, Mark
from db.jobs import Jobs
from db.market import POINT, Mids, Totals, thin
from db.project import live_source, project, unread
from db.queries import Queries
from engine.desk import Answer
from engine.domain.commands import InstallModel, ReportTca
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.units import SECOND
from engine.learn import registry
from engine.runtime.clock import HandClock
from engine.runtime.models import load_model, read_policy_card
from engine.settings import make_folders, paths, resolve
from engine.tca.benchmarks import interval_sums
from engine.tca.inputs import MidSeries
from engine.worker import costs, jobs, rebuild, shipped
from engine.worker.apart import run_apart
from engine.worker.context import Context
from engine.worker.past import PastDay
from engine.worker.projector import Projector
from engine.worker.script import write
from engine.worker.tca import mids_of, tape_of
from engine.worker.training import LIFE_NS
from tests.support.busy_desk import contents, tables
from tests.support.past_days import (
    DAY,
    PRESETS_USED,
    a_state_with_a_past_day,
    short_session,
    to_the_end,
)


class TestContext(Context):
    """A worker whose engine remembers what it was sent."""

    __test__ = False

    def submit(self, command, command_id):
        answer = self.memo.setdefault("answer", None)
        self.memo.setdefault("sent", []).append((command_id, command))
        if answer is not None:
            raise answer
        return Answer(id=command_id, seq=1)

    def apart(self, module, ask):
        self.memo.setdefault("apart", []).append(module)
        if "apart fails" in self.memo:
            raise self.memo["apart fails"]
        return super().apart(module, ask) if self.memo.get("real") else costs.work(ask)


@pytest.fixture
def context(tmp_path):
    """A worker over an empty state folder."""
    settings = resolve({"state": str(tmp_path), "history_days": 2}, {})
    where = paths(settings)
    make_folders(where)
    made = TestContext(
        settings=settings, where=where, tables=tables(where.desk_db),
        jobs=Jobs.open(where.people_db), clock=HandClock(10**18), stop=Event(),
    )  # fmt: skip
    yield made
    made.tables.dispose()
    made.jobs.close()


def asked_day(context, **other):
    """The question that the job asks, or a spoilt one."""
    state = str(context.where.state)
    return msgspec.json.encode({"tables": "", "state": state, "day": DAY} | other)


def live_day(context, *, minutes=6, closed=True):
    """A short day in the live journal, with its tape; not reported."""
    state = context.where.state
    session = short_session(minutes=minutes)
    day = PastDay(state / "journal", session, PRESETS_USED, seed=3, code="c0de")
    instruments = tuple(preset.instrument for preset in PRESETS_USED)
    if closed:
        day.run(write(3, 20261112, instruments, minutes * 60), to_the_end)
    else:
        day.turn()
    day.close()
    (state / "journal" / "market").rename(state / "market")
    return session.day


def caught_up(context):
    """The projector's thread, run by hand until nothing is left."""
    projector = Projector(context)
    while projector.turn():
        pass
    return projector


def test_a_closed_day_is_reported_once_and_stored_under_its_hash(context):
    day = live_day(context)
    caught_up(context)
    jobs.tca_day(context)
    jobs.tca_day(context)
    ((command_id, command),) = context.memo["sent"]
    assert isinstance(command, ReportTca)
    assert command.day == day
    assert command_id.startswith(f"tca-{day}-")
    stored = (context.where.state / "reports" / f"{command.report_hash}.json").read_bytes()
    assert live_source(context.where.state).report(command.report_hash) == stored
    assert b'"watermark":"SIM"' in stored
    assert context.jobs.get("tca_day").state == "done"


def test_an_engine_that_is_away_is_asked_again_with_the_same_report(context):
    live_day(context)
    caught_up(context)
    context.memo["answer"] = ConnectionError("the engine is not there")
    jobs.tca_day(context)
    assert context.jobs.get("tca_day").state == "failed"
    assert [name for name in context.memo if name.startswith("report ")]  # not built again
    assert "not there" in context.jobs.get("tca_day").error
    context.memo["answer"] = None
    jobs.tca_day(context)
    first, second = context.memo["sent"]
    assert first == second
    assert not [name for name in context.memo if name.startswith("report ")]  # it is stored
    assert context.jobs.get("tca_day").state == "done"


def peak_of(work):
    """What Python took at most meanwhile. [byte]"""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_day_is_never_in_the_memory_of_the_worker_itself(context):
    live_day(context, minutes=12)
    caught_up(context)
    jobs.tca_day(context)  # in this process: it loads what it needs
    ((_, here),) = context.memo.pop("sent")
    context.memo.clear()
    inside = peak_of(lambda: jobs.tca_day(context))
    context.memo.clear()
    context.memo["real"] = True
    outside = peak_of(lambda: jobs.tca_day(context))
    ((_, there),) = context.memo["sent"]
    assert there == here
    assert inside > 5 * outside
    assert outside < 300_000


def test_what_went_wrong_in_a_process_apart_is_said_as_if_it_had_been_here(context):
    with pytest.raises(Refused, match="the read tables do not answer"):
        run_apart("engine.worker.costs", asked_day(context, tables="sqlite:////nowhere/t.db"))
    with pytest.raises(BrokenInvariant, match="ended with 1"):
        run_apart("engine.worker.costs", b"no JSON")


def test_a_day_that_could_not_be_reported_rests_before_the_next_try(context):
    live_day(context)
    caught_up(context)
    context.memo["apart fails"] = BrokenInvariant("the tape of it is not there")
    jobs.tca_day(context)
    jobs.tca_day(context)
    assert context.memo["apart"] == ["engine.worker.costs"]
    assert "not there" in context.jobs.get("tca_day").error
    del context.memo["apart fails"]
    context.clock.now += jobs.REST_NS + 1
    jobs.tca_day(context)
    assert len(context.memo["sent"]) == 1


def test_an_open_day_is_not_reported(context):
    live_day(context, closed=False)
    caught_up(context)
    jobs.tca_day(context)
    assert "sent" not in context.memo


def test_a_report_that_fails_is_seen_by_people(context):
    live_day(context)
    caught_up(context)
    context.memo["answer"] = Refused("signed off: its report can no longer change")
    jobs.tca_day(context)
    row = context.jobs.get("tca_day")
    assert (row.state, row.error) == (
        "failed", f"{DAY}: signed off: its report can no longer change",
    )  # fmt: skip


def test_the_projector_reads_live_entries_and_past_days(context):
    live_day(context)
    history = context.where.state / "history"
    history.symlink_to(a_state_with_a_past_day() / "history")
    caught_up(context)
    origins = {row.origin for row in Queries(context.tables, context.where.state).days()}
    assert origins == {"LIVE", "DEMO"}


def test_a_worker_that_restarts_in_the_middle_projects_nothing_twice(context):
    live_day(context)
    source = live_source(context.where.state)
    project(context.tables, source, list(unread(source, 0, 333)), 1)
    first = Projector(context)
    first.turn()
    caught_up(context)
    before = contents(context.tables)
    caught_up(context)
    assert contents(context.tables) == before


def test_past_days_are_made_newest_first_and_only_those_that_are_missing(context, monkeypatch):
    live_day(context)
    caught_up(context)
    made = []

    def fake(history, order, going_on):
        assert going_on(0.5)
        made.append((order.session.day, order.signed, order.code))
        (history / order.session.day).mkdir(parents=True)
        (history / order.session.day / "sealed.json").write_text("{}")

    monkeypatch.setattr(jobs, "make_day", fake)
    jobs.history(context)
    jobs.history(context)
    assert made == [("2026-11-11", False, "c0de"), ("2026-11-10", False, "c0de")]
    row = context.jobs.get("history")
    assert (row.state, row.progress, row.runs) == ("done", 1.0, 1)


def test_a_desk_that_is_not_a_demo_gets_no_past_and_no_model(context):
    settings = resolve({"state": str(context.where.state), "demo": False}, {})
    plain = TestContext(
        settings=settings, where=context.where, tables=context.tables, jobs=context.jobs,
        clock=context.clock, stop=context.stop,
    )  # fmt: skip
    live_day(plain)
    caught_up(plain)
    jobs.history(plain)
    jobs.first_model(plain)
    jobs.first_policy(plain)
    assert plain.jobs.all() == ()
    assert not (plain.where.state / "history").exists()


def test_the_first_model_waits_for_enough_past_days(context):
    live_day(context)
    caught_up(context)
    jobs.first_model(context)
    assert "sent" not in context.memo


def test_the_first_model_is_offered_as_a_bootstrap_that_nobody_approved(context, monkeypatch):
    live_day(context)
    caught_up(context)
    monkeypatch.setattr(jobs, "sealed_days", lambda folder: ("2026-11-10", "2026-11-11"))
    monkeypatch.setattr(jobs, "train", lambda *a, **k: "f" * 64)
    monkeypatch.setattr(jobs, "card_text", lambda *a: "words. DEMO bootstrap")
    jobs.first_model(context)
    jobs.first_model(context)
    ((_, command),) = context.memo["sent"]
    assert isinstance(command, InstallModel)
    assert (command.strategy, command.model_id) == ("ADAPTIVE", "f" * 64)
    assert context.jobs.get("first_model").state == "done"


def test_a_demo_desk_is_offered_the_shipped_policy_of_rl_that_nobody_approved(context):
    live_day(context)
    caught_up(context)
    jobs.first_policy(context)
    jobs.first_policy(context)
    ((_, command),) = context.memo["sent"]
    assert isinstance(command, InstallModel)
    assert command.strategy == "RL"
    source = read_policy_card(shipped.FOLDER, shipped.shipped_policy())
    mine = read_policy_card(context.where.models, command.model_id)
    assert mine.arrays_sha256 == source.arrays_sha256
    first = Facts(context.tables, live_source(context.where.state).name).first_day()
    assert mine.expires_at == first["open_at"] + LIFE_NS
    assert "DEMO bootstrap, not approved by a person" in command.card
    assert source.red_flag in command.card
    assert "Learnt under a cap of 35% of volume" in command.card
    assert context.jobs.get("first_policy").state == "done"


def test_a_desk_whose_rl_has_had_a_policy_is_offered_none(context, monkeypatch):
    live_day(context)
    caught_up(context)
    monkeypatch.setattr(
        jobs.Queries, "models", lambda self: [SimpleNamespace(strategy="RL")], raising=True
    )
    jobs.first_policy(context)
    assert "sent" not in context.memo


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"market_hash": "another"}, "must be learnt in market"),
        ({"saved_high": -0.1, "red_flag": "dearer than its base"}, "not installed: dearer than"),
        ({"against_twap": "no different from TWAP", "red_flag": "no different"}, "not installed"),
    ],
)
def test_a_policy_of_another_market_or_one_that_loses_is_not_installed_and_rl_says_so(
    context, monkeypatch, tmp_path, changed, said
):
    source = shipped.shipped_policy()
    card = read_policy_card(shipped.FOLDER, source)
    model = load_model(shipped.FOLDER, source).model
    registry.save(tmp_path / "policy", model, msgspec.structs.replace(card, **changed))
    live_day(context)
    caught_up(context)
    monkeypatch.setattr(jobs, "adopt", partial(shipped.adopt, folder=tmp_path / "policy"))
    jobs.first_policy(context)
    assert "sent" not in context.memo
    row = context.jobs.get("first_policy")
    assert row.state == "failed"
    assert said in row.error
    assert row.error.endswith("RL runs as its base schedule")


def test_the_shipped_policy_is_whole_of_this_market_and_has_seen_no_path_of_a_comparison():
    source = shipped.shipped_policy()
    card = read_policy_card(shipped.FOLDER, source)
    assert load_model(shipped.FOLDER, source).policy  # both hashes are right
    shipped.check(card)
    assert {paths.purpose for paths in card.paths} == {"training", "validation"}


def test_the_nightly_walk_says_sound_and_finds_a_changed_entry(context):
    live_day(context)
    jobs.verify(context)
    assert context.jobs.get("verify").state == "done"
    assert "sound" in context.jobs.get("verify").text
    import sqlite3

    connection = sqlite3.connect(context.where.journal / "000001.db")
    connection.execute("DROP TRIGGER entry_no_update")
    connection.execute("UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE seq = 5")
    connection.commit()
    connection.close()
    jobs.verify(context)
    row = context.jobs.get("verify")
    assert (row.state, row.error) == (
        "failed",
        "live: the hash of entry 5 does not fit its content",
    )


def test_what_was_running_when_the_worker_ended_is_stopped(context):
    context.jobs.start("history", "20 days", 5)
    context.jobs.step("history", 0.3, "past day 7 of 20", 6)
    context.jobs.stop_running(9)
    row = context.jobs.get("history")
    assert (row.state, row.progress, row.text, row.ended_at) == (
        "stopped", 0.3, "past day 7 of 20", 9,
    )  # fmt: skip


# --- the tape as prints ----------------------------------------------------------------------
def some_totals():
    return Totals(
        at_ns=np.arange(1, 6) * SECOND,
        volume=np.array([100, 100, 350, 1_000, 1_001]),
        notional=np.array([500_050, 500_050, 1_752_517, 5_010_003, 5_015_010]),
    )


def test_prints_carry_exactly_the_volume_and_notional_of_every_second():
    tape = tape_of(some_totals(), ())
    assert interval_sums(tape, 0, 5 * SECOND) == (1_001, 5_015_010)
    assert interval_sums(tape, 1 * SECOND, 3 * SECOND) == (250, 1_252_467)
    assert (tape.quantity > 0).all()


def test_a_mark_cuts_a_second_where_the_journal_knows_the_totals():
    marks = [
        Mark(at_ns=int(2.4 * SECOND), volume=150, notional=750_200),
        Mark(at_ns=int(3.7 * SECOND), volume=700, notional=3_507_000),
    ]
    tape = tape_of(some_totals(), marks)
    found = interval_sums(tape, marks[0].at_ns, marks[1].at_ns)
    assert found == (550, 3_507_000 - 750_200)
    assert interval_sums(tape, 0, 5 * SECOND) == (1_001, 5_015_010)


def test_mids_end_at_the_close_and_stay_missing_where_they_were():
    found = mids_of(Mids(at_ns=np.array([1, 2]), mid=np.array([50.0, np.nan])), 7)
    assert isinstance(found, MidSeries)
    assert found.until_ns == 7
    assert np.isnan(found.mid[1])


def test_thinning_keeps_both_ends():
    rows = np.zeros(10_001, POINT)
    rows["at_ns"] = np.arange(10_001)
    kept = thin(rows, 2_000)
    assert len(kept) == 2_000
    assert (kept["at_ns"][0], kept["at_ns"][-1]) == (0, 10_000)
    assert len(thin(rows[:10], 2_000)) == 10


def test_a_rebuild_gives_the_same_tables_and_the_worker_goes_on_from_it(context, capsys):
    live_day(context)
    (context.where.state / "history").symlink_to(a_state_with_a_past_day() / "history")
    projector = caught_up(context)
    before = contents(context.tables)
    assert rebuild.main(context.settings) == 0
    assert f"demo-{DAY}:" in capsys.readouterr().out
    assert contents(context.tables) == before
    assert not projector.turn()
