"""Fit the flow to a recorded day: read what the day says, match moments, compare on other seeds.

What one public day cannot say (own impact, how volatile days differ, news) is the stated prior.
The rest is read from the recording where a formula gives it, then a few rounds of simulated days
pull activity, sizes, spread, queues and volatility towards the recorded ones, and random steps the
rest.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.domain.errors import Refused
from engine.exchange.presets import MIDCAP, market_hash
from engine.kernels.rng import normal
from engine.realism import facts
from engine.realism.facts import Sums
from engine.realism.judge import estimate, weights_of
from engine.realism.moments import LAGS, Watched, half_hours, mids, moments, stacked
from engine.realism.recorded import recorded_day
from engine.realism.targets import LEVELS, TARGETS
from engine.realism.watch import Purpose, Records, sums_of

DONE, USAGE = 0, 2
ROUNDS: Final = 6
ROUND_DAYS: Final = 10
DAYS: Final = 40  # simulated days of the comparison, on other seeds
FAR_OFF: Final = 0.25  # a simulated value further than this from the recorded one is a misfit
# what is told above a half: .51 is not close to .55
OVER_CHANCE: Final = (
    "queue_imbalance_predicts", "touch_auc_1s", "touch_auc_5s", "touch_auc_10s", "touch_auc_30s",
)  # fmt: skip
STEP: Final = (0.6, 1.6)  # most that one round changes a parameter

# of the calibrated stock, MIDC: what its parameters give, 300 days (docs/market-model.md)
AGGRESSORS_A_RATE: Final = 1_640.0  # aggressors a day, a candidate a second
TOUCH_A_DEPTH: Final = 215.0  # shares at the touch, a unit of depth, at size 1
FIRST_CORRELATION: Final = 0.836  # sign correlation at lag 1 with one metaorder and no free sign
MEDIAN_SIZE: Final = 105.0
ROUNDING_TICKS: Final = 0.9  # what rounding to ticks adds to a spread

# what the search compares: an error of one, absolute ...
ABSOLUTE: Final = {
    "variance_ratio_10": 0.15, "order_flow_imbalance_r2": 0.1, "queue_imbalance_predicts": 0.04,
    "order_sign_c1": 0.1, "order_sign_c100": 0.015, "diffusivity_acf1": 0.1, "spread_recovery": 5.0,
}  # fmt: skip
# ... or relative to the recorded value
RELATIVE: Final = {
    "response_growth": 0.5, "response_1": 0.25, "spread": 0.25, "touch_size": 0.3,
    "aggressors": 0.2, "lit_volume": 0.2, "u_shape_spread": 0.3, "u_shape_volume": 0.5,
}  # fmt: skip
SEARCHED: Final = (
    "sigma", "kappa", "g_bg", "free_sign", "depth", "half_spread", "rate", "size", "lean", "lag",
    "half_u", "alpha",
)  # fmt: skip
MOST_ERROR: Final = 3.0  # one hopeless fact must not decide over all the others
SEARCH_DAYS: Final = 4
SEARCH_SEED: Final = 17
STEPS: Final = 60
MOST_HALF: Final = 8.0  # [tick]; the kernel quotes at most 5 ticks either side

PRIOR: Final = {
    "g_own": "own impact cannot be seen in public data: the prior, in units of volatility",
    "c_own": "as g_own", "p_own": "as g_own", "beta_own": "as g_own", "pi_own": "as g_own",
    "vol_day": "one day does not say how days differ",
    "vol_slow": "one day has four of its memories", "vol_fast": "as vol_slow",
    "jumps": "news of one day is no rate", "drift": "assumed none", "open_vol": "assumed none",
    "informed": "structure of the calibrated stock", "foresight": "as informed",
    "busy": "as informed", "deep": "as informed", "beta_bg": "as informed",
    "pi_bg": "as informed",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What the rounds pull towards. [a day, share, tick]"""

    aggressors: float
    volume: float
    spread: float
    touch: float
    minute: float  # standard deviation of one-minute returns
    response: float  # after 100 trades


