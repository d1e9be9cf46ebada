import numpy as np
import pytest

from engine.domain.market import REPORT, TICK, TRADE
from engine.kernels.flow import DONE, new_env, run_until, write_tick
from engine.kernels.jit import JIT
from engine.kernels.schedules import u_shape_curve
from engine.learn.record import from_simulated_day, from_ticks
from tests.support.parents import SECOND
from tests.support.simulated import ADV, a_day, run


@pytest.mark.skipif(not JIT, reason="a simulated day without JIT takes minutes")
def test_a_watched_day_equals_the_day_of_its_ticks():
    day, curve = a_day(seconds=600), u_shape_curve()
    watched = from_simulated_day("X", new_env(day, 0), ADV, curve)
    env, ticks = new_env(day, 0), np.zeros(600, dtype=TICK)
    reports, trades = np.zeros(4096, dtype=REPORT), np.zeros(4096, dtype=TRADE)
    for k in range(600):
        status, *_ = run_until(env, k * SECOND, reports, 0, trades, 0)
        assert status == DONE
        write_tick(env, ticks[k])
    from_file = from_ticks("X", ticks, (0, 600 * SECOND), ADV, curve)
    assert watched.features.tobytes() == from_file.features.tobytes()
    assert watched.mids.tobytes() == from_file.mids.tobytes()
    assert watched.at_ns.tolist() == from_file.at_ns.tolist()
    assert np.isfinite(watched.features[301:]).all()


@pytest.mark.skipif(not JIT, reason="a simulated day without JIT takes minutes")
def test_a_decision_sees_the_features_of_the_watched_day_before_its_first_child():
    day = a_day()
    watched = from_simulated_day("X", new_env(day, 0), ADV, u_shape_curve())
    done = run("TWAP", day=day)
    first = int(np.argmax(done.actions["type"] != 0))
    seconds = done.decisions["now_ns"][: first + 1] // SECOND
    seen = done.decisions["features"][: first + 1]
    assert seen.tobytes() == watched.features[seconds].tobytes()
