"""What a comparison says: the JSON of ``compare``, sentences for people, the sensitivity table.

Positive = cost; a negative paired difference = cheaper than the baseline. A strategy is called
cheaper or dearer only when the interval of the difference leaves out zero.

A path on which an order was not finished, or on which one side of the market was empty when the
permanent impact was read, has no cost. A pair is made of the paths that both finished, and says
nothing when the strategy failed on more paths than its baseline; costs of a row are of the paths
that all finished. How many were left out stands beside both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.lab.cost import Floats
from engine.lab.market import flow_of, venue_classes
from engine.lab.placed import BARE, SAME
from engine.lab.run import Question, Result
from engine.lab.statistics import Mean, Paired, mean_of, paired

BASELINES: Final = ("VWAP_STATIC", "TWAP")
# DOMAIN: FLOW field, the word for it, factor (or value) of each variant
AXES: Final = (
    ("permanent impact", "pi_own", (0.5, 2.0), True),
    ("resilience", "beta_own", (0.5, 2.0), True),
    ("exponent", "p_own", (0.4, 0.7), False),
    ("size of impact", "g_own", (0.5, 2.0), True),
    ("where it turns concave", "c_own", (0.3, 5.0), False),
)


def number(value: float) -> float | None:
    """For JSON: null for what is not known, six decimals for what is."""
    return None if not math.isfinite(value) else round(value, 6)


def interval(mean: Mean) -> list[float | None]:
    """Both ends of the 95 % interval."""
    return [number(mean.low), number(mean.high)]


def verdict(name: str, baseline: str, found: Paired, version: str, unfinished: int = 0) -> str:
    """The one sentence that may be said about a pair."""
    gap = found.difference
    if unfinished:
        of = gap.n + unfinished
        return f"not comparable: the order was not finished on {unfinished} of {of} paths"
    if gap.n < 2:
        return "not enough data: one path has no interval"
    if gap.sd == 0.0 and gap.mean == 0.0:
        return f"no different: {name} and {baseline} did the same on all {gap.n} paths"
    if gap.low > 0.0 or gap.high < 0.0:
        word = "cheaper" if gap.mean < 0.0 else "dearer"
        low, high = sorted((abs(gap.low), abs(gap.high)))
        return (
            f"{name} {word} than {baseline} by {abs(gap.mean):.2f} bp [{low:.2f}, {high:.2f}], "
            f"n = {gap.n}, simulator {version}"
        )
    needed = f"needed ≈ {found.needed:,}" if found.needed else "no difference seen at all"
    return f"no difference shown, n = {gap.n}, {needed}"


def spread_of(mean: Mean) -> dict[str, Any]:
    """A mean and its interval, for JSON."""
    return {"mean": number(mean.mean), "ci95": interval(mean)}


def _pair(parts: dict[str, Floats], result: Result, i: int, j: int, chosen: Any) -> dict[str, Any]:
    names = [who.name for who in result.question.contenders]
    open_paths = unfinished(result)[chosen]
    both = ~(open_paths[:, i] | open_paths[:, j])

    def gap(part: str) -> Paired:
        return paired(parts[part][chosen, i][both], parts[part][chosen, j][both])

    found = gap("headline")
    mine, theirs = int(open_paths[:, i].sum()), int(open_paths[:, j].sum())
    out = int((~both).sum())
    said = verdict(names[i], names[j], found, result.market_hash, out if mine > theirs else 0)
    return {
        "mean_bps": number(found.difference.mean),
        "ci95": interval(found.difference),
        "p_value": float(f"{found.p_value:.4g}") if math.isfinite(found.p_value) else None,
        "win_rate": number(found.win_rate),
        "n": found.difference.n,
        "verdict": said,
        "left_out": {"paths": out, names[i]: mine, names[j]: theirs},
        "same_arrival_bps": spread_of(gap("shortfall").difference),
        "total_bps": spread_of(gap("total").difference),
    }


def unfinished(result: Result) -> NDArray[np.bool_]:
    """Paths without a cost, shape (n, contenders): shares left after the clean-up, or no mid."""
    short = result.rows["filled"] < result.question.scenario.order.quantity
    done: NDArray[np.bool_] = short | np.isnan(result.rows["impact"])
    return done


def _pairs(
    parts: dict[str, Floats], result: Result, i: int, chosen: Any, baselines: Sequence[str]
) -> dict[str, dict[str, Any]]:
    names = [who.name for who in result.question.contenders]
    return {
        baseline: _pair(parts, result, i, names.index(baseline), chosen)
        for baseline in (*baselines, SAME, names[i] + BARE)
        if baseline in names and baseline != names[i]
    }


def _row(
    parts: dict[str, Floats], result: Result, i: int, baselines: Sequence[str]
) -> dict[str, Any]:
    rows, priced = result.rows[:, i], ~unfinished(result).any(axis=1)
    quantity = result.question.scenario.order.quantity
    tick_size = result.question.scenario.preset.instrument.tick_size
    cost = {part: values[priced, i] for part, values in parts.items()}
    shortfall, headline = mean_of(cost["shortfall"]), mean_of(cost["headline"])
    cents = cost["shortfall"] * rows["start_mid"][priced] * tick_size / 1e4 * 100.0
    shares = rows["venue"].sum(axis=0)
    filled = int(rows["filled"].sum())
    return {
        "strategy": result.question.contenders[i].name,
        "model": result.question.contenders[i].model_id or None,
        "shortfall_bps": {
            "mean": number(shortfall.mean),
            "ci95": interval(shortfall),
            "sd": number(shortfall.sd),
        },
        "impact_bps": {
            part: number(mean_of(cost[part]).mean)
            for part in ("total", "temporary", "permanent", "spread")
        },
        "headline_bps": spread_of(headline),
        "arrival_cents_per_share": number(mean_of(cents).mean),
        "completion": number(filled / (quantity * len(rows))),
        "cleanup_share": number(int(rows["cleanup"].sum()) / (quantity * len(rows))),
        "venue_share": {
            name: number(int(shares[list(places)].sum()) / filled) if filled else None
            for name, places in venue_classes().items()
        },
        "paired_vs": _pairs(parts, result, i, slice(None), baselines),
        "n": headline.n,
        "unfinished": int(unfinished(result)[:, i].sum()),
    }


def _regimes(parts: dict[str, Floats], result: Result, baselines: Sequence[str]) -> dict[str, Any]:
    """Headline cost and pairs of the paths of each regime."""
    question = result.question
    found: dict[str, Any] = {}
    which = np.array([question.scenario.regime(i) for i in range(result.n)])
    priced = ~unfinished(result).any(axis=1)
    for regime in question.scenario.regimes:
        chosen = which == regime
        rows = []
        for i, who in enumerate(question.contenders):
            headline = mean_of(parts["headline"][chosen & priced, i])
            rows.append(
                {
                    "strategy": who.name,
                    "headline_bps": spread_of(headline),
                    "paired_vs": _pairs(parts, result, i, chosen, baselines),
                }
            )
        found[regime] = {"days": int(chosen.sum()), "rows": rows}
    return found


def comparison(result: Result, baselines: Sequence[str] = BASELINES) -> dict[str, Any]:
    """The object that ``compare --json`` prints."""
    parts, count = result.parts(), len(result.question.contenders)
    return {
        "scenario": result.question.scenario.name,
        "days": result.n,
        "seed": result.question.seed,
        "market_hash": result.market_hash,
        "rows": [_row(parts, result, i, baselines) for i in range(count)],
        "by_regime": _regimes(parts, result, baselines),
    }


def sign(pair: dict[str, Any]) -> int:
    """-1 = cheaper than the baseline, +1 = dearer, 0 = the interval holds zero or there is none."""
    low, high = pair["ci95"]
    if low is None or high is None or low <= 0.0 <= high:
        return 0
    return -1 if high < 0.0 else 1


def signed(pairs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pairs with the sign of their difference."""
    return {baseline: {**pair, "sign": sign(pair)} for baseline, pair in pairs.items()}


