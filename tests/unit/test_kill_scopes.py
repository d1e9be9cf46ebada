"""Scope algebra: every scope against every order, its preview, its bar on new orders, its reach."""

from dataclasses import replace

import pytest

from engine.core.decide import check_kill_reach
from engine.core.rules.scope import Tags, blocking_kill, covered, tags_of
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.governance import KILL_SCOPES, KillState
from engine.domain.orders import ParentState
from engine.domain.people import Person, Role
from engine.domain.units import MINUTE
from engine.runtime.link import Request
from tests.support.desk_rig import PEOPLE, Rig
from tests.unit.test_kill_rules import request

ABROAD = Person(id="u6", roles=(Role.TRADER,), desk="other", max_notional=30e6)


@pytest.fixture(scope="module")
def desk() -> Rig:
    """Four orders that differ in everything a scope can name; ADAPTIVE has a model in force."""
    rig = Rig(symbols=2)
    rig.run(5)
    rig.do(c.SetPeople(people=(*PEOPLE, ABROAD)), "system")
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.buy(client="C-1")
    rig.buy(strategy="ADAPTIVE", side=-1, client="C-2")
    rig.buy(person="u2", quantity=10_000, symbol=list(rig.state.instruments)[1])
    rig.buy(person="u6", quantity=10_000, strategy="POV", client="C-1")
    rig.run(120)
    return rig


MATRIX = [
    ("all", "", {1, 2, 3, 4}),
    ("parent", "P-2", {2}),
    ("parent", "2", {2}),
    ("trader", "u2", {3}),
    ("symbol", "MIDC", {1, 2, 4}),
    ("strategy", "POV", {4}),
    ("desk", "main", {1, 2, 3}),
    ("desk", "other", {4}),
    ("desk", "mai", set()),
    ("client", "C-1", {1, 4}),
    ("client", "C", set()),
    ("model", "m1", {2}),
    ("model", "m2", set()),
    ("venue", "SIM-B", set()),
]


def test_the_matrix_has_every_scope_but_the_child():
    assert {scope for scope, _, _ in MATRIX} == set(KILL_SCOPES) - {"child"}


@pytest.mark.parametrize(("scope", "target", "hit"), MATRIX)
def test_a_scope_covers_exactly_its_parents_and_their_children(desk, scope, target, hit):
    parents, children = covered(desk.state, scope, target)
    assert {parent.id for parent in parents} == hit
    there = {child.id for child in children}
    if scope == "venue":
        assert there == {x.id for x in desk.state.children.values() if x.venue == 1}
    else:
        mine = {x.id for x in desk.state.children.values() if x.parent_id in hit}
        assert there == mine


@pytest.mark.parametrize(("scope", "target", "hit"), MATRIX)
def test_the_preview_counts_what_the_kill_covers(desk, scope, target, hit):
    asked = Request(re=1, op="ask", name="preview_kill", args={"scope": scope, "target": target})
    body, refusal = desk.loop.answers.answer(asked, desk.loop._status())
    assert refusal == ""
    parents, children = covered(desk.state, scope, target)
    assert (body["parents"], body["children"]) == (len(parents), len(children))
    assert body["parents"] == len(hit)
    worth = sum(x.leaves * x.price * desk.state.instruments[x.symbol].tick_size for x in children)
    assert body["values"] == (pytest.approx({"USD": worth}) if children else {})
    assert ("held" in body) == (scope == "model")


def preview(rig, scope, target):
    asked = Request(re=1, op="ask", name="preview_kill", args={"scope": scope, "target": target})
    body, refusal = rig.loop.answers.answer(asked, rig.loop._status())
    assert refusal == ""
    return body


def test_the_preview_of_a_model_says_what_each_order_does_and_the_kill_does_just_that():
    rig = Rig(symbols=2)
    rig.run(5)
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    choices = ("hold", "hold", "base", "base", "")  # "": no choice, and a kill holds it
    for n, choice in enumerate(choices):
        told = {"on_model_loss": choice} if choice else {}
        rig.buy(quantity=20_000 + 100 * n, strategy="ADAPTIVE", **told)
    rig.buy(quantity=30_000, strategy="ADAPTIVE", on_model_loss="base")
    rig.do(c.HoldParent(parent_id=6), "u1")  # on hold before, and it stays so
    rig.run(30)
    said = preview(rig, "model", "m1")
    assert (said["parents"], said["held"], said["base"], said["other"]) == (6, 4, 2, 0)
    request(rig, "model", "m1")
    rig.run(30)
    states = [parent.state for parent in rig.state.parents.values()]
    on_hold = sum(state in (ParentState.HOLDING, ParentState.HELD) for state in states)
    assert (on_hold, states.count(ParentState.WORKING)) == (said["held"], said["base"])


