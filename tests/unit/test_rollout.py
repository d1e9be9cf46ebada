"""Staged rollout: shadow, canary inside four limits, full; back by itself."""

import hashlib

import msgspec
import numpy as np
import pytest

from engine.core.evolve import evolve
from engine.core.plan import DECISION, recompute
from engine.core.rules import rollout
from engine.core.rules.rollout import LEAST_COMPARED, LEAST_ORDERS, breach, gate
from engine.core.show import parent_row
from engine.core.sight import DRIFT_LOOKS, LoadedModel, Watch
from engine.core.state import State
from engine.core.turn import carried
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.events import Entry
from engine.domain.governance import ChangeState, content_hash
from engine.domain.rollout import CanaryLimits, Stage
from engine.domain.units import MINUTE, Nanos
from tests.support.desk_rig import Rig
from tests.support.parents import a_model
from tests.unit.test_kill_rules import request
from tests.unit.test_model_loss import a_watch, fold_again

FAR = Nanos(2**62)
SHADOW, CANARY, FULL = Stage.SHADOW, Stage.CANARY, Stage.FULL
LIMITS = CanaryLimits(instruments=("MIDC",), value=5e6, orders=40, venues=("SIM-A", "SIM-B"))
EAGER = {"aggression": 0.65, "band": 0.006}


def a_desk(*, models=True):
    """ADAPTIVE by m1 with one order in MIDC; m2 is on disk."""
    rig = Rig(symbols=2)
    rig.run(5)
    if models:
        for name in ("m1", "m2"):
            rig.loop.desk.models[name] = LoadedModel(
                id=name, model=a_model(), horizon_s=10, expires_at=FAR, words="of a test"
            )
        rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.buy(200_000, strategy="ADAPTIVE", horizon_ns=60 * MINUTE, on_model_loss="base")
    return rig


def proposed(rig, who="u1", **content):
    """The number of a new request about ADAPTIVE."""
    rig.do(c.ProposeChange(strategy="ADAPTIVE", **content), who, reason="better on past days")
    return max(rig.state.changes)


def decided(rig, number, who="u3", *, shown=""):
    digest = shown or rig.state.changes[number].content_hash
    return rig.ask(
        c.DecideChange(change_id=number, content_hash=digest, approve=True),
        who,
        reason="red flag seen, if there is one: tried on purpose",
    )


def staged(rig, **content):
    number = proposed(rig, **content)
    assert decided(rig, number) == ""
    return rig.state.rollouts["ADAPTIVE"]


def compared(rig, n=LEAST_COMPARED):
    """As if it had decided beside for so long."""
    rig.loop.facts(
        (
            e.ShadowCompared(
                strategy="ADAPTIVE", compared=n, same=n - 10, sends=9, former_sends=8, shares=900,
                former_shares=800,
            ),
        )
    )  # fmt: skip


def a_canary(limits=LIMITS, **content):
    rig = a_desk()
    staged(rig, stage=SHADOW, **(content or {"model_id": "m2"}))
    compared(rig)
    staged(rig, stage=CANARY, canary=limits)
    return rig


def intended(rig, since=0):
    return [x for x in rig.journal.events(e.ChildIntended)[since:] if x.parent_id == 1]


def refusal(rig, who="u1", **content):
    return rig.ask(c.ProposeChange(strategy="ADAPTIVE", **content), who, reason="now")


# --- the way up -----------------------------------------------------------------------------
def test_a_new_model_cannot_be_put_in_force_at_once():
    rig = a_desk()
    assert "must begin as shadow, then canary, then full" in refusal(rig, model_id="m2")
    assert rig.state.models["ADAPTIVE"].model_id == "m1"


def test_no_model_and_one_that_was_in_force_before_may_come_at_once():
    rig = a_desk()
    assert decided(rig, proposed(rig, model_id="")) == ""
    assert rig.state.model_id("ADAPTIVE") == ""
    assert "uses no model already" in refusal(rig, model_id="")
    assert decided(rig, proposed(rig, model_id="m1")) == ""
    assert rig.state.model_id("ADAPTIVE") == "m1"


