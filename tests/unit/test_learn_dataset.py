import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.learn.dataset import Recording, build, walk_forward
from tests.support.learning import SECOND, START, a_recording, recordings

ALL = tuple(range(16))


def test_a_label_is_the_sign_of_the_move_over_the_horizon():
    recording = a_recording(1, n=600)
    data = build([recording], 5, ALL)
    rows = (data.at_ns - START) // SECOND
    move = recording.mids[rows + 5] - recording.mids[rows]
    assert (data.ups == (move > 0)).all()
    assert (move != 0).all()
    assert (np.diff(data.at_ns) >= 5 * SECOND).all()  # no two labels overlap


def test_rows_next_to_a_gap_a_missing_mid_or_a_missing_feature_have_no_label():
    base = a_recording(1, n=600)
    features, mids, keep = base.features.copy(), base.mids.copy(), np.arange(600) != 303
    features[100, 3] = np.nan
    mids[200] = np.nan
    broken = Recording(name="X", at_ns=base.at_ns[keep], features=features[keep], mids=mids[keep])
    seconds = set(((build([broken], 5, ALL).at_ns - START) // SECOND).tolist())
    whole = set(((build([base], 5, ALL).at_ns - START) // SECOND).tolist())
    assert whole - seconds <= {100, 195, 200, 298, 303}
    assert {100, 195, 200} & whole == whole - seconds


def test_training_rows_are_always_known_an_embargo_before_the_test_starts():
    data = build(recordings(), 5, ALL)
    steps = list(walk_forward(data, 4))
    assert len(steps) == 4
    for train, test in steps:
        assert train.size > 0
        assert data.label_end_ns[train].max() <= data.at_ns[test].min() - 60 * SECOND
    assert [test[0] for _, test in steps] == sorted(test[0] for _, test in steps)


def test_the_digest_changes_with_any_value():
    data = build(recordings(1), 5, ALL)
    other = build(recordings(1), 5, ALL)
    assert data.digest() == other.digest()
    other.features[0, 0] += 1
    assert data.digest() != other.digest()


def test_too_little_data_is_refused_with_the_number():
    still = Recording(
        name="X",
        at_ns=np.arange(100) * SECOND,
        features=np.zeros((100, 16), dtype=np.float32),
        mids=np.full(100, 5000.0),
    )
    with pytest.raises(Refused, match="never moved"):
        build([still], 5, ALL)
    with pytest.raises(Refused, match="at least 10 rows"):
        list(walk_forward(build([a_recording(1, n=41)], 5, ALL).take(np.arange(4)), 4))
