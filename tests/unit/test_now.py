"""The market of a moment: what is read from it, how much that counts, where paths begin."""

from dataclasses import replace

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.domain.units import SECOND
from engine.exchange.presets import PRESETS
from engine.exchange.regimes import regime
from engine.kernels.environment import new_day
from engine.lab.late import late_day
from engine.lab.market import CLOSE_NS, OPEN_NS, flow_of, fresh_run
from engine.lab.now import Bars, MarketSnapshot, Wanted, match, scenario_of, snapshot
from engine.lab.paired import quiet_mids, small_tape
from engine.lab.scenario import PLACES, read
from engine.lab.usual import at_second, quiet_day, usual_day
from tests.support.lab import SHORT

MIDC = PRESETS[0]
USUAL = usual_day(MIDC)


def a_moment(**changed):
    """Two hours in, a usual day."""
    wide, volume = at_second(USUAL.spread, 6_900), round(at_second(USUAL.volume, 7_200))
    return MarketSnapshot(**{
        "symbol": "MIDC", "day": "2026-01-02", "at_s": 7_200, "mid": 5_100.5, "spread": 2.0,
        "spread_mean": wide, "bid_size": 400, "ask_size": 400, "volume": volume,
        "volatility": 1.0, "returns": 119, **changed,
    })  # fmt: skip


def a_scenario(now, **changed):
    wanted = Wanted(**{"side": 1, "quantity": 20_000, "horizon_s": 3_600, **changed})
    return scenario_of(now, MIDC.instrument, MIDC, wanted, tuple(PLACES))


def bars_of(mids, *, spread=2.0, volume=1_000, open_ns=OPEN_NS):
    n = len(mids)
    return Bars(
        at_ns=open_ns + np.arange(n) * SECOND,
        mid=np.asarray(mids, dtype=float),
        spread=np.full(n, spread),
        bid_size=np.full(n, 300),
        ask_size=np.full(n, 500),
        volume=np.arange(n) * volume // n,
    )


def test_a_usual_moment_changes_nothing_but_the_price():
    found = match(a_moment(), MIDC)
    assert found.volatility == 1.0
    assert found.volume == pytest.approx(1.0, abs=1e-5)
    assert found.spread == pytest.approx(1.0)
    scenario = a_scenario(a_moment())
    assert scenario.preset.instrument.reference_price == 5_100
    usual, now = MIDC.flow()[0], flow_of(scenario, "usual")[0]
    same = [name for name in usual.dtype.names if name not in ("reference", "vol_day", "rate")]
    assert [float(now[name]) for name in same] == pytest.approx([float(usual[n]) for n in same])
    assert now["vol_day"] < usual["vol_day"]  # what has been seen of the day is no longer chance


def test_a_reading_counts_for_more_the_longer_it_was():
    early = match(a_moment(at_s=600, returns=9, volatility=1.6), MIDC)
    late = match(a_moment(volatility=1.6), MIDC)
    assert 1.0 < early.volatility < late.volatility < 1.6
    none = match(a_moment(at_s=100, returns=1, volatility=None), MIDC)
    assert none.volatility == 1.0
    assert none.volatility_weight == 0.0


def test_no_reading_moves_the_market_beyond_half_or_double():
    wild = match(a_moment(volatility=9.0, volume=50, spread_mean=40.0), MIDC)
    assert (wild.volatility, wild.volume, wild.spread) == (2.0, 0.5, 2.0)


def test_a_snapshot_is_what_was_seen_at_or_before_its_instant():
    mids = 5_000.0 + np.arange(1_000) * 0.01
    now = snapshot(MIDC.instrument, MIDC, bars_of(mids), "d", OPEN_NS, OPEN_NS + 600 * SECOND + 5)
    assert (now.at_s, now.mid, now.volume) == (600, mids[600], 600)
    assert now.returns == 10
    later = snapshot(MIDC.instrument, MIDC, bars_of(mids), "d", OPEN_NS, OPEN_NS + 700 * SECOND)
    assert now.digest != later.digest


def test_the_future_of_the_tape_changes_nothing():
    mids = 5_000.0 + np.cumsum(np.sin(np.arange(1_000.0)))
    other = np.concatenate([mids[:601], mids[601:] * 2])
    at = OPEN_NS + 600 * SECOND
    one, two = (
        snapshot(MIDC.instrument, MIDC, bars_of(m), "d", OPEN_NS, at) for m in (mids, other)
    )
    assert one == two


def test_without_a_quote_there_is_no_moment():
    mids = np.full(10, np.nan)
    with pytest.raises(Refused, match="two-sided quote"):
        snapshot(MIDC.instrument, MIDC, bars_of(mids), "d", OPEN_NS, OPEN_NS + 5 * SECOND)


def test_volatility_so_far_is_one_on_a_path_of_the_usual_volatility():
    """A walk whose 60 s variance is that of the usual day."""
    sd = np.sqrt(np.repeat(np.diff(USUAL.variance), 60) / 60)
    steps = np.random.default_rng(3).normal(size=len(sd)) * sd
    bars = bars_of(5_000.0 + np.cumsum(steps))
    at = OPEN_NS + 23_000 * SECOND
    usual = snapshot(MIDC.instrument, MIDC, bars, "d", OPEN_NS, at)
    assert usual.volatility == pytest.approx(1.0, abs=0.1)
    half = bars_of(5_000.0 + np.cumsum(steps * 0.5))
    calm = snapshot(MIDC.instrument, MIDC, half, "d", OPEN_NS, at)
    assert calm.volatility == pytest.approx(0.5 * usual.volatility, rel=0.02)