def test_a_shadow_decides_beside_and_nothing_of_it_is_sent():
    rig = a_desk()
    found = staged(rig, stage=SHADOW, values=EAGER)
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(180)
    told = rig.journal.events(e.ShadowDecided)
    assert told
    assert {x.rollout for x in told} == {found.change_id}
    assert {x.rollout for x in intended(rig, since)} == {0}
    now = rig.state.rollouts["ADAPTIVE"]
    assert now.compared >= 60
    assert now.same <= now.compared
    assert now.sends <= len(told)
    assert now.orders == 0


def test_every_order_of_a_shadow_is_recorded_and_recomputes_to_the_same_bits():
    rig = a_desk()
    staged(rig, stage=SHADOW, values=EAGER)
    rig.run(120)
    found = [x for x in rig.journal.entries if isinstance(x.event, e.ShadowDecided)]
    assert found
    for entry in found:
        record = rig.journal.records[entry.seq]
        assert hashlib.sha256(record).hexdigest() == entry.event.digest
        stored = np.frombuffer(record, dtype=DECISION)[0]
        model = rig.loop.desk.models["m1"].model
        again = recompute(record, rig.loop.desk.sight.curve, model)
        assert again.tobytes() == stored["action"].tobytes()
        assert entry.event.quantity == stored["action"]["size"]


def test_a_shadow_changes_no_decision_of_the_version_in_force():
    alone, beside = a_desk(), a_desk()
    staged(beside, stage=SHADOW, values=EAGER)
    alone.run(1)
    for rig in (alone, beside):
        rig.run(90)
    terms = [[(x.price, x.quantity, x.venue, x.type) for x in intended(r)] for r in (alone, beside)]
    shorter = min(map(len, terms))
    assert shorter
    assert terms[0][:shorter] == terms[1][:shorter]


def test_a_candidate_equal_to_the_version_in_force_is_the_same_every_time():
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")  # other id, same arrays
    rig.run(130)
    now = rig.state.rollouts["ADAPTIVE"]
    assert now.compared == now.same > 0
    assert now.shares == now.former_shares


@pytest.mark.parametrize("missing", ["instruments", "value", "orders", "venues"])
def test_a_canary_without_one_of_its_four_limits_is_refused(missing):
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    compared(rig)
    limits = msgspec.structs.replace(LIMITS, **{missing: type(getattr(LIMITS, missing))()})
    said = refusal(rig, stage=CANARY, canary=limits)
    assert "four limits before it acts" in said
    assert missing in said
    assert rig.state.rollouts["ADAPTIVE"].stage == SHADOW


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"stage": CANARY}, "four limits"),
        ({"stage": CANARY, "canary": msgspec.structs.replace(LIMITS, venues=("MOON",))}, "MOON"),
        ({"stage": CANARY, "canary": msgspec.structs.replace(LIMITS, instruments=("X",))}, "'X'"),
        ({"stage": CANARY, "canary": msgspec.structs.replace(LIMITS, value=-1.0)}, "above 0"),
        ({"stage": CANARY, "canary": LIMITS, "model_id": "m3"}, "no such candidate"),
        ({"stage": CANARY, "canary": LIMITS, "values": {"band": 0.02}}, "no such candidate"),
        ({"stage": FULL}, "full needs a canary"),
        ({"stage": FULL, "canary": LIMITS}, "canary alone"),
        ({"stage": SHADOW, "model_id": "m3", "canary": LIMITS}, "canary alone"),
    ],
)
def test_what_skips_a_stage_or_names_what_is_not_is_refused(content, sentence):
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    compared(rig)
    assert sentence in refusal(rig, **content)


def test_too_few_decisions_beside_do_not_make_a_canary():
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    compared(rig, LEAST_COMPARED - 1)
    assert f"needs {LEAST_COMPARED} decisions beside" in refusal(rig, stage=CANARY, canary=LIMITS)


