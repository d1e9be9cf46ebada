"""Models that cheat must be caught by the figures on their card."""

import numpy as np

from engine.learn.dataset import Dataset, build
from engine.learn.train import leak, shuffled_auc, walk
from tests.support.learning import recordings

ALL = tuple(range(16))


def test_a_feature_that_knows_the_future_raises_the_red_flag():
    honest = walk(build(recordings(), 5, ALL), ALL, seed=1)
    cheating = walk(build(recordings(peek=True), 5, ALL), ALL, seed=1)
    assert honest.red_flag == ""
    assert "look-ahead" in cheating.red_flag


def test_without_information_the_auc_is_a_coin_toss():
    tested = walk(build(recordings(strength=0.0), 5, ALL), ALL, seed=1)
    assert tested.evaluation.auc_low < 0.5 < tested.evaluation.auc_high
    assert abs(tested.evaluation.brier_skill) < 0.02


def test_a_label_hidden_among_the_features_survives_shuffling_and_is_called_a_leak():
    data = build(recordings(), 5, ALL)
    clean, noise = shuffled_auc(data, ALL, seed=1)
    assert leak(clean, noise) == ""
    hidden = with_hidden_label(data)
    found, noise = shuffled_auc(hidden, ALL, seed=1)
    assert "a leak" in leak(found, noise)


class Hidden(Dataset):
    """A data set that writes the label into feature 7 whenever rows are taken: a leak."""

    def take(self, rows):
        taken = super().take(rows)
        taken.features[:, 7] = np.where(taken.ups, 1.0, -1.0)
        return taken


def with_hidden_label(data):
    return Hidden(
        features=data.features, ups=data.ups, moves=data.moves, at_ns=data.at_ns,
        label_end_ns=data.label_end_ns, names=data.names, horizon_s=data.horizon_s,
    )  # fmt: skip
