"""The verb ``learn``: a policy of RL, or a direction model of ADAPTIVE, from simulated paths."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.domain.units import Nanos
from engine.exchange.presets import market_hash
from engine.kernels.schedules import u_shape_curve
from engine.lab.market import SeedRange, fresh_run, open_path
from engine.lab.scenario import Scenario, load

LIFE_NS: Final = 30 * 86_400 * 1_000_000_000  # of a version
MOST: Final = {"rl": 40, "direction": 5}  # training paths unless told otherwise


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


def main(argv: Sequence[str], now_ns: int) -> int:
    """Train, judge and store a version; 0 = stored, 3 = stored with a red flag."""
    from engine.learn.policy import Plan, train_policy
    from engine.runtime.models import read_card, read_policy_card

    parser = argparse.ArgumentParser(prog="python -m engine learn", description=__doc__)
    parser.add_argument("what", choices=tuple(MOST))
    parser.add_argument("--scenario", default="midcap-500k", help="its name or its file")
    parser.add_argument("--days", type=int, help="training paths")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--validation-days", type=int, default=25, help="rl: paths to be judged on")
    parser.add_argument("--out", type=Path, default=Path("var/lab-models"), help="folder of models")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--json", action="store_true")
    asked, now = parser.parse_args(argv), Nanos(now_ns)
    scenario = load(asked.scenario)
    training = SeedRange("training", asked.seed, 0, asked.days or MOST[asked.what])
    card: Any
    if asked.what == "rl":
        validation = SeedRange("validation", asked.seed, 0, asked.validation_days)
        plan = Plan(scenario=scenario, training=training, validation=validation)
        expires = Nanos(now + LIFE_NS)
        model_id = train_policy(
            asked.out, plan, now_ns=now, expires_at=expires, workers=asked.workers
        )
        card = read_policy_card(asked.out, model_id)
    else:
        model_id = direction(scenario, training, asked.out, now)
        card = read_card(asked.out, model_id)
    if asked.json:
        body = {"model": model_id, "path": str(asked.out / model_id), "market_hash": market_hash()}
        sys.stdout.write(json.dumps(body | {"card": msgspec.to_builtins(card)}) + "\n")
    else:
        sys.stdout.write(f"{asked.out / model_id}\n{card.words}\n{card.red_flag}".strip() + "\n")
    return 3 if card.red_flag else 0
