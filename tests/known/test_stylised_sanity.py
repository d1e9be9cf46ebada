"""A few days of the simulated market look like a market; full acceptance is the realism report."""

import numpy as np
import pytest

from engine.domain.market import REPORT, TICK, TRADE
from engine.exchange.presets import PRESETS
from engine.kernels.environment import new_day
from engine.kernels.flow import DONE, new_env, run_until, write_tick
from tests.support.market import OPEN, SECOND

DAY = 23_400


def sampled(seed, preset, every=60):
    """Ticks each minute and the prints of a whole day."""
    day = new_day(seed, PRESETS[preset].flow(), OPEN, OPEN + DAY * SECOND)
    env = new_env(day, 0)
    reports, trades = np.zeros(64, REPORT), np.zeros(200_000, TRADE)
    ticks, used = np.zeros(DAY // every, TICK), 0
    for k in range(DAY // every):
        at = OPEN + (k + 1) * every * SECOND - 1
        status, _, used = run_until(env, at, reports, 0, trades, used)
        assert status == DONE
        write_tick(env, ticks[k])
    return ticks, trades[:used]


def correlation(signs, lag):
    x = signs - signs.mean()
    return float(np.mean(x[lag:] * x[:-lag]) / np.mean(x * x))


@pytest.mark.parametrize("preset", range(len(PRESETS)), ids=lambda k: PRESETS[k].instrument.symbol)
def test_no_day_is_ever_empty_or_crossed_and_it_trades_its_usual_volume(preset):
    instrument = PRESETS[preset].instrument
    volumes, spreads = [], []
    for seed in (101, 102, 103):
        ticks, _ = sampled(seed, preset)
        bid, ask = ticks["bid"], ticks["ask"]
        assert np.all(bid[:, 0] > 0)
        assert np.all(ask[:, 0] > bid[:, 0])
        assert np.all(np.diff(bid, axis=1)[bid[:, 1:] > 0] < 0)  # levels fall away from the touch
        assert np.all((ticks["bid_size"] > 0) == (bid > 0))
        volumes.append(float(ticks["volume"][-1]))
        spreads.append(float(np.mean(ask[:, 0] - bid[:, 0])))
    assert 0.7 < np.mean(volumes) / instrument.adv < 1.4
    assert 0.6 < np.mean(spreads) / instrument.spread_ticks < 1.6


def test_the_scenario_stock_has_memory_in_its_signs_and_u_shaped_volume():
    found = []
    for seed in (201, 202, 203, 204):
        ticks, trades = sampled(seed, 0)
        first = np.r_[True, np.diff(trades["at_ns"]) > 0]  # one sign an aggressor
        signs = trades["side"][first].astype(float)
        volume = np.diff(np.r_[0, ticks["volume"]])
        edge = (volume[:30].sum() + volume[-30:].sum()) / 60
        found.append(
            [correlation(signs, 1), correlation(signs, 100), edge / volume[150:240].mean()]
        )
    one, hundred, edge = np.mean(found, axis=0)
    assert 0.15 < one < 0.30
    assert 0.005 < hundred < 0.04
    assert edge > 1.3


def test_order_flow_imbalance_explains_moves_of_the_mid():
    ticks, _ = sampled(301, 0, every=10)
    mid = (ticks["bid"][:, 0] + ticks["ask"][:, 0]) / 2
    fit = np.corrcoef(np.diff(ticks["ofi"]), np.diff(mid))[0, 1]
    assert fit**2 > 0.3