def test_the_order_leaves_room_for_its_clean_up_before_the_close():
    late = a_scenario(a_moment(at_s=20_000), horizon_s=20_000).order
    assert late.end_ns // SECOND == 23_400 - 120
    assert (late.end_ns + late.relax_ns) // SECOND <= 23_400 - 60
    with pytest.raises(Refused, match="three minutes"):
        a_scenario(a_moment(at_s=23_300))


@pytest.mark.parametrize("quantity", [0, 2_000_001])
def test_only_an_order_of_a_day_is_simulated(quantity):
    with pytest.raises(Refused, match="quantity"):
        a_scenario(a_moment(), quantity=quantity)


def test_excluded_venues_are_not_used():
    scenario = a_scenario(a_moment(), excluded=("SIM-B",))
    assert "SIM-B" not in scenario.venues
    assert len(scenario.venues) == len(PLACES) - 1
    with pytest.raises(Refused, match="venue"):
        a_scenario(a_moment(), excluded=tuple(PLACES))


# --- what is read from simulated days ---------------------------------------------------------
def read_days(flow, *, days=16, at_s=14_400):
    """Mean log of what is read after four hours: volatility, volume, spread against a usual day."""
    found = []
    for seed in range(days):
        volume, mid, spread = quiet_day(flow, 40_000 + seed)
        n = len(volume)
        bars = Bars(
            at_ns=OPEN_NS + np.arange(n) * 60 * SECOND, mid=mid, spread=spread,
            bid_size=np.ones(n), ask_size=np.ones(n), volume=volume.astype(np.int64),
        )  # fmt: skip
        at = OPEN_NS + at_s * SECOND
        now = snapshot(MIDC.instrument, MIDC, bars, "d", OPEN_NS, at)
        usual = at_second(USUAL.volume, at_s), at_second(USUAL.spread, at_s)
        found.append((now.volatility, now.volume / usual[0], now.spread_mean / usual[1]))
    return np.exp(np.log(found).mean(axis=0))


def test_simulated_usual_days_are_read_as_usual():
    """Medians lie below means: exp(-s^2) for volatility, s^2 = .21 between days."""
    volatility, volume, spread = read_days(MIDC.flow())
    assert volatility == pytest.approx(np.exp(-0.21), abs=0.15)
    assert volume == pytest.approx(1.0, abs=0.12)
    assert spread == pytest.approx(1.0, abs=0.15)


def test_what_a_regime_changes_is_read_from_its_days():
    usual = read_days(MIDC.flow())
    rough, calm, thin = (
        read_days(regime(name).of(MIDC.flow())) / usual for name in ("volatile", "calm", "thin")
    )
    assert rough[0] == pytest.approx(1.45, abs=0.2)
    assert calm[0] == pytest.approx(0.65, abs=0.12)
    assert rough[1] > 1.1
    assert thin[1] == pytest.approx(0.5, abs=0.1)
    assert thin[2] > 1.0


# --- a day that begins late -------------------------------------------------------------------
def test_a_late_day_is_as_busy_and_as_rough_as_the_rest_of_whole_ones():
    """Means of 60 days each; their standard errors are 3 % for activity, 5 % for volatility."""
    flow, begin = MIDC.flow(), 14_400
    late = [late_day(s, flow, OPEN_NS, CLOSE_NS, begin * SECOND).seconds for s in range(60)]
    whole = [new_day(s + 900, flow, OPEN_NS, CLOSE_NS).seconds[begin:] for s in range(60)]

    def activity(days):
        return np.mean([day["candidates"].sum() for day in days])

    def roughness(days):
        return np.mean([np.std(np.diff(day["r"][::60])) for day in days])

    assert activity(late) == pytest.approx(activity(whole), rel=0.12)
    assert roughness(late) == pytest.approx(roughness(whole), rel=0.2)
    at_midday, at_close = late[0]["candidates"][:1_800].sum(), late[0]["candidates"][-1_800:].sum()
    assert at_close > 2 * at_midday  # not a day of its own with a busy open


def test_a_late_day_ends_at_the_close_and_begins_at_the_price_of_the_moment():
    scenario = a_scenario(a_moment())
    flow = flow_of(scenario, "usual")
    day = late_day(5, flow, OPEN_NS, CLOSE_NS, int(scenario.begin_ns))
    assert day.open_ns == OPEN_NS + 7_140 * SECOND
    assert (day.close_ns - day.open_ns) // SECOND == len(day.seconds)
    start = np.array([day.open_ns + 60 * SECOND])
    mid = quiet_mids(scenario, day, start, small_tape(64))[0]
    assert abs(mid - 5_100) < 60  # a minute later
    env = fresh_run(scenario, day, 1)
    assert env.state[0]["open_ns"] == day.open_ns


def test_a_scenario_from_a_file_begins_at_the_open():
    scenario = read(SHORT.format(side="buy", quantity=100, relax=10), "short.toml")
    assert scenario.begin_ns == 0
    assert replace(scenario, begin_ns=60 * SECOND) != scenario
