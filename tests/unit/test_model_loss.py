"""What orders do when their model version is killed, drifts or expires: as their tickets say."""

import math

import msgspec
import pytest

from engine.core.evolve import evolve
from engine.core.rules.scope import blocking_kill, tags_of
from engine.core.sight import DOUBTFUL_AUC, DRIFT_LOOKS, LEAST, LoadedModel, Record, Watch
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.codec import entry_from_json
from engine.domain.kinds import MODEL_NONE
from engine.domain.orders import HoldChildren, OnModelLoss, Parent, ParentState
from engine.domain.units import MINUTE, Nanos
from tests.support.desk_rig import Rig
from tests.support.parents import a_model
from tests.unit.test_kill_rules import request

HOLD, BASE = OnModelLoss.HOLD, OnModelLoss.BASE
WORKING, HELD = ParentState.WORKING, ParentState.HELD
FAR = Nanos(2**62)


def a_desk(*, expires_at=FAR, policies=(HOLD, BASE)):
    """One ADAPTIVE order for each policy, all decided by m1; and a VWAP beside them."""
    rig = Rig(symbols=2)
    rig.run(5)
    rig.loop.desk.models["m1"] = LoadedModel(
        id="m1", model=a_model(), horizon_s=10, expires_at=expires_at, words="of a test"
    )
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    for policy in policies:
        rig.buy(strategy="ADAPTIVE", horizon_ns=60 * MINUTE, on_model_loss=policy)
    rig.buy()
    return rig


def fold_again(rig):
    """The state as a restart makes it: from the stored bytes alone."""
    state = State()
    for body in rig.journal.bodies:
        evolve(state, entry_from_json(body))
    return state


def receipts(rig):
    return {
        (x.parent_id, x.use, x.cause, x.by) for x in rig.journal.events(e.ParentModelSet)
    }  # fmt: skip


def killed():
    rig = a_desk()
    rig.run_until_live(1)
    rig.run_until_live(2)
    request(rig, "model", "m1")
    rig.run(5)
    (kill,) = [row for row in rig.state.kills.values() if row.scope == "model"]
    return rig, kill, f"kill K-{kill.id}"


def test_a_killed_version_holds_one_order_and_leaves_the_other_to_its_base_schedule():
    rig, kill, cause = killed()
    one, two, vwap = (rig.state.parents[i] for i in (1, 2, 3))
    assert (one.state, one.hold_cause) == (HELD, cause)
    assert (two.state, two.model_off) == (WORKING, cause)
    assert (vwap.state, vwap.model_off) == (WORKING, "")
    assert receipts(rig) == {(1, False, cause, "system"), (2, False, cause, "system")}
    taken = [row for row in rig.journal.events(e.CancelIntended) if row.by == f"kill:{kill.id}"]
    assert {row.child_id for row in taken} == set(kill.children) != set()


def test_the_order_that_goes_on_is_decided_without_the_killed_version():
    rig, kill, _cause = killed()
    rig.run(180)
    events = [entry.event for entry in rig.journal.entries]
    since = next(i for i, x in enumerate(events) if isinstance(x, e.KillBlocked))
    mine = [x for x in events[since:] if isinstance(x, e.ChildIntended) and x.parent_id == 2]
    assert mine
    assert not {x.child_id for x in mine} & set(kill.children)
    assert {(x.model_id, x.model_state) for x in mine} == {("", MODEL_NONE)}
    assert blocking_kill(rig.state, tags_of(rig.state, rig.state.parents[2])) is None


def test_before_the_kill_the_version_decided_for_both():
    rig = a_desk()
    rig.run_until_live(1)
    rig.run_until_live(2)
    mine = [x for x in rig.journal.events(e.ChildIntended) if x.parent_id in (1, 2)]
    assert {x.model_id for x in mine} == {"m1"}


def test_the_held_order_waits_for_the_release_and_for_somebody_else():
    rig, kill, _cause = killed()
    go_on = c.ResumeParent(parent_id=1)
    assert f"K-{kill.id} of model m1 is in force" in rig.ask(go_on, "u3")
    release(rig, kill)
    assert "a person other than its trader" in rig.ask(go_on, "u1")
    rig.do(go_on, "u3")
    assert rig.state.parents[1].state == WORKING


def release(rig, kill):
    for person in ("u3", "u4"):
        rig.do(c.ReleaseKill(kill_id=kill.id), person, reason="the model was looked at")


def test_a_release_alone_gives_no_order_its_model_back():
    rig, kill, cause = killed()
    release(rig, kill)
    rig.do(c.ResumeParent(parent_id=1), "u3")
    rig.run(5)
    assert {rig.state.parents[i].model_off for i in (1, 2)} == {cause}
    assert {rig.loop.desk.decided[i].model_id for i in (1, 2)} == {""}


def test_only_the_order_that_is_told_so_gets_the_released_version_back():
    rig, kill, _cause = killed()
    back = c.UseModel(parent_id=2, use=True)
    assert f"K-{kill.id} of model m1 is in force" in rig.ask(back, "u3")
    release(rig, kill)
    assert "a person other than its trader gives it back" in rig.ask(back, "u1")
    rig.do(back, "u3", reason="it decides again")
    rig.run(3)
    assert rig.loop.desk.decided[2].model_id == "m1"
    assert rig.state.parents[1].model_off != ""
    assert (2, True, "it decides again", "u3") in receipts(rig)


def test_what_was_said_of_each_order_survives_a_restart():
    rig, kill, cause = killed()
    again = fold_again(rig)
    assert again == rig.state
    assert {again.parents[i].model_off for i in (1, 2)} == {cause}
    release(rig, kill)
    assert fold_again(rig).parents[2].model_off == cause


