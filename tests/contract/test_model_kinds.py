"""Every kind of model: equal to scikit-learn, stored, refused when it is not what it says."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.core.plan import DECISION, recompute
from engine.domain import kinds
from engine.domain.errors import Refused
from engine.domain.strategy import vector
from engine.exchange.presets import MIDCAP
from engine.kernels.act import act_first, decide
from engine.kernels.inference import (
    LINEAR,
    LOGISTIC,
    TREES,
    attribute,
    attributes_at_once,
    base_sum,
    first_doubtful,
    lean,
    score,
    score_rows,
)
from engine.kernels.jit import JIT
from engine.kernels.schedules import flat_curve
from engine.learn import registry
from engine.learn.compile import compile_perceptron
from engine.learn.estimators import KINDS, expected
from engine.learn.fit import fit, scores
from engine.learn.train import train_default
from engine.runtime.answers import explain
from engine.runtime.model_bytes import pack, unpack
from engine.runtime.model_shape import check_shape
from engine.runtime.models import LATER, arrays_digest, arrays_of, load_model, read_card
from tests.support.fitted import ALL, fitted, rows
from tests.support.learning import recordings
from tests.support.parents import a_model, an_observation, parameters

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(KINDS)
BOTH = [(name, target) for name in NAMES for target in ("ups", "moves")]


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_every_kind_equals_scikit_learn_on_rows_it_has_not_seen(name, target):
    found = fitted(name, target)
    train, holdout = rows()
    x = holdout.features.astype(float)
    if KINDS[name].standard:
        seen = train.features.astype(float)
        x = (x - seen.mean(axis=0)) / seen.std(axis=0)
    theirs, ours = expected(found.estimator, x), scores(found.model, holdout)
    assert np.abs(theirs - ours).max() <= 1e-12
    assert found.compiled_difference <= 1e-12
    assert np.unique(ours).size > 10, "a model that says one thing proves nothing"


@pytest.mark.parametrize(("name", "target"), BOTH)
def test_contributions_of_every_kind_add_up_to_the_score(name, target):
    model = fitted(name, target).model
    for features in rows()[1].features[:50]:
        parts = np.full(16, np.nan)
        attribute(model, features, parts)
        found = score(model, features)
        total = base_sum(model) + parts.sum()
        wanted = np.log(found / (1 - found)) if model.row["link"][0] == 0 else found
        assert total == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_model_that_differs_is_refused_whatever_its_kind(name, monkeypatch):
    known = fitted(name).estimator  # what takes long to fit is there already
    monkeypatch.setattr("engine.learn.fit.fit_estimator", lambda *_: known)
    assert fit(name, *rows(), ALL).compiled_difference <= 1e-9
    monkeypatch.setattr("engine.learn.fit.expected", lambda *seen: expected(*seen) + 1e-8)
    with pytest.raises(Refused, match="must agree within 1e-09"):
        fit(name, *rows(), ALL)


def test_leaves_stay_exact_where_float32_would_not():
    train, holdout = rows()
    far = replace(train, moves=train.moves * 1e5 + 0.123456789)
    found = fit("tree", far, holdout, ALL, "moves")
    assert found.compiled_difference == 0.0
    values = found.model.values
    assert np.abs(values.astype(np.float32) - values).max() > 1e-4


def test_one_compilation_serves_every_kind():
    if not JIT:
        pytest.skip("nothing is compiled with NUMBA_DISABLE_JIT=1")
    train, _ = rows()
    out = np.empty(len(train))
    score_rows(fitted("logistic").model, train.features, out)
    before = len(score_rows.signatures)
    for name in NAMES:
        score_rows(fitted(name).model, train.features, out)
    assert len(score_rows.signatures) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6, -1e6])
def test_no_kind_is_asked_about_what_it_has_not_seen(name, value):
    model = fitted(name).model
    row = an_observation(kind=kinds.ADAPTIVE, model_state=kinds.MODEL_LIVE)
    row["features"] = np.median(rows()[0].features, axis=0)
    assert first_doubtful(model, row["features"]) == -1
    assert np.isfinite(decide(row, parameters(max_tilt=0.1), flat_curve(), model)["score"])
    row["features"][7] = value
    action = decide(row, parameters(max_tilt=0.1), flat_curve(), model)
    assert action["model_state"] == kinds.MODEL_DOUBTFUL
    assert np.isnan(action["score"])
    assert action["tilt"] == 0.0


def test_a_feature_that_did_not_vary_is_not_used_and_may_be_nan():
    train, holdout = rows()
    still = train.features.copy()
    still[:, 4] = 7.0
    train = replace(train, features=still)
    features = np.median(still, axis=0)
    for name in ("logistic", "linear", "tree", "svm"):
        model = fit(name, train, holdout, ALL).model
        known = score(model, features)
        features[4] = np.nan
        assert first_doubtful(model, features) == -1
        assert score(model, features) == known
        features[4] = 7.0


def test_an_expected_move_leans_by_its_own_spread():
    model = fitted("linear").model
    full = float(model.row["full_at"][0])
    assert full == pytest.approx(2.5 * scores(model, rows()[0]).std())
    assert (lean(model, full), lean(model, -full / 2)) == (1.0, -0.5)
    assert lean(fitted("logistic").model, 0.75) == 1.0
    up = next(x for x in rows()[1].features if score(model, x) > 0.3 * full)
    row = an_observation(kind=kinds.ADAPTIVE, model_state=kinds.MODEL_LIVE)
    row["features"] = up
    action = decide(row, parameters(max_tilt=0.1), flat_curve(), model)
    if action["model_state"] == kinds.MODEL_LIVE:
        assert action["tilt"] > 0.0  # a buy hurries


@pytest.mark.parametrize("name", ["linear", "forest", "svm"])
def test_a_stored_decision_recomputes_to_the_bit_and_tells_its_contributions(name):
    model = fitted(name).model
    stored = np.zeros(1, dtype=DECISION)
    row = an_observation(kind=kinds.ADAPTIVE, model_state=kinds.MODEL_LIVE)
    row["features"] = np.median(rows()[0].features, axis=0)
    stored["observation"][0] = row
    stored["parameters"] = vector("ADAPTIVE", {}, MIDCAP.instrument)
    act_first(
        stored["observation"].copy(), stored["parameters"][0].copy(), flat_curve(), model,
        action := stored["action"].copy(),
    )  # fmt: skip
    stored["action"] = action
    assert action["type"][0] != 0, "the decision must act"
    assert attributes_at_once(model) == bool(action["contributions"].any())
    again = recompute(stored.tobytes(), flat_curve(), model)
    assert again.tobytes() == action[0].tobytes()
    told = explain(stored.tobytes(), "ADAPTIVE", flat_curve(), model, 1)
    assert told["same"]
    total = base_sum(model) + sum(part for _, _, part in told["contributions"])
    found = float(action["score"][0])
    wanted = np.log(found / (1 - found)) if model.row["link"][0] == 0 else found
    assert total == pytest.approx(wanted, abs=1e-10)


def a_card(directory, model, short):
    """A card that is right for this model."""
    card = read_card(directory, train_default(directory, recordings(), now_ns=5, expires_at=77))
    return msgspec.structs.replace(card, arrays_sha256=arrays_digest(model), short=short)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Every kind in one registry, with its id."""
    directory = tmp_path_factory.mktemp("models")
    card = a_card(directory, fitted("logistic").model, "lr")
    ids = {}
    for name in NAMES:
        model = fitted(name).model
        right = msgspec.structs.replace(
            card, arrays_sha256=arrays_digest(model), short=KINDS[name].short
        )
        ids[name] = registry.save(directory, model, right)
    return directory, ids


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_model_of_any_kind_comes_back_to_the_bit(stored, name):
    directory, ids = stored
    assert ids[name].startswith(f"{KINDS[name].short}-")
    loaded = load_model(directory, ids[name]).model
    holdout = rows()[1]
    assert scores(loaded, holdout).tobytes() == scores(fitted(name).model, holdout).tobytes()
    for array in loaded:
        assert array.flags.c_contiguous
        assert array.flags.writeable


