"""Recordings with a known amount of information in them."""

import numpy as np

from engine.learn.dataset import Recording

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START = 20_000 * DAY


def a_recording(seed, *, n=9_000, day=0, strength=0.12, horizon_s=5, peek=False):
    """A random walk whose moves over the horizon lean on feature 1, by ``strength``.

    ``peek``: feature 2 is what the mid is going to do.
    """
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(n, 16)).astype(np.float32)
    lean = np.repeat(features[::horizon_s, 1], horizon_s)[:n]
    steps = np.where(draw.normal(size=n) + strength * lean > 0, 1.0, -1.0)
    mids = 5000.0 + np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    if peek:
        features[:-horizon_s, 2] = np.sign(mids[horizon_s:] - mids[:-horizon_s])
    at_ns = START + day * DAY + np.arange(n) * SECOND
    return Recording(name=f"TEST {day}", at_ns=at_ns, features=features, mids=mids)


def recordings(days=3, **changed):
    return [a_recording(seed=day, day=day, **changed) for day in range(days)]
