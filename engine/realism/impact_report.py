"""Own impact judged: exponents, decay, published laws beside it, round trips that must not pay."""

import math
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.kernels.environment import new_day
from engine.realism.impact import (
    BPS,
    SIZES,
    Floats,
    Ints,
    Measured,
    run_plan,
)
from engine.realism.judge import weights_of
from engine.realism.watch import OPEN_NS, SECOND, SECONDS, Progress, Purpose, in_order, seed_of
from engine.tca.impact import (
    IStar,
    athl,
    i_star_cost,
    square_root_cost,
    square_root_peak,
)

Records: TypeAlias = NDArray[np.void]
Row: TypeAlias = dict[str, object]

EXPONENT: Final = (0.4, 0.7)
DECAY: Final = (0.5, 0.9)
TURNOVER: Final = 200.0  # shares outstanding / ADV, assumed
TRADING_DAYS: Final = 252.0
PREFACTOR: Final = 0.5  # of the square root law; the literature has 0.5 to 1


def interval(values: Floats) -> list[float | None]:
    """95 % interval of the first row from the bootstrap rows below it."""
    if not np.isfinite(values).all():
        return [None, None]
    low, high = np.quantile(values[1:], (0.025, 0.975), method="nearest")
    return [round(float(low), 4), round(float(high), 4)]


def _over_days(weights: Floats, values: Floats) -> Floats:
    """Weighted mean over paths in every sample."""
    mean: Floats = (weights @ values) / weights.sum(axis=1)
    return mean


def _row(values: Floats, n: int) -> Row:
    value = float(values[0])
    return {
        "value": round(value, 4) if math.isfinite(value) else None,
        "ci95": interval(values),
        "n": n,
    }


def _verdict(values: Floats, n: int, band: tuple[float, float], words: str) -> Row:
    row = _row(values, n)
    low, high = interval(values)
    inside = low is not None and high is not None and low >= band[0] and high <= band[1]
    target = f"{band[0]:g} to {band[1]:g}"
    return {**row, "target": target, "passed": inside, "applies": True, "words": words}