def test_nobody_promotes_an_own_request_and_an_edit_voids_what_was_shown():
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    compared(rig)
    number = proposed(rig, who="u3", stage=CANARY, canary=LIMITS)
    assert "nobody decides a change they proposed" in decided(rig, number, "u3")
    shown = rig.state.changes[number].content_hash
    wider = msgspec.structs.replace(LIMITS, orders=4_000)
    rig.do(c.EditChange(change_id=number, canary=wider), "u1", reason="more room")
    assert "was edited since you saw it" in decided(rig, number, "u4", shown=shown)
    assert "nobody decides" in decided(rig, number, "u3")
    assert rig.state.rollouts["ADAPTIVE"].stage == SHADOW
    assert decided(rig, number, "u4") == ""
    assert rig.state.rollouts["ADAPTIVE"].limits.orders == 4_000


def test_the_hash_covers_stage_and_limits():
    plain = content_hash("ADAPTIVE", {}, "m2", 1)
    tight = content_hash("ADAPTIVE", {}, "m2", 1, CANARY, LIMITS)
    wide = content_hash("ADAPTIVE", {}, "m2", 1, CANARY, msgspec.structs.replace(LIMITS, orders=41))
    assert len({plain, tight, wide, content_hash("ADAPTIVE", {}, "m2", 1, SHADOW)}) == 4


def test_a_request_whose_stage_is_gone_meanwhile_cannot_be_approved():
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    compared(rig)
    number = proposed(rig, stage=CANARY, canary=LIMITS)
    rig.do(c.StopRollout(strategy="ADAPTIVE"), "u1")
    assert "no such candidate" in decided(rig, number)
    assert rig.state.changes[number].state == ChangeState.OPEN


def test_full_comes_after_a_canary_with_enough_orders_and_by_two_people():
    rig = a_canary()
    assert f"at least {LEAST_ORDERS} orders" in refusal(rig, stage=FULL)
    used(rig, orders=LEAST_ORDERS)
    assert decided(rig, proposed(rig, stage=FULL)) == ""
    assert rig.state.models["ADAPTIVE"].model_id == "m2"
    assert rig.state.rollouts == {}
    rig.run(60)
    assert {x.model_id for x in intended(rig)[-1:]} == {"m2"}


def test_values_become_a_version_of_their_own_at_full_alone():
    rig = a_canary(values=EAGER)
    before = rig.state.parameters["ADAPTIVE"]
    used(rig, orders=LEAST_ORDERS)
    assert rig.state.parameters["ADAPTIVE"] == before
    assert decided(rig, proposed(rig, stage=FULL)) == ""
    now = rig.state.parameters["ADAPTIVE"]
    assert (now.version, now.values) == (before.version + 1, {**before.values, **EAGER})


def used(rig, **sums):
    """A canary that has used so much of its limits."""
    found = rig.state.rollouts["ADAPTIVE"]
    rig.state.rollouts["ADAPTIVE"] = msgspec.structs.replace(found, **sums)


# --- a canary and its limits ----------------------------------------------------------------
def test_a_canary_decides_in_its_instruments_and_the_version_in_force_elsewhere():
    rig = a_canary()
    other = list(rig.state.instruments)[1]
    second = rig.buy(100_000, strategy="ADAPTIVE", symbol=other, horizon_ns=60 * MINUTE)
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(150)
    new = rig.journal.events(e.ChildIntended)[since:]
    number = rig.state.rollouts["ADAPTIVE"].change_id
    mine = [x for x in new if x.parent_id == 1]
    theirs = [x for x in new if x.parent_id == second]
    assert mine
    assert theirs
    assert {(x.model_id, x.rollout) for x in mine} == {("m2", number)}
    assert {(x.model_id, x.rollout) for x in theirs} == {("m1", 0)}
    assert {rig.state.venue_name(x.venue) for x in mine} <= set(LIMITS.venues)
    shown = {i: parent_row(rig.loop.desk, rig.state.parents[i]).canary for i in (1, second)}
    assert shown == {1: f"R-{number}", second: ""}


