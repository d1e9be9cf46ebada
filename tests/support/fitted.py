"""One small fitted model of each kind, made once a process."""

from functools import cache

import numpy as np

from engine.learn.dataset import build
from engine.learn.fit import fit
from tests.support.learning import recordings

ALL = tuple(range(16))
TRAIN, HOLDOUT = 700, 300


@cache
def rows():
    """Rows to learn from, and later ones that no model has seen."""
    data = build(recordings(1, n=9_000), 5, ALL)
    return data.take(np.arange(TRAIN)), data.take(np.arange(TRAIN, TRAIN + HOLDOUT))


@cache
def fitted(kind, target=""):
    """A model of this kind for P(up) ("ups") or the move ("moves"); "" = what it is made for."""
    return fit(kind, *rows(), ALL, target)
