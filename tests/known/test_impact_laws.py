"""Known answers of the published impact laws; sources: the papers named in engine/tca/impact.py."""

import pytest

from engine.tca.impact import (
    IStar,
    athl,
    i_star,
    i_star_cost,
    square_root_cost,
    square_root_peak,
)


@pytest.mark.parametrize(
    ("horizon", "temporary", "realised"),
    [(0.1, 22.294, 32.224), (0.2, 14.709, 24.638), (0.5, 8.488, 18.418)],
)
def test_the_almgren_law_gives_the_papers_ibm_example(horizon, temporary, realised):
    law = athl(size=0.1, horizon=horizon, sigma=0.0157, turnover=1_728 / 6.561)
    assert law.permanent == pytest.approx(19.860, abs=5e-3)
    assert law.temporary == pytest.approx(temporary, abs=5e-3)
    assert law.realised == pytest.approx(realised, abs=5e-3)


@pytest.mark.parametrize(
    ("size", "horizon", "sigma", "realised"),
    [
        (0.25, 1, 0.01, 20.94),
        (0.25, 1, 0.015, 31.41),
        (0.25, 1, 0.02, 41.88),
        (0.25, 1, 0.025, 52.35),
        (0.25, 5, 0.02, 34.23),
        (0.0005, 1, 0.02, 0.356),
        (0.001, 1, 0.02, 0.568),
        (0.0025, 1, 0.02, 1.075),
        (0.01, 1, 0.02, 2.973),
    ],
)
def test_the_almgren_law_gives_the_known_costs_of_the_scenario(size, horizon, sigma, realised):
    law = athl(size=size, horizon=horizon, sigma=sigma, turnover=200)
    assert law.realised == pytest.approx(realised, abs=6e-3 if realised > 5 else 6e-4)


def test_the_square_root_law_gives_twenty_bp_for_a_hundredth_of_the_volume():
    assert square_root_peak(size=0.01, sigma=0.02, prefactor=1) == pytest.approx(20)
    assert square_root_peak(size=0.25, sigma=0.02, prefactor=1) == pytest.approx(100)
    assert square_root_cost(size=0.25, sigma=0.02, prefactor=1) == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("size", "sigma", "participation", "whole", "cost"),
    [
        (0.10, 0.25, 0.10, 74.5711, 24.6013),
        (0.10, 0.20, 0.20, 63.6450, 29.1666),
        (0.05, 0.20, 0.10, 43.4708, 14.3412),
    ],
)
def test_the_istar_model_gives_its_published_examples(size, sigma, participation, whole, cost):
    parameters = IStar()
    assert i_star(size=size, sigma_year=sigma, parameters=parameters) == pytest.approx(
        whole, abs=6e-5
    )
    assert i_star_cost(
        size=size, sigma_year=sigma, participation=participation, parameters=parameters
    ) == pytest.approx(cost, abs=6e-5)