PARTS = [
    (name, part)
    for name in ("forest", "mlp", "svm")
    for part in ("nodes", "values", "plan", "bias")
    if part != "nodes" or name == "forest"
]


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_byte_changed_in_any_array_is_refused(stored, name, part, tmp_path):
    directory, ids = stored
    place = tmp_path / ids[name]
    place.mkdir()
    (place / "card.json").write_bytes((directory / ids[name] / "card.json").read_bytes())
    with np.load(directory / ids[name] / "arrays.npz") as file:
        arrays = dict(file)
    raw = bytearray(arrays[part].tobytes())
    raw[-1] ^= 1
    shape = arrays[part].shape
    arrays[part] = np.frombuffer(bytes(raw), dtype=arrays[part].dtype).reshape(shape)
    np.savez(place / "arrays.npz", **arrays)
    with pytest.raises(Refused, match="SHA-256 must be"):
        load_model(tmp_path, ids[name])


def test_a_card_of_another_kind_under_the_same_hash_is_refused(stored, tmp_path):
    directory, ids = stored
    other = "xx" + ids["tree"][2:]
    (tmp_path / other).mkdir()
    for file in (directory / ids["tree"]).iterdir():
        (tmp_path / other / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Refused, match="is that of a"):
        load_model(tmp_path, other)


