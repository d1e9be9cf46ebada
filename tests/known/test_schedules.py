"""DOMAIN.md KA-11, KA-12, KA-19."""

import itertools
import math

import numpy as np
import pytest

from engine.domain import kinds
from engine.kernels.act import decide
from engine.kernels.inference import no_model
from engine.kernels.schedules import (
    allowance_shares,
    almgren_chriss_kappa,
    curve_from_shares,
    equal_slices,
    flat_curve,
    share_left,
)
from tests.support.parents import SECOND, an_observation, parameters


def worked(rows, vector):
    """Child sizes when every child fills in full at once."""
    sizes, filled = [], 0
    for row in rows:
        row["filled"] = filled
        action = decide(row, vector, flat_curve(), no_model())
        sizes.append(int(action["size"]))
        filled += sizes[-1]
    return sizes


def test_a_twap_of_1000_in_seven_slices_has_the_extra_lots_first():
    assert [equal_slices(1000, 100, 7, k) for k in range(8)] == [
        0,
        200,
        400,
        600,
        700,
        800,
        900,
        1000,
    ]
    rows = [
        an_observation(quantity=1000, now_ns=60 * k * SECOND, end_ns=420 * SECOND) for k in range(7)
    ]
    assert worked(rows, parameters()) == [200, 200, 200, 100, 100, 100, 100]


def test_pov_takes_a_tenth_of_the_volume_until_it_is_done():
    total = np.cumsum([20_000, 35_000, 15_000, 60_000])
    rows = [
        an_observation(kind=kinds.POV, now_ns=60 * k * SECOND, volume=volume)
        for k, volume in enumerate(total)
    ]
    assert worked(rows, parameters()) == [2000, 3500, 1500, 3000]


PAPER = {"volatility": 0.95, "eta": 2.5e-6, "gamma": 2.5e-7, "tau": 1.0}


@pytest.mark.parametrize(
    ("risk_aversion", "kappa", "holdings"),
    [
        (0.0, 0.0, [800_000, 600_000, 400_000, 200_000]),
        (1e-7, 0.194629, [757_882.4, 544_564.3, 351_939.7, 172_688.8]),
        (1e-6, 0.607076, [541_955.6, 289_854.2, 147_897.5, 62_141.8]),
        (2e-6, 0.846297, [428_598.8, 182_932.8, 76_295.7, 27_643.4]),
    ],
)
def test_almgren_chriss_holdings_are_the_papers(risk_aversion, kappa, holdings):
    found = almgren_chriss_kappa(
        risk_aversion, PAPER["volatility"], PAPER["eta"], PAPER["gamma"], PAPER["tau"]
    )
    assert found == pytest.approx(kappa, abs=5e-7)
    left = [1e6 * share_left(found, 5.0 - day, 5.0) for day in (1, 2, 3, 4)]
    assert left == pytest.approx(holdings, abs=0.05)


def test_almgren_chriss_cost_and_risk_are_the_papers():
    kappa = almgren_chriss_kappa(1e-6, 0.95, 2.5e-6, 2.5e-7, 1.0)
    x = [1e6 * share_left(kappa, 5.0 - day, 5.0) for day in range(6)]
    n = [a - b for a, b in itertools.pairwise(x)]
    cost = 0.5 * 2.5e-7 * 1e12 + 0.0625 * sum(n) + 2.375e-6 * sum(v * v for v in n)
    risk = math.sqrt(0.95**2 * sum(v * v for v in x[1:]))
    assert cost == pytest.approx(911_226.99, abs=0.05)
    assert risk == pytest.approx(603_430.7, abs=0.5)


def test_an_is_parent_holds_what_the_paper_says_at_the_end_of_each_slice():
    day = 3600 * SECOND
    kappa = almgren_chriss_kappa(1e-6, 0.95, 2.5e-6, 2.5e-7, 1.0)
    vector = parameters(slice_s=3600.0, risk_aversion=5.0 * kappa)
    left = []
    for k in range(5):
        row = an_observation(kind=kinds.IS, quantity=10**6, now_ns=k * day, end_ns=5 * day)
        left.append(1e6 - allowance_shares(kinds.IS, row, vector, flat_curve()))
    assert left == pytest.approx([541_955.6, 289_854.2, 147_897.5, 62_141.8, 0.0], abs=0.05)


def test_a_vwap_follows_its_curve_inside_its_own_window():
    curve = curve_from_shares(np.array([4.0, 1.0, 1.0, 2.0]))
    quarter = 5850 * SECOND
    row = an_observation(
        kind=kinds.VWAP, quantity=4000, start_ns=quarter, base_ns=quarter, end_ns=4 * quarter,
        now_ns=quarter,
    )  # fmt: skip
    vector = parameters(slice_s=5850.0)
    done = []
    for k in (1, 2, 3):
        row["now_ns"] = k * quarter
        done.append(allowance_shares(kinds.VWAP, row, vector, curve))
    assert done == pytest.approx([1000, 2000, 4000])
