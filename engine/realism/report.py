"""The realism report: every fact in every regime, the control, own impact; one file, one hash.

Exit codes of the verb: 0 every applicable target holds and the control fails, 2 bad usage, 3 not.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.exchange.presets import MIDCAP, market_hash
from engine.exchange.regimes import REGIMES, ZERO_INTELLIGENCE, Regime
from engine.realism import impact, impact_report
from engine.realism.facts import (
    LAG_100,
    absolute_correlations,
    applied,
    correlations,
    recovery_path,
    responses,
)
from engine.realism.judge import BOOTSTRAP_SEED, judged, levels
from engine.realism.moments import HALF_HOURS, LAGS, RESPONSES, Floats
from engine.realism.targets import MUST_FAIL
from engine.realism.watch import Progress, Purpose, long_sums_of, sums_of
from engine.runtime.whole import write_whole

DONE, USAGE, MISSED = 0, 2, 3
DAYS: Final = 200  # watched trade by trade
LONG_DAYS: Final = 900  # of which only mids are kept: a variance ratio of 30 minutes to 0.04
LONG_CONTROL: Final = 300
CONTROL_DAYS: Final = 100
PATHS: Final = 200
TRIP_PATHS: Final = 60
VERSION: Final = 1  # of the file
MINUTE_LAGS: Final = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 80, LAG_100, 130, 160)


def curves(sums: dict[str, Floats]) -> dict[str, object]:
    """What the pictures are drawn from: correlations, response, recovery, half hours."""
    one = np.ones((1, len(sums["levels"])))
    long = np.ones((1, len(sums["minutes"])))
    halves = sums["half_hours"].mean(axis=0)
    return {
        "sign_lags": list(LAGS),
        "sign_correlation": _short(applied(correlations, sums, one)[0]),
        "minute_lags": list(MINUTE_LAGS),
        "absolute_correlation": _short(applied(_absolute, sums, long)[0]),
        "response_lags": list(RESPONSES),
        "response": _short(applied(responses, sums, one)[0]),
        "recovery": _short(applied(recovery_path, sums, one)[0]),
        "half_hour_volume": _short(halves[:HALF_HOURS]),
        "half_hour_spread": _short(halves[HALF_HOURS:]),
    }


def _absolute(sums: dict[str, Floats], weights: Floats) -> Floats:
    return absolute_correlations(sums["minutes"], weights, MINUTE_LAGS)


def _short(values: Floats) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]


def measured(
    regime: Regime, days: int, long_days: int, workers: int, progress: Progress | None
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Verdicts of one regime on days nobody tuned on, and what else is told about it."""
    flow = regime.of(MIDCAP.flow())
    sums = {
        **sums_of(flow, Purpose.ACCEPTANCE, days, workers=workers, progress=progress),
        **long_sums_of(flow, Purpose.ACCEPTANCE, long_days, workers=workers, progress=progress),
    }
    about: dict[str, object] = {
        "words": regime.words,
        "levels": levels(sums),
        "curves": curves(sums),
    }
    return judged(sums, regime.name), about


def control_fails(rows: dict[str, dict[str, object]]) -> bool:
    """Whether the control misses every target that it must miss."""
    return not any(rows[name]["passed"] for name in MUST_FAIL)


def stylised(
    *, days: int, long_days: int, workers: int = 1, progress: Progress | None = None
) -> dict[str, Any]:
    """Every target in every regime and in the control, with the verdict."""
    calibrated: dict[str, dict[str, dict[str, object]]] = {}
    about: dict[str, object] = {}
    for regime in REGIMES:
        calibrated[regime.name], about[regime.name] = measured(
            regime, days, long_days, workers, progress
        )
    control, told = measured(
        ZERO_INTELLIGENCE, min(days, CONTROL_DAYS), min(long_days, LONG_CONTROL), workers, progress
    )
    about[ZERO_INTELLIGENCE.name] = told
    misses = [
        f"{regime}: {name}"
        for regime, rows in calibrated.items()
        for name, row in rows.items()
        if row["applies"] and not row["passed"]
    ]
    failed = control_fails(control)
    return {
        "calibrated": calibrated,
        "zero_intelligence": control,
        "control_fails": failed,
        "misses": misses,
        "passed": not misses and failed,
        "about": about,
        **stamp(),
    }


