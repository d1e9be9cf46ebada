"""One order past a soft limit: two people, that order, once, in time; hard limits never."""

import msgspec
import pytest

from engine.domain import commands as c
from engine.domain.overrides import OverrideState
from engine.domain.units import MINUTE, Nanos
from tests.support.desk_rig import Rig
from tests.support.limits import tighten

QUARTER_HOUR = 15 * 60 * 10**9


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    tighten(rig, "max_parent_adv", "trader", "u1", 0.05, soft=0.01)
    return rig


def order(rig: Rig, quantity: int = 30_000, **more) -> c.SubmitParent:
    fields = {"strategy": "TWAP", "horizon_ns": 60 * MINUTE, "side": 1, **more}
    return c.SubmitParent(symbol=rig.symbol, quantity=quantity, **fields)


def asked(rig: Rig, wanted: c.SubmitParent) -> int:
    rig.do(c.AskOverride(order=wanted), reason="the client insists on today")
    return rig.state.limits.next_override - 1


def answer(rig: Rig, number: int, digest: str = "", *, approve: bool = True) -> c.ConfirmOverride:
    shown = digest or rig.state.limits.overrides[number].content_hash
    return c.ConfirmOverride(override_id=number, content_hash=shown, approve=approve)


def granted(rig: Rig, wanted: c.SubmitParent) -> c.SubmitParent:
    """The order under an override that two people gave."""
    number = asked(rig, wanted)
    rig.do(answer(rig, number), "u5")
    rig.do(answer(rig, number), "u3")
    return msgspec.structs.replace(wanted, override=number)


def test_a_soft_limit_stops_an_order_and_says_how_it_may_pass(rig: Rig):
    refusal = rig.ask(order(rig))
    assert "above the soft limit of 1.0%" in refusal
    assert "two people may let this one order pass" in refusal
    assert rig.state.limits.refused["max_parent_adv", "trader", "u1"] == 1
    rig.do(order(rig, 20_000))  # at the soft number, not above it


def test_two_people_let_exactly_one_order_pass_once(rig: Rig):
    under = granted(rig, order(rig))
    rig.do(under)
    assert rig.state.parents[1].quantity == 30_000
    row = rig.state.limits.overrides[1]
    assert (row.state, row.parent_id) == (OverrideState.USED, 1)
    assert "O-1 is USED" in rig.ask(under)
    assert len(rig.state.parents) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": 30_001}, {"side": -1}, {"strategy": "VWAP"}, {"horizon_ns": 61 * MINUTE},
        {"limit_price": 4_999}, {"client": "other"}, {"note": "x"}, {"exclude": ("SIM-B",)},
        {"parameters": {"aggression": 0.5}},
    ],
)  # fmt: skip
def test_an_order_that_differs_in_anything_is_another_order(rig: Rig, changed: dict):
    under = granted(rig, order(rig))
    assert "is for another order" in rig.ask(msgspec.structs.replace(under, **changed))
    assert not rig.state.parents
    assert rig.state.limits.overrides[1].state == OverrideState.GRANTED


def test_nobody_decides_about_an_own_order_and_one_person_is_not_two(rig: Rig):
    number = asked(rig, order(rig))
    assert "needs the right" in rig.ask(answer(rig, number), "u1")
    assert "needs the right" in rig.ask(answer(rig, number), "u2")
    rig.do(answer(rig, number), "u5")
    assert "a second person must let it pass too" in rig.ask(answer(rig, number), "u5")
    under = msgspec.structs.replace(order(rig), override=number)
    assert "O-1 is VERIFIED" in rig.ask(under)


def test_a_supervisor_of_the_order_who_trades_too_is_still_its_trader(rig: Rig):
    from engine.domain.people import Person, Role
    from tests.support.desk_rig import PEOPLE

    both = Person(id="u1", roles=(Role.TRADER, Role.SUPERVISOR), desk="main", max_notional=30e6)
    rig.do(c.SetPeople(people=(both, *PEOPLE[1:])), "system")
    number = asked(rig, order(rig))
    assert "nobody decides about an own order" in rig.ask(answer(rig, number), "u1")


