"""DOMAIN.md KA-3, KA-32, KA-37."""

import numpy as np
import pytest

from engine.learn.dataset import purged_folds
from engine.learn.evaluate import auc_interval, brier, log_loss, murphy
from engine.learn.microprice import fixed_point


def test_the_microprice_of_the_two_state_chain():
    stay = np.array([[0.5, 0.2], [0.2, 0.5]])
    move = np.array([[0.2, 0.1], [0.1, 0.2]])
    after = np.full((2, 2), 0.15)
    shift = fixed_point(stay, move, np.array([-0.01, 0.01]), after)
    assert shift == pytest.approx([-0.01 / 7, 0.01 / 7], rel=1e-9)
    assert np.linalg.inv(np.eye(2) - stay) @ after == pytest.approx(np.full((2, 2), 0.5))


def test_purged_folds_of_twenty_minutes_with_three_minute_labels():
    minutes = np.arange(20)
    found = [train.tolist() for train, _ in purged_folds(minutes, minutes + 3, 4)]
    assert found == [
        list(range(7, 20)),
        [0, 1, 2, *range(12, 20)],
        [*range(8), 17, 18, 19],
        list(range(13)),
    ]


P = np.array([0.1] * 3 + [0.4] * 4 + [0.8] * 3)
UPS = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1, 0], dtype=bool)


def test_the_brier_score_and_its_three_parts():
    reliability, resolution, uncertainty = murphy(P, UPS)
    assert brier(P, UPS) == pytest.approx(0.259)
    assert reliability == pytest.approx(0.0256667, abs=5e-8)
    assert resolution == pytest.approx(0.0166667, abs=5e-8)
    assert uncertainty == pytest.approx(0.25)
    assert reliability - resolution + uncertainty == pytest.approx(0.259)
    assert 1 - brier(P, UPS) / uncertainty == pytest.approx(-0.036)


def test_log_loss_and_auc():
    assert log_loss(P, UPS) == pytest.approx(0.7423263851, abs=5e-11)
    assert auc_interval(P, UPS)[0] == pytest.approx(0.64)