def test_an_order_entered_without_a_choice_is_held_by_a_kill_as_it_always_was():
    parent = a_desk(policies=(BASE,)).state.parents[1]
    raw = msgspec.to_builtins(parent)
    del raw["on_model_loss"]  # as journals of older versions have it
    old = msgspec.convert(raw, Parent)
    assert (old.without_model(killed=True), old.without_model(killed=False)) == (HOLD, BASE)
    assert parent.without_model(killed=True) == BASE


@pytest.mark.parametrize("policy", [HOLD, BASE])
def test_a_version_past_its_expiry_is_demoted_once_and_its_orders_do_as_they_said(policy):
    rig = a_desk(policies=(policy,), expires_at=Nanos(0))
    rig.run(8)
    (told,) = rig.journal.events(e.ModelDemoted)
    assert (told.strategy, told.model_id, told.cause) == ("ADAPTIVE", "m1", "is past its expiry")
    parent = rig.state.parents[1]
    assert parent.state == (HELD if policy == HOLD else WORKING)
    assert parent.model_off == "model m1 is past its expiry"
    (alert,) = [x for x in rig.state.alerts.values() if x.kind == "model.demoted"]
    assert alert.severity == "critical"
    assert rig.state.model_id("ADAPTIVE") == ""
    assert fold_again(rig).models["ADAPTIVE"].demoted == "is past its expiry"


def a_watch(auc, n=LEAST):
    """A watch whose next looks all measure this AUC."""
    watch = Watch(of="m1")
    ups = [True, False] * (n // 2)
    right = round(auc * n)
    scores = [(1.0 if up else -1.0) * (1 if i < right else -1) for i, up in enumerate(ups)]
    watch.scored.extend(zip(scores, ups, strict=True))
    return watch


@pytest.mark.parametrize(
    ("looks", "drifts"),
    [
        ([0.3] * (DRIFT_LOOKS - 1), False),
        ([0.3] * DRIFT_LOOKS, True),
        ([0.3] * (DRIFT_LOOKS - 1) + [0.6] + [0.3] * (DRIFT_LOOKS - 1), False),
        ([0.3] * (DRIFT_LOOKS - 1) + [0.49, 0.3], True),
        ([0.49] * 20, False),
    ],
)
def test_drift_is_a_row_of_low_looks_that_only_a_good_one_breaks(looks, drifts):
    watch = Watch(of="m1")
    for look in looks:
        watch.scored.clear()
        watch.scored.extend(a_watch(look).scored)
        assert watch.sum_up().auc == pytest.approx(look, abs=0.01)
    assert (watch.low >= DRIFT_LOOKS) == drifts


def test_too_few_labels_say_nothing_about_a_version():
    watch = a_watch(0.1, n=LEAST - 2)
    for _ in range(DRIFT_LOOKS + 1):
        watch.sum_up()
    assert watch.low == 0


def test_a_drifted_version_is_demoted_with_the_figure_that_it_follows_from():
    rig = a_desk()
    sight = rig.loop.desk.sight
    sight.watch = Watch(of="m1", low=DRIFT_LOOKS)
    sight.watch.record = Record(n=900, accuracy=0.4, base_rate=0.5, auc=DOUBTFUL_AUC - 0.03)
    rig.run(3)
    (told,) = rig.journal.events(e.ModelDemoted)
    assert "AUC 0.450 over its last 900 labels" in told.cause
    assert rig.state.parents[1].state == HELD
    assert rig.state.parents[2].state == WORKING
    back = c.UseModel(parent_id=2, use=True)
    assert "a change request must put a version in force" in rig.ask(back, "u3")


def test_a_trader_takes_an_own_order_off_its_model_and_back_on():
    rig = a_desk()
    rig.do(c.UseModel(parent_id=2, use=False), "u1", reason="news at noon")
    rig.run(3)
    assert rig.state.parents[2].model_off == "news at noon"
    assert rig.loop.desk.decided[2].model_id == ""
    assert rig.loop.desk.decided[1].model_id == "m1"
    assert "without its model already" in rig.ask(c.UseModel(parent_id=2, use=False), "u1")
    rig.do(c.UseModel(parent_id=2, use=True), "u1")
    assert rig.state.parents[2].model_off == ""
    assert "uses no model" in rig.ask(c.UseModel(parent_id=3, use=True), "u1")


def test_an_order_held_by_a_person_leaves_its_version_too():
    rig = a_desk(policies=(HOLD,))
    rig.do(c.HoldParent(parent_id=1, children=HoldChildren.CANCEL), "u1")
    rig.run(5)
    request(rig, "model", "m1")
    rig.run(3)
    parent = rig.state.parents[1]
    assert (parent.state, parent.hold_cause) == (HELD, "person")
    assert parent.model_off.startswith("kill K-")
    assert "is in force" in rig.ask(c.ResumeParent(parent_id=1), "u1")


def test_another_version_has_a_record_of_its_own():
    rig = a_desk()
    desk = rig.loop.desk
    rig.run(3)
    assert desk.sight.watch.of == "m1"
    desk.sight.watch.low = DRIFT_LOOKS
    desk.models["m2"] = LoadedModel(
        id="m2", model=a_model(), horizon_s=10, expires_at=FAR, words="next"
    )
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m2", card="test"),))
    rig.run(3)
    assert (desk.sight.watch.of, desk.sight.watch.low) == ("m2", 0)
    assert math.isnan(desk.sight.watch.record.auc) or desk.sight.watch.record.n < LEAST
    assert rig.journal.events(e.ModelDemoted) == []
