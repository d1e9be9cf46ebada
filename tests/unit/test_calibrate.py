"""Alert rules on past days: what the live desk said then, and what a plain walk says."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from db.journal import read_segment, segments
from db.project import catch_up, history_sources
from db.queries import Queries
from db.queries_looks import Rejection
from engine.core import alarms
from engine.core.moves import Moves, usual_of
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.policy import Policy
from engine.domain.units import SECOND, Nanos, parent_text
from engine.runtime.clock import HandClock
from engine.runtime.link import Request
from engine.worker import door, past
from engine.worker.answers import DONE, LEFT_NS, REFUSED, RUNNING, STOPPED
from engine.worker.calibrate import find, moved
from engine.worker.calibrations import Calibrations, Rule
from engine.worker.history import make_day
from tests.support.busy_desk import tables
from tests.support.past_days import DAY, an_order, to_the_end

# so strict that a quarter of an hour has something to say
STRICT = Policy(
    alert_slippage=1.0, alert_behind=0.01, alert_participation=0.05, alert_move=1.5,
    alert_stale=1.0,
)  # fmt: skip
AGE_S = STRICT.max_feed_age_ns / SECOND


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory):
    """A state folder with one sealed day that ran under strict rules."""
    folder = tmp_path_factory.mktemp("strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "Policy", lambda: STRICT)
        make_day(folder / "history", an_order(), to_the_end)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def queries(state: Path, tmp_path: Path):
    engine = tables(tmp_path / "desk.db")
    (source,) = history_sources(state)
    catch_up(engine, source, 1)
    yield Queries(engine, state)
    engine.dispose()


def said(state: Path, kind: str) -> list[tuple[int, str]]:
    """When the desk of that day began to say it, and about what."""
    rule = alarms.RULES[kind]
    (segment,) = segments(state / "history" / DAY)
    return sorted(
        (entry.market_ns, entry.event.object)
        for entry in read_segment(segment)
        if isinstance(entry.event, e.TroubleSeen) and entry.event.kind == rule.trouble
    )


def fired(queries: Queries, kind: str, most: float) -> list[tuple[int, str]]:
    found = find(queries, DAY, kind, (most,), 60 * SECOND, AGE_S)[most]
    return [(row.at, row.about) for row in found.fired]


# --- the same as live --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", [alarms.SLIPPAGE, alarms.BEHIND, alarms.PARTICIPATION, alarms.MOVE, alarms.STALE]
)
def test_the_days_that_are_past_say_what_the_desk_said_then(state, queries, kind):
    live = said(state, kind)
    assert fired(queries, kind, getattr(STRICT, kind)) == live
    if kind not in (alarms.STALE,):  # a simulated day without an incident has no old quote
        assert len(live) >= 2, kind


def test_the_widest_rule_never_fires_and_a_stricter_one_fires_no_later(queries):
    assert fired(queries, alarms.BEHIND, 1.0) == []
    firsts = [
        {about: at for at, about in reversed(fired(queries, alarms.BEHIND, most))}
        for most in (0.005, 0.05)
    ]
    assert firsts[1]
    for about, at in firsts[1].items():
        assert firsts[0][about] <= at


# --- naive twins -------------------------------------------------------------------------------
def plain_walk(rows: list[tuple[int, float]], most: float, back: float) -> list[int]:
    """The rule in its plainest words, over (instant, value)."""
    begun, standing = [], False
    for at, value in rows:
        if math.isnan(value):
            continue
        if not standing and value > most:
            standing = True
            begun.append(at)
        elif standing and value <= most * back:
            standing = False
    return begun


def test_costs_against_the_market_are_those_of_a_plain_walk_over_the_journal(state, queries):
    """Fills and decisions from the journal, the market from the tape, one order after the other."""
    (segment,) = segments(state / "history" / DAY)
    paid: dict[int, list[tuple[int, int, float]]] = {}
    of, parents = {}, {}
    for entry in read_segment(segment):
        match entry.event:
            case e.ParentAccepted(parent=parent):
                parents[parent.id] = parent
            case e.ParentApproved(parent_id=number) as approved:
                parents[number] = replace(
                    parents[number], arrival_volume=approved.arrival_volume,
                    arrival_notional=approved.arrival_notional,
                )  # fmt: skip
            case e.ParentAmended(parent_id=number, quantity=quantity):
                parents[number] = replace(parents[number], quantity=quantity)
            case e.ChildIntended(child_id=child, parent_id=number):
                of[child] = number
            case e.ChildFilled(child_id=child) as fill:
                price = fill.price + fill.sub / 100
                paid.setdefault(of[child], []).append((entry.market_ns, fill.quantity, price))
            case _:
                pass
    wanted = []
    for number, parent in parents.items():
        points = queries.market.points(DAY, number, 10**9)
        bars = queries.bars(DAY, parent.symbol)
        rows = []
        for point in points:
            at, left, cost, shares = int(point["at_ns"]), int(point["filled"]), 0.0, 0
            for _, quantity, price in paid.get(number, []):
                if shares < left:
                    cost, shares = cost + quantity * price, shares + quantity
            bar = bars[bars["at_ns"] <= at][-1]
            volume = int(bar["volume"]) - parent.arrival_volume
            value = math.nan
            if shares and volume > 0 and left >= 0.05 * parent.quantity:
                vwap = (int(bar["notional"]) - parent.arrival_notional) / volume
                value = parent.side * (cost / shares - vwap) / vwap * 1e4
            rows.append((at, value))
        wanted += [(at, parent_text(number)) for at in plain_walk(rows, 1.3, 0.8)]
    assert fired(queries, alarms.SLIPPAGE, 1.3) == sorted(wanted)
    assert wanted


def test_moves_of_a_day_are_those_that_the_desk_sees_second_by_second():
    rng = np.random.default_rng(5)
    mid = 5_000 + np.cumsum(rng.normal(size=400))
    mid[rng.random(400) < 0.2] = np.nan
    mid[100:180] = np.nan  # longer than the window: nothing is known at its end
    moves, seen = Moves(), []
    for second, value in enumerate(mid.tolist()):
        moves.add(Nanos(second * SECOND), "X", None if math.isnan(value) else value)
        move = moves.move("X")
        seen.append(math.nan if move is None else abs(move) / usual_of(200.0))
    np.testing.assert_allclose(moved(mid, 200.0), seen, rtol=1e-12)


def test_rejections_are_counted_in_the_window_of_the_rule():
    class Days:
        def rejections(self, day: str):
            at = [0, 10, 20, 65, 200]
            return tuple(Rejection(at=t * SECOND, symbol="X", parent="P-1") for t in at)

    for most, wanted in ((0, [0, 10, 20, 65, 200]), (1, [10, 20, 65]), (2, [20, 65]), (3, [])):
        found = find(Days(), DAY, alarms.REJECTS, (most,), 60 * SECOND, AGE_S)[most]
        assert [row.at // SECOND for row in found.fired] == wanted, most


# --- asked -------------------------------------------------------------------------------------
def rule(**more) -> Rule:
    return Rule(**{"kind": alarms.BEHIND, "now": 0.01, "proposed": 0.05, **more})


def test_an_answer_says_how_many_days_it_had_and_both_numbers_side_by_side(queries):
    rules = Calibrations(HandClock(10**12), queries)
    assert rules.ask("t", rule()).now is None
    rules.answer(rules.next())
    told = rules.ask("t", rule())
    assert (told.state, told.n, told.of, told.demo) == (DONE, 1, 1, 1)
    assert (told.first_day, told.last_day) == (DAY, DAY)
    assert told.looks > 100
    assert told.now.fired == len(fired(queries, alarms.BEHIND, 0.01)) > 0
    assert told.proposed.fired == len(fired(queries, alarms.BEHIND, 0.05))
    assert told.now.on_days == 1
    assert told.now.lines[0].at == max(at for at, _ in fired(queries, alarms.BEHIND, 0.01))


def test_without_a_closed_day_it_refuses_in_words(tmp_path):
    engine = tables(tmp_path / "desk.db")
    rules = Calibrations(HandClock(10**12), Queries(engine, tmp_path))
    rules.ask("t", rule())
    rules.answer(rules.next())
    told = rules.ask("t", rule())
    assert told.state == REFUSED
    assert "no closed day yet" in told.detail
    engine.dispose()


class Slow:
    """Two days; nobody asks any more after the first."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.leaves = True

    def past_days(self, most: int):
        return (("2026-11-11", "DEMO"), ("2026-11-12", "LIVE"))

    def order_looks(self, day: str):
        self.asked.append(day)
        if self.leaves:
            self.clock.now += LEFT_NS + 1
        return ()


