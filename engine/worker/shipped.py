"""The policy of RL that a fresh demo desk begins with: learnt before, shipped with the program.

It takes minutes of a whole core to learn one, so a desk does not. The folder is what `learn rl`
wrote, byte for byte: its id is the hash of its card, the card holds the hash of its arrays, the
market it was learnt in, and every path it has seen. How it was made stands in docs/numbers.md.
"""

from pathlib import Path
from typing import Final

import msgspec

from engine.domain.errors import Refused
from engine.domain.kinds import P_MAX_PARTICIPATION
from engine.domain.strategy import vector
from engine.domain.units import Nanos
from engine.exchange.presets import market_hash
from engine.lab.scenario import load
from engine.runtime.models import PolicyCard, is_policy, load_model, read_policy_card
from engine.worker.training import LIFE_NS

FOLDER: Final = Path(__file__).with_name("policy")
POLICY_OF: Final = "RL"
DIGITS: Final = 12  # of a hash that people read


def shipped_policy(folder: Path = FOLDER) -> str:
    """Id of the policy that ships; refused unless it is exactly one."""
    found = sorted(path.name for path in folder.glob("*") if is_policy(path.name))
    if len(found) != 1:
        raise Refused(f"{folder.name} must hold one policy, holds {len(found)}", rule="model.file")
    return found[0]


def check(card: PolicyCard) -> None:
    """Refuse a policy of another market, and one that loses money against its own base."""
    if card.market_hash != market_hash():
        raise Refused(
            f"the shipped policy must be learnt in market {market_hash()}, was {card.market_hash}",
            rule="model.market",
        )
    if card.saved_high < 0.0 or not card.against_twap.startswith("cheaper"):
        raise Refused(f"the shipped policy is not installed: {card.red_flag}", rule="model.worth")


def adopt(models: Path, *, opened: int, folder: Path = FOLDER) -> tuple[str, str]:
    """Copy the shipped policy among the desk's models: its id there, and what people read.

    opened : open of the desk's first day, market clock. The copy lives from then, so its card and
    id are its own; the arrays are the same, and their hash says so.
    """
    from engine.learn import registry

    source = shipped_policy(folder)
    card = read_policy_card(folder, source)
    check(card)
    model = load_model(folder, source).model
    mine = msgspec.structs.replace(card, expires_at=Nanos(opened + LIFE_NS))
    return registry.save(models, model, mine), words_of(source, card)


def words_of(source: str, card: PolicyCard) -> str:
    """What people read about it, and what it is not."""
    worth = f"It is {card.red_flag}. " if card.red_flag else ""
    scenario = load(card.scenario)
    values = scenario.values(POLICY_OF)
    most = vector(POLICY_OF, values, scenario.preset.instrument)[P_MAX_PARTICIPATION]
    return (
        f"{card.words} {worth}It {card.limits}. Learnt under a cap of {most:.0%} of "
        f"volume. Shipped as {source}, arrays "
        f"{card.arrays_sha256[:DIGITS]}, DEMO bootstrap, not approved by a person."
    )
