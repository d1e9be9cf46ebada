"""The playbook: bound to every kind of exception, ticked once, edited against what was read."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.alarms import OF_ORDERS
from engine.core.rules.desk import raise_alert
from engine.core.show_alerts import alert_row
from engine.core.show_playbook import playbook_rows
from engine.core.state import State
from engine.core.turn import carried
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.incidents import INCIDENT_KINDS
from engine.domain.playbook import (
    BODY_MOST,
    SECTIONS,
    STEP,
    check_body,
    read_part,
    section_of,
    steps_of,
    words_of,
)
from tests.support.desk_rig import Rig

ENGINE = Path(__file__).resolve().parents[2] / "engine"


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(5)
    return made


def raised(rig: Rig, kind: str = "venue.down", about: str = "SIM-B") -> int:
    alert = raise_alert(rig.state, "critical", kind, about, "it is silent")
    rig.loop.facts((alert,))
    return alert.alert_id


def shown(rig: Rig, section: str):
    return next(row for row in playbook_rows(rig.state) if row.id == section)


# --- the document ------------------------------------------------------------------------------
def kinds_in(source: str) -> set[str]:
    """Kinds that a module raises alerts of; of ``f"market.{kind}"`` the part before the dot."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if not named or node.func.id != "raise_alert" or len(node.args) < 3:
            continue
        match node.args[2]:
            case ast.Constant(value=str() as kind):
                found.add(kind)
            case ast.JoinedStr(values=[ast.Constant(value=str() as start), *_]):
                found.add(start)
            case other:
                found.add(ast.unparse(other))
    return found


def test_every_kind_of_exception_that_the_engine_raises_has_its_section():
    kinds = set().union(*(kinds_in(p.read_text(encoding="utf-8")) for p in ENGINE.rglob("*.py")))
    assert len(kinds) > 20
    market = {f"market.{x}" for x in ("crossed", "feed", "halt", "move", "stuck", "pending")}
    desk = {f"desk.{x}" for x in ("watchdog", "clock", "journal", "disk", "unattended",
                                  "attendance")}  # fmt: skip
    trips = {f"trip.{x}" for x in ("loss", "move", "rejects")}
    orders = {rule.alert for rule in OF_ORDERS}
    several = {"market.": market, "desk.": desk, "trip.": trips, "order.": orders,
               "gate.": {"gate.collar"}, "fill.": {"fill.busted", "fill.corrected"}}  # fmt: skip
    assert set(several) <= kinds
    every = set().union(*(several.get(kind, {kind}) for kind in kinds))
    assert sorted(kind for kind in every if section_of(kind) is None) == []


def test_a_kind_without_a_section_would_be_seen():
    assert kinds_in('raise_alert(s, "warn", "odd", "", "")') == {"odd"}
    assert section_of("odd") is None
    assert section_of("gate.collar.far").id == "gate"  # the longest binding that fits
    assert section_of("market.move").id == "move"


def test_the_document_has_four_parts_and_each_drill_is_an_incident_of_the_desk():
    assert len({section.part for section in SECTIONS.values()}) == 4
    assert {section.drill for section in SECTIONS.values()} - {""} <= set(INCIDENT_KINDS)
    bound = [kind for section in SECTIONS.values() for kind in section.kinds]
    assert len(bound) == len(set(bound)) > 20
    assert all(section.within_min > 0 and section.title for section in SECTIONS.values())


def test_a_file_with_a_field_that_nobody_knows_is_our_mistake():
    (good,) = read_part("# Part\n\n## a: Title\nkinds: x, y\nwithin: 5 min\n\nWords.\n\n- [ ] do\n")
    assert (good.part, good.kinds, good.within_min, good.drill) == ("Part", ("x", "y"), 5, "")
    with pytest.raises(BrokenInvariant, match="owner"):
        list(read_part("# Part\n\n## a: Title\nowner: me\n\n- [ ] do\n"))


@given(
    st.lists(st.text("abc -[]", min_size=1, max_size=20).map(str.strip).filter(bool), min_size=1,
             max_size=8)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_steps_come_back_in_order_whatever_stands_between_them(steps):
    body = "\n\nwords\n".join(f"{STEP} {step}" for step in steps)
    assert steps_of(check_body(body)) == tuple(steps)
    assert words_of(body) == "\n".join(["words"] * (len(steps) - 1))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("no steps", "1 to 20 steps"),
        (f"{STEP} y\n" * 21, "1 to 20 steps"),
        (STEP + "x" * 201, "1 to 200 characters"),
        (f"{STEP}\n{STEP} x", "1 to 200 characters"),
        (STEP + "x\n" + "w" * BODY_MOST, "at most 2,000"),
    ],
)
def test_a_text_that_is_no_checklist_is_refused(body, said):
    with pytest.raises(Refused, match=said):
        check_body(body)


