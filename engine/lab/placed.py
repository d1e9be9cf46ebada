"""What shows whether a model is worth anything: the same placement without it.

A strategy that learns may be cheap by where and how large its children are, which a static one can
have as well. So beside it stand the static schedule with its placement, and it itself bare.
"""

from dataclasses import replace
from typing import Final

from engine.domain.kinds import P_DARK, P_DEALER, P_MAX_CHILD
from engine.domain.strategy import STRATEGIES, vector
from engine.lab.paired import Contender, contender
from engine.lab.run import Question
from engine.lab.scenario import Scenario

SAME: Final = "SAME_PLACEMENT"
BARE: Final = "_BASE"  # ends the name of a strategy without its model


def same_placement(scenario: Scenario, like: Contender) -> Contender:
    """The static VWAP with the largest child, the pools and the dealers of another contender."""
    knobs = vector(like.strategy, dict(like.values), scenario.preset.instrument)
    placed = contender(
        scenario, "VWAP_STATIC", b"",
        max_child=knobs[P_MAX_CHILD], dark=knobs[P_DARK], dealers=knobs[P_DEALER],
    )  # fmt: skip
    return replace(placed, name=SAME)


def with_same_placement(question: Question) -> Question:
    """The question with both kinds of baseline for what learns; unchanged when nothing does."""
    learns = [who for who in question.contenders if STRATEGIES[who.strategy].uses_model]
    if not learns:
        return question
    bare = [
        replace(who, name=who.name + BARE, model=b"", model_id="", trained_on=())
        for who in learns
        if who.model
    ]
    same = same_placement(question.scenario, learns[0])
    return replace(question, contenders=(*question.contenders, same, *bare))
