"""Builders of what ``act`` sees, shared by the tests of decisions."""

import numpy as np

from engine.domain import kinds
from engine.domain.market import OBSERVATION
from engine.kernels.inference import LOGISTIC, MODEL, linear_model

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def an_observation(**changed):
    """A buy of 10,000 with an hour to go, half a minute old, quoted 5000 x 300 / 5002 x 200."""
    row = np.zeros(1, dtype=OBSERVATION)[0]
    values = {
        "now_ns": 30 * SECOND, "start_ns": 0, "end_ns": HOUR, "open_ns": 0,
        "close_ns": 23_400 * SECOND, "kind": kinds.TWAP, "side": kinds.BUY, "quantity": 10_000,
        "lot": 100, "collar_ticks": 5, "seed": 1, "volume": 50_000, "bid": 5000, "ask": 5002,
        "bid_size": 300, "ask_size": 200,
    }  # fmt: skip
    for name, value in {**values, **changed}.items():
        row[name] = value
    return on_one_venue(row) if "venues" not in changed else row


def on_one_venue(row, volume=50_000):
    """Make the consolidated touch that of the only venue there is."""
    row["venues"] = 1
    row["venue_kind"][0] = kinds.LIT
    for name in ("bid", "bid_size", "ask", "ask_size"):
        row[f"venue_{name}"][0] = row[name]
    row["venue_volume"][0] = volume
    row["venue_fill"] = row["venue_markout"] = np.nan
    return row


def two_lit(**changed):
    """Two equal venues and a pool."""
    row = an_observation(**{"venues": 0b111, "now_ns": 30 * SECOND, **changed})
    row["venue_kind"][:3] = kinds.LIT, kinds.LIT, kinds.DARK
    row["venue_bid"][:2], row["venue_ask"][:2] = 5000, 5002
    row["venue_bid_size"][:2], row["venue_ask_size"][:2] = 300, 200
    row["venue_volume"][:2] = 10_000
    row["venue_fill"] = row["venue_markout"] = np.nan
    return row


def a_child(row, slot, *, price=5000, leaves=100, sent_ns=0, cancelling=0):
    """Put a live child into a slot."""
    row["slot_child"][slot] = 1 + slot
    row["slot_price"][slot] = price
    row["slot_leaves"][slot] = leaves
    row["slot_sent_ns"][slot] = sent_ns
    row["slot_cancelling"][slot] = cancelling
    row["slot_type"][slot] = kinds.LIMIT
    return row


def parameters(**changed):
    """The vector of ``act``, by lower-case P_ name; crosses at once and uncapped unless changed."""
    out = np.zeros(kinds.N_PARAMETERS)
    values = {
        "band": 0.0, "aggression": 1.0, "max_participation": 1.0, "slice_s": 60.0,
        "max_child": 1e6, "target_participation": 0.1,
    }  # fmt: skip
    for name, value in {**values, **changed}.items():
        out[getattr(kinds, f"P_{name.upper()}")] = value
    return out


def a_model(*, bias=0.0, weights=None, low=-1e6, high=1e6):
    """A logistic regression over unscaled features."""
    rows = np.zeros(1, dtype=MODEL)
    row = rows[0]
    row["type"] = LOGISTIC
    row["bias"] = bias
    row["scale"] = 1.0
    row["low"] = low
    row["high"] = high
    for index, weight in (weights or {}).items():
        row["weights"][index] = weight
        row["used"][index] = 1
    return linear_model(rows)


def same_bits(one, other, *, apart_from=()):
    """Whether two ACTION rows agree in every bit of every field, NaN included."""
    names = [name for name in one.dtype.names if name not in apart_from]
    return all(
        np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes() for name in names
    )
