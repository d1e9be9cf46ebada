"""The verbs of the lab: ``scenarios``, ``simulate``, ``compare``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import Refused
from engine.domain.kinds import RL
from engine.domain.strategy import STRATEGIES
from engine.exchange.presets import market_hash
from engine.lab import report
from engine.lab.kept import keep
from engine.lab.market import SeedRange
from engine.lab.paired import Contender
from engine.lab.placed import with_same_placement
from engine.lab.pool import Pool
from engine.lab.run import ENOUGH_TICKS, Progress, Question, Result, StopRule, ask, run
from engine.lab.scenario import Scenario, load, shipped
from engine.lab.tuned import tuned
from engine.runtime.model_bytes import pack
from engine.runtime.models import is_policy, load_model, read_card, read_policy_card

USAGE: Final = 2
SENSITIVITY_DAYS: Final = 40


def _lists(scenario: Scenario) -> dict[str, Any]:
    order = scenario.order
    return {
        "name": scenario.name,
        "words": scenario.words,
        "instrument": scenario.preset.instrument.symbol,
        "regimes": list(scenario.regimes),
        "side": order.side,
        "quantity": order.quantity,
        "of_adv": order.quantity / scenario.preset.instrument.adv,
        "incidents": [incident.kind for incident in scenario.incidents],
        "days": scenario.days,
    }


def scenarios(argv: Sequence[str]) -> int:
    """List the scenarios, or check a file."""
    parser = argparse.ArgumentParser(prog="python -m engine scenarios", description=__doc__)
    parser.add_argument("--check", metavar="FILE", help="read this file and say what is wrong")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    names = [options.check] if options.check else list(shipped())
    rows = [_lists(load(name)) for name in names]
    if options.json:
        print(json.dumps({"scenarios": rows}))
        return 0
    for row in rows:
        side = "buy" if row["side"] > 0 else "sell"
        print(
            f"{row['name']:<18} {side} {row['quantity']:>9,} {row['instrument']} "
            f"({row['of_adv']:.1%} of ADV) {', '.join(row['regimes'])}"
        )
        print(f"{'':<18} {row['words']}")
    return 0


def _parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m engine {verb}")
    parser.add_argument("--scenario", required=True, help="a name of `scenarios`, or a file")
    parser.add_argument("--days", type=int, help="paths; default: what the scenario says")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1), help="0 = this process"
    )
    parser.add_argument("--purpose", choices=("validation", "comparison"), default="comparison")
    parser.add_argument(
        "--model", action="append", default=[], metavar="STRATEGY=FOLDER",
        help="a model of `learn` for ADAPTIVE or RL; without one it is its base schedule",
    )  # fmt: skip
    parser.add_argument(
        "--tuned", action="append", default=[], metavar="FILE", type=Path,
        help="a parameter set of `learn search`, compared beside the strategies",
    )  # fmt: skip
    parser.add_argument("--precise", action="store_true", help="stop when s.e. < 0.1 tick")
    parser.add_argument("--json", action="store_true")
    return parser


def _models(told: Sequence[str]) -> dict[str, Path]:
    """STRATEGY=PATH, a few times, as a table."""
    found: dict[str, Path] = {}
    for text in told:
        name, _, path = text.partition("=")
        if not path or name in found:
            raise Refused(f"model must be STRATEGY=FOLDER, each strategy once, was {text!r}")
        found[name] = Path(path)
    return found


def with_model(who: Contender, place: Path) -> Contender:
    """A contender with a stored model; refused when it was trained in another market."""
    if not STRATEGIES[who.strategy].uses_model:
        raise Refused(f"{who.name} uses no model", field="model")
    model_id = place.name
    if is_policy(model_id) != (STRATEGIES[who.strategy].kind == RL):
        raise Refused(f"{who.name} cannot use model {model_id}", field="model")
    reader = read_policy_card if is_policy(model_id) else read_card
    card = reader(place.parent, model_id)
    if card.market_hash != market_hash():
        raise Refused(
            f"model {model_id} must be trained in market {market_hash()}, was "
            f"{card.market_hash or 'trained elsewhere'}",
            field="model",
        )
    loaded = load_model(place.parent, model_id)
    seen = tuple(SeedRange(row.purpose, row.seed, row.first, row.days) for row in card.paths)
    return replace(who, model=pack(loaded.model), model_id=model_id, trained_on=seen)


def _question(options: argparse.Namespace, names: Sequence[str]) -> Question:
    scenario = load(options.scenario)
    days = scenario.days if options.days is None else options.days
    question = ask(scenario, tuple(names), days=days, seed=options.seed)
    models = _models(options.model)
    unknown = [name for name in models if name not in names]
    if unknown:
        raise Refused(f"model is for {unknown[0]}, which is not compared", field="model")
    contenders = tuple(
        with_model(who, models[who.name]) if who.name in models else who
        for who in question.contenders
    )
    found = tuple(tuned(scenario, place) for place in options.tuned)
    question = replace(question, contenders=contenders + found)
    rule = StopRule(error_ticks=ENOUGH_TICKS) if options.precise else StopRule()
    return replace(question, purpose=options.purpose, stop=rule)


def _told(now: Progress) -> None:
    best = now.standings[0]
    print(
        f"{now.n} of {now.of}: cheapest so far {best.name} {best.mean:.2f} bp "
        f"[{best.low:.2f}, {best.high:.2f}]",
        file=sys.stderr,
    )


def _run(options: argparse.Namespace, question: Question) -> Result:
    return run(question, workers=options.workers, on_batch=_told)


def simulate(argv: Sequence[str]) -> int:
    """Cost of one strategy in a scenario."""
    parser = _parser("simulate")
    parser.add_argument("--strategy", required=True)
    options = parser.parse_args(argv)
    result = _run(options, _question(options, [options.strategy]))
    body = {**report.comparison(result), "digest": result.digest, "stopped": result.stopped}
    print(json.dumps(body) if options.json else report.text(body))
    return 0


def compare(argv: Sequence[str], now_ns: int) -> int:
    """Paired comparison of strategies on the same paths."""
    parser = _parser("compare")
    parser.add_argument("--strategies", required=True, help="VWAP_STATIC,TWAP,VWAP,POV")
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help=f"also on {SENSITIVITY_DAYS} paths of markets with other impact",
    )
    parser.add_argument(
        "--same-placement",
        action="store_true",
        help="also VWAP_STATIC placed as ADAPTIVE, and what learns without its model",
    )
    parser.add_argument(
        "--report", type=Path, help="folder that keeps the comparison, for the page of the lab"
    )
    options = parser.parse_args(argv)
    names = [name.strip() for name in options.strategies.split(",") if name.strip()]
    question = _question(options, names)
    if options.same_placement:
        question = with_same_placement(question)
    result = _run(options, question)
    body = report.comparison(result)
    if options.sensitivity:
        body["sensitivity"] = _sensitivity(options, question)
    if options.report is not None:
        keep(options.report, body, now_ns)
    if options.json:
        print(json.dumps(body))
        return 0
    print(report.text(body))
    for row in body.get("sensitivity", ()):
        for each in row["rows"]:
            for pair in each["paired_vs"].values():
                print(_axis_line(row, each["strategy"], pair["verdict"]))
    return 0


def _axis_line(row: dict[str, Any], strategy: str, verdict: str) -> str:
    return f"{row['axis']} ({row['field']} = {row['value']:g}), {strategy}: {verdict}"


def _sensitivity(options: argparse.Namespace, question: Question) -> list[dict[str, Any]]:
    few = replace(question, days=min(question.days, SENSITIVITY_DAYS))
    if options.workers == 0:
        return report.sensitivity(few, lambda other: run(other, workers=0))
    with Pool(options.workers) as pool:
        return report.sensitivity(few, lambda other: run(other, pool=pool))
