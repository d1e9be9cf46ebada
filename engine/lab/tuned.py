"""A parameter set found by direct search, as it is stored: a contender beside the others."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.domain.errors import Refused
from engine.exchange.presets import market_hash
from engine.lab.market import SeedRange
from engine.lab.paired import Contender, contender
from engine.lab.scenario import Scenario
from engine.runtime.models import PathRange

SUFFIX: Final = "_TUNED"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One set of values and what it cost on the training paths. [bp]"""

    values: dict[str, float]
    headline_bps: float
    total_bps: float
    n: int


class TunedCard(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter set that was found by search, with all that was tried."""

    name: str  # of the strategy, as the lab names it
    values: dict[str, float]
    scenario: str
    market_hash: str
    trials: tuple[Trial, ...]
    paths: tuple[PathRange, ...]  # training and validation
    judged: dict[str, Any]  # ``comparison`` of the start, what was found and TWAP
    verdict: str  # against the start, on validation paths
    against_twap: str


def read_tuned(place: Path) -> TunedCard:
    """A stored parameter set; refused when it is none."""
    try:
        return msgspec.json.decode(place.read_bytes(), type=TunedCard)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused(f"tuned must be a file of `learn search`: {error}", field="tuned") from None


def tuned(scenario: Scenario, place: Path) -> Contender:
    """The contender of a stored set, NAME_TUNED; refused when it was found in another market."""
    card = read_tuned(place)
    if card.market_hash != market_hash():
        raise Refused(
            f"{place.name} must be found in market {market_hash()}, was {card.market_hash}",
            field="tuned",
        )
    seen = tuple(SeedRange(row.purpose, row.seed, row.first, row.days) for row in card.paths)
    found = contender(scenario, card.name, b"", **card.values)
    return replace(found, name=card.name + SUFFIX, model_id=place.stem, trained_on=seen)