def own_impact(
    *, paths: int, trips: int, workers: int = 1, progress: Progress | None = None
) -> dict[str, Any]:
    """Own impact in paired twins, beside the published laws; round trips must lose."""
    flow, adv = MIDCAP.flow(), int(MIDCAP.instrument.adv)
    sigma = MIDCAP.instrument.daily_volatility_bps / impact.BPS
    rate = impact.measure(flow, impact.fixed_rate(adv), paths, workers=workers, progress=progress)
    half = impact.measure(
        flow, impact.fixed_horizon(adv), paths, workers=workers, progress=progress
    )
    found = impact_report.judged_impact(rate, half, sigma)
    trip = impact_report.round_trips(flow, trips, workers=workers, progress=progress)
    passed = bool(found["passed"]) and bool(trip["passed"])
    return {"impact": found, "round_trips": trip, "passed": passed, **stamp()}


def stamp() -> dict[str, object]:
    """What a result must say of itself: instrument, market, seeds."""
    return {
        "instrument": str(MIDCAP.instrument.symbol),
        "market_hash": market_hash(),
        "seeds": {purpose.name.lower(): purpose.value for purpose in Purpose},
        "bootstrap_seed": BOOTSTRAP_SEED,
        "version": VERSION,
    }


def keep(folder: Path, body: dict[str, Any], made_ns: int) -> Path:
    """Add these parts to the report of this market; written whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"market-{body['market_hash']}.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    part = "own_impact" if "impact" in body else "stylised"
    known.update({"market_hash": body["market_hash"], part: {**body, "made_ns": made_ns}})
    write_whole(path, json.dumps(known, allow_nan=False))
    return path


# --- the verb -------------------------------------------------------------------------------
def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine stylised", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, help="days watched trade by trade")
    parser.add_argument(
        "--long-days", type=int, default=LONG_DAYS, help="days of which only mids are kept"
    )
    parser.add_argument("--impact", action="store_true", help="own orders in paired twins instead")
    parser.add_argument("--paths", type=int, default=PATHS, help="paths an order size, --impact")
    parser.add_argument("--trips", type=int, default=TRIP_PATHS, help="paths a round trip")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--report", type=Path, default=None, help="folder that keeps the report")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    for name in ("days", "long_days", "paths", "trips", "workers"):
        if getattr(arguments, name) < (1 if name == "workers" else 2):
            parser.error(f"--{name} is too small, was {getattr(arguments, name)}")
    return arguments


def main(argv: Sequence[str], now_ns: int) -> int:
    """Run the verb; the exit code."""
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    if arguments.impact:
        body = own_impact(paths=arguments.paths, trips=arguments.trips, workers=arguments.workers)
    else:
        body = stylised(
            days=arguments.days, long_days=arguments.long_days, workers=arguments.workers
        )
    if arguments.report is not None:
        keep(arguments.report, body, now_ns)
    sys.stdout.write((json.dumps(body) if arguments.json else in_words(body)) + "\n")
    return DONE if body["passed"] else MISSED


def in_words(body: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    lines = [f"market {body['market_hash']}, {body['instrument']}"]
    if "impact" in body:
        lines += list(body["impact"]["against_published"])
        lines += [_line(name, row) for name, row in body["impact"]["targets"].items()]
        worst = max(row["gain_bps"]["value"] for row in body["round_trips"]["patterns"])
        lines.append(f"best round trip: {worst:+.1f} bp a share")
    else:
        regimes = {**body["calibrated"], ZERO_INTELLIGENCE.name: body["zero_intelligence"]}
        for name, rows in regimes.items():
            lines.append(name)
            lines += [_line(target, row) for target, row in rows.items()]
    lines.append("passed" if body["passed"] else "NOT PASSED")
    return "\n".join(lines)


def _line(name: str, row: dict[str, Any]) -> str:
    mark = "pass" if row["passed"] else "MISS"
    if not row["applies"]:
        mark += ", does not apply"
    return f"  {name:26} {row['value']!s:>10} {row['ci95']} n {row['n']}, {row['target']}: {mark}"
