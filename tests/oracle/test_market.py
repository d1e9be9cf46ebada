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
from tests.oracle import naive_flow
from tests.support.market import OPEN, SECOND, Run

SECONDS = 90


def parameters(preset):
    row = PRESETS[preset].flow()[0]
    return {name: float(row[name]) for name in FLOW.names}


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
    assert np.median(tables[0]) == pytest.approx(105, abs=1)
    assert np.median(tables[1]) == pytest.approx(100, abs=1)
    for row, power in ((2, 1.69), (3, 1.49)):
        chance = np.bincount(tables[row], minlength=120) / 4096
        wanted = (1.0 + np.arange(120)) ** -power
        assert np.abs(chance - wanted / wanted.sum()).max() < 1 / 4096
