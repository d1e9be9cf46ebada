"""Two versions on the same observation: who acts, and what the other would have done."""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Final

from engine.core.plan import Decision, Planner, Version, child_of
from engine.core.quotes import Quotes
from engine.core.rules import rollout
from engine.core.sight import LoadedModel, Sight
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.orders import Parent
from engine.domain.units import Shares, Ticks

EVERY: Final = 60  # looks (market seconds) that one summary is about


@dataclass(slots=True)
class Tally:
    """Sums since the last summary, of one strategy."""

    compared: int = 0
    same: int = 0
    sends: int = 0
    former_sends: int = 0
    shares: int = 0
    former_shares: int = 0

    def add(self, candidate: Decision, former: Decision, *, same: bool) -> None:
        """One more pair. same : whether both wanted the same"""
        self.compared += 1
        self.same += same
        self.sends += candidate.type != 0
        self.former_sends += former.type != 0
        self.shares += candidate.size if candidate.type else 0
        self.former_shares += former.size if former.type else 0


def wish(decision: Decision) -> tuple[int, ...]:
    """What a decision does to the market; all that is compared."""
    terms = (decision.type, decision.price, decision.size, decision.venue)
    return (*(terms if decision.type else (0,)), decision.cancel_mask)


@dataclass(slots=True, kw_only=True)
class Choice:
    """The decision that counts, what is to be written before it, and records beside these."""

    decision: Decision
    events: tuple[AnyEvent, ...] = ()
    record: bytes = b""  # of the first event


@dataclass(slots=True, kw_only=True)
class Beside:
    """Decides for both versions; keeps sums that are journalled once a minute."""

    planner: Planner
    tallies: dict[str, Tally] = field(default_factory=dict)

    def choose(
        self,
        state: State,
        quotes: Quotes,
        sight: Sight,
        parent: Parent,
        models: dict[str, LoadedModel],
    ) -> Choice:
        """The version in force, or the candidate where it may act; a breach demotes it."""
        former = self.planner.decide(
            state, quotes, sight, parent, Version(model=models.get(state.model_of(parent)))
        )
        trial = rollout.trial_of(state, parent, models)
        if trial is None:
            return Choice(decision=former)
        found = trial.rollout
        version = Version(
            model=trial.model,
            values=found.values,
            places=rollout.places(state, trial),
            rollout=found.change_id,
        )
        candidate = self.planner.decide(state, quotes, sight, parent, version)
        same = wish(candidate) == wish(former)
        if trial.model is None or not sight.verdict(state.market_ns, trial.model):
            tally = self.tallies.setdefault(parent.strategy, Tally())
            tally.add(candidate, former, same=same)
        if not trial.acts:
            return _beside(state, candidate, former, same=same)
        order = child_of(state, candidate)
        wrong = "" if order is None else rollout.breach(state, found, order)
        if wrong:
            return Choice(decision=former, events=rollout.demote(state, found, wrong))
        return Choice(decision=candidate)

    def summaries(self) -> tuple[AnyEvent, ...]:
        """What was compared since the last ones, and begin anew."""
        told = tuple(
            e.ShadowCompared(strategy=strategy, **asdict(row))
            for strategy, row in self.tallies.items()
        )
        self.tallies = {}
        return told


def _beside(state: State, candidate: Decision, former: Decision, *, same: bool) -> Choice:
    """The candidate's order is written down and never sent."""
    order = child_of(state, candidate)
    if order is None:
        return Choice(decision=former)
    told = e.ShadowDecided(
        parent_id=order.parent_id, rollout=candidate.rollout, model_id=order.model_id,
        type=order.type, price=Ticks(order.price), quantity=Shares(order.quantity),
        venue=order.venue, same=same, digest=hashlib.sha256(candidate.record).hexdigest(),
    )  # fmt: skip
    return Choice(decision=former, events=(told,), record=candidate.record)