def test_orders_and_value_of_a_canary_are_what_it_has_sent():
    rig = a_canary()
    rig.run(150)
    mine = [x for x in intended(rig) if x.rollout]
    found = rig.state.rollouts["ADAPTIVE"]
    tick = rig.state.instruments["MIDC"].tick_size
    assert found.orders == len(mine) > 0
    assert found.value == pytest.approx(sum(x.quantity * x.price * tick for x in mine))


@pytest.mark.parametrize(
    ("sums", "cause"),
    [
        ({"orders": LIMITS.orders}, "order 41 of at most 40"),
        ({"value": LIMITS.value}, "of at most 5,000,000 in value"),
    ],
)
def test_a_breach_is_not_sent_demotes_by_itself_and_the_former_version_acts(sums, cause):
    rig = a_canary()
    used(rig, **sums)
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    (told,) = rig.journal.events(e.RolloutDemoted)
    assert cause in told.cause
    assert {(x.model_id, x.rollout) for x in intended(rig, since)} == {("m1", 0)}
    found = rig.state.rollouts["ADAPTIVE"]
    assert (found.stage, found.demotions) == (SHADOW, 1)
    (alert,) = [x for x in rig.state.alerts.values() if x.kind == "rollout.demoted"]
    assert alert.severity == "critical"
    assert cause in alert.sentence


def an_order(rig, **changed):
    """A child that a canary might send."""
    found = rig.state.rollouts["ADAPTIVE"]
    values = {
        "child_id": 1, "parent_id": 1, "symbol": "MIDC", "side": 1, "type": 1, "price": 5_000,
        "quantity": 100, "ttl_ns": 0, "why": 0, "binding": 0, "parameter_version": 1,
        "rollout": found.change_id,
    }  # fmt: skip
    return e.ChildIntended(**{**values, **changed})


@pytest.mark.parametrize(
    ("order", "sums", "cause"),
    [
        ({}, {}, ""),
        ({"symbol": "other"}, {}, "not of its instruments"),
        ({"venue": 99}, {}, "not of its venues"),
        ({"venue": "SIM-C"}, {}, "SIM-C is not of its venues"),
        ({}, {"orders": 39}, ""),
        ({}, {"orders": 40}, "order 41 of at most 40"),
        ({}, {"value": 5e6 - 5_000.0}, ""),
        ({}, {"value": 5e6 - 4_999.0}, "in value"),
        ({"quantity": 200_000}, {}, "in value"),
        ({"rollout": 77}, {}, "no canary"),
        ({"rollout": 0, "quantity": 10**9}, {}, ""),
    ],
)
def test_the_gate_stops_every_order_beyond_a_limit_however_it_came(order, sums, cause):
    rig = a_canary()
    used(rig, **sums)
    if order.get("symbol") == "other":
        order = {**order, "symbol": list(rig.state.instruments)[1]}
    if isinstance(order.get("venue"), str):
        order = {**order, "venue": rig.state.place_of(order["venue"])}
    child = an_order(rig, **order)
    if not cause:
        gate(rig.state, "ADAPTIVE", child)
        return
    with pytest.raises(Refused, match=cause) as stopped:
        gate(rig.state, "ADAPTIVE", child)
    assert stopped.value.rule == "rollout"


def test_without_limits_there_is_nothing_a_canary_may_do():
    rig = a_canary()
    bare = msgspec.structs.replace(rig.state.rollouts["ADAPTIVE"], limits=None)
    assert breach(rig.state, bare, an_order(rig)) != ""


# --- back -----------------------------------------------------------------------------------
def test_after_a_demotion_it_must_be_compared_anew():
    rig = a_canary()
    rig.loop.facts(rollout.demote(rig.state, rig.state.rollouts["ADAPTIVE"], "a test"))
    said = refusal(rig, stage=CANARY, canary=LIMITS)
    assert "since it was demoted (a test)" in said
    compared(rig)
    staged(rig, stage=CANARY, canary=LIMITS)
    assert rig.state.rollouts["ADAPTIVE"].demotions == 1


