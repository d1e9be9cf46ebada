"""The market kernel against its slow twin, and the tables both use against their definition."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from engine.domain.market import TRADE
from engine.exchange.presets import PRESETS
from engine.kernels.background import candidate_ns
from engine.kernels.environment import new_day
from engine.kernels.exogenous import FLOW, quantiles
from engine.kernels.flow import new_env
from engine.kernels.off_state import LIT_SHARE
from tests.oracle import naive_flow
from tests.support.market import OPEN, SECOND, Run

SECONDS = 90


# every parameter of its own kind far from the calibrated stock
OTHER = {
    "drift": 6_000.0, "lean": 0.2, "informed": 0.3, "foresight": 0.4, "vol_day": 0.1,
    "vol_slow": 0.2, "vol_fast": 0.5, "open_vol": 1.5, "u_low": 0.9, "u_edge": 1.1, "half_u": 0.3,
    "busy": 0.2, "deep": 0.1, "lag": 4.0, "free_sign": 0.35, "slots": 5.0,
}  # fmt: skip


def parameters(preset):
    return named(PRESETS[preset].flow())


def named(flow):
    return {name: float(flow[0][name]) for name in FLOW.names}


def other_flow():
    flow = PRESETS[0].flow()
    for name, value in OTHER.items():
        flow[0][name] = value
    return flow


@pytest.mark.parametrize(("seed", "preset"), [(1, 0), (2, 2), (3, 7)])
def test_the_exogenous_layer_agrees_with_its_slow_twin(seed, preset):
    day = new_day(seed, PRESETS[preset].flow(), OPEN, OPEN + SECONDS * SECOND)
    z = quantiles().tolist()
    twin = naive_flow.layer(seed, parameters(preset), z, day.tables[0].tolist(), SECONDS)
    assert day.seconds["candidates"].tolist() == [row["n"] for row in twin]
    assert day.signs.tolist() == [sign for row in twin for sign in row["signs"].values()]
    for name, key in (("r", "r"), ("half", "half"), ("depth", "depth"), ("scale", "scale"),
                      ("foresight", "b")):  # fmt: skip
        wanted = [row[key] for row in twin]
        assert np.allclose(day.seconds[name], wanted, rtol=3e-7 if name != "r" else 1e-12), name


@pytest.mark.parametrize(("seed", "preset"), [(1, 0), (2, 2), (3, 7), (4, 4)])
def test_a_day_without_own_orders_prints_the_same_tape_as_its_slow_twin(seed, preset):
    day = new_day(seed, PRESETS[preset].flow(), OPEN, OPEN + SECONDS * SECOND)
    run = Run(new_env(day, 0)).to(OPEN + SECONDS * SECOND)
    tables = day.tables.tolist()
    prints, book = naive_flow.day(seed, parameters(preset), quantiles().tolist(), tables, SECONDS)
    counts = day.seconds["candidates"].tolist()
    wanted = [
        (OPEN + s * SECOND + candidate_ns(i, counts[s]), side, price, quantity)
        for s, i, side, price, quantity in prints
    ]
    tape = np.array([tuple(t) for t in run.trades], TRADE)
    got = list(zip(*(tape[name].tolist() for name in ("at_ns", "side", "price", "quantity")),
                   strict=True))  # fmt: skip
    assert got == wanted
    assert len(got) > 10
    tick = run.tick
    assert (tick["bid"][0], tick["ask"][0]) == (book.best(1), book.best(-1))
    assert (tick["bid_size"][0], tick["ask_size"][0]) == (book.size(1), book.size(-1))


def test_the_twin_agrees_when_every_parameter_of_the_flow_is_another():
    flow = other_flow()
    assert named(flow).items() > OTHER.items()
    day = new_day(9, flow, OPEN, OPEN + SECONDS * SECOND)
    run = Run(new_env(day, 0)).to(OPEN + SECONDS * SECOND)
    p, z = named(flow), quantiles().tolist()
    twin = naive_flow.layer(9, p, z, day.tables[0].tolist(), SECONDS)
    assert np.allclose(day.seconds["r"], [row["r"] for row in twin], rtol=1e-12)
    assert np.allclose(day.seconds["half"], [row["half"] for row in twin], rtol=3e-7)
    prints, _ = naive_flow.day(9, p, z, day.tables.tolist(), SECONDS)
    tape = np.array([tuple(t) for t in run.trades], TRADE)
    assert [(side, price, size) for _, _, side, price, size in prints] == list(
        zip(*(tape[name].tolist() for name in ("side", "price", "quantity")), strict=True)
    )
    assert run.tick["bid"][0] - PRESETS[0].instrument.reference_price > 10  # the drift is there


def test_own_impact_follows_its_formula():
    flow = PRESETS[0].flow()
    run = Run(new_env(new_day(5, flow, OPEN, OPEN + SECONDS * SECOND), 0))
    run.to(OPEN + 10 * SECOND - 1)
    run.env.state[0]["pushed"], run.env.state[0]["touched"] = 1_000.0, 1  # bought in second 9
    p = parameters(0)
    taus = [4 * 5**k for k in range(6)]
    raw = [tau ** -p["beta_own"] for tau in taus]
    weights = [(1 - p["pi_own"]) * w / sum(raw) for w in raw] + [p["pi_own"]]
    memory, lagged = [0.0] * 7, 0.0
    for s in range(10, 40):
        run.to(OPEN + s * SECOND)
        pushed = 1_000.0 * float(run.env.seconds[9]["scale"]) if s == 10 else 0.0
        decay = [math.exp(-1 / tau) for tau in taus] + [1.0]
        memory = [m * d + pushed for m, d in zip(memory, decay, strict=True)]
        target = p["g_own"] / 150 * sum(w * m for w, m in zip(weights, memory, strict=True))
        lagged += (1 - math.exp(-1 / 1.5)) * (target - lagged)
        c, power = p["c_own"], p["p_own"]
        impact = c * ((1 + lagged / c) ** power - 1) / power
        assert run.env.state[0]["r"] - run.env.seconds[s]["r"] == pytest.approx(impact, rel=1e-9)
    assert impact > 0.3


def test_the_quantile_tables_are_what_they_are_called():
    z = quantiles()
    assert np.mean(z) == pytest.approx(0, abs=1e-12)
    assert np.mean(z * z) == pytest.approx(1, abs=1e-12)
    assert z[3072] == pytest.approx(NormalDist().inv_cdf(0.75), abs=2e-3)
    tables = new_day(1, PRESETS[0].flow(), OPEN, OPEN + SECOND).tables
    assert np.median(tables[0]) == pytest.approx(105 * LIT_SHARE, abs=1)
    assert np.median(tables[1]) == pytest.approx(100 * LIT_SHARE, abs=1)
    for row, power in ((2, 1.69), (3, 1.49)):
        chance = np.bincount(tables[row], minlength=120) / 4096
        wanted = (1.0 + np.arange(120)) ** -power
        assert np.abs(chance - wanted / wanted.sum()).max() < 1 / 4096