def broken(name, change):
    """A copy of a good model after ``change``."""
    model = fitted(name).model
    copy = type(model)(*(array.copy() for array in model))
    return change(copy) or copy


WRONG = {
    "a child outside of the nodes": ("tree", lambda m: m.nodes["left"].__setitem__(-2, 10**6)),
    "the last node as left child": (
        "tree", lambda m: m.nodes["left"].__setitem__(1, m.nodes.size - 1)
    ),
    "a walk that comes back": ("tree", lambda m: m.nodes["left"].__setitem__(5, 1)),
    "a feature that does not exist": ("tree", lambda m: m.nodes["feature"].__setitem__(1, 16)),
    "a leaf that is left": ("tree", lambda m: m.nodes["threshold"].__setitem__(-1, 0.0)),
    "a root outside of the nodes": ("forest", lambda m: m.plan.__setitem__(-1, m.nodes.size)),
    "a negative root": ("forest", lambda m: m.plan.__setitem__(-1, -1)),
    "more groups than roots": ("forest", lambda m: m.plan.__setitem__(0, 14)),
    "endless steps": ("forest", lambda m: m.plan.__setitem__(2, 2**40)),
    "no value for a node": ("forest", lambda m: m._replace(values=m.values[:-1])),
    "a value that is no number": ("forest", lambda m: m.values.__setitem__(3, np.nan)),
    "a layer too wide": ("mlp", lambda m: m.plan.__setitem__(2, 129)),
    "a weight too few": ("mlp", lambda m: m._replace(values=m.values[:-1])),
    "an unknown activation": ("mlp", lambda m: m.row["activation"].__setitem__(0, 9)),
    "more blocks than vectors": ("svm", lambda m: m.plan.__setitem__(0, m.plan[0] + 1)),
    "features that are not used": ("svm", lambda m: m.row["used"].__setitem__((0, 3), 0)),
    "a scale of nothing": ("logistic", lambda m: m.row["scale"].__setitem__((0, 3), 0.0)),
    "an unknown type": ("logistic", lambda m: m.row["type"].__setitem__(0, 77)),
    "no model": ("logistic", lambda m: m.row["type"].__setitem__(0, 0)),
    "nodes of a regression": (
        "logistic", lambda m: m._replace(nodes=fitted("tree").model.nodes)
    ),
    "a move without its spread": ("linear", lambda m: m.row["full_at"].__setitem__(0, 0.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_fitted_model_has_the_shape_of_one(name):
    check_shape(fitted(name).model, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_comes_out_of_its_bytes_as_it_went_in(name):
    model = fitted(name).model
    again = unpack(pack(model))
    assert arrays_digest(again) == arrays_digest(model)
    assert all(array.flags.writeable for array in again)
    assert [a.dtype for a in again] == [a.dtype for a in model]


CUTS = {
    "a byte missing": lambda whole: whole[:-1],
    "a byte too many": lambda whole: whole + b"x",
    "nothing": lambda whole: b"",
    "another mark": lambda whole: b"X" + whole[1:],
}


@pytest.mark.parametrize("cut", CUTS)
def test_bytes_that_are_no_model_are_refused(cut):
    with pytest.raises(Refused, match="a packed model must"):
        unpack(CUTS[cut](pack(fitted("tree").model)))


def test_packed_arrays_that_lead_outside_are_refused():
    model = broken("tree", lambda m: m.nodes["left"].__setitem__(-2, 10**6))
    with pytest.raises(Refused, match="do not describe a model"):
        unpack(pack(model))


@pytest.mark.parametrize("what", WRONG)
def test_arrays_that_lead_outside_of_themselves_are_refused(what):
    model = broken(*WRONG[what])
    with pytest.raises(Refused, match="do not describe a model"):
        check_shape(model, "X")


def test_a_model_with_a_right_hash_and_wrong_arrays_is_not_loaded(stored, tmp_path):
    directory, ids = stored
    model = broken("tree", lambda m: m.nodes["left"].__setitem__(-2, 10**6))
    card = msgspec.structs.replace(
        read_card(directory, ids["tree"]), arrays_sha256=arrays_digest(model)
    )
    with pytest.raises(Refused, match="do not describe a model"):
        registry.save(tmp_path, model, card)


def test_a_layer_wider_than_the_scratch_is_refused_when_it_is_compiled():
    class Wide:
        coefs_ = (np.zeros((16, 200)), np.zeros((200, 1)))
        intercepts_ = (np.zeros(200), np.zeros(1))
        activation = "relu"

    with pytest.raises(Refused, match="at most 128 units, has 200"):
        compile_perceptron(fitted("mlp").model.row.copy(), Wide())


def test_a_model_of_the_first_versions_is_still_loaded_under_its_name(tmp_path):
    """Such a file has neither later fields nor side arrays, and its card names no kind."""
    model = a_model(weights={1: 0.5, 3: -0.25})
    assert model.row["type"][0] == LOGISTIC
    assert not set(arrays_of(model)) & {*LATER, "nodes", "values", "plan"}
    card = json.loads(msgspec.json.encode(a_card(tmp_path, model, "lr")))
    del card["short"]
    content = json.dumps(card).encode()
    model_id = f"lr-{hashlib.sha256(content).hexdigest()[:12]}"
    (tmp_path / model_id).mkdir()
    (tmp_path / model_id / "card.json").write_bytes(content)
    np.savez(tmp_path / model_id / "arrays.npz", **arrays_of(model))
    loaded = load_model(tmp_path, model_id).model
    features = np.linspace(-1, 1, 16, dtype=np.float32)
    assert score(loaded, features) == score(model, features)


def test_a_version_of_another_kind_is_tested_and_stored_like_the_first(tmp_path):
    model_id = train_default(tmp_path, recordings(), now_ns=5, expires_at=77, kind="tree")
    card = read_card(tmp_path, model_id)
    assert model_id.startswith("dt-")
    assert card.type == "decision tree, depth 8"
    assert card.compiled_difference <= 1e-9
    assert load_model(tmp_path, model_id).model.row["type"][0] == TREES
    with pytest.raises(Refused, match="must say P"):
        train_default(tmp_path, recordings(), now_ns=5, expires_at=77, kind="linear")
    with pytest.raises(Refused, match="kind of model must be one of"):
        train_default(tmp_path, recordings(), now_ns=5, expires_at=77, kind="oracle")


WITHOUT_JIT = """
import sys
import numpy as np
from engine.kernels.inference import explain_rows, score_rows
from engine.kernels.jit import JIT
from engine.runtime.models import load_model
from pathlib import Path
assert not JIT
found = {}
directory, features = Path(sys.argv[1]), np.load(sys.argv[2])
for model_id in sys.argv[4:]:
    model = load_model(directory, model_id).model
    out, parts = np.empty(len(features)), np.empty((len(features), 16))
    score_rows(model, features, out)
    explain_rows(model, features[:1], parts[:1])
    found[model_id] = np.concatenate([out, parts[0]])
np.savez(sys.argv[3], **found)
"""


def test_plain_python_gives_the_same_bits_as_the_compiler(stored, tmp_path):
    if not JIT:
        pytest.skip("this is the process without a compiler")
    directory, ids = stored
    features = rows()[1].features[:6]
    np.save(tmp_path / "features.npy", features)
    chosen = {name: ids[name] for name in NAMES if name != "forest_full"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JIT, directory, tmp_path / "features.npy",
         tmp_path / "plain.npz", *chosen.values()],
        cwd=ROOT, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "plain.npz") as plain:
        for name, model_id in chosen.items():
            model = fitted(name).model
            out, parts = np.empty(len(features)), np.zeros(16)
            score_rows(model, features, out)
            attribute(model, features[0], parts)
            assert plain[model_id].tobytes() == np.concatenate([out, parts]).tobytes(), name


def test_a_linear_kind_needs_no_arrays_beside_its_row():
    for name in ("linear", "logistic"):
        model = fitted(name).model
        assert model.row["type"][0] == LINEAR
        assert model.nodes.size == model.values.size == model.plan.size == 0
