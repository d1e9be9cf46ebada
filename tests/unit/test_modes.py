"""NORMAL, REDUCING, HALTED: the table of what each allows, one person down, two people back."""

import pytest

from engine.core.evolve import evolve
from engine.core.rules import modes
from engine.core.rules.modes import ACTS, HALTED, NORMAL, REDUCING, VERBS, act_of, allows, in_force
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import PERMISSION
from engine.domain.errors import Refused
from engine.domain.kinds import IOC, LIMIT, PEG_MID
from engine.domain.orders import ParentState
from engine.domain.safety import MODE_ORDER, Condition, ModeSetting, TradingMode
from tests.support.desk_rig import Rig

TABLE = {  # act: NORMAL, REDUCING, HALTED
    "reduce": (True, True, True),
    "record": (True, True, True),
    "release": (True, True, True),
    "rest": (True, True, False),
    "cross": (True, False, False),
    "raise": (True, False, False),
}


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.buy()
    rig.run_until_live(1)
    return rig


def in_mode(mode: TradingMode) -> State:
    return State(trading=ModeSetting(mode=mode, by="u5", reason="test"))


@pytest.mark.parametrize("act", TABLE)
def test_each_mode_allows_exactly_what_the_table_says(act: str):
    assert tuple(allows(mode, act) for mode in MODE_ORDER) == TABLE[act]


def test_the_table_has_every_act_and_an_act_that_it_lacks_is_never_done():
    assert set(ACTS) == set(TABLE) == {*VERBS.values(), "record", "rest", "cross"}
    assert not any(allows(mode, "invented") for mode in MODE_ORDER)


def test_every_verb_is_an_act_and_an_unknown_verb_is_none():
    assert set(VERBS) <= set(PERMISSION)

    class Sneak(c.Command, frozen=True, kw_only=True):
        pass

    assert act_of(State(), Sneak()) == ""  # and so is refused in every mode
    with pytest.raises(Refused):
        modes.check(State(), Sneak())


ACTS_OF_A_RIG = [  # command, person, REDUCING, HALTED
    (c.SubmitParent(symbol="MIDC", side=1, quantity=100, strategy="TWAP",
                    horizon_ns=3600 * 10**9), "u1", False, False),
    (c.AmendParent(parent_id=1, quantity=30_000), "u1", False, False),
    (c.AmendParent(parent_id=1, quantity=19_000), "u1", True, True),
    (c.AmendParent(parent_id=1, exclude=("SIM-B",)), "u1", True, True),
    (c.AmendParent(parent_id=1, include=("SIM-B",)), "u1", False, False),
    (c.AmendParent(parent_id=1, clear_limit=True), "u1", False, False),
    (c.MoveParameter(parent_id=1, name="max_participation", value=0.3), "u1", False, False),
    (c.MoveParameter(parent_id=1, name="max_participation", value=0.05), "u1", True, True),
    (c.HoldParent(parent_id=1), "u1", True, True),
    (c.HoldScope(scope="symbol", target="MIDC"), "u5", True, True),
]  # fmt: skip


@pytest.mark.parametrize("mode", [NORMAL, REDUCING, HALTED])
@pytest.mark.parametrize(("command", "person", "reducing", "halted"), ACTS_OF_A_RIG)
def test_what_raises_risk_waits_and_what_lowers_it_is_done(
    rig: Rig, mode, command, person, reducing, halted
):
    if mode != NORMAL:
        rig.do(c.SetMode(mode=mode), "u5")
    refusal = rig.ask(command, person)
    if {NORMAL: True, REDUCING: reducing, HALTED: halted}[mode]:
        assert "the desk is" not in refusal
    else:
        assert f"the desk is {mode}" in refusal


