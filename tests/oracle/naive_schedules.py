"""Slow twins of the schedules, written from their definitions."""

import math

import numpy as np

SECOND = 1_000_000_000


def slice_sizes(quantity, lot, count):
    """Equal slices in whole lots, extra lots first in each group of eight; odd lot last."""
    lots = quantity // lot
    sizes = []
    for first in range(0, count, 8):
        width = min(8, count - first)
        here = lots * (first + width) // count - lots * first // count
        sizes += [here // width + (1 if k < here % width else 0) for k in range(width)]
    sizes = [size * lot for size in sizes]
    sizes[-1] += quantity - sum(sizes)
    return sizes


def vwap_target(row, curve):
    """Straight from the curve by np.interp; even where the curve expects nothing."""
    edges = np.linspace(float(row["open_ns"]), float(row["close_ns"]), len(curve))
    low, now, high = np.interp(
        [float(row["base_ns"]), float(row["now_ns"]), float(row["end_ns"])], edges, curve
    )
    span = row["end_ns"] - row["base_ns"]
    part = (now - low) / (high - low) if high > low else (row["now_ns"] - row["base_ns"]) / span
    return row["base_filled"] + (row["quantity"] - row["base_filled"]) * min(max(part, 0.0), 1.0)


def is_target(row, kappa_horizon):
    """sinh formula of Almgren and Chriss, kappa from the whole horizon."""
    kappa = kappa_horizon / float(row["end_ns"] - row["start_ns"])
    left = float(row["end_ns"] - row["now_ns"])
    total = float(row["end_ns"] - row["base_ns"])
    held = math.sinh(kappa * left) / math.sinh(kappa * total)
    return row["base_filled"] + (row["quantity"] - row["base_filled"]) * (1.0 - held)
