"""What one-second signals are worth on the recorded AMZN day (DOMAIN.md 6)."""

import numpy as np
import pytest

from engine.domain.kinds import F_FLOW_10S, F_IMBALANCE_1, F_IMBALANCE_5, F_WEIGHTED_MID
from engine.domain.units import Nanos
from engine.exchange.recorded import open_recorded
from engine.kernels.features import new_state, prior_microprice, update_first
from engine.kernels.jit import JIT
from engine.kernels.schedules import u_shape_curve
from engine.learn.dataset import Recording, build
from engine.learn.evaluate import auc_interval
from engine.learn.train import walk
from tests.support.data import data_dir

SECOND = 1_000_000_000
pytestmark = pytest.mark.skipif(not JIT, reason="a recorded day without JIT takes minutes")


@pytest.fixture(scope="module")
def amzn():
    """The AMZN day as the engine would have seen it, once a second."""
    sample = data_dir("lobster") / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    market = open_recorded(sample, sample, latency_ns=Nanos(0))
    adv = float(market.instruments[0].adv)
    state = new_state(market.open_ns, market.close_ns, adv, u_shape_curve(), prior_microprice())
    n = (market.close_ns - market.open_ns) // SECOND
    features, mids = np.zeros((n, 16), dtype=np.float32), np.full(n, np.nan)
    for k in range(n):
        ticks = market.advance(Nanos(market.open_ns + k * SECOND)).ticks
        update_first(state, ticks, features[k])
        bid, ask = int(ticks[0]["bid"][0]), int(ticks[0]["ask"][0])
        mids[k] = (bid + ask) / 2 if bid and ask else np.nan
    at_ns = market.open_ns + np.arange(n) * SECOND
    return Recording(name="AMZN 2012-06-21", at_ns=at_ns, features=features, mids=mids)


@pytest.mark.parametrize(
    ("feature", "horizon_s", "auc"),
    [
        (F_IMBALANCE_1, 1, 0.584),
        (F_WEIGHTED_MID, 1, 0.578),
        (F_FLOW_10S, 1, 0.575),
        (F_IMBALANCE_5, 1, 0.524),
    ],
)
def test_a_single_feature_is_worth_what_was_measured(amzn, feature, horizon_s, auc):
    data = build([amzn], horizon_s, [feature])
    found, low, high = auc_interval(data.features[:, feature].astype(float), data.ups)
    assert found == pytest.approx(auc, abs=0.006)
    assert low < found < high


def test_walk_forward_on_the_recorded_day_is_honest(amzn):
    wanted = (F_IMBALANCE_1, F_IMBALANCE_5, F_WEIGHTED_MID, F_FLOW_10S)
    tested = walk(build([amzn], 1, wanted), wanted, seed=1)
    assert 0.50 < tested.evaluation.auc < 0.65
    assert tested.red_flag == ""
    assert tested.shuffled_auc == pytest.approx(0.5, abs=0.06)