def test_one_person_goes_down_and_two_come_back(rig: Rig):
    rig.do(c.SetMode(mode=HALTED), "u3", reason="drill")
    assert in_force(rig.state).mode == HALTED
    assert "back it takes two people" in rig.ask(c.SetMode(mode=REDUCING), "u5")
    assert "needs a reason" in rig.ask(c.RelaxMode(mode=NORMAL), "u3", reason=" ")
    rig.do(c.RelaxMode(mode=NORMAL), "u3")
    assert in_force(rig.state).mode == HALTED  # asked is not granted
    assert "a different person than u3" in rig.ask(c.RelaxMode(mode=NORMAL), "u3")
    rig.do(c.RelaxMode(mode=REDUCING), "u5")  # not what was asked for: a first step of its own
    assert in_force(rig.state).mode == HALTED
    rig.do(c.RelaxMode(mode=REDUCING), "u4")
    assert in_force(rig.state).mode == REDUCING
    assert rig.state.trading.asked is None
    rig.do(c.RelaxMode(mode=NORMAL), "u3")
    rig.do(c.RelaxMode(mode=NORMAL), "u5")
    assert in_force(rig.state).mode == NORMAL


@pytest.mark.parametrize("person", ["u1", "u2", "u8"])
def test_only_a_supervisor_or_risk_sets_the_mode(rig: Rig, person: str):
    assert "needs the right mode.set" in rig.ask(c.SetMode(mode=REDUCING), person)


def test_halted_takes_every_order_back_and_sends_nothing(rig: Rig):
    rig.do(c.SetMode(mode=HALTED), "u5")
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    assert not rig.state.children
    assert len(rig.journal.events(e.ChildIntended)) == sent
    assert rig.state.parents[1].state == ParentState.WORKING  # it goes on when people say so


def test_reducing_works_on_and_never_takes_a_price(rig: Rig):
    rig.do(c.SetMode(mode=REDUCING), "u5")
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(600)
    new = rig.journal.events(e.ChildIntended)[sent:]
    assert new, "nothing was sent: the test shows nothing"
    assert {order.type for order in new} <= {LIMIT, PEG_MID}
    fills = [
        x for x in rig.journal.events(e.ChildFilled) if x.child_id in {o.child_id for o in new}
    ]
    assert all(fill.liquidity == 1 for fill in fills)


def order(**more) -> e.ChildIntended:
    fields = {
        "child_id": 1, "parent_id": 1, "symbol": "MIDC", "side": 1, "type": LIMIT, "price": 99,
        "quantity": 100, "ttl_ns": 0, "why": 1, "binding": 0, "parameter_version": 1, **more,
    }  # fmt: skip
    return e.ChildIntended(**fields)


@pytest.mark.parametrize(
    ("child", "touch", "reducing"),
    [
        (order(), 100, True),
        (order(price=100), 100, False),  # at the offer: it would trade
        (order(side=-1, price=100), 99, True),
        (order(side=-1, price=99), 99, False),
        (order(type=IOC), 100, False),
        (order(type=PEG_MID, price=101), 100, True),  # its price is a limit, it rests in a pool
        (order(), None, True),
    ],
)
def test_the_gate_stops_a_planner_that_cheats(child, touch, reducing):
    modes.gate(in_mode(NORMAL), child, touch)
    with pytest.raises(Refused, match="HALTED"):
        modes.gate(in_mode(HALTED), child, touch)
    if reducing:
        modes.gate(in_mode(REDUCING), child, touch)
    else:
        with pytest.raises(Refused, match="REDUCING"):
            modes.gate(in_mode(REDUCING), child, touch)


def test_the_most_restrained_of_people_and_conditions_is_in_force():
    lost = Condition(kind="watchdog", object="lease", sentence="gone", mode=REDUCING, since=1)
    state = State(conditions={("watchdog", "lease"): lost})
    assert in_force(state) == modes.InForce(mode=REDUCING, why="gone")
    state.trading = ModeSetting(mode=HALTED, by="u5", reason="now")
    assert in_force(state).mode == HALTED
    state.trading, state.conditions = ModeSetting(), {}
    assert in_force(state).mode == NORMAL
    state.difference = "abc"
    assert in_force(state).mode == REDUCING


def test_the_mode_outlives_a_restart_and_the_day(rig: Rig):
    rig.do(c.SetMode(mode=REDUCING), "u5", reason="heat")
    again = Rig(state=State())
    for entry in rig.journal.entries:
        evolve(again.state, entry)
    assert in_force(again.state).mode == REDUCING
    rig.loop.facts((e.SessionClosed(day=rig.state.session.day),))
    rig.loop.open_day()
    assert rig.state.trading.mode == REDUCING
    assert rig.state.trading.reason == "heat"
