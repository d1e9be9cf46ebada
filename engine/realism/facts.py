"""Stylised facts from the sums of many days, all bootstrap samples at once.

Each estimator takes the stacked sums of the days and weights, shape (samples, days), and returns
its value in each sample, shape (samples,); NaN where it does not exist (a sign correlation below
zero has no exponent). Sources: docs/market-model.md.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.realism.moments import AHEAD, AUC_BINS, HALF_HOURS, LAGS, RECOVERY_S, RESPONSES

Floats: TypeAlias = NDArray[np.float64]
Sums: TypeAlias = dict[str, Floats]
Estimator: TypeAlias = Callable[[Sums, Floats], Floats]

TAIL: Final = 0.02  # largest absolute returns that the tail index looks at
LAG_100: Final = 100  # of absolute returns
FIT: Final = tuple(i for i, lag in enumerate(LAGS) if lag >= 2)


def correlations(sums: Sums, weights: Floats) -> Floats:
    """Autocorrelation of the trade signs at each lag, shape (samples, lags)."""
    s = weights @ sums["signs"]
    mean = s[:, 1] / s[:, 0]
    raw = s[:, 3::2] / s[:, 2::2]
    square: Floats = (mean * mean)[:, None]
    result: Floats = (raw - square) / (1.0 - square)
    return result


def sign_exponent(sums: Sums, weights: Floats) -> Floats:
    """Minus the slope of log C on log lag, lags 2 to 200; NaN where a C is not positive."""
    c = correlations(sums, weights)[:, FIT]
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.log(c)
    y[~(c > 0).all(axis=1)] = np.nan
    x = np.log(np.array([LAGS[i] for i in FIT], np.float64))
    x = x - x.mean()
    slope: Floats = -(y @ x) / float(x @ x)
    return slope


def sign_at(lag: int) -> Estimator:
    """Autocorrelation of the trade signs at one lag."""
    return lambda sums, weights: correlations(sums, weights)[:, LAGS.index(lag)]


def return_correlation(sums: Sums, weights: Floats) -> Floats:
    """First autocorrelation of one-minute returns."""
    s = weights @ sums["diffusion"]
    n, mean = s[:, 0], s[:, 1] / s[:, 0]
    days = weights.sum(axis=1)
    result: Floats = (s[:, 3] / (n - days) - mean * mean) / (s[:, 2] / n - mean * mean)
    return result


def variance_ratio(index: int) -> Estimator:
    """Variance of returns of 10 (0) or 30 minutes (1) over that of as many single ones, mean 0."""

    def ratio(sums: Sums, weights: Floats) -> Floats:
        s = weights @ sums["diffusion"]
        result: Floats = s[:, 5 + 3 * index] / s[:, 6 + 3 * index]
        return result

    return ratio


def _fit(s: Floats) -> tuple[Floats, Floats]:
    """Slope and R squared from six least-squares sums a row."""
    n, sx, sy, sxx, sxy, syy = s.T
    xx, xy, yy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
    return xy / xx, xy * xy / (xx * yy)


def flow_r2(sums: Sums, weights: Floats) -> Floats:
    """Share of the variance of 10 s mid changes that the order-flow imbalance explains."""
    return _fit((weights @ sums["flow"])[:, :6])[1]


def depth_slopes(sums: Sums, weights: Floats) -> Floats:
    """Slope of that regression when the book is thin over that when it is thick."""
    s = weights @ sums["flow"]
    result: Floats = _fit(s[:, 6:12])[0] / _fit(s[:, 12:18])[0]
    return result


def imbalance_right(sums: Sums, weights: Floats) -> Floats:
    """How often the sign of the touch imbalance is that of the next mid move."""
    s = weights @ sums["next"]
    result: Floats = s[:, 1] / s[:, 0]
    return result


def auc(ahead: int) -> Estimator:
    """Area under the curve of the touch imbalance against moves so many seconds ahead."""
    at = AHEAD.index(ahead) * 2 * AUC_BINS

    def area(sums: Sums, weights: Floats) -> Floats:
        s = weights @ sums["auc"][:, at : at + 2 * AUC_BINS]
        up, down = s[:, :AUC_BINS], s[:, AUC_BINS:]
        below = np.cumsum(down, axis=1) - 0.5 * down
        result: Floats = (up * below).sum(axis=1) / (up.sum(axis=1) * down.sum(axis=1))
        return result

    return area


def responses(sums: Sums, weights: Floats) -> Floats:
    """Mean response after 1, 2, 5 ... 200 trades, shape (samples, lags). [tick]"""
    s = weights @ sums["response"]
    result: Floats = s[:, 1::2] / s[:, 0::2]
    return result


def response_growth(sums: Sums, weights: Floats) -> Floats:
    """Response after 100 trades over that after one."""
    r = responses(sums, weights)
    result: Floats = r[:, RESPONSES.index(100)] / r[:, RESPONSES.index(1)]
    return result


def recovery_time(sums: Sums, weights: Floats) -> Floats:
    """Seconds until the excess spread after a large trade is below 1/e; infinite if never."""
    s = weights @ sums["recovery"]
    excess = s[:, 1:] / s[:, :1]
    below = excess[:, 1:] <= excess[:, :1] / np.e
    seconds = np.where(below.any(axis=1), 1.0 + below.argmax(axis=1), np.inf)
    seconds[~(excess[:, 0] > 0)] = np.nan
    return seconds


def absolute_correlations(x: Floats, weights: Floats, lags: tuple[int, ...]) -> Floats:
    """Autocorrelation of absolute returns, time of day removed, shape (samples, lags).

    x : shape (days, returns a day). Each time of day is divided by its mean over all days.
    """
    y = x / np.maximum(1e-12, x.mean(axis=0))
    days = weights.sum(axis=1)
    mean = (weights @ y.sum(axis=1)) / (days * y.shape[1])
    variance = (weights @ (y * y).sum(axis=1)) / (days * y.shape[1]) - mean * mean
    columns: list[Floats] = []
    for lag in lags:
        early, late = y[:, :-lag], y[:, lag:]
        m = y.shape[1] - lag
        product = weights @ (early * late).sum(axis=1) / (days * m)
        a = weights @ early.sum(axis=1) / (days * m)
        b = weights @ late.sum(axis=1) / (days * m)
        columns.append((product - a * mean - b * mean + mean * mean) / variance)
    return np.stack(columns, axis=1)


def clustering(kind: str) -> Estimator:
    """Autocorrelation of absolute returns at lag 100."""
    return lambda sums, weights: absolute_correlations(sums[kind], weights, (LAG_100,))[:, 0]


def tail_index(kind: str) -> Estimator:
    """Hill estimate from the largest 2 % of absolute returns."""

    def hill(sums: Sums, weights: Floats) -> Floats:
        x = sums[kind]
        day = np.repeat(np.arange(len(x)), x.shape[1])
        order = np.argsort(-x.ravel(), kind="stable")
        most = min(len(order), int(np.ceil(6 * TAIL * len(order))))
        top, day = x.ravel()[order[:most]], day[order[:most]]
        w = weights[:, day]
        count = np.cumsum(w, axis=1)
        wanted = TAIL * weights.sum(axis=1) * x.shape[1]
        inside = count <= wanted[:, None]
        logs = np.log(np.maximum(1e-12, top))
        last = np.minimum(inside.sum(axis=1), most - 1)
        n = (w * inside).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            result: Floats = n / ((w * inside * logs).sum(axis=1) - n * logs[last])
        return result

    return hill


def kurtosis(sums: Sums, weights: Floats) -> Floats:
    """Kurtosis of one-minute returns, mean zero; 3 for a normal."""
    square = sums["minutes"] ** 2
    n = weights.sum(axis=1) * square.shape[1]
    result: Floats = n * (weights @ (square**2).sum(axis=1)) / (weights @ square.sum(axis=1)) ** 2
    return result


def edge_over_middle(first: int) -> Estimator:
    """First and last half hour over the three in the middle."""

    def ratio(sums: Sums, weights: Floats) -> Floats:
        s = weights @ sums["half_hours"][:, first : first + HALF_HOURS]
        middle = HALF_HOURS // 2
        quiet = s[:, middle - 1 : middle + 2].mean(axis=1)
        result: Floats = 0.5 * (s[:, 0] + s[:, -1]) / quiet
        return result

    return ratio


def aggressor_right(sums: Sums, weights: Floats) -> Floats:
    """Share of aggressors all of whose prints lie on their side of the mid before."""
    s = weights @ sums["right"]
    result: Floats = s[:, 1] / s[:, 0]
    return result


def per_day(column: int, over: int | None = None) -> Estimator:
    """A level: its sum a day, or over another sum."""

    def level(sums: Sums, weights: Floats) -> Floats:
        s = weights @ sums["levels"]
        base = weights.sum(axis=1) if over is None else s[:, over]
        result: Floats = s[:, column] / base
        return result

    return level


def day_deviation(sums: Sums, weights: Floats) -> Floats:
    """Root mean square of the day's move. [tick]"""
    result: Floats = np.sqrt(per_day(5)(sums, weights))
    return result


def recovery_path(sums: Sums, weights: Floats) -> Floats:
    """Excess spread after a large trade, 0 ... 60 s later, shape (samples, 61). [tick]"""
    s = weights @ sums["recovery"]
    result: Floats = s[:, 1 : RECOVERY_S + 2] / s[:, :1]
    return result


def applied(estimator: Estimator, sums: Sums, weights: Floats) -> Floats:
    """The estimator in every sample; NaN where days without a move leave nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimator(sums, weights)
