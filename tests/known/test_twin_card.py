"""The twin's claims on made-up paths: how often they are false, how often right."""

import numpy as np
import pytest

from engine.lab.twin import CANNOT, CHEAPER, DEARER, LEAST, card, claim, noise_floor, student_t

NAMES = ("VWAP", "TWAP", "POV", "IS", "LIQUIDITY", "ADAPTIVE", "RL")
N, CARDS = 64, 1_000
SD, APART = 12.0, 3.0  # of a path's cost, and of a difference on it [bp]


def samples(rng, shift=0.0, *, n=N, others=6, heavy=False):
    """Costs of the own strategy and of others on the same paths; and of its twin on others."""
    noise = (
        rng.standard_t(3, size=(n, others)) / np.sqrt(3) if heavy else rng.normal(size=(n, others))
    )
    path = 12.0 + SD * rng.normal(size=(n, 1))
    rest = path + APART * noise + shift
    return np.hstack([path, rest]), 12.0 + SD * rng.normal(size=n)


@pytest.mark.parametrize("heavy", [False, True])
def test_when_nothing_differs_a_whole_card_claims_something_in_at_most_five_percent(heavy):
    """Six other strategies a card: one false claim anywhere counts."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(CARDS):
        costs, again = samples(rng, heavy=heavy)
        wrong += any(row.verdict != CANNOT for row in card(NAMES, costs, again).claims)
    assert wrong / CARDS <= 0.05


@pytest.mark.parametrize("heavy", [False, True])
def test_without_the_floor_it_would_still_be_at_most_five_percent(heavy):
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(CARDS):
        costs, _ = samples(rng, heavy=heavy)
        own = costs[:, 0]
        wrong += any(
            claim(name, own, costs[:, i], 0.0, 6).verdict != CANNOT
            for i, name in enumerate(NAMES) if i > 0
        )  # fmt: skip
    assert wrong / CARDS <= 0.055  # 5 % and the error of a thousand cards


def test_a_claim_that_looked_at_each_strategy_alone_would_be_false_too_often():
    """The cheat that the guard is for: six tries at 5 % each."""
    rng = np.random.default_rng(13)
    wrong = 0
    for _ in range(CARDS):
        costs, _ = samples(rng)
        own = costs[:, 0]
        wrong += any(
            claim(name, own, costs[:, i], 0.0, 1).verdict != CANNOT
            for i, name in enumerate(NAMES) if i > 0
        )  # fmt: skip
    assert wrong / CARDS > 0.15


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_above_the_floor_the_sign_is_right_in_four_of_five(shift):
    """A true difference of twice the floor."""
    rng = np.random.default_rng(14)
    floor = 0.6745 * 12.0 * np.sqrt(2 / N)  # of costs with a standard deviation of 12
    right = told = 0
    for _ in range(300):
        costs, again = samples(rng, shift=2.0 * shift * floor, others=1)
        (row,) = card(NAMES[:2], costs, again).claims
        right += row.verdict == (DEARER if shift > 0 else CHEAPER)
        told += row.verdict != CANNOT
    assert right / 300 >= 0.8
    assert right == told  # never the wrong sign


def test_a_difference_below_the_floor_cannot_be_told_however_sure_it_is():
    rng = np.random.default_rng(15)
    path = 40.0 * rng.normal(size=N)
    again = 40.0 * rng.normal(size=N)
    sure = np.stack([path, path + 0.5 + 0.01 * rng.normal(size=N)], axis=1)
    (row,) = card(NAMES[:2], sure, again).claims
    assert row.low is not None
    assert row.low > 0.0  # its interval leaves out zero
    assert row.verdict == CANNOT


def test_few_paths_claim_nothing():
    rng = np.random.default_rng(16)
    costs, again = samples(rng, shift=50.0, n=LEAST - 1)
    assert {row.verdict for row in card(NAMES, costs, again[: LEAST - 1]).claims} == {CANNOT}
    (row,) = card(NAMES[:2], costs[:1, :2], again).claims
    assert (row.low, row.high, row.verdict) == (None, None, CANNOT)


def test_a_strategy_is_no_different_from_itself():
    rng = np.random.default_rng(17)
    costs, again = samples(rng, others=1)
    (row,) = card(NAMES[:2], costs[:, [0, 0]], again).claims
    assert (row.mean, row.low, row.high, row.verdict) == (0.0, 0.0, 0.0, CANNOT)


def test_the_floor_is_the_median_distance_of_two_means_of_the_same():
    rng = np.random.default_rng(18)
    one, two = rng.normal(size=(2, 400, N)) * 7.0
    apart = np.abs(one.mean(axis=1) - two.mean(axis=1))
    floors = [noise_floor(a, b) for a, b in zip(one, two, strict=True)]
    assert np.mean(floors) == pytest.approx(np.median(apart), rel=0.1)
    assert noise_floor(one[0][:1], two[0]) is None


@pytest.mark.parametrize(
    ("p", "df", "quantile"),
    [(0.975, 15, 2.13145), (0.975, 63, 1.99834), (0.995, 63, 2.65615), (0.995833, 15, 3.0366)],
)
def test_quantiles_of_student_are_those_of_the_tables(p, df, quantile):
    assert student_t(p, df) == pytest.approx(quantile, rel=2e-3)


def test_a_path_that_was_not_finished_leaves_nothing_to_compare():
    rng = np.random.default_rng(19)
    costs, again = samples(rng, shift=50.0, others=2)
    costs[3, 1] = np.nan
    good, bad = card(NAMES[:3], costs, again).claims
    assert (good.strategy, good.verdict) == ("POV", DEARER)
    assert (bad.strategy, bad.verdict, bad.low) == ("TWAP", CANNOT, None)
    costs[5, 0] = np.nan
    whole = card(NAMES[:3], costs, again)
    assert whole.floor is None
    assert {row.verdict for row in whole.claims} == {CANNOT}
