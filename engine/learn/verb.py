"""The verb ``learn``: a policy of RL, a direction model of ADAPTIVE, or parameters by search."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.domain.errors import Refused
from engine.domain.units import Nanos
from engine.exchange.presets import market_hash
from engine.kernels.schedules import u_shape_curve
from engine.lab.market import SeedRange, fresh_run, open_path
from engine.lab.scenario import Scenario, load
from engine.lab.tuned import read_tuned
from engine.learn.judgement import Plan
from engine.learn.policy import train_policy
from engine.learn.search import tune
from engine.runtime.models import read_card, read_policy_card

LIFE_NS: Final = 30 * 86_400 * 1_000_000_000  # of a version
MOST: Final = {"rl": 40, "direction": 5, "search": 25}  # training paths unless told otherwise


def direction(scenario: Scenario, paths: SeedRange, out: Path, now: Nanos) -> str:
    """Train a logistic regression on days of the scenario without the order; id of the version."""
    from engine.learn.record import from_simulated_day
    from engine.learn.train import train_default

    adv, curve = float(scenario.preset.instrument.adv), u_shape_curve()
    recordings = []
    for index in range(paths.days):
        seed = paths.path(index)
        env = fresh_run(scenario, open_path(scenario, index, seed), 1)
        name = f"{scenario.name} {paths.purpose} seed {paths.seed} day {paths.first + index}"
        recordings.append(from_simulated_day(name, env, adv, curve))
    return train_default(out, recordings, now_ns=now, expires_at=Nanos(now + LIFE_NS), paths=paths)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine learn", description=__doc__)
    parser.add_argument("what", choices=tuple(MOST))
    parser.add_argument("--scenario", default="midcap-500k", help="its name or its file")
    parser.add_argument("--strategy", default="VWAP_STATIC", help="search: whose parameters")
    parser.add_argument("--days", type=int, help="training paths")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--validation-days", type=int, default=25, help="paths to be judged on")
    parser.add_argument(
        "--ablation", action="store_true", help="rl: also learn without each input in turn"
    )
    parser.add_argument(
        "--one-order", action="store_true", help="rl: the scenario's own order under its own cap"
    )
    parser.add_argument("--out", type=Path, default=Path("var/lab-models"), help="folder of models")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--json", action="store_true")
    return parser


def main(argv: Sequence[str], now_ns: int) -> int:
    """Train, judge and store a version; 0 = stored, 3 = stored with a red flag."""
    asked, now = _parser().parse_args(argv), Nanos(now_ns)
    scenario = load(asked.scenario)
    if scenario.held_out:
        raise Refused(
            f"{scenario.name} is held out: nothing is learnt or tuned on it", field="scenario"
        )
    training = SeedRange("training", asked.seed, 0, asked.days or MOST[asked.what])
    if asked.what == "direction":
        return _told(asked, direction(scenario, training, asked.out, now), read_card)
    validation = SeedRange("validation", asked.seed, 0, asked.validation_days)
    plan = Plan(
        scenario=scenario, training=training, validation=validation, mixed=not asked.one_order
    )
    if asked.what == "search":
        return _searched(asked, plan)
    model_id = train_policy(
        asked.out, plan, now_ns=now, expires_at=Nanos(now + LIFE_NS), workers=asked.workers,
        ablation=asked.ablation,
    )  # fmt: skip
    return _told(asked, model_id, read_policy_card)


def _told(asked: argparse.Namespace, model_id: str, read: Callable[[Path, str], Any]) -> int:
    card = read(asked.out, model_id)
    if asked.json:
        body = {"model": model_id, "path": str(asked.out / model_id), "market_hash": market_hash()}
        sys.stdout.write(json.dumps(body | {"card": msgspec.to_builtins(card)}) + "\n")
    else:
        sys.stdout.write(f"{asked.out / model_id}\n{card.words}\n{card.red_flag}".strip() + "\n")
    return 3 if card.red_flag else 0


def _searched(asked: argparse.Namespace, plan: Plan) -> int:
    place = tune(asked.out, plan, asked.strategy, asked.workers)
    card = read_tuned(place)
    if asked.json:
        body = {"path": str(place), "card": msgspec.to_builtins(card)}
        sys.stdout.write(json.dumps(body) + "\n")
        return 0
    values = ", ".join(f"{name} {value:g}" for name, value in card.values.items())
    sys.stdout.write(
        f"{place}\n{card.name}: {values} ({len(card.trials)} sets tried on training paths)\n"
        f"{card.verdict}\nand TWAP: {card.against_twap}\n"
    )
    return 0
