"""A version that the desk's own validation warns of: said in the request, seen by who approves."""

import msgspec
import pytest

from db.queries import Queries
from engine.core.show import change_row
from engine.core.sight import LoadedModel
from engine.core.turn import carried
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.governance import ChangeState
from engine.domain.rollout import Stage
from engine.domain.units import Nanos
from tests.support.desk_rig import Rig
from tests.support.parents import a_model
from tests.unit.test_model_loss import fold_again

FAR = Nanos(2**62)
FLAG = "no different from TWAP on 600 validation paths"
HELD = f"its own validation: {FLAG}"
GOOD = "Red flag seen: only as a shadow, to compare"


class Folder:
    """Models on disk."""

    def __init__(self, **flags):
        self.flags = flags
        self.read = []

    def load(self, model_id):
        self.read.append(model_id)
        if model_id not in self.flags:
            raise Refused(f"no model {model_id}")
        return LoadedModel(
            id=model_id, model=a_model(), horizon_s=10, expires_at=FAR, words="of a test",
            red_flag=self.flags[model_id],
        )  # fmt: skip


def a_desk():
    """ADAPTIVE by m1; m2 is sound, m3 has a red flag on its card."""
    rig = Rig()
    rig.run(5)
    rig.loop.parts.models = Folder(m1="", m2="", m3=FLAG)
    rig.loop.facts((e.ModelSet(strategy="ADAPTIVE", model_id="m1", card="test"),))
    rig.loop.load_models()
    return rig


def proposed(rig, model_id):
    rig.do(
        c.ProposeChange(strategy="ADAPTIVE", model_id=model_id, stage=Stage.SHADOW), "u1",
        reason="newer",
    )  # fmt: skip
    return max(rig.state.changes)


def decided(rig, number, reason, *, approve=True):
    digest = rig.state.changes[number].content_hash
    command = c.DecideChange(change_id=number, content_hash=digest, approve=approve)
    return rig.ask(command, "u3", reason=reason)


def row_of(rig, number):
    return change_row(rig.loop.desk, rig.state.changes[number])


def test_a_request_for_a_version_with_a_red_flag_says_so_and_one_for_a_sound_version_does_not():
    rig = a_desk()
    assert row_of(rig, proposed(rig, "m3")).against == [HELD]
    assert row_of(rig, proposed(rig, "m2")).against == []
    assert fold_again(rig).judged == {"m3": (HELD,), "m2": ()}


@pytest.mark.parametrize(
    "reason",
    ["", "fine by me, it is better", "red flag seen", "red flag seen.", "seen the red flag"],
)
def test_an_approval_that_does_not_name_the_flag_as_seen_changes_nothing(reason):
    rig = a_desk()
    number = proposed(rig, "m3")
    refusal = decided(rig, number, reason)
    assert FLAG in refusal
    assert "'red flag seen'" in refusal
    assert rig.state.changes[number].state == ChangeState.OPEN
    assert rig.state.rollouts == {}


def test_an_approval_that_names_it_goes_through_and_the_journal_keeps_the_words():
    rig = a_desk()
    number = proposed(rig, "m3")
    assert decided(rig, number, GOOD) == ""
    assert fold_again(rig).changes[number].decision_reason == GOOD
    assert rig.state.rollouts["ADAPTIVE"].model_id == "m3"


def test_a_refusal_and_the_approval_of_a_sound_version_need_no_such_words():
    rig = a_desk()
    assert decided(rig, proposed(rig, "m3"), "it says so itself", approve=False) == ""
    assert decided(rig, proposed(rig, "m2"), "") == ""


def test_an_edit_to_a_version_with_a_flag_is_told_too():
    rig = a_desk()
    number = proposed(rig, "m2")
    rig.do(c.EditChange(change_id=number, model_id="m3"), "u2", reason="rather this")
    assert row_of(rig, number).against == [HELD]
    assert FLAG in decided(rig, number, "fine by me, it is better")


def test_a_card_is_read_once_and_a_version_that_is_not_there_is_not_judged():
    rig = a_desk()
    rig.loop.parts.models.read.clear()
    proposed(rig, "m3")
    proposed(rig, "m3")
    rig.ask(
        c.ProposeChange(strategy="ADAPTIVE", model_id="m9", stage=Stage.SHADOW), "u1", reason="x"
    )
    assert rig.loop.parts.models.read.count("m3") == 1
    assert set(rig.state.judged) == {"m3"}


def test_a_version_that_drifted_in_force_is_told_when_somebody_asks_for_it_again():
    rig = a_desk()
    cause = "has been worse than chance for 5 minutes"
    rig.loop.facts((e.ModelDemoted(strategy="ADAPTIVE", model_id="m1", cause=cause),))
    number = proposed(rig, "m1")
    assert row_of(rig, number).against == [f"demoted in force: it {cause}"]
    assert cause in decided(rig, number, "it has calmed down, I think")


def test_a_flag_that_comes_while_a_request_waits_is_said_and_asked_for():
    rig = a_desk()
    number = proposed(rig, "m2")
    assert decided(rig, proposed(rig, "m2"), "ok") == ""
    rig.loop.facts((e.RolloutDemoted(strategy="ADAPTIVE", cause="6,000,000 of 5,000,000"),))
    assert row_of(rig, number).against == ["demoted as a canary: 6,000,000 of 5,000,000"]
    assert "red flag seen" in decided(rig, number, "ok")


def test_what_is_held_against_a_version_outlives_the_day():
    rig = a_desk()
    proposed(rig, "m3")
    rig.loop.facts((e.ModelDemoted(strategy="ADAPTIVE", model_id="m1", cause="drifted"),))
    event = carried(rig.state)
    assert dict(event.judged) == {"m3": (HELD,)}
    assert dict(event.lapsed) == {"m1": ("demoted in force: it drifted",)}


def test_the_form_of_a_request_reads_the_flags_of_the_stored_versions(tmp_path):
    cards = {"m1": {"red_flag": ""}, "m2": {"red_flag": FLAG}, "m3": ["no card"]}
    for name, card in cards.items():
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "card.json").write_bytes(msgspec.json.encode(card))
    (tmp_path / "models" / "m3" / "card.json").write_text("{")
    queries = Queries.open(f"sqlite:///{tmp_path / 'desk.db'}", tmp_path)
    assert queries.model_flags() == {"m2": FLAG}