def sensitivity(question: Question, ask: Callable[[Question], Result]) -> list[dict[str, Any]]:
    """The same comparison in markets whose impact is another: the sign of each difference.

    ask : runs a question, e.g. ``lambda q: run(q, pool=pool)``. Simulated significance is cheap;
    a difference that changes its sign along this table is a property of the parameters.
    """
    found = []
    flow = flow_of(question.scenario, question.scenario.regimes[0])[0]
    for words, field, variants, relative in AXES:
        for variant in variants:
            value = float(flow[field]) * variant if relative else variant
            scenario = question.scenario.with_market(**{field: value})
            result = ask(replace(question, scenario=scenario))
            parts = result.parts()
            found.append(
                {
                    "axis": words,
                    "field": field,
                    "value": number(value),
                    "rows": [
                        {
                            "strategy": who.name,
                            "paired_vs": signed(_pairs(parts, result, i, slice(None), BASELINES)),
                        }
                        for i, who in enumerate(question.contenders)
                    ],
                }
            )
    return found


def text(body: dict[str, Any]) -> str:
    """A comparison for people: one line a strategy, then the sentences."""
    head = (
        f"{body['scenario']}: {body['days']} paths, seed {body['seed']}, "
        f"market {body['market_hash']}. Cost in bp of the order, positive = cost."
    )
    columns = (
        f"{'strategy':<14}{'headline':>9} {'95 % interval':>17}{'spread':>8}{'temporary':>10}"
        f"{'permanent':>10}{'shortfall':>10}{'clean-up':>9}"
    )
    lines = [head, columns, *(_line(row) for row in body["rows"])]
    for row in body["rows"]:
        for baseline, pair in row["paired_vs"].items():
            lines.append(f"{row['strategy']} and {baseline}: {pair['verdict']}")
    if any(row["paired_vs"] for row in body["rows"]):
        lines.append("A pair leaves out the paths that one of both did not finish.")
        lines.append("Intervals: percentile bootstrap by path. p-values in the JSON: paired t.")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    def shown(value: float | None, width: int) -> str:
        return f"{'-' if value is None else f'{value:.2f}':>{width}}"

    low, high = row["headline_bps"]["ci95"]
    parts: Sequence[float | None] = [
        row["impact_bps"][part] for part in ("spread", "temporary", "permanent")
    ]
    between = f"[{shown(low, 7)},{shown(high, 7)}]"
    return (
        f"{row['strategy']:<14}{shown(row['headline_bps']['mean'], 9)} {between:>17}"
        f"{shown(parts[0], 8)}{shown(parts[1], 10)}{shown(parts[2], 10)}"
        f"{shown(row['shortfall_bps']['mean'], 10)}{row['cleanup_share']:>9.1%}"
    )