def test_two_supervisors_without_risk_are_not_enough_and_another_desk_has_no_say(rig: Rig):
    number = asked(rig, order(rig))
    assert "is of desk main" in rig.ask(answer(rig, number), "u9")
    rig.do(answer(rig, number), "u3")
    assert "one of the two must be risk" in rig.ask(answer(rig, number), "u4")
    rig.do(answer(rig, number), "u5")
    assert rig.state.limits.overrides[number].state == OverrideState.GRANTED


def test_a_decision_is_for_the_content_that_was_shown(rig: Rig):
    first = asked(rig, order(rig))
    shown = rig.state.limits.overrides[first].content_hash
    second = asked(rig, order(rig, 31_000))
    assert "your decision was for" in rig.ask(answer(rig, second, shown), "u5")


def test_an_override_of_somebody_else_is_none(rig: Rig):
    tighten(rig, "max_parent_adv", "trader", "u2", 0.05, soft=0.01)
    under = granted(rig, order(rig))
    assert "O-1 was given to u1" in rig.ask(under, "u2")
    assert "there is no override O-9" in rig.ask(msgspec.structs.replace(under, override=9))


@pytest.mark.parametrize("when", ["asked", "granted"])
def test_an_override_expires(rig: Rig, when: str):
    wanted = order(rig)
    under = msgspec.structs.replace(wanted, override=1)
    if when == "granted":
        granted(rig, wanted)
    else:
        asked(rig, wanted)
    rig.clock.now = Nanos(rig.clock.now + QUARTER_HOUR + 1)
    assert "O-1" in rig.ask(under)
    rig.run(1)
    assert rig.state.limits.overrides[1].state == OverrideState.EXPIRED
    assert "O-1 is EXPIRED" in rig.ask(under)
    assert "can no longer be decided" in rig.ask(answer(rig, 1), "u5")
    assert not rig.state.parents


def test_a_refusal_ends_it_and_needs_a_reason(rig: Rig):
    number = asked(rig, order(rig))
    refuse = answer(rig, number, approve=False)
    assert "needs a reason" in rig.ask(refuse, "u3", reason=" ")
    rig.do(refuse, "u3", reason="not on a day like this")
    assert "O-1 is REFUSED" in rig.ask(msgspec.structs.replace(order(rig), override=number))


def test_a_hard_limit_is_never_passed(rig: Rig):
    beyond = order(rig, 110_000)
    assert "must be at most 100,000 shares" in rig.ask(c.AskOverride(order=beyond))
    under = granted(rig, order(rig))
    tighten(rig, "max_parent_adv", "firm", "", 0.012)
    assert "must be at most 24,000 shares" in rig.ask(under)
    assert not rig.state.parents


def test_an_override_covers_the_soft_limits_it_was_asked_for_and_no_new_one(rig: Rig):
    under = granted(rig, order(rig))
    tighten(rig, "max_parent_value", "desk", "main", 50e6, soft=1_000.0)
    assert "O-1 does not cover it" in rig.ask(under)
    assert rig.state.limits.overrides[1].state == OverrideState.GRANTED


def test_an_override_does_not_replace_the_approval_of_a_large_order(rig: Rig):
    tighten(rig, "max_parent_adv", "trader", "u2", 0.05, soft=0.01)
    wanted = order(rig, 60_000)
    rig.do(c.AskOverride(order=wanted), "u2")
    rig.do(answer(rig, 1), "u5")
    rig.do(answer(rig, 1), "u3")
    rig.do(msgspec.structs.replace(wanted, override=1), "u2")
    assert rig.state.parents[1].state == "NEEDS_APPROVAL"


def test_what_breaks_no_soft_limit_or_is_asked_already_is_not_asked(rig: Rig):
    assert "breaks no soft limit" in rig.ask(c.AskOverride(order=order(rig, 1_000)))
    assert "needs a reason" in rig.ask(c.AskOverride(order=order(rig)), reason="")
    asked(rig, order(rig))
    assert "is already asked for this order" in rig.ask(c.AskOverride(order=order(rig)))
    nested = msgspec.structs.replace(order(rig), override=1)
    assert "needs no further one" in rig.ask(c.AskOverride(order=nested))


def test_an_amendment_passes_no_soft_limit(rig: Rig):
    rig.do(order(rig, 20_000))
    refusal = rig.ask(c.AmendParent(parent_id=1, quantity=25_000))
    assert "enter the rest as a new order" in refusal
