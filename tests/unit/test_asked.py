"""From a question of the web to paths: the market on record, the stock, the models in force."""

from dataclasses import replace
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.domain.units import SECOND
from engine.exchange.generated import Generated, keep
from engine.exchange.presets import MIDCAP
from engine.kernels.exogenous import FLOW
from engine.lab.market import OPEN_NS, flow_of
from engine.lab.now import MODEL_WARM_S, WARM_S, Wanted, scenario_of
from engine.lab.pretrade import Way, question
from engine.lab.run import run
from engine.lab.scenario import PLACES
from engine.learn.train import train_default
from engine.runtime.model_bytes import pack
from engine.runtime.tape import BAR
from engine.worker.asked import Asked, AskedWay, prepare, seed_of
from tests.support.learning import recordings
from tests.support.parents import a_model

AT = OPEN_NS + 3_600 * SECOND


class Tape:
    """Read tables with an hour and more of one symbol: 20 shares a second, two ticks wide."""

    def __init__(self, seconds=4_000):
        rows = np.zeros(seconds, BAR)
        rows["at_ns"] = OPEN_NS + np.arange(seconds) * SECOND
        rows["bid"] = 5_019
        rows["ask"] = 5_021
        rows["bid_size"], rows["ask_size"] = 300, 500
        rows["volume"] = np.arange(seconds) * 20
        self.rows = rows

    def bars(self, day, symbol):
        return self.rows if (day, symbol) == ("2026-01-02", "MIDC") else None


def asked(**changed):
    return Asked(**{
        "kind": "pretrade", "mode": "SIM", "day": "2026-01-02", "open_at": OPEN_NS, "at": AT,
        "symbol": "MIDC", "side": 1, "quantity": 5_000, "horizon_ns": 600 * SECOND,
        "ways": [AskedWay(strategy="TWAP"), AskedWay(strategy="ADAPTIVE")], **changed,
    })  # fmt: skip


@pytest.fixture
def where(tmp_path):
    return SimpleNamespace(state=tmp_path, models=tmp_path / "models")


def test_a_question_becomes_paths_from_the_market_of_its_instant(where):
    ready = prepare(asked(), Tape(), where)
    assert (ready.market.at_s, ready.market.mid, ready.market.spread) == (3_600, 5_020.0, 2.0)
    assert ready.market.volume == 3_600 * 20
    assert ready.market.volatility == 0.0  # a quote that never moved
    assert ready.matched.volatility == 1.0  # and no reason to think that nothing ever will
    assert ready.matched.volume < 0.6  # a quarter of the usual volume
    scenario = ready.question.scenario
    assert scenario.order.start_ns == 3_600 * SECOND
    assert scenario.begin_ns == 3_540 * SECOND
    assert any("ADAPTIVE without a model" in note for note in ready.notes)
    few = replace(ready.question, days=2)
    result = run(few, workers=0)
    assert (result.rows["filled"] == 5_000).all()
    assert np.abs(result.rows["start_mid"] - 5_020).max() < 100


def test_two_equal_questions_have_one_hash_and_the_same_paths(where):
    one, two = (prepare(asked(), Tape(), where) for _ in range(2))
    assert one.digest == two.digest
    assert prepare(asked(quantity=5_100), Tape(), where).digest != one.digest
    assert seed_of(asked(quantity=5_100)) == seed_of(asked())  # the same draws for an edit
    assert seed_of(asked(day="2026-01-05")) != seed_of(asked())


def test_the_values_of_the_question_are_those_of_the_paths_and_are_checked(where):
    ways = [AskedWay(strategy="TWAP", values={"band": 0.04})]
    ready = prepare(asked(ways=ways), Tape(), where)
    assert dict(ready.question.contenders[0].values)["band"] == 0.04
    with pytest.raises(Refused, match="band"):
        prepare(asked(ways=[AskedWay(strategy="TWAP", values={"band": 9.0})]), Tape(), where)
    with pytest.raises(Refused, match="model"):
        prepare(asked(ways=[AskedWay(strategy="ADAPTIVE", model="none-abc")]), Tape(), where)


