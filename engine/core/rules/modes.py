"""What NORMAL, REDUCING and HALTED allow: the one table, and the rules around it.

The mode in force is the most restrained of what a person set and of what the desk's conditions
ask for. Towards less risk one person suffices, back it takes two.
"""

from dataclasses import dataclass
from typing import Final

from engine.core.rules.four_eyes import check_reason
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import PERMISSION, Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.kinds import ICEBERG, LIMIT, PEG_MID, POST_ONLY
from engine.domain.orders import ParentState
from engine.domain.people import Person
from engine.domain.safety import MODE_ORDER, TradingMode
from engine.domain.strategy import strategy

NORMAL, REDUCING, HALTED = MODE_ORDER
RESTING: Final = frozenset({LIMIT, POST_ONLY, ICEBERG, PEG_MID})  # the others trade or end at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One kind of act, and the modes in which it is done."""

    name: str
    words: str
    modes: frozenset[TradingMode]


def _act(name: str, words: str, *modes: TradingMode) -> Act:
    return Act(name=name, words=words, modes=frozenset(modes))


ACTS: Final = {
    act.name: act
    for act in (
        _act("reduce", "cancels, holds, kills, amendments to less, acknowledgements", *MODE_ORDER),
        _act("record", "people, notes, reports, sign-off, the day and its speed", *MODE_ORDER),
        _act("release", "a kill or a difference is released: this mode still stands", *MODE_ORDER),
        _act("rest", "orders at work rest at the touch and never cross", NORMAL, REDUCING),
        _act("cross", "orders at work take prices of others", NORMAL),
        _act("raise", "new parents, approvals, resumption, amendments to more", NORMAL),
    )
}
# what a verb is when nothing in it says otherwise; ``reduces`` looks into the others
VERBS: Final[dict[str, str]] = {
    "SubmitParent": "raise",
    "AmendParent": "raise",
    "MoveParameter": "raise",
    "ApproveParent": "raise",
    "ResumeParent": "raise",
    "UseModel": "raise",
    "ReleaseHold": "raise",
    "DecideChange": "raise",
    "InstallModel": "raise",
    "DecideLimit": "raise",
    "EnableStrategy": "raise",
    "ConfirmOverride": "raise",
    "HoldParent": "reduce",
    "HoldScope": "reduce",
    "RequestKill": "reduce",
    "SetMode": "reduce",
    "AcknowledgeAlert": "reduce",
    "WithdrawChange": "reduce",
    "StopRollout": "reduce",
    "WithdrawLimit": "reduce",
    "RelaxMode": "release",
    "ReleaseKill": "release",
    "AcceptReconciliation": "release",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The mode now and why, in words; "" in NORMAL."""

    mode: TradingMode
    why: str


FREE: Final = InForce(mode=NORMAL, why="")


def in_force(state: State) -> InForce:
    """The most restrained of everything that has a say."""
    said = state.trading
    if said.mode == NORMAL and not state.conditions and not state.difference:
        return FREE
    worst = InForce(mode=said.mode, why=f"{said.by}: {said.reason}" if said.by else "")
    if worst.mode == NORMAL:
        worst = InForce(mode=NORMAL, why="")
    asked = [(row.mode, row.sentence) for row in state.conditions.values()]
    if state.difference:
        asked.append((REDUCING, "books and venue differ and nobody has accepted it"))
    for mode, why in asked:
        if MODE_ORDER.index(mode) > MODE_ORDER.index(worst.mode):
            worst = InForce(mode=mode, why=why)
    return worst


def allows(mode: TradingMode, act: str) -> bool:
    """Whether an act of the table is done in the mode. An act that it lacks is not."""
    return act in ACTS and mode in ACTS[act].modes


def act_of(state: State, command: c.AnyCommand) -> str:
    """Which act of the table a command is; a verb that the table lacks only records."""
    verb = type(command).__name__
    found = VERBS.get(verb, "record" if verb in PERMISSION else "")
    return "reduce" if found == "raise" and reduces(state, command) else found


def reduces(state: State, command: c.AnyCommand) -> bool:
    """Whether this very command can only lower risk."""
    match command:
        case c.AmendParent():
            return _amends_down(state, command)
        case (
            c.ApproveParent(approve=approve)
            | c.DecideChange(approve=approve)
            | c.DecideLimit(approve=approve)
            | c.ConfirmOverride(approve=approve)
        ):
            return not approve
        case c.UseModel(use=use):
            return not use
        case c.MoveParameter(parent_id=parent_id, name=name, value=value):
            parent = state.parents.get(parent_id)
            if parent is None or not strategy(parent.strategy).parameter(name).raises_risk:
                return False
            return value <= state.parameter_values(parent).get(name, value - 1.0)
        case _:
            return False


def _amends_down(state: State, wanted: c.AmendParent) -> bool:
    """Less quantity, a stricter limit, venues left: nothing of it can add risk."""
    parent = state.parents.get(wanted.parent_id)
    if parent is None or wanted.clear_limit or wanted.include or wanted.end_at is not None:
        return False
    if wanted.quantity is not None and wanted.quantity > parent.quantity:
        return False
    was, limit = parent.limit_price, wanted.limit_price
    return limit is None or was is None or parent.side * (limit - was) <= 0


def check(state: State, command: c.AnyCommand) -> None:
    """Refuse what the mode in force does not allow."""
    now = in_force(state)
    act = act_of(state, command)
    if not allows(now.mode, act):
        raise Refused(f"the desk is {now.mode} ({now.why}): {ACTS['raise'].words} must wait",
                      rule="mode")  # fmt: skip


def gate(state: State, order: e.ChildIntended, touch: int | None) -> None:
    """The last look at a new child. ``touch`` is the price it would take [tick], None = none.

    What trades or ends at once, and what reaches the touch, is a cross.
    """
    now = in_force(state)
    if now.mode == NORMAL:
        return
    pegged = order.type == PEG_MID  # its price is a limit, it rests at the middle
    reaches = not pegged and touch is not None and order.side * (order.price - touch) >= 0
    act = "cross" if reaches or order.type not in RESTING else "rest"
    if not allows(now.mode, act):
        raise Refused(f"the desk is {now.mode} ({now.why}): {ACTS[act].words} not", rule="mode")


def is_passive(state: State) -> bool:
    """Whether orders at work may only rest."""
    return not allows(in_force(state).mode, "cross")


def is_halted(state: State) -> bool:
    """Whether nothing new may leave at all."""
    return not allows(in_force(state).mode, "rest")


# --- commands -------------------------------------------------------------------------------
def set_mode(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Towards less risk: one person, at once, a reason if there is time for one."""
    command = envelope.command
    assert isinstance(command, c.SetMode)
    if MODE_ORDER.index(command.mode) <= MODE_ORDER.index(state.trading.mode):
        raise Refused(
            f"the desk is set to {state.trading.mode}: SetMode only goes further "
            f"({' < '.join(MODE_ORDER)}), was {command.mode}; back it takes two people",
            field="mode",
        )
    return (e.ModeSet(mode=command.mode, by=person.id, reason=envelope.reason.strip()),)


def relax(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Towards more risk: the first person asks, a different one grants exactly the same."""
    command = envelope.command
    assert isinstance(command, c.RelaxMode)
    said = state.trading
    if MODE_ORDER.index(command.mode) >= MODE_ORDER.index(said.mode):
        raise Refused(f"the desk is set to {said.mode}: mode must be less restrained, was "
                      f"{command.mode}", field="mode")  # fmt: skip
    check_reason(envelope, "to allow more again")
    if said.asked != command.mode:
        return (e.ModeAsked(mode=command.mode, by=person.id, reason=envelope.reason),)
    if said.asked_by == person.id:
        raise Refused(
            f"a different person than {said.asked_by} must grant {command.mode}", rule="four_eyes"
        )
    return (e.ModeSet(mode=command.mode, by=person.id, reason=envelope.reason),)


def take_back(state: State) -> tuple[AnyEvent, ...]:
    """In HALTED nothing stays at a venue: a cancel of every live child that has none yet."""
    if not is_halted(state):
        return ()
    return tuple(
        e.CancelIntended(child_id=child.id, by="mode")
        for child in state.children.values()
        if child.is_live and child.cancel_asked_at == 0
    )


def waits(state: State, parent_state: ParentState) -> str:
    """What the mode makes a working order wait for; "" = nothing."""
    now = in_force(state)
    if parent_state != ParentState.WORKING or allows(now.mode, "rest"):
        return ""
    return f"the desk is {now.mode}"
