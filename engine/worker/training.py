"""The first model of a fresh demo desk, learnt from its simulated past days."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from engine.domain.errors import Refused
from engine.domain.units import Nanos
from engine.learn.dataset import Recording
from engine.worker.history import FEATURES

DAYS: Final = 5  # past days to learn from, the newest that are there
LIFE_NS: Final = 14 * 86_400 * 1_000_000_000  # of the first version, market clock


def recordings(history: Path, days: Sequence[str]) -> tuple[Recording, ...]:
    """Features and mids of every instrument on these days."""
    found: list[Recording] = []
    for day in sorted(days):
        with np.load(history / day / FEATURES, allow_pickle=False) as file:
            at_ns, features, mids = file["at_ns"], file["features"], file["mids"]
            symbols = [str(symbol) for symbol in file["symbols"]]
            market = str(file["market"]) if "market" in file else ""
        found += [
            Recording(
                name=f"{symbol} {day}",
                at_ns=at_ns,
                features=np.ascontiguousarray(features[:, place]),
                mids=np.ascontiguousarray(mids[:, place]),
                market=market,
            )
            for place, symbol in enumerate(symbols)
        ]
    return tuple(found)


def train(history: Path, models: Path, days: Sequence[str], *, now: Nanos, opened: int) -> str:
    """Train, test and store; the id of the version. Refused when its own tests warn."""
    from engine.learn.train import train_default
    from engine.runtime.models import read_card

    model_id = train_default(
        models, recordings(history, days), now_ns=now, expires_at=Nanos(opened + LIFE_NS)
    )
    warning = read_card(models, model_id).red_flag
    if warning:
        raise Refused(f"the first version is not installed: {warning}")
    return model_id


def card_text(models: Path, model_id: str, days: int) -> str:
    """What people read about it, and what it is not."""
    from engine.runtime.models import read_card

    words = read_card(models, model_id).words
    return (
        f"{words} Trained on {days} simulated past days, DEMO bootstrap, not approved by a person."
    )