def aims_of(sums: Sums) -> Aims:
    """The moments of these days that the rounds compare."""
    one = np.ones((1, len(sums["levels"])))
    told = {
        name: float(facts.applied(estimator, sums, one)[0])
        for name, (_, estimator) in LEVELS.items()
    }
    s = sums["diffusion"].sum(axis=0)
    growth = float(facts.applied(facts.response_growth, sums, one)[0])
    return Aims(
        aggressors=told["aggressors"], volume=told["lit_volume"], spread=told["spread"],
        touch=told["touch_size"], minute=math.sqrt(s[2] / s[0]),
        response=growth * told["response_1"],
    )  # fmt: skip


def u_shape(day: Watched) -> tuple[float, float]:
    """Activity at midday and what the edges add, so that u = low + edge x^4 has the usual mean."""
    volumes = half_hours(day)[:13]
    x = (2.0 * (np.arange(13) + 0.5) / 13.0 - 1.0) ** 4
    slope, level = np.polyfit(x, volumes, 1)
    base = MIDCAP.flow()[0]
    usual = float(base["u_low"] + base["u_edge"] / 5.0)
    low = max(0.05 * float(volumes.mean()), float(level))
    edge = max(0.0, float(slope))
    scale = usual / (low + edge / 5.0)
    return low * scale, edge * scale


def signs(sums: Sums) -> dict[str, float]:
    """Tail of the metaorders, how many work at a time, how many signs are free."""
    one = np.ones((1, len(sums["levels"])))
    c = facts.correlations(sums, one)[0]
    ok = c > 0
    ok[0] = False  # lag 1 holds the child prints of one order
    gamma = 0.5
    if ok.sum() >= 5:
        x, y = np.log(np.array(LAGS, np.float64)[ok]), np.log(c[ok])
        gamma = -float(np.polyfit(x, y, 1)[0])
    first = min(0.8, max(0.02, float(c[0])))
    slots = min(8, max(1, int(FIRST_CORRELATION / first)))
    free = max(0.0, 1.0 - math.sqrt(min(1.0, first * slots / FIRST_CORRELATION)))
    return {"alpha": 1.0 + min(0.9, max(0.2, gamma)), "slots": float(slots), "free_sign": free}


def first_guess(day: Watched, sums: Sums) -> Records:
    """Parameters as the recording gives them by formula, all else as in the calibrated stock."""
    flow = MIDCAP.flow()
    aims = aims_of(sums)
    spreads = half_hours(day)[13:]
    middle = float(spreads[5:8].mean())
    low, edge = u_shape(day)
    flow[0]["u_low"], flow[0]["u_edge"] = low, edge
    flow[0]["rate"] = aims.aggressors / AGGRESSORS_A_RATE
    size = float(np.median(day.hits["quantity"])) / MEDIAN_SIZE
    flow[0]["size"] = size
    flow[0]["depth"] = aims.touch / (TOUCH_A_DEPTH * size)
    open_u = low + edge * (12.0 / 13.0) ** 4
    ratio = max(1.0, float(spreads[0]) / middle)
    flow[0]["half_u"] = min(1.2, math.log(ratio) / math.log(max(1.1, open_u / low)))
    flow[0]["half_spread"] = max(0.05, (middle - ROUNDING_TICKS) / 2.0) / low ** flow[0]["half_u"]
    for name, value in signs(sums).items():
        flow[0][name] = value
    flow[0]["reference"] = round(float(mids(day.seen)[0]))
    scale = aims.minute / aims_minute_of_midcap()
    for name in ("sigma", "kappa", "g_bg", "g_own", "c_own"):
        flow[0][name] *= scale
    return flow


def aims_minute_of_midcap() -> float:
    """Standard deviation of one-minute returns of the calibrated stock. [tick]"""
    return (
        MIDCAP.instrument.daily_volatility_bps
        * MIDCAP.instrument.reference_price
        / (10_000.0 * math.sqrt(390.0))
    )


def _factor(wanted: float, got: float, power: float = 1.0) -> float:
    """How a parameter changes in one round; bounded, so that a round cannot run away."""
    if not (wanted > 0 and got > 0):
        return 1.0
    return float(min(STEP[1], max(STEP[0], (wanted / got) ** power)))


