"""The market kernel against its slow twin, and the tables both use against their definition."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from engine.domain.kinds import (
    ACCEPTED,
    BUY,
    CANCEL,
    CANCELLED,
    EXPIRED,
    FILLED,
    FOK,
    HIDDEN,
    ICEBERG,
    IOC,
    LIMIT,
    MARKET,
    NEW,
    POST_ONLY,
    REASON_BAD_QUANTITY,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_MINIMUM,
    REASON_NOT_ALL,
    REASON_REQUESTED,
    REASON_SELF_MATCH,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REASON_WOULD_TRADE,
    REJECTED,
    SELL,
)
from engine.domain.market import MESSAGE, TRADE
from engine.exchange.presets import PRESETS
from engine.kernels.environment import LIT_VENUES, N_TICKS, new_day
from engine.kernels.exogenous import FLOW, quantiles
from engine.kernels.flow import new_env
from engine.kernels.off_state import LIT_SHARE
from tests.oracle import naive_flow
from tests.oracle.naive_market import Twin
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


def twin_of(seed, flow, day, messages=(), seconds=SECONDS):
    """The slow market of the same day, with the same messages."""
    base = max(1, int(flow[0]["reference"]) - N_TICKS // 2)
    z, tables = quantiles().tolist(), day.tables.tolist()
    return Twin(seed, named(flow), z, tables, seconds, OPEN, base, N_TICKS).run(messages)


def lit_tape(run):
    """Prints of public books, auctions left out, as the twin writes them."""
    names = ("at_ns", "venue", "side", "price", "sub", "quantity", "own", "hidden")
    rows = np.array([tuple(t) for t in run.trades], TRADE)
    rows = rows[(rows["venue"] < LIT_VENUES) & (rows["auction"] == 0)]
    return [tuple(int(row[name]) for name in names) for row in rows]


def told(run):
    """Reports as the twin writes them."""
    names = ("venue_ns", "child", "kind", "reason", "venue", "price", "quantity", "cum", "leaves",
             "liquidity")  # fmt: skip
    return [tuple(row[name] for name in names) for row in run.named()]


@pytest.mark.parametrize(("seed", "preset"), [(1, 0), (2, 2), (3, 7), (4, 4)])
def test_a_day_without_own_orders_prints_the_same_tape_as_its_slow_twin(seed, preset):
    flow = PRESETS[preset].flow()
    day = new_day(seed, flow, OPEN, OPEN + SECONDS * SECOND)
    run = Run(new_env(day, 0)).to(OPEN + SECONDS * SECOND)
    twin = twin_of(seed, flow, day)
    assert lit_tape(run) == twin.prints
    assert len(twin.prints) > 10
    tick = run.tick
    assert (tick["bid"][0], tick["ask"][0]) == (twin.best(1), twin.best(-1))
    assert (tick["bid_size"][0], tick["ask_size"][0]) == (twin.size(1), twin.size(-1))
    for venue in range(LIT_VENUES):
        assert tick["venue_bid"][venue] == twin.best(1, (venue,))
        assert tick["venue_ask"][venue] == twin.best(-1, (venue,))


def schedule(seed, seconds, rate=8):
    """Own orders of every type and cancels at random instants, prices around the market."""
    step = 0

    def pick(*choices):
        nonlocal step
        step += 1
        return choices[naive_flow.draw(seed, step) % len(choices)]

    rows = []
    for child in range(1, rate * seconds):
        at = OPEN + naive_flow.draw(seed + 1, child) % (seconds * SECOND)
        order = {"sent_ns": at, "child": child, "kind": CANCEL, "side": 0, "type": 0, "price": 0,
                 "quantity": 0, "venue": pick(0, 1, 2), "display": 0, "minimum": 0}  # fmt: skip
        if pick(*range(4)) == 0:
            order["child"] = 1 + naive_flow.draw(seed + 2, child) % child
        else:
            order["kind"], order["side"] = NEW, pick(BUY, SELL)
            order["type"] = pick(LIMIT, LIMIT, LIMIT, IOC, MARKET, FOK, POST_ONLY, HIDDEN, ICEBERG)
            order["price"] = PRESETS[0].instrument.reference_price + pick(*range(-6, 7))
            order["quantity"] = pick(0, 1, 100, 300, 900, 2_500)
            order["display"] = pick(0, 10, 100, 100, 400)
            order["minimum"] = pick(0, 0, 0, 0, 0, 100)
            order["child"] = max(1, child - pick(*[0] * 30, 1))  # now and then a duplicate
        rows.append(order)
    return sorted(rows, key=lambda order: order["sent_ns"])


def driven(run, messages, end):
    """Send each message when it is sent."""
    for order in messages:
        row = np.zeros(1, MESSAGE)
        for name, value in order.items():
            row[name] = value
        run.to(order["sent_ns"]).send(row)
    return run.to(end)


@pytest.mark.parametrize("seed", range(1, 9))
def test_random_orders_of_every_type_at_three_venues_are_answered_as_by_the_slow_twin(seed):
    flow, seconds = PRESETS[0].flow(), 40
    day = new_day(seed, flow, OPEN, OPEN + seconds * SECOND)
    messages = schedule(seed, seconds)
    run = driven(Run(new_env(day, 0)), messages, OPEN + seconds * SECOND)
    twin = twin_of(seed, flow, day, messages, seconds)
    assert told(run) == twin.reports
    assert lit_tape(run) == twin.prints
    assert {row[2] for row in twin.reports} >= {ACCEPTED, FILLED, CANCELLED, REJECTED, EXPIRED}
    assert run.env.state[0]["lost"] == 0


def test_the_random_orders_reach_every_answer_of_a_public_book():
    seen = set()
    for seed in range(1, 9):
        day = new_day(seed, PRESETS[0].flow(), OPEN, OPEN + 40 * SECOND)
        run = driven(Run(new_env(day, 0)), schedule(seed, 40), OPEN + 40 * SECOND)
        seen |= {row["reason"] for row in run.named()}
    assert seen >= {
        REASON_UNKNOWN_ORDER, REASON_TOO_LATE, REASON_DUPLICATE, REASON_BAD_QUANTITY,
        REASON_IOC_REMAINDER, REASON_REQUESTED, REASON_WOULD_TRADE, REASON_NOT_ALL,
        REASON_SELF_MATCH, REASON_MINIMUM, REASON_CLOSED,
    }  # fmt: skip


def test_the_twin_agrees_when_every_parameter_of_the_flow_is_another():
    flow = other_flow()
    assert named(flow).items() > OTHER.items()
    day = new_day(9, flow, OPEN, OPEN + SECONDS * SECOND)
    run = Run(new_env(day, 0)).to(OPEN + SECONDS * SECOND)
    p, z = named(flow), quantiles().tolist()
    twin = naive_flow.layer(9, p, z, day.tables[0].tolist(), SECONDS)
    assert np.allclose(day.seconds["r"], [row["r"] for row in twin], rtol=1e-12)
    assert np.allclose(day.seconds["half"], [row["half"] for row in twin], rtol=3e-7)
    assert lit_tape(run) == twin_of(9, flow, day).prints
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