def test_a_drift_alarm_demotes_the_canary_and_not_the_version_in_force():
    rig = a_canary()
    rig.run(3)
    sight = rig.loop.desk.sight
    assert (sight.watch.of, sight.trial.of) == ("m1", "m2")
    sight.trial = Watch(of="m2", low=DRIFT_LOOKS)
    rig.run(3)
    (told,) = rig.journal.events(e.RolloutDemoted)
    assert "its model has drifted" in told.cause
    assert rig.journal.events(e.ModelDemoted) == []
    assert rig.state.model_id("ADAPTIVE") == "m1"


def test_what_a_drifting_candidate_decides_beside_does_not_count_for_it():
    rig = a_desk()
    staged(rig, stage=SHADOW, model_id="m2")
    rig.run(3)
    rig.loop.desk.sight.trial = a_watch(0.1, n=1_800)
    rig.loop.desk.sight.trial.of = "m2"
    rig.loop.desk.sight.trial.low = DRIFT_LOOKS
    before = len(rig.journal.events(e.ShadowCompared))
    rig.loop.desk.beside.tallies.clear()
    rig.run(130)
    assert rig.journal.events(e.ShadowCompared)[before:] == []
    assert rig.state.rollouts["ADAPTIVE"].demotions == 0


def test_a_kill_of_the_candidate_takes_its_children_back_and_leaves_the_orders_to_the_former():
    rig = a_canary()
    rig.run_until_live(1)
    rig.run(30)
    live = {x.id for x in rig.state.live_children(1) if x.model_id == "m2"}
    request(rig, "model", "m2")
    rig.run(5)
    (kill,) = [row for row in rig.state.kills.values() if row.scope == "model"]
    assert live <= set(kill.children)
    (told,) = rig.journal.events(e.RolloutDemoted)
    assert told.cause == f"kill K-{kill.id}"
    assert rig.state.parents[1].model_off == ""
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    assert {x.model_id for x in intended(rig, since)} == {"m1"}
    assert f"K-{kill.id} of model m2 is in force" in refusal(rig, stage=CANARY, canary=LIMITS)


def test_anybody_who_may_propose_stops_a_candidate_alone_and_at_once():
    rig = a_canary()
    rig.do(c.StopRollout(strategy="ADAPTIVE"), "u1", reason="spreads are too wide")
    assert rig.state.rollouts == {}
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    assert {x.rollout for x in intended(rig, since)} <= {0}
    assert "ADAPTIVE has no candidate" in rig.ask(c.StopRollout(strategy="ADAPTIVE"), "u1")
    assert "change.propose" in rig.ask(c.StopRollout(strategy="ADAPTIVE"), "u8")


def test_an_order_taken_off_its_model_has_no_candidate_model_either():
    rig = a_canary()
    rig.do(c.UseModel(parent_id=1, use=False), "u1")
    since = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    assert {(x.model_id, x.rollout) for x in intended(rig, since)} == {("", 0)}


# --- restart --------------------------------------------------------------------------------
def test_stage_limits_and_what_was_used_survive_a_restart_and_a_new_day():
    rig = a_canary()
    rig.run(90)
    again = fold_again(rig)
    for name in ("rollouts", "trusted", "models", "parameters", "changes", "parents"):
        assert getattr(again, name) == getattr(rig.state, name)
    assert again.rollouts["ADAPTIVE"].orders > 0
    next_day = State()
    evolve(
        next_day,
        Entry(seq=1, turn=1, market_ns=Nanos(0), desk_ns=Nanos(0), event=carried(rig.state)),
    )
    assert next_day.rollouts == rig.state.rollouts
    assert next_day.trusted == rig.state.trusted == {"ADAPTIVE": ("m1",)}
    assert next_day.models_wanted() == {"m1", "m2"}