def pulled(flow: Records, wanted: Aims, got: Aims) -> Records:
    """The flow after one round."""
    after = flow.copy()
    row = after[0]
    row["rate"] *= _factor(wanted.aggressors, got.aggressors)
    row["size"] *= _factor(wanted.volume / wanted.aggressors, got.volume / got.aggressors)
    row["half_spread"] = min(MOST_HALF, row["half_spread"] * _factor(wanted.spread, got.spread))
    row["depth"] *= _factor(wanted.touch / wanted.volume, got.touch / got.volume, 0.5)
    row["sigma"] *= _factor(wanted.minute, got.minute)
    return after


def distance(recorded: Sums, simulated: Sums) -> float:
    """How far simulated days are from the recorded one: mean squared error in their units."""
    one, days = np.ones((1, 1)), np.ones((1, len(simulated["levels"])))
    scales = {**ABSOLUTE, **RELATIVE}
    known = {target.name: target.estimate for target in TARGETS}
    total = 0.0
    for name, scale in scales.items():
        estimator = known[name] if name in known else LEVELS[name][1]
        real, got = (
            float(facts.applied(estimator, sums, weights)[0])
            for sums, weights in ((recorded, one), (simulated, days))
        )
        if not math.isfinite(real):
            continue
        unit = scale * abs(real) if name in RELATIVE else scale
        error = MOST_ERROR if not math.isfinite(got) else (got - real) / unit
        total += min(MOST_ERROR, abs(error)) ** 2
    minute = aims_of(simulated).minute / aims_of(recorded).minute - 1.0
    return (total + min(MOST_ERROR, 5.0 * abs(minute)) ** 2) / (len(scales) + 1)


def searched(
    flow: Records, recorded: Sums, steps: int, workers: int
) -> tuple[Records, list[float]]:
    """Random steps from the best so far, smaller and smaller; the path of the best distance."""
    best = flow
    least = distance(recorded, sums_of(flow, Purpose.CALIBRATION, SEARCH_DAYS, workers=workers))
    path = [round(least, 4)]
    for step in range(steps):
        tried = best.copy()
        width = 0.35 * (1.0 - 0.7 * step / max(1, steps))
        for i, name in enumerate(SEARCHED):
            tried[0][name] *= math.exp(width * float(normal(SEARCH_SEED, i, step)))
        tried[0]["free_sign"] = min(0.9, tried[0]["free_sign"])
        tried[0]["alpha"] = min(1.9, max(1.15, tried[0]["alpha"]))
        tried[0]["half_spread"] = min(MOST_HALF, tried[0]["half_spread"])
        found = distance(
            recorded, sums_of(tried, Purpose.CALIBRATION, SEARCH_DAYS, workers=workers)
        )
        if found < least:
            best, least = tried, found
        path.append(round(least, 4))
    return best, path


def fitted(
    day: Watched, sums: Sums, rounds: int, steps: int, workers: int
) -> tuple[Records, list[Aims], list[float]]:
    """The flow after rounds and search, what each round had reached, the distance by step."""
    flow, wanted, seen = first_guess(day, sums), aims_of(sums), []
    for _ in range(rounds):
        got = aims_of(sums_of(flow, Purpose.CALIBRATION, ROUND_DAYS, workers=workers))
        seen.append(got)
        flow = pulled(flow, wanted, got)
    best, path = searched(flow, sums, steps, workers)
    return best, seen, path


def compared(recorded: Sums, simulated: Sums) -> dict[str, dict[str, Any]]:
    """Each statistic: recorded, simulated with interval, target, and whether they agree."""
    one = np.ones((1, 1))
    weights = weights_of(len(simulated["levels"]))
    estimators = [(t.name, t.estimate, t.band) for t in TARGETS]
    estimators += [(name, estimator, "") for name, (_, estimator) in LEVELS.items()]
    rows: dict[str, dict[str, Any]] = {}
    for name, estimator, band in estimators:
        real = float(facts.applied(estimator, recorded, one)[0])
        value, low, high = estimate(simulated, weights, estimator)
        known = math.isfinite(real) and math.isfinite(value)
        chance = 0.5 if name in OVER_CHANCE else 0.0
        close = known and abs(value - real) <= FAR_OFF * abs(real - chance)
        rows[name] = {
            "recorded": _number(real),
            "simulated": _number(value),
            "ci95": [_number(low), _number(high)],
            "target": band,
            "agrees": close or (known and low <= real <= high),
        }
    return rows


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def parameters(flow: Records) -> dict[str, dict[str, object]]:
    """Every parameter with its value and where it comes from."""
    rows: dict[str, dict[str, object]] = {}
    for name in flow.dtype.names or ():
        prior = name in PRIOR
        source = f"prior: {PRIOR[name]}" if prior else "this day"
        rows[name] = {"value": round(float(flow[0][name]), 6), "from": source}
    return rows