def test_the_preview_never_adds_up_two_currencies():
    rig = Rig(symbols=2)
    rig.run(5)
    first, second = rig.state.instruments
    abroad = replace(rig.state.instruments[second], currency="EUR")
    rig.state.instruments[second] = abroad
    rig.buy()
    rig.buy(person="u2", quantity=10_000, symbol=second)
    for _ in range(60):
        rig.run(5)
        if len({child.symbol for child in rig.state.children.values()}) == 2:
            break
    values = preview(rig, "all", "")["values"]
    assert set(values) == {"USD", "EUR"}
    assert values["EUR"] == preview(rig, "symbol", second)["values"]["EUR"]
    assert values["USD"] == preview(rig, "symbol", first)["values"]["USD"]


@pytest.mark.parametrize(("scope", "target", "hit"), [x for x in MATRIX if x[0] != "model"])
def test_an_active_kill_bars_exactly_the_next_children_of_its_scope(scope, target, hit):
    rig = Rig(symbols=2)
    rig.run(5)
    rig.do(c.SetPeople(people=(*PEOPLE, ABROAD)), "system")
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.buy(client="C-1")
    rig.buy(strategy="ADAPTIVE", side=-1, client="C-2")
    rig.buy(person="u2", quantity=10_000, symbol=list(rig.state.instruments)[1])
    rig.buy(person="u6", quantity=10_000, strategy="POV", client="C-1")
    request(rig, scope, target)
    barred = {
        number
        for number, parent in rig.state.parents.items()
        if blocking_kill(rig.state, tags_of(rig.state, parent, "SIM-B")) is not None
    }
    assert barred == ({1, 2, 3, 4} if scope == "venue" else hit)


def test_a_kill_of_a_model_bars_whoever_names_it_and_its_orders_have_left_it():
    rig = Rig(symbols=2)
    rig.run(5)
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.buy(strategy="ADAPTIVE")
    mine = tags_of(rig.state, rig.state.parents[1])
    request(rig, "model", "m1")
    assert blocking_kill(rig.state, mine) is not None
    assert tags_of(rig.state, rig.state.parents[1]).model == ""
    order = c.SubmitParent(symbol="MIDC", side=1, quantity=1_000, strategy="ADAPTIVE",
                           horizon_ns=30 * MINUTE, on_model_loss="base")  # fmt: skip
    assert "(model m1) is in force" in rig.ask(order, "u1")


def test_an_order_that_names_no_client_is_not_barred_by_a_client_kill(desk):
    tags = Tags(symbol="MIDC", trader="u1", strategy="TWAP", desk="main", client="", model="")
    assert blocking_kill(desk.state, tags) is None


@pytest.mark.parametrize(
    ("who", "scope", "target", "may"),
    [
        ("u1", "trader", "u1", True),
        ("u1", "venue", "SIM-B", False),
        ("u1", "client", "C-2", False),
        ("u1", "model", "m1", False),
        ("u1", "desk", "main", False),
        ("u3", "client", "C-2", True),
        ("u3", "model", "m1", True),
        ("u3", "desk", "main", True),
        ("u3", "desk", "other", False),
        ("u5", "venue", "SIM-B", True),
        ("u5", "desk", "other", True),
    ],
)
def test_who_may_kill_what(desk, who, scope, target, may):
    person = desk.state.people[who]
    if may:
        check_kill_reach(desk.state, person, scope, target)
    else:
        with pytest.raises(Refused):
            check_kill_reach(desk.state, person, scope, target)


def test_a_kill_of_a_model_takes_its_children_back_and_holds_its_orders():
    rig = Rig(symbols=2)
    rig.run(5)
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.buy(client="C-1")
    rig.buy(strategy="ADAPTIVE", side=-1, client="C-2", horizon_ns=60 * MINUTE)
    rig.run_until_live(2)
    mine = {child.id for child in rig.state.live_children(2)}
    request(rig, "model", "m1")
    rig.run(5)
    (kill,) = [row for row in rig.state.kills.values() if row.scope == "model"]
    assert (kill.parents, set(kill.children), kill.state) == ((), mine, KillState.CONFIRMED)
    parent = rig.state.parents[2]
    assert (parent.state, parent.hold_cause) == (ParentState.HELD, f"kill K-{kill.id}")
    assert rig.state.parents[1].state == ParentState.WORKING
    go_on = c.ResumeParent(parent_id=2)
    assert "a person other than its trader" in rig.ask(go_on, parent.trader)
    assert f"K-{kill.id} of model m1 is in force" in rig.ask(go_on, "u3")
    for person in ("u3", "u4"):
        rig.do(c.ReleaseKill(kill_id=kill.id), person, reason="the model was looked at")
    rig.do(go_on, "u3")
    rig.run_until_live(2)
    assert rig.state.parents[2].state == ParentState.WORKING
