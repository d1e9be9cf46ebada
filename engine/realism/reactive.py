"""A market like a recorded day, that answers to our orders: the levels of the file, by simulation.

Taken from the recording: price at the open, tick, number and size of trades, their half hours,
spread and its shape, volatility of a minute; every day is as volatile as that one. Rounds of
simulated days pull the flow there. All else is the calibrated stock: own impact, news, dark pools,
dealers, auctions. So it is a market *like* that day in its levels and in little more, and says so.
"""

import fcntl
import math
from dataclasses import replace
from typing import Any, Final

import numpy as np

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.market import REPORT, TRADE
from engine.domain.units import SECOND, Shares
from engine.exchange.generated import FILE, Generated, digests, keep, load
from engine.exchange.recorded_day import instrument_of
from engine.kernels.flow import DONE, MAX_PRINTS, TRADES_FULL, run_until
from engine.realism.calibrate import Aims, aims_of, compared, first_guess, pulled
from engine.realism.facts import Sums
from engine.realism.moments import LAGS, moments, stacked
from engine.realism.recorded import observed
from engine.realism.watch import OPEN_NS, SECONDS, Purpose, Records, fresh, seed_of, sums_of
from engine.runtime.feeds.lobster import Recording, read_recording
from engine.settings import Settings

ROUNDS: Final = 5
ROUND_DAYS: Final = 10
DAYS: Final = 20  # of the comparison, on other seeds
LEAST_DEPTH: Final = 0.6  # thinner queues leave a side of the book empty for minutes
OFF_SHARE: Final = 0.448  # of consolidated volume: what MIDC has (docs/numbers.md)
LEVELS: Final = (
    "lit_volume", "aggressors", "spread", "touch_size", "u_shape_volume", "u_shape_spread",
)  # fmt: skip
ROWS: Final = 65_536  # prints between two emptyings
CLOSE: Final = 0.05  # a level that is further away is named as a misfit


def is_there(settings: Settings) -> bool:
    """Whether the state folder holds a market already."""
    return (settings.state / FILE).exists()


def ready(settings: Settings) -> Generated:
    """The market of this state folder, fitted at its first start; one process at a time.

    Refused when the folder holds one of another recording, or the recording is not sound.
    """
    messages, orderbook = settings.replay_messages, settings.replay_orderbook
    if messages is None or orderbook is None:
        raise Refused("a generated market needs a recording: give --replay", field="replay")
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / f"{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = digests(messages, orderbook)
        if not (settings.state / FILE).exists():
            keep(settings.state, fitted(read_recording(messages, orderbook), files))
        found = load(settings.state)
    if found.files != files:
        raise Refused(
            f"the state folder holds {found.source}; {messages.name} is another recording: choose "
            "another with --state",
            field="state",
        )
    return found


def fitted(recording: Recording, files: tuple[str, ...]) -> Generated:
    """Flow, instrument and report of a market like this day."""
    instrument = instrument_of(recording)
    day, _ = observed(recording)
    if len(day.hits) < 2 * max(LAGS):
        raise Refused(
            f"{recording.files} must hold at least {2 * max(LAGS)} visible trades, has "
            f"{len(day.hits)}",
            field="replay",
        )
    recorded = stacked([moments(day)])
    wanted, flow = aims_of(recorded), bounded(first_guess(day, recorded))
    for _ in range(ROUNDS):
        got = aims_of(sums_of(flow, Purpose.CALIBRATION, ROUND_DAYS))
        flow = bounded(pulled(flow, wanted, got))
    sums = sums_of(flow, Purpose.ACCEPTANCE, DAYS)
    rows = compared(recorded, sums)
    public, beside = volumes(flow)
    off = public * OFF_SHARE / (1.0 - OFF_SHARE)
    report = report_of(rows, wanted, aims_of(sums), sums)
    report["levels"]["public_volume"] = {
        "recorded": float(instrument.adv), "generated": round(public, 1),
    }  # fmt: skip
    report["levels_apart"] = apart(report["levels"])
    return Generated(
        instrument=replace(
            instrument,
            name=f"{recording.symbol} generated from {recording.day}",
            adv=Shares(round(public + off)),
        ),
        parameters={name: float(flow[0][name]) for name in flow.dtype.names or ()},
        off_size=off / beside,
        day=recording.day,
        source=source_of(recording, report),
        report=report,
        files=files,
    )


def bounded(flow: Records) -> Records:
    """The flow with queues that do not leave a side empty, on days that are all as volatile."""
    after = flow.copy()
    after[0]["vol_day"] = 0.0
    after[0]["depth"] = max(LEAST_DEPTH, float(after[0]["depth"]))
    return after


def report_of(
    rows: dict[str, dict[str, Any]], wanted: Aims, got: Aims, simulated: Sums
) -> dict[str, Any]:
    """Levels and statistics, recorded and generated, and which of them do not agree."""
    levels = {
        name: {"recorded": rows[name]["recorded"], "generated": rows[name]["simulated"]}
        for name in LEVELS
    }
    levels["minute_deviation"] = {
        "recorded": round(wanted.minute, 4), "generated": round(got.minute, 4),
    }  # fmt: skip
    return {
        "levels": levels,
        "levels_apart": apart(levels),
        "statistics": rows,
        "misfit": [name for name, row in rows.items() if not row["agrees"]],
        "agree": sum(bool(row["agrees"]) for row in rows.values()),
        "of": len(rows),
        "days": len(simulated["levels"]),
    }


def volumes(flow: Records) -> tuple[float, float]:
    """Volume of a day on the public books, hidden trades included, and off them. [share]"""
    public, beside = 0, 0
    reports, trades = np.zeros(MAX_PRINTS, REPORT), np.zeros(ROWS, TRADE)
    for day in range(ROUND_DAYS):
        env = fresh(flow, seed_of(Purpose.CALIBRATION, day))
        status = TRADES_FULL
        while status == TRADES_FULL:
            status, _, _ = run_until(env, OPEN_NS + SECONDS * SECOND, reports, 0, trades, 0)
        if status != DONE:
            raise BrokenInvariant(f"the market kernel answered {status}")
        state = env.state[0]
        public += int(state["volume"] - state["off_volume"])
        beside += int(state["off_volume"])
    return public / ROUND_DAYS, beside / ROUND_DAYS


def apart(levels: dict[str, dict[str, float]]) -> list[str]:
    """Names of the levels that are not what was recorded."""
    return [name for name, row in levels.items() if not is_close(row["recorded"], row["generated"])]


def is_close(recorded: float | None, generated: float | None) -> bool:
    """Whether a level is what was recorded, within CLOSE of it."""
    if recorded is None or generated is None:
        return False
    return math.isclose(generated, recorded, rel_tol=CLOSE) and bool(np.isfinite(generated))


def source_of(recording: Recording, report: dict[str, Any]) -> str:
    """The watermark of screens and exports: what it is, from which file, how far it is off."""
    apart = [
        f"{name.replace('_', ' ')} {row['generated']:,.4g} (recorded {row['recorded']:,.4g})"
        for name, row in report["levels"].items()
        if name in report["levels_apart"]
    ]
    file = recording.files.partition(" + ")[0].partition("/")[0]
    return (
        f"REPLAY / REACTIVE, GENERATED FROM {file} ({recording.symbol} {recording.day}): "
        f"{report['agree']} of {report['of']} statistics agree, apart in "
        f"{', '.join(apart) or 'no level'}; sha256 {recording.digest[:12]}"
    )
