"""A model version: trained, compiled, stored, loaded, and refused when it is not what it says."""

import json

import numpy as np
import pytest

from engine.domain import kinds
from engine.domain.errors import Refused
from engine.kernels.act import decide
from engine.kernels.inference import attribute, base_sum, first_doubtful, score
from engine.kernels.schedules import flat_curve
from engine.learn.dataset import build, walk_forward
from engine.learn.fit import fit_logistic, gate, scores
from engine.learn.train import train_default
from engine.runtime.models import arrays_digest, load_model, read_card
from tests.support.learning import recordings
from tests.support.parents import an_observation, parameters

ALL = tuple(range(16))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    return directory, train_default(directory, recordings(), now_ns=5, expires_at=77)


def split():
    data = build(recordings(), 5, ALL)
    *_, (train, test) = walk_forward(data, 4)
    return data.take(train), data.take(test)


def test_the_compiled_model_equals_scikit_learn_on_rows_it_has_not_seen():
    from sklearn.linear_model import LogisticRegression

    train, test = split()
    fitted = fit_logistic(train, test, ALL)
    mean, sd = train.features.astype(float).mean(0), train.features.astype(float).std(0)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000)
    theirs.fit((train.features - mean) / sd, train.ups)
    expected = theirs.predict_proba((test.features - mean) / sd)[:, 1]
    assert fitted.compiled_difference <= 1e-9
    assert np.abs(scores(fitted.model, test) - expected).max() <= 1e-9


def test_a_compiled_model_that_differs_is_refused():
    train, test = split()
    fitted = fit_logistic(train, test, ALL)
    right = scores(fitted.model, test)
    fitted.model.row["bias"] += 1e-7
    with pytest.raises(Refused, match="must agree within 1e-09"):
        gate(fitted.model, test, right)


def test_contributions_and_bias_sum_to_the_log_odds_of_the_score(trained):
    model = load_model(*trained).model
    features = np.linspace(-1, 1, 16, dtype=np.float32)
    parts = np.zeros(16)
    p = score(model, features)
    attribute(model, features, parts)
    assert np.log(p / (1 - p)) == pytest.approx(base_sum(model) + parts.sum(), abs=1e-12)


def test_a_loaded_model_is_the_trained_one(trained):
    directory, model_id = trained
    loaded, card = load_model(directory, model_id), read_card(directory, model_id)
    assert [path.name for path in directory.iterdir()] == [model_id]
    assert arrays_digest(loaded.model) == card.arrays_sha256
    assert (loaded.horizon_s, loaded.expires_at, loaded.trained_n) == (5, 77, card.n)
    assert 0.5 < card.auc_low < card.auc < card.auc_high < 0.75
    assert card.shuffled_auc == pytest.approx(0.5, abs=0.06)
    assert len(card.folds) == 4
    assert card.n == sum(fold.n_test for fold in card.folds)
    assert str(round(100 * card.accuracy, 1)) in card.words


def test_the_same_data_give_the_same_version(trained):
    directory, model_id = trained
    assert train_default(directory, recordings(), now_ns=5, expires_at=77) == model_id
    assert [path.name for path in directory.iterdir()] == [model_id]


def copy_of(trained, place):
    directory, model_id = trained
    target = place / model_id
    target.mkdir()
    for name in ("card.json", "arrays.npz"):
        (target / name).write_bytes((directory / model_id / name).read_bytes())
    return target


def test_a_changed_card_is_refused(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    card = json.loads((place / "card.json").read_text())
    card["expires_at"] = 10**19
    (place / "card.json").write_text(json.dumps(card))
    with pytest.raises(Refused, match="has been changed"):
        load_model(tmp_path, place.name)


def test_changed_arrays_are_refused(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    with np.load(place / "arrays.npz") as stored:
        arrays = dict(stored)
    arrays["weights"][0, 1] += 1e-12
    np.savez(place / "arrays.npz", **arrays)
    with pytest.raises(Refused, match="SHA-256 must be"):
        load_model(tmp_path, place.name)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(60)])
def test_unreadable_arrays_are_refused_not_crashed_on(trained, tmp_path, content):
    place = copy_of(trained, tmp_path)
    (place / "arrays.npz").write_bytes(content)
    with pytest.raises(Refused, match="not readable"):
        load_model(tmp_path, place.name)


def test_a_pickled_array_is_never_opened(trained, tmp_path):
    place = copy_of(trained, tmp_path)
    with np.load(place / "arrays.npz") as stored:
        arrays = dict(stored)
    arrays["bias"] = np.array([{"run": "me"}], dtype=object)
    np.savez(place / "arrays.npz", allow_pickle=True, **arrays)
    with pytest.raises(Refused, match="not readable"):
        load_model(tmp_path, place.name)


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(Refused, match="must be on disk"):
        load_model(tmp_path, "lr-000000000000")


@pytest.mark.parametrize(("value", "doubtful"), [(np.nan, 1), (np.inf, 1), (99.0, 1), (0.5, -1)])
def test_a_feature_that_training_has_not_seen_makes_the_model_doubtful(trained, value, doubtful):
    model = load_model(*trained).model
    row = an_observation(kind=kinds.ADAPTIVE, model_state=kinds.MODEL_LIVE)
    row["features"] = 0.0
    row["features"][1] = value
    assert first_doubtful(model, row["features"]) == doubtful
    action = decide(row, parameters(max_tilt=0.1), flat_curve(), model)
    expected = kinds.MODEL_LIVE if doubtful < 0 else kinds.MODEL_DOUBTFUL
    assert action["model_state"] in (expected, kinds.MODEL_UNSURE if doubtful < 0 else expected)
    assert np.isnan(action["score"]) == (doubtful >= 0)


def test_training_on_one_direction_or_too_few_rows_is_refused(tmp_path):
    train, test = split()
    up = train.take(np.flatnonzero(train.ups))
    with pytest.raises(Refused, match="both directions"):
        fit_logistic(up, test, ALL)
    with pytest.raises(Refused, match="at least 500 labelled rows, were 20"):
        fit_logistic(train.take(np.arange(20)), test, ALL)
    with pytest.raises(Refused, match="at least 2500 labelled rows"):
        train_default(tmp_path, recordings(1, n=4000), now_ns=0, expires_at=1)
