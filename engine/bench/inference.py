"""``bench inference``: every kind of model, compiled against scikit-learn, one row at a time.

Interleaved on one machine: ours, theirs, ours, theirs ...; best of the rounds. Both see the same
rows, and the scores must agree within 1e-6 (the registry asks for 1e-9). What scikit-learn is
timed on is prepared already: standardised where the kind wants it. ``decision`` is the live pair
through the door from Python: a tick into the features, then one call of ``act``.

Exit 0 done, 2 bad usage, 3 results disagree.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.bench.meta import load, meta
from engine.core.plan import Planner
from engine.domain.kinds import ADAPTIVE, BUY, MODEL_LIVE, N_FEATURES
from engine.domain.market import TICK
from engine.domain.strategy import vector
from engine.exchange.presets import MIDCAP
from engine.kernels import rng
from engine.kernels.act import act_first
from engine.kernels.features import new_state, prior_microprice, update_first
from engine.kernels.inference import Model, explain_rows, score_rows
from engine.kernels.schedules import SECOND_NS, u_shape_curve
from engine.learn.dataset import Dataset
from engine.learn.estimators import KINDS, expected
from engine.learn.fit import all_features, fit

Floats = npt.NDArray[np.float64]

DONE, USAGE, DISAGREE = 0, 2, 3
BOUND: Final = 1e-6
SEED: Final = 42
STREAM_FEATURES: Final = 302
STREAM_LABELS: Final = 303
HOLDOUT: Final = 1_000  # rows that are scored
PASSES: Final = 5  # of ours over them, a round
CALLS: Final = 5  # of theirs, a round
SESSION: Final = 23_400

# how many times faster than scikit-learn on one row, at least
GOALS: Final[dict[str, int]] = {
    "linear": 5_000, "logistic": 5_000, "tree": 500, "forest": 1_000, "forest_full": 500,
    "gradient_boosting": 300, "hist_gradient_boosting": 200, "mlp": 50, "svm": 12,
}  # fmt: skip
DECISION_GOAL_US: Final = {"svm": 10.0}
DECISION_GOAL_OTHERS_US: Final = 5.0  # p99


@dataclass(slots=True, kw_only=True)
class Subject:
    """A fitted model, both ways, and the best time of each."""

    name: str
    model: Model
    estimator: Any
    rows: npt.NDArray[np.float32]  # shape (n, 16)
    prepared: Floats  # what scikit-learn gets
    out: Floats
    difference: float = 0.0
    ns: float = float("inf")
    us_theirs: float = float("inf")

    def round(self, turn: int) -> None:
        """Ours over all rows, then theirs on a few of them."""
        for _ in range(PASSES):
            begin = time.perf_counter_ns()
            score_rows(self.model, self.rows, self.out)
            self.ns = min(self.ns, (time.perf_counter_ns() - begin) / len(self.rows))
        for k in range(CALLS):
            at = (turn * CALLS + k) % len(self.rows)
            row = self.prepared[at : at + 1]
            begin = time.perf_counter_ns()
            expected(self.estimator, row)
            self.us_theirs = min(self.us_theirs, (time.perf_counter_ns() - begin) / 1e3)


def dataset(n: int) -> Dataset:
    """Rows whose direction leans on some features, bent and crossed; two in five are noise."""
    x = np.array(
        [
            [rng.normal(SEED, STREAM_FEATURES, N_FEATURES * i + k) for k in range(N_FEATURES)]
            for i in range(n)
        ]
    ).astype(np.float32)
    luck = np.array([rng.normal(SEED, STREAM_LABELS, i) for i in range(n)])
    moves = x[:, 0] + np.abs(x[:, 1]) - 0.8 + x[:, 2] * x[:, 3] + 1.5 * luck
    at_ns = np.arange(n, dtype=np.int64) * SECOND_NS
    return Dataset(
        features=x, ups=moves > 0.0, moves=moves.astype(np.float64), at_ns=at_ns,
        label_end_ns=at_ns + SECOND_NS, names=("bench",), horizon_s=1,
    )  # fmt: skip


def subject(name: str, rows: int) -> Subject:
    """Fit a kind and compile it; the hold-out comes after the rows it learns from."""
    data = dataset(rows + HOLDOUT)
    train, holdout = data.take(np.arange(rows)), data.take(np.arange(rows, rows + HOLDOUT))
    fitted = fit(name, train, holdout, all_features())
    row = fitted.model.row[0]
    prepared = holdout.features.astype(np.float64)
    if KINDS[name].standard:
        prepared = (prepared - row["mean"]) / row["scale"]
    out = np.empty(HOLDOUT)
    score_rows(fitted.model, holdout.features, out)
    theirs = expected(fitted.estimator, prepared)
    return Subject(
        name=name, model=fitted.model, estimator=fitted.estimator, rows=holdout.features,
        prepared=prepared, out=out, difference=float(np.abs(out - theirs).max()),
    )  # fmt: skip


def timed_ns(function: Callable[[], object], passes: int) -> int:
    """Best time of some passes."""
    best = 1 << 62
    for _ in range(passes):
        begin = time.perf_counter_ns()
        function()
        best = min(best, time.perf_counter_ns() - begin)
    return best


def report_of(one: Subject) -> dict[str, object]:
    """The row of a kind."""
    parts = np.empty((HOLDOUT, N_FEATURES))
    explain_rows(one.model, one.rows[:1], parts[:1])
    explained = timed_ns(lambda: explain_rows(one.model, one.rows, parts), 3)
    ratio = 1e3 * one.us_theirs / one.ns
    return {
        "ns_compiled": round(one.ns, 2),
        "us_sklearn_one_row": round(one.us_theirs, 2),
        "max_abs_diff": one.difference,
        "ratio": round(ratio),
        "goal_ratio": GOALS[one.name],
        "goal_reached": bool(ratio >= GOALS[one.name]),
        "ns_contributions": round(explained / HOLDOUT, 1),
        "nodes": int(one.model.nodes.size),
        "weights": int(np.count_nonzero(one.model.values)) if not one.model.nodes.size else 0,
    }


def ticks(n: int) -> npt.NDArray[np.void]:
    """A quiet book, a tick a second."""
    rows = np.zeros(n, dtype=TICK)
    second = np.arange(n)
    rows["at_ns"] = (second + 1_000) * SECOND_NS
    for level in range(rows["bid"].shape[1]):
        rows["bid"][:, level] = 5_000 + second % 3 - level
        rows["ask"][:, level] = 5_002 + second % 3 + level
        rows["bid_size"][:, level] = 100 * (1 + second % 7)
        rows["ask_size"][:, level] = 100 * (1 + second % 5)
    rows["volume"] = 80 * second
    rows["trades"] = second
    return rows


def decisions(one: Subject, n: int) -> dict[str, object]:
    """Latency of ``update_first`` and ``act_first``, each decision with a live model.

    The features of the quiet book are taken in and then replaced by a row of the hold-out: the
    model must be asked about rows like those it knows.
    """
    curve, planner = u_shape_curve(), Planner()
    state = new_state(0, SESSION * SECOND_NS, 2e6, curve, prior_microprice())
    market = ticks(n)
    features = np.zeros(N_FEATURES, dtype=np.float32)
    seen: Any = planner.observations[0]
    seen["end_ns"] = seen["close_ns"] = SESSION * SECOND_NS
    seen["kind"], seen["side"], seen["quantity"], seen["lot"] = ADAPTIVE, BUY, 500_000, 100
    seen["collar_ticks"], seen["model_state"], seen["arrival_price"] = 50, MODEL_LIVE, 5_001
    seen["bid"], seen["ask"], seen["bid_size"], seen["ask_size"] = 5_000, 5_002, 300, 300
    planner.parameters[:] = vector("ADAPTIVE", {}, MIDCAP.instrument)
    took = np.empty(n)
    scored = 0
    for k in range(n):
        tick = market[k : k + 1]
        seen["now_ns"], seen["filled"] = tick["at_ns"][0], 20 * k
        seen["features"] = one.rows[k % HOLDOUT]
        begin = time.perf_counter_ns()
        update_first(state, tick, features)
        act_first(planner.observations, planner.parameters, curve, one.model, planner.actions)
        took[k] = (time.perf_counter_ns() - begin) / 1e3
        scored += bool(np.isfinite(planner.actions[0]["score"]))
    return {
        "p50_us": round(float(np.percentile(took, 50)), 2),
        "p99_us": round(float(np.percentile(took, 99)), 2),
        "max_us": round(float(took.max()), 1),
        "n": n,
        "scored": scored,
        "goal_p99_us": DECISION_GOAL_US.get(one.name, DECISION_GOAL_OTHERS_US),
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine bench inference", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=3_000, help="training rows")
    parser.add_argument("--decisions", type=int, default=5_000, help="live decisions a kind")
    parser.add_argument("--model", choices=sorted(GOALS), action="append")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    for name, least in (("rounds", 1), ("rows", 600), ("decisions", 1)):
        if getattr(arguments, name) < least:
            parser.error(f"--{name} must be at least {least}, was {getattr(arguments, name)}")
    return arguments


def _print(report: dict[str, Any]) -> None:
    """The table for people."""
    print(
        f"{'':24}{'ns':>10}{'sklearn us':>12}{'ratio':>9}{'goal':>7}{'max diff':>11}{'p99 us':>9}"
    )
    for name, row in report["models"].items():
        p99 = report["decision"][name]["p99_us"]
        print(
            f"{name:24}{row['ns_compiled']:>10}{row['us_sklearn_one_row']:>12}{row['ratio']:>9}"
            f"{row['goal_ratio']:>7}{row['max_abs_diff']:>11.1e}{p99:>9}"
        )


def main(argv: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    load_before = load()
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    subjects = [subject(name, arguments.rows) for name in arguments.model or GOALS]
    for turn in range(arguments.rounds):
        for one in subjects:
            one.round(turn)
    report: dict[str, Any] = {
        "models": {one.name: report_of(one) for one in subjects},
        "decision": {one.name: decisions(one, arguments.decisions) for one in subjects},
        "meta": meta(load_before),
    }
    if arguments.json:
        print(json.dumps(report))
    else:
        _print(report)
    wrong = [one for one in subjects if not one.difference <= BOUND]
    for one in wrong:
        print(
            f"bench inference: {one.name} differs from scikit-learn by {one.difference:g}, "
            f"must be within {BOUND:g}",
            file=sys.stderr,
        )
    return DISAGREE if wrong else DONE
