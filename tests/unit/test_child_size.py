"""The largest child of what learns follows the instrument: a part of what stands at its touch."""

from dataclasses import replace

import pytest

from engine.domain import kinds
from engine.domain.child_events import ChildIntended
from engine.domain.commands import SubmitParent
from engine.domain.instrument import usual_touch
from engine.domain.strategy import STRATEGIES, child_shares, known_values, vector
from engine.exchange.presets import MIDCAP, PRESETS
from engine.lab.paired import contender
from engine.lab.pretrade import Way, question
from engine.lab.scenario import load
from tests.support.desk_rig import Rig

LEARNING = ("ADAPTIVE", "RL")
BY_SYMBOL = {preset.instrument.symbol: preset.instrument for preset in PRESETS}


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(
    ("symbol", "shares"),
    [("MIDC", 300), ("NRTH", 600), ("QLTX", 200), ("HBRK", 1_400), ("TLMC", 5_100)],
)
def test_the_default_child_is_about_the_touch_of_the_stock_in_whole_lots(name, symbol, shares):
    knobs = vector(name, STRATEGIES[name].defaults(), BY_SYMBOL[symbol])
    assert knobs[kinds.P_MAX_CHILD] == shares


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - set(LEARNING)))
def test_the_other_strategies_keep_their_child_in_shares(name):
    stocks = BY_SYMBOL.values()
    knobs = {vector(name, {"max_child": 700.0}, row)[kinds.P_MAX_CHILD] for row in stocks}
    assert knobs == {700.0}


def test_a_child_is_at_least_a_lot_and_never_above_the_hard_limit():
    small = replace(MIDCAP.instrument, touch=3)
    assert child_shares(1.28, small) == small.lot
    assert child_shares(25.0, BY_SYMBOL["TLMC"]) == 20_000


def test_a_stock_whose_touch_nobody_measured_takes_it_from_its_average_day():
    unknown = replace(MIDCAP.instrument, touch=0, adv=4_000_000)
    assert usual_touch(unknown) == 2 * usual_touch(MIDCAP.instrument)


def test_the_lab_sizes_children_by_the_stock_of_the_scenario():
    for scenario, shares in (("midcap-500k", 300), ("large-cap", 600), ("thin-small-cap", 200)):
        loaded = load(scenario)
        who = contender(loaded, "ADAPTIVE")
        asked = question(loaded, (Way(strategy="RL"),), seed=1).contenders[0]
        for one in (who, asked):
            knobs = vector(one.strategy, dict(one.values), loaded.preset.instrument)
            assert knobs[kinds.P_MAX_CHILD] == shares


def test_a_version_of_an_older_catalogue_is_read_with_todays_parameters():
    """An old journal names max_child of ADAPTIVE; a desk must open on it."""
    old = {**STRATEGIES["ADAPTIVE"].defaults(), "max_child": 300.0, "band": 0.02}
    del old["child_of_touch"]
    known = known_values("ADAPTIVE", old)
    assert set(known) == set(STRATEGIES["ADAPTIVE"].defaults())
    assert (known["band"], known["child_of_touch"]) == (0.02, 1.28)


@pytest.mark.parametrize(("symbol", "shares"), [("MIDC", 300), ("NRTH", 600)])
def test_the_live_desk_sends_no_child_of_an_adaptive_order_above_it(symbol, shares):
    rig = Rig(symbols=2)
    rig.run(120)
    rig.do(
        SubmitParent(
            symbol=symbol, side=1, strategy="ADAPTIVE", quantity=60_000,
            horizon_ns=1_200 * 1_000_000_000,
        )
    )  # fmt: skip
    rig.run(120)
    assert rig.loop.desk.planner.parameters[kinds.P_MAX_CHILD] == shares
    sizes = [sent.quantity for sent in rig.journal.events(ChildIntended)]
    assert max(sizes) == shares