def exponent(measured: list[Measured], weights: Floats) -> Floats:
    """Slope of log mean peak on log size, all sizes, in every bootstrap sample."""
    peaks = np.stack([_over_days(weights, one.peak) for one in measured], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.log(peaks)
    x = np.log(np.array([one.order.size for one in measured]))
    x = x - x.mean()
    slope: Floats = (y @ x) / float(x @ x)
    return slope


def decay(measured: list[Measured], weights: Floats) -> Floats:
    """Share of the peak left after one more duration: mean over the sizes that leave room."""
    left = [
        _over_days(weights, one.later) / _over_days(weights, one.peak)
        for one in measured
        if np.isfinite(one.later).all()
    ]
    mean: Floats = np.mean(left, axis=0)
    return mean


def published(size: float, days: float, sigma: float) -> Row:
    """What the laws say of this order; sigma a fraction a day, days its horizon. [bp]"""
    law = athl(size=size, horizon=days, sigma=sigma, turnover=TURNOVER)
    share = size / (size + days)  # own volume in the denominator
    kissell = i_star_cost(
        size=size, sigma_year=sigma * TRADING_DAYS**0.5, participation=share, parameters=IStar()
    )
    root = {"size": size, "sigma": sigma, "prefactor": PREFACTOR}
    return {
        "athl_cost": round(law.realised, 3),
        "athl_permanent": round(law.permanent, 3),
        "square_root_peak": round(square_root_peak(**root), 3),
        "square_root_cost": round(square_root_cost(**root), 3),
        "i_star_cost": round(kissell, 3),
    }


def order_rows(measured: list[Measured], weights: Floats, sigma: float) -> list[Row]:
    """One row an order: peak, later, cost and what the published laws say. [bp]"""
    rows: list[Row] = []
    for one in measured:
        n = len(one.peak)
        lasts = one.order.end - one.order.start
        rows.append(
            {
                "size_of_adv": one.order.size,
                "shares": one.order.shares,
                "seconds": lasts,
                "filled": round(float(one.filled.mean()), 4),
                "peak_bps": _row(_over_days(weights, one.peak), n),
                "later_bps": _row(_over_days(weights, one.later), n),
                "cost_bps": _row(_over_days(weights, one.cost), n),
                "published": published(one.order.size, lasts / SECONDS, sigma),
                "course_bps": [None if math.isnan(g) else round(float(g), 3) for g in one.course],
            }
        )
    return rows


def in_words(rows: list[Row], kind: str) -> list[str]:
    """Ours against each law, smallest and largest order, as sentences."""
    sentences: list[str] = []
    for row in (rows[0], rows[-1]):
        laws, cost, peak = row["published"], row["cost_bps"], row["peak_bps"]
        assert isinstance(laws, dict)
        assert isinstance(cost, dict)
        assert isinstance(peak, dict)
        ours, top = float(cost["value"]), float(peak["value"])
        parts = [
            f"{name} says {laws[key]:.1f} bp ({ours / laws[key]:.1f} times)"
            for name, key in (
                ("ATHL", "athl_cost"),
                ("two thirds of the square root", "square_root_cost"),
                ("I-Star", "i_star_cost"),
            )
        ]
        sentences.append(
            f"{kind}, {float(str(row['size_of_adv'])):.1%} of ADV: cost {ours:.1f} bp here; "
            + ", ".join(parts)
            + f". Peak {top:.1f} bp here, {laws['square_root_peak']:.1f} bp by the square root "
            f"({top / laws['square_root_peak']:.1f} times)."
        )
    return sentences


def judged_impact(fixed_rate: list[Measured], fixed_horizon: list[Measured], sigma: float) -> Row:
    """Exponents and decay with intervals, tables, laws; ``passed`` when every target holds."""
    n = len(fixed_rate[0].peak)
    weights = weights_of(n)
    first, last = fixed_rate[:2], fixed_rate[-2:]
    targets = {
        "impact_exponent": _verdict(
            exponent(fixed_rate, weights), n, EXPONENT,
            "exponent of the peak in the size at a fixed pace, all sizes",
        ),
        "impact_decay": _verdict(
            decay(fixed_rate, weights), n, DECAY,
            "share of the peak left after one more duration, sizes that end in time",
        ),
    }  # fmt: skip
    rate_rows = order_rows(fixed_rate, weights, sigma)
    horizon_rows = order_rows(fixed_horizon, weights, sigma)
    return {
        "targets": targets,
        "exponent_smallest_two": _row(exponent(first, weights), n),
        "exponent_largest_two": _row(exponent(last, weights), n),
        "exponent_fixed_horizon": _row(exponent(fixed_horizon, weights), n),
        "sigma_day_bps": round(BPS * sigma, 1),
        "fixed_rate": rate_rows,
        "fixed_horizon": horizon_rows,
        "against_published": in_words(rate_rows, "fixed pace") + in_words(horizon_rows, "half day"),
        "passed": all(bool(row["passed"]) for row in targets.values()),
    }


class RoundTrip(NamedTuple):
    """Buy over so many seconds, wait, sell over so many; a negative size sells first."""

    shares: int
    first: int
    pause: int
    second: int


# the seven of the calibration, then a wider grid: fast in and slow out, slow in and fast out
ROUND_TRIPS: Final = (
    RoundTrip(5_000, 60, 0, 60), RoundTrip(5_000, 300, 0, 300), RoundTrip(20_000, 600, 0, 600),
    RoundTrip(20_000, 300, 0, 1_800), RoundTrip(50_000, 1_800, 0, 1_800),
    RoundTrip(100_000, 9_000, 0, 1_800), RoundTrip(100_000, 9_000, 0, 9_000),
    RoundTrip(5_000, 60, 600, 60), RoundTrip(-5_000, 60, 0, 60), RoundTrip(5_000, 60, 0, 3_600),
    RoundTrip(5_000, 3_600, 0, 60), RoundTrip(-20_000, 300, 0, 3_600),
    RoundTrip(20_000, 3_600, 0, 300), RoundTrip(50_000, 600, 0, 9_000),
    RoundTrip(50_000, 9_000, 0, 600), RoundTrip(-100_000, 3_600, 1_800, 3_600),
)  # fmt: skip
TRIP_START: Final = 1_800


def trip_plan(trip: RoundTrip) -> Ints:
    """Position to hold after each second."""
    t = np.arange(SECONDS) + 1.0 - TRIP_START
    into = np.clip(t / trip.first, 0.0, 1.0)
    out = np.clip((t - trip.first - trip.pause) / trip.second, 0.0, 1.0)
    return np.rint((into - out) * trip.shares).astype(np.int64)


def trip_gain(flow: Records, trip: RoundTrip, path: int) -> float:
    """Gain a share of one round trip; what the market itself moved is taken out. [bp]"""
    day = new_day(seed_of(Purpose.ROUND_TRIP, path), flow, OPEN_NS, OPEN_NS + SECONDS * SECOND)
    twin = run_plan(day, np.zeros(SECONDS, np.int64)).mids
    run = run_plan(day, trip_plan(trip))
    paid = float((run.values - run.shares * twin).sum())
    return -BPS * paid / (float(flow[0]["reference"]) * abs(trip.shares))


def round_trips(
    flow: Records, paths: int, *, workers: int = 1, progress: Progress | None = None
) -> Row:
    """Every pattern: mean gain with its interval; passed when none may gain."""
    weights = weights_of(paths)
    rows: list[Row] = []
    for done, trip in enumerate(ROUND_TRIPS):

        def one(path: int, trip: RoundTrip = trip) -> float:
            return trip_gain(flow, trip, path)

        gains = np.array(in_order(one, paths, workers, None))
        row = _row(_over_days(weights, gains), paths)
        high = interval(_over_days(weights, gains))[1]
        loses = high is not None and high < 0
        rows.append({**trip._asdict(), "gain_bps": row, "passed": loses})
        if progress is not None:
            progress(done + 1, len(ROUND_TRIPS))
    return {"patterns": rows, "passed": all(bool(row["passed"]) for row in rows)}


def sizes_in_words() -> str:
    """The sizes measured, as a screen says them."""
    return ", ".join(f"{size:.1%}" for size in SIZES) + " of ADV"