def calibrate(
    messages: Path, orderbook: Path, *, days: int, rounds: int, steps: int, workers: int = 1
) -> dict[str, Any]:
    """Everything about one calibration, under one hash."""
    day, source, _ = recorded_day(messages, orderbook)
    if len(day.hits) < 2 * max(LAGS):
        raise Refused(
            f"{messages.name} must hold at least {2 * max(LAGS)} visible trades, has "
            f"{len(day.hits)}",
            field="messages",
        )
    recorded = stacked([moments(day)])
    flow, path, distances = fitted(day, recorded, rounds, steps, workers)
    rows = compared(recorded, sums_of(flow, Purpose.ACCEPTANCE, days, workers=workers))
    body: dict[str, Any] = {
        "source": source,
        "parameters": parameters(flow),
        "statistics": rows,
        "misfit": [name for name, row in rows.items() if not row["agrees"]],
        "agreement": f"{sum(row['agrees'] for row in rows.values())} of {len(rows)}",
        "rounds": [_rounded(aims) for aims in path],
        "distance": distances,
        "wanted": _rounded(aims_of(recorded)),
        "days": days,
        "recorded_days": 1,
        "seeds": {
            "fit": [Purpose.CALIBRATION.value, max(ROUND_DAYS, SEARCH_DAYS), SEARCH_SEED],
            "comparison": [Purpose.ACCEPTANCE.value, days],
        },
        "market_hash": market_hash([flow]),
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {**body, "hash": digest[:16]}


def _rounded(aims: Aims) -> dict[str, float]:
    names = ("aggressors", "volume", "spread", "touch", "minute", "response")
    return {name: round(float(getattr(aims, name)), 4) for name in names}


# --- the verb -------------------------------------------------------------------------------
def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine calibrate", description=__doc__)
    parser.add_argument("--messages", type=Path, required=True, help="LOBSTER message file or zip")
    parser.add_argument("--orderbook", type=Path, required=True, help="its order book file or zip")
    parser.add_argument("--days", type=int, default=DAYS, help="simulated days to compare with")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of moment matching")
    parser.add_argument("--steps", type=int, default=STEPS, help="random steps after them")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--report", type=Path, default=None, help="folder that keeps the result")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.days < 2 or min(arguments.rounds, arguments.steps) < 0 or arguments.workers < 1:
        parser.error("--days must be at least 2, --rounds and --steps 0, --workers 1")
    return arguments


def main(argv: Sequence[str], now_ns: int) -> int:
    """Run the verb; the exit code. A misfit is told, it is no failure of the verb."""
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    body = calibrate(
        arguments.messages, arguments.orderbook, days=arguments.days, rounds=arguments.rounds,
        steps=arguments.steps,
        workers=arguments.workers,
    )  # fmt: skip
    if arguments.report is not None:
        arguments.report.mkdir(parents=True, exist_ok=True)
        path = arguments.report / f"calibration-{body['hash']}.json"
        path.write_text(json.dumps({**body, "made_ns": now_ns}, indent=1))
    sys.stdout.write((json.dumps(body) if arguments.json else in_words(body)) + "\n")
    return DONE


def in_words(body: dict[str, Any]) -> str:
    """The result as lines for a terminal."""
    lines = [body["source"], f"hash {body['hash']}, {body['days']} simulated days"]
    for name, row in body["statistics"].items():
        mark = "" if row["agrees"] else "  MISFIT"
        lines.append(
            f"  {name:26} recorded {row['recorded']!s:>12}  simulated {row['simulated']!s:>12} "
            f"{row['ci95']}  {row['target']}{mark}"
        )
    lines += [
        f"  {name} = {row['value']} ({row['from']})" for name, row in body["parameters"].items()
    ]
    lines.append(f"agreement {body['agreement']}; misfit: {', '.join(body['misfit']) or 'none'}")
    return "\n".join(lines)