def test_nobody_asks_any_more_ends_it_and_what_was_found_is_kept():
    clock = HandClock(10**12)
    days = Slow(clock)
    rules = Calibrations(clock, days)
    rules.ask("t", rule())
    rules.answer(rules.next())
    assert days.asked == ["2026-11-12"]  # the newest first
    days.leaves = False
    assert rules.ask("t", rule()).state != STOPPED  # back again: asked anew
    rules.answer(rules.next())
    assert days.asked == ["2026-11-12", "2026-11-11"]
    told = rules.ask("t", rule())
    assert (told.state, told.n, told.demo, told.looks) == (DONE, 2, 1, 0)


def test_progress_is_told_day_by_day():
    clock = HandClock(10**12)
    days = Slow(clock)
    days.leaves = False
    rules = Calibrations(clock, days)
    rules.ask("t", rule())
    seen = []
    plain = days.order_looks
    days.order_looks = lambda day: (seen.append(rules.ask("t", rule())), plain(day))[1]
    rules.answer(rules.next())
    assert [(told.state, told.n) for told in seen][1] == (RUNNING, 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [({"kind": "max_open_value"}, "kind must be one of"), ({"proposed": 2.0}, "between 0.005 and")],
)
def test_what_is_no_rule_or_outside_its_range_is_refused(more, said):
    rules = Calibrations(HandClock(10**12), Slow(HandClock(10**12)))
    with pytest.raises(Refused, match=said):
        rules.ask("t", rule(**more))


def test_the_door_passes_the_question_on_and_refuses_what_is_none():
    rules = Calibrations(HandClock(10**12), Slow(HandClock(10**12)))
    args = {"ticket": "u5 t", "kind": alarms.BEHIND, "now": 0.2, "proposed": 0.1}
    asked_of = door.askers(None, rules, None)
    told = door.reply(asked_of, Request(re=1, op="ask", name="calibrate", args=args))
    assert told.body["state"] == "waiting"
    bad = door.reply(asked_of, Request(re=2, op="ask", name="calibrate", args={**args, "now": "x"}))
    assert "not understood" in bad.refusal