# --- at work -----------------------------------------------------------------------------------
def test_a_step_is_done_once_with_its_person_its_time_and_its_words(rig):
    number = raised(rig)
    tick = c.TickStep(alert_id=number, section="venue-down", version=1, step=1)
    rig.do(tick, "u5")
    at = rig.state.desk_ns
    steps = steps_of(SECTIONS["venue-down"].body)
    row = alert_row(rig.state, rig.state.alerts[number])
    assert row.section == "venue-down"
    assert row.ticks == [[1, 1, at, "u5", steps[1]]]
    assert "done already, by u5" in rig.ask(tick, "u3")
    assert f"0 to {len(steps) - 1}" in rig.ask(
        c.TickStep(alert_id=number, section="venue-down", version=1, step=len(steps)), "u5"
    )
    assert "is about venue-down" in rig.ask(
        c.TickStep(alert_id=number, section="halt", version=1, step=0), "u5"
    )
    assert "own orders" in rig.ask(
        c.TickStep(alert_id=number, section="venue-down", version=1, step=0), "u1"
    )


def test_a_new_text_is_a_version_and_a_step_of_the_old_one_is_no_longer_ticked(rig):
    number = raised(rig)
    rig.do(c.TickStep(alert_id=number, section="venue-down", version=1, step=0), "u5")
    body = "Call first.\n- [ ] call the venue\n- [ ] hold"
    rig.do(c.EditPlaybook(section="venue-down", version=1, body=body), "u3", reason="the drill")
    row = shown(rig, "venue-down")
    assert (row.version, row.steps, row.words) == (2, ["call the venue", "hold"], "Call first.")
    assert (row.by, row.reason, row.unresolved) == ("u3", "the drill", 1)
    assert row.earlier == [[1, 0, "", "", SECTIONS["venue-down"].body]]
    assert "at version 2 by now" in rig.ask(
        c.TickStep(alert_id=number, section="venue-down", version=1, step=1), "u5"
    )
    rig.do(c.TickStep(alert_id=number, section="venue-down", version=2, step=0), "u5")
    assert len(rig.state.alerts[number].ticks) == 2  # what was done under the old text stays


def test_an_edit_needs_a_reason_a_right_a_section_and_another_text(rig):
    body = "- [ ] one"
    for command, person, reason, said in (
        (c.EditPlaybook(section="halt", version=1, body=body), "u3", " ", "needs a reason"),
        (c.EditPlaybook(section="halt", version=1, body=body), "u1", "x", "needs the right"),
        (c.EditPlaybook(section="nope", version=1, body=body), "u3", "x", "no section 'nope'"),
        (c.EditPlaybook(section="halt", version=2, body=body), "u3", "x", "at version 1 by now"),
        (c.EditPlaybook(section="halt", version=1, body="words"), "u3", "x", "1 to 20 steps"),
        (c.EditPlaybook(section="halt", version=1, body=SECTIONS["halt"].body), "u3", "x",
         "one in force"),
    ):  # fmt: skip
        assert said in rig.ask(command, person, reason=reason)
    assert rig.journal.events(e.PlaybookEdited) == []


def test_a_drill_leaves_its_date_and_texts_and_dates_go_into_the_next_day(rig):
    assert (shown(rig, "halt").drilled_at, shown(rig, "halt").drilled_by) == (0, "")
    rig.do(c.StartIncident(kind="halt", seconds=30.0, symbol=rig.symbol), "u3", reason="drill")
    rig.loop.turn()
    rig.run(2)
    assert rig.journal.events(e.IncidentStarted)
    halt = shown(rig, "halt")
    assert (halt.drilled_at > 0, halt.drilled_by) == (True, "u3")
    rig.do(c.EditPlaybook(section="halt", version=1, body="- [ ] one"), "u3")
    from engine.core.folds.desk import desk_carried

    state = State()
    desk_carried(state, carried(rig.state))
    row = next(row for row in playbook_rows(state) if row.id == "halt")
    assert (row.version, row.steps, row.drilled_at) == (2, ["one"], halt.drilled_at)


def test_the_texts_of_the_repository_are_plain_and_short():
    for section in SECTIONS.values():
        assert len(section.body) <= BODY_MOST
        assert re.search(r"https?://|<", section.body) is None