def test_a_model_in_force_is_loaded_and_paths_begin_early_enough_for_its_features(where):
    model = train_default(where.models, recordings(), now_ns=5, expires_at=10**19)
    ways = [AskedWay(strategy="VWAP"), AskedWay(strategy="ADAPTIVE", model=model)]
    ready = prepare(asked(ways=ways), Tape(), where)
    assert ready.question.contenders[1].model_id == model
    assert ready.question.contenders[1].model
    assert not any("ADAPTIVE" in note for note in ready.notes)
    assert ready.question.scenario.begin_ns == (3_600 - MODEL_WARM_S) * SECOND


def test_a_model_decides_from_the_start_of_the_order_on_only_when_its_windows_are_full():
    """It leans one way, as long as it sees everything; an order of three minutes."""
    leaning = pack(a_model(bias=-2.0, weights=dict.fromkeys(range(16), 1e-6)))
    as_vwap = (("child_of_touch", 2_000 / 235), ("dark", 0.0), ("dealers", 0.0))
    values = (("max_tilt", 0.04), *as_vwap)
    ways = (
        Way(strategy="VWAP"),
        Way(strategy="ADAPTIVE", model=leaning, model_id="leaning", values=values),
    )
    differs = {}
    for warm in (WARM_S, MODEL_WARM_S):
        wanted = Wanted(side=1, quantity=20_000, horizon_s=180, warm_s=warm)
        now = prepare(asked(), Tape(), SimpleNamespace(state=None, models=None)).market
        scenario = scenario_of(now, MIDCAP.instrument, MIDCAP, wanted, tuple(PLACES))
        rows = run(replace(question(scenario, ways, seed=5), days=3), workers=0).rows
        differs[warm] = rows[:, 0]["arrival"].tolist() != rows[:, 1]["arrival"].tolist()
    assert differs == {WARM_S: False, MODEL_WARM_S: True}


def test_an_order_larger_than_the_volume_to_come_is_said(where):
    notes = prepare(asked(quantity=400_000), Tape(), where).notes
    assert any("more than" in note and "left over" in note for note in notes)
    assert not any("more than" in note for note in prepare(asked(), Tape(), where).notes)


def test_an_end_too_near_the_close_is_moved_and_said(where):
    late = asked(at=OPEN_NS + 3_999 * SECOND, horizon_ns=23_400 * SECOND)
    ready = prepare(late, Tape(), where)
    assert ready.question.scenario.order.end_ns == 23_280 * SECOND
    assert any("clean-up needs time" in note for note in ready.notes)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mode": "REPLAY"}, "plays a recording"),
        ({"symbol": "ZZZZ"}, "must be a simulated stock"),
        ({"day": "2026-01-05"}, "no market of 2026-01-05 on record"),
        ({"quantity": 2_000_001}, "average day"),
        ({"at": OPEN_NS - SECOND}, "two-sided quote"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words(where, changed, words):
    with pytest.raises(Refused, match=words):
        prepare(asked(**changed), Tape(), where)


def test_a_generated_market_answers_with_its_own_parameters(where):
    flow = {name: float(MIDCAP.flow()[0][name]) for name in FLOW.names or ()}
    flow |= {"depth": 3.3, "size": 0.7}
    keep(where.state, Generated(
        instrument=MIDCAP.instrument, parameters=flow, off_size=1.0, day="2012-06-21",
        source="generated", report={}, files=(),
    ))  # fmt: skip
    ready = prepare(asked(mode="REACTIVE"), Tape(), where)
    made = flow_of(ready.question.scenario, "usual")[0]
    assert (made["depth"], made["size"], made["reference"]) == (3.3, 0.7, 5_020.0)
    assert any("recorded day" in note for note in ready.notes)


def test_a_question_travels_as_it_is_asked():
    body = msgspec.to_builtins(asked(exclude=["SIM-A"]))
    assert msgspec.convert(body, Asked) == asked(exclude=["SIM-A"])
