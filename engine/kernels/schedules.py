"""How much of a parent should be done by now, by kind of schedule.

Two numbers a decision: the *target* is the smooth curve at this instant, what should be done by
now; the *allowance* is what may be worked already. Every clocked schedule (all but POV) allows a
slice at the start of its (jittered) slot on the slice clock, up to what the curve reaches at the
slot's end: children get a size worth sending and a slot's time to fill. POV follows volume and has
no clock: both numbers are the same.

A schedule always runs from (base_ns, base_filled) to (end_ns, quantity). At the start the base is
(start_ns, 0); a resume or an amendment moves it to that moment, so what was missed while holding is
spread over the time left and is never sent in one child.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    IS,
    LIQUIDITY,
    P_CURVE_UPDATE,
    P_EXPIRE,
    P_JITTER,
    P_PASSIVE,
    P_RISK_AVERSION,
    P_SLICE_S,
    P_TARGET_PARTICIPATION,
    P_URGENCY,
    POV,
    TWAP,
    VWAP,
)
from engine.kernels import rng
from engine.kernels.jit import door

Floats: TypeAlias = npt.NDArray[np.float64]

SECOND_NS = 1_000_000_000
GROUP = 8  # slices among which the lots that do not divide evenly come first
PRIOR_VOLUME = 0.1  # a day's volume as expected counts as much as this part of a day seen
CURVE_REACH = 0.15  # an updated curve leaves the fixed one by at most this part of the remainder
FINISH_PART = 0.2  # POV: the last part of the horizon in which it speeds up so as to finish
STREAM_JITTER = 201  # own jitter: apart from every stream of the market


def flat_curve() -> Floats:
    """The curve of an evenly traded session, for schedules that do not look at it. [fraction]"""
    return np.array([0.0, 1.0])


def curve_from_shares(shares: Floats) -> Floats:
    """Cumulative curve at the bin edges from the volume in each session bin. [fraction]

    shares : array, shape (n_bins,), any positive scale. Result: shape (n_bins + 1,), 0 … 1.
    """
    total = float(shares.sum())
    if shares.ndim != 1 or shares.size < 1 or not total > 0.0 or bool((shares < 0.0).any()):
        raise ValueError("a volume curve needs at least one bin, none negative, with a sum above 0")
    edges = np.concatenate((np.zeros(1), np.cumsum(shares) / total))
    edges[-1] = 1.0
    return edges


def u_shape_curve(bins: int = 78) -> Floats:
    """Prior volume curve before any day is known: u(x) = .6 + 2.7 x^4, x from -1 to 1. [fraction]

    Source: the exogenous rate of the simulated market. Shape (bins + 1,).
    """
    middle = (np.arange(bins) + 0.5) / bins * 2.0 - 1.0
    return curve_from_shares(0.6 + 2.7 * middle**4)


@door
def curve_at(curve: Floats, fraction: float) -> float:
    """Cumulative volume at a fraction of the session, linear inside a bin. [fraction]"""
    bins = curve.size - 1
    position = min(max(fraction, 0.0), 1.0) * bins
    i = min(int(position), bins - 1)
    return float(curve[i] + (curve[i + 1] - curve[i]) * (position - i))


@door
def slice_count(remaining: int, lot: int, duration_ns: int, slice_ns: int) -> int:
    """Slices from the base to the end: one a slot, but never more than there are lots."""
    slots = max(1, -(-duration_ns // max(1, slice_ns)))
    return int(max(1, min(slots, max(1, remaining // lot))))


@door
def due_slices(elapsed_ns: int, length_ns: int, count: int, jitter: float, seed: int) -> int:
    """Slices that are due by now, 0 … count; slice k is late by jitter * U(seed, k) of a slot.

    The first slice is due at once. Rises with elapsed_ns because jitter is at most one slot.
    """
    if elapsed_ns < 0:
        return 0
    k = elapsed_ns // length_ns
    if k >= count:
        return int(count)
    if k == 0:
        return 1
    inside = elapsed_ns - k * length_ns
    if inside >= jitter * length_ns:
        return int(k + 1)  # whatever the draw
    late = jitter * rng.uniform(seed, STREAM_JITTER, k) * length_ns
    return int(k + 1 if inside >= late else k)


@door
def equal_slices(quantity: int, lot: int, count: int, due: int) -> int:
    """Shares in the first ``due`` of ``count`` equal slices, in whole lots. [share]

    Lots that do not divide evenly come first within each group of eight slices, so the plan stays
    within two lots per slice of the straight line. The odd lot goes with the last slice.
    Source: DOMAIN.md KA-12, 1,000 shares in 7 slices of lot 100: 200 200 200 100 100 100 100.
    """
    if due >= count:
        return int(quantity)
    lots = quantity // lot
    first = due // GROUP * GROUP
    last = min(first + GROUP, count)
    before = lots * first // count
    inside = lots * last // count - before
    width = last - first
    step = due - first
    done = before + (inside // width) * step + min(step, inside % width)
    return int(done * lot)


@door
def almgren_chriss_kappa(
    risk_aversion: float, volatility: float, eta: float, gamma: float, tau: float
) -> float:
    """Discrete decay rate of the optimal holdings. [1 / unit of tau]

    2 (cosh kappa tau - 1) / tau^2 = lambda sigma^2 / eta~ with eta~ = eta - gamma tau / 2.
    Source: Almgren and Chriss 2000; DOMAIN.md KA-19.
    """
    squared = risk_aversion * volatility * volatility / (eta - 0.5 * gamma * tau)
    return math.acosh(0.5 * squared * tau * tau + 1.0) / tau


@door
def share_left(kappa: float, time_left: float, horizon: float) -> float:
    """Part of the shares still held, sinh(kappa time_left) / sinh(kappa horizon). [fraction]

    Straight line for kappa 0. Written with negative exponents so that no urgency overflows.
    """
    if time_left <= 0.0:
        return 0.0
    if kappa * horizon < 1e-6:
        return time_left / horizon
    top = -math.expm1(-2.0 * kappa * time_left)
    bottom = -math.expm1(-2.0 * kappa * horizon)
    return math.exp(-kappa * (horizon - time_left)) * top / bottom


@door
def curve_part(observation: Any, curve: Floats, at_ns: int) -> float:
    """Part of the volume expected from base to end that falls before ``at_ns``. [fraction]

    A window in which the curve expects nothing is traded evenly.
    """
    opened = observation["open_ns"]
    session = float(max(1, observation["close_ns"] - opened))
    base = observation["base_ns"]
    end = observation["end_ns"]
    low = curve_at(curve, (base - opened) / session)
    high = curve_at(curve, (end - opened) / session)
    if high - low <= 0.0:
        return float((at_ns - base) / max(1, end - base))
    return (curve_at(curve, (at_ns - opened) / session) - low) / (high - low)


@door
def volume_ratio(observation: Any, curve: Floats) -> float:
    """Volume of today / expected, as far as it shows since the start. [ratio]

    (prior + seen) / (prior + expected so far), both in days of expected volume: the mean of a
    Gamma-Poisson posterior. 1 when nothing is expected of the symbol.
    """
    expected = float(observation["expected_volume"])
    if not expected > 0.0:
        return 1.0
    opened = observation["open_ns"]
    session = float(max(1, observation["close_ns"] - opened))
    now = curve_at(curve, (observation["now_ns"] - opened) / session)
    start = curve_at(curve, (observation["start_ns"] - opened) / session)
    seen = max(0, observation["volume"]) / expected
    return float((PRIOR_VOLUME + seen) / (PRIOR_VOLUME + max(0.0, now - start)))


@door
def updated_part(observation: Any, curve: Floats, at_ns: int, fixed: float) -> float:
    """As ``curve_part``, from what has traded since the base and what is expected from now on.

    traded / (traded + ratio * expected until the end); an instant ahead counts as it is expected.
    Rises with volume and with time. Reads nothing of the future.
    """
    expected = float(observation["expected_volume"])
    if not expected > 0.0:
        return fixed
    opened = observation["open_ns"]
    session = float(max(1, observation["close_ns"] - opened))
    now = curve_at(curve, (observation["now_ns"] - opened) / session)
    then = curve_at(curve, (max(at_ns, observation["now_ns"]) - opened) / session)
    end = curve_at(curve, (observation["end_ns"] - opened) / session)
    scale = volume_ratio(observation, curve) * expected
    traded = float(max(0, observation["volume"] - observation["base_volume"]))
    whole = traded + scale * max(0.0, end - now)
    if not whole > 0.0:
        return fixed
    part = (traded + scale * max(0.0, then - now)) / whole
    return min(max(part, fixed - CURVE_REACH, 0.0), fixed + CURVE_REACH, 1.0)


@door
def volume_part(observation: Any, parameters: Floats, curve: Floats, at_ns: int) -> float:
    """Part of the volume from base to end that falls before ``at_ns``, as the update says."""
    fixed = curve_part(observation, curve, at_ns)
    update = min(max(parameters[P_CURVE_UPDATE], 0.0), 1.0)
    if update == 0.0:
        return fixed
    return float(fixed + update * (updated_part(observation, curve, at_ns, fixed) - fixed))


@door
def smooth_share(kind: int, observation: Any, parameters: Floats, curve: Floats, at: int) -> float:
    """Part of the remainder that TWAP, VWAP, IS or LIQUIDITY has done at an instant. [fraction]

    IS: the risk aversion parameter is kappa times the parent's whole horizon, so that a restart
    goes on with the same kappa: the optimal path from where it stands. LIQUIDITY: the same curve
    in the clock of the volume, urgency for kappa times what is left.
    """
    base = observation["base_ns"]
    duration = float(max(1, observation["end_ns"] - base))
    elapsed = float(at - base)
    if elapsed <= 0.0:
        return 0.0
    if elapsed >= duration:
        return 1.0
    if kind == VWAP:
        return volume_part(observation, parameters, curve, at)
    if kind == LIQUIDITY:
        part = volume_part(observation, parameters, curve, at)
        return 1.0 - share_left(max(0.0, parameters[P_URGENCY]), 1.0 - part, 1.0)
    if kind == IS:
        whole = float(max(1, observation["end_ns"] - observation["start_ns"]))
        kappa = max(0.0, parameters[P_RISK_AVERSION]) / whole
        return 1.0 - share_left(kappa, duration - elapsed, duration)
    return elapsed / duration


@door
def clocked_allowance(kind: int, observation: Any, parameters: Floats, curve: Floats) -> float:
    """Allowance of TWAP, VWAP, IS and LIQUIDITY by the slice clock. [share]"""
    base = observation["base_ns"]
    done = observation["base_filled"]
    remaining = max(0, observation["quantity"] - done)
    lot = max(1, observation["lot"])
    duration = max(1, observation["end_ns"] - base)
    slice_ns = int(max(1.0, parameters[P_SLICE_S]) * SECOND_NS)
    count = slice_count(remaining, lot, duration, slice_ns)
    length = max(1, duration // count)
    jitter = min(max(parameters[P_JITTER], 0.0), 1.0)
    due = due_slices(observation["now_ns"] - base, length, count, jitter, observation["seed"])
    if kind == TWAP:
        return float(done + equal_slices(remaining, lot, count, due))
    if due >= count:
        return float(done + remaining)
    part = smooth_share(kind, observation, parameters, curve, base + due * length)
    return float(done + remaining * part)


@door
def followed_shares(observation: Any, parameters: Floats) -> float:
    """Target of POV: own / market volume = rate, own prints in both, since the base. [share]

    A parent that has to finish leaves its rate in the last fifth of the horizon, on a straight line
    in time from the rate's target to the quantity; the cap on participation holds there too.
    """
    whole = float(observation["quantity"])
    traded = max(0, observation["volume"] - observation["base_volume"])
    wanted = observation["base_filled"] + parameters[P_TARGET_PARTICIPATION] * traded
    wanted = min(wanted, whole)
    if parameters[P_EXPIRE] > 0.0 or parameters[P_PASSIVE] > 0.0:
        return float(wanted)
    window = FINISH_PART * (observation["end_ns"] - observation["start_ns"])
    gone = 1.0 - (observation["end_ns"] - observation["now_ns"]) / max(window, 1.0)
    return float(wanted + min(max(gone, 0.0), 1.0) * (whole - wanted))


@door
def target_shares(kind: int, observation: Any, parameters: Floats, curve: Floats) -> float:
    """Shares that should be done by now, base_filled ... quantity. [share]"""
    done = observation["base_filled"]
    if kind == POV:
        return followed_shares(observation, parameters)
    remaining = max(0, observation["quantity"] - done)
    part = smooth_share(kind, observation, parameters, curve, observation["now_ns"])
    return float(done + remaining * part)


@door
def allowance_shares(kind: int, observation: Any, parameters: Floats, curve: Floats) -> float:
    """Shares that may be done or at work by now, base_filled ... quantity. [share]

    Raises ValueError for a kind that has no schedule (ADAPTIVE passes its base's kind).
    """
    if kind == POV:
        return target_shares(kind, observation, parameters, curve)
    if kind == TWAP or kind == VWAP or kind == IS or kind == LIQUIDITY:
        return clocked_allowance(kind, observation, parameters, curve)
    raise ValueError("this kind has no schedule")
