"""Scenario files: what ships can be read, and a mistake is named with file, key, value, allowed."""

import pytest

from engine.domain.errors import Refused
from engine.domain.units import SECOND
from engine.lab.scenario import ALL, load, read, shipped
from tests.support.lab import SHORT

WANTED = {
    "midcap-500k",
    "large-cap",
    "thin-small-cap",
    "volatile-open",
    "trending-day",
    "venue-outage-noon",
    "news-shock",
    "no-signal",
}
GOOD = SHORT.format(side="buy", quantity=6_000, relax=120)


def test_every_scenario_that_ships_can_be_read():
    assert set(shipped()) == WANTED
    for name in WANTED:
        assert load(name).name == name


def test_the_question_of_the_desk_is_a_quarter_of_the_volume_of_a_stock_with_two_cents_of_spread():
    scenario = load("midcap-500k")
    instrument = scenario.preset.instrument
    assert (scenario.order.quantity, instrument.adv) == (500_000, 2_000_000)
    assert instrument.spread_ticks * instrument.tick_size == pytest.approx(0.02)


def test_without_signal_the_flow_leans_on_nothing():
    assert dict(load("no-signal").market) == {"lean": 0.0, "informed": 0.0, "foresight": 0.0}


def test_a_file_is_read_into_instants_since_the_open_and_ticks():
    scenario = read(GOOD.replace('end = "09:41"', 'end = "09:41:30"\nlimit = 50.25'), "f.toml")
    order = scenario.order
    assert (order.start_ns, order.end_ns) == (60 * SECOND, 690 * SECOND)
    assert (order.side, order.quantity, order.limit_price) == (1, 6_000, 5_025)
    assert [scenario.regime(i) for i in range(3)] == ["usual", "volatile", "usual"]


def test_parameters_of_all_strategies_give_way_to_those_of_one():
    more = "[strategies.all]\nband = 0.02\n[strategies.TWAP]\nband = 0.03\nslice = 60\n"
    scenario = read(GOOD + more, "f.toml")
    assert scenario.values("TWAP") == {"band": 0.03, "slice": 60.0}
    assert scenario.values("POV") == {"band": 0.02}
    assert ALL == "all"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("6000", "0", "order.quantity must be a whole number from 1 to 20,000,000, was 0"),
        ("6000", "6e3", "order.quantity must be a whole number"),
        ("6000", "true", "order.quantity must be a whole number"),
        ('"buy"', '"long"', "order.side must be one of buy, sell, was 'long'"),
        ('"09:31"', '"9h31"', "order.start must be a time from 09:30 to 16:00"),
        ('"09:31"', '"09:29"', "order.start must be a time from 09:30 to 16:00"),
        ('"09:41"', '"09:31"', "order.end must be later than order.start, was '09:31'"),
        ("relax_s = 120", "relax_s = 23000", "order.relax_s must be at most"),
        ('"volatile"]', '"wild"]', "regimes must be a list of some of usual, calm"),
        ('"volatile"]', '"usual"]', "regimes must be a list of some of usual, calm"),
        ('"MIDC"', '"ACME"', "instrument must be one of MIDC, NRTH"),
        ("days = 4", "days = 0", "days must be a whole number from 1 to 100,000, was 0"),
        ("days = 4", 'venues = ["SIM-A", "MOON"]', "venues must be a list of some of SIM-A"),
        ("days = 4", "dayz = 4", "dayz is no key of a scenario; allowed here: days"),
        ("relax_s", "relaxs", "order.relaxs is no key of a scenario"),
        ('words = "Ten minutes."', "", "words must be one or two sentences, is missing"),
        ('side = "buy"', "", "order.side must be one of buy, sell, is missing"),
        ('words = "Ten', "words = Ten", "this is not TOML"),
    ],
)
def test_a_mistake_is_refused_with_file_key_value_and_what_is_allowed(old, new, said):
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(Refused) as refusal:
        read(text, "mine.toml")
    assert str(refusal.value).startswith("mine.toml: ")
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[market]\ngravity = 1", "market.gravity is no parameter of the market; allowed here:"),
        ("[market]\nsigma = -1", "market.sigma must be a number of at least 0, was -1"),
        ("[market]\nrate = 0", "market.rate must be a number above 0, was 0"),
        ("[market]\nsigma = nan", "market.sigma must be a number of at least 0, was nan"),
        ("[strategies.SLOW]\nband = 1", "strategies.SLOW is no strategy; allowed here: all, TWAP"),
        ("[strategies.TWAP]\nband = 9", "strategies.TWAP.band: band must be between 0.001"),
        ("[strategies.all]\nslice = 9", "strategies.all.slice: POV has no parameter 'slice'"),
        ("[[incidents]]\nkind = 'rain'", "incidents[0].kind must be one of news, flash"),
        ("[[incidents]]\nkind = 'news'\nat = '12:00'\nsize = 0", "incidents[0].size must be"),
        ("[[incidents]]\nkind = 'flash'\nat = '12:00'\nsize = 9", "incidents[0].seconds must be"),
        ("[[incidents]]\nkind = 'outage'\nat = '12:00'\nseconds = 9", "incidents[0].venue must be"),
        (
            "[[incidents]]\nkind = 'stuck_dark'\nat = '12:00'\nseconds = 9\nvenue = 'SIM-A'",
            "incidents[0].venue must be one of DARK-1, DARK-2, was 'SIM-A'",
        ),
        ("[[incidents]]\nkind = 'halt'\nat = '12:00'\nseconds = 9\nsize = 1", "incidents[0].size"),
        ("[[incidents.x]]\nkind = 'news'", "incidents must be an array of tables"),
    ],
)
def test_a_mistake_in_a_table_is_refused_likewise(more, said):
    with pytest.raises(Refused) as refusal:
        read(GOOD + more, "mine.toml")
    assert said in str(refusal.value)


def test_an_unknown_scenario_lists_those_there_are(tmp_path):
    with pytest.raises(Refused, match="scenario must be one of large-cap, midcap-500k"):
        load("nowhere")
    mine = tmp_path / "mine.toml"
    mine.write_text(GOOD)
    assert load(str(mine)).name == "short"
