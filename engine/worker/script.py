"""What several people do on a simulated past day: orders, holds, amendments, a kill, a change.

A pure function of the seed and the day. An act looks at the desk when its time has come, as a
person would: it finds its parent by the client's reference, and a refusal is part of the day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from engine.core.state import State
from engine.domain import commands as c
from engine.domain.commands import AnyCommand
from engine.domain.governance import ChangeState, KillState
from engine.domain.instrument import Instrument
from engine.domain.orders import AtEnd, CatchUp, HoldChildren, OnRestart, Parent, ParentState
from engine.domain.units import SECOND, Nanos, PersonId, Shares, parent_text
from engine.kernels.rng import uniform
from engine.worker.people import SUPERVISORS, TRADERS

STREAM_SCRIPT: Final = 401
STRATEGIES: Final = ("TWAP", "VWAP", "POV", "ADAPTIVE", "VWAP", "ADAPTIVE")
FULL_DAY_S: Final = 23_400
LEAST: Final = 200  # shares
CLIENTS: Final = ("Larch Pension", "Mole Valley Fund", "Tern Capital", "Oakmoor Growth")
NOTES: Final = ("", "", "benchmark close", "please no more than 15 %", "index rebalance")

Make = Callable[[State], AnyCommand | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing a person does at a second of the day; ``make`` None = nothing to do after all."""

    at_s: int
    person: PersonId
    make: Make
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAct:
    """A press of the kill button: the target as the flag wants it, "" = not pressed."""

    at_s: int
    person: PersonId
    scope: str
    target: Callable[[State], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The day's acts in order of time."""

    acts: tuple[Act, ...]
    kills: tuple[KillAct, ...]


class Dice:
    """Draws of one day in a row."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._step = 0

    def real(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform in [low, high)."""
        self._step += 1
        return low + (high - low) * float(uniform(self._seed, STREAM_SCRIPT, self._step))

    def whole(self, low: int, high: int) -> int:
        """Uniform in low .. high, both in."""
        return low + int(self.real() * (high - low + 1))

    def one_of(self, things: tuple[T, ...]) -> T:
        """One of them."""
        return things[self.whole(0, len(things) - 1)]


def reference(index: int) -> str:
    """The client's own reference of the index-th order of a day."""
    return f"{CLIENTS[index % len(CLIENTS)]} {index + 1:02d}"


def find(state: State, index: int) -> Parent | None:
    """The parent with the client's reference, if it was accepted."""
    wanted = reference(index)
    return next((p for p in state.parents.values() if p.client == wanted), None)


def write(seed: int, number: int, instruments: tuple[Instrument, ...], length_s: int) -> Script:
    """The script of one day. number : the day as 20261127; it decides what kind of day it is."""
    dice = Dice(seed * 1_000_003 + number)
    orders = 8 + dice.whole(0, 8)
    acts: list[Act] = []
    kills: list[KillAct] = []
    for index in range(orders):
        acts += _order(dice, index, instruments, length_s)
    acts += _hold(dice, dice.whole(0, orders - 1), length_s)
    acts += _hold(dice, dice.whole(0, orders - 1), length_s)
    acts += _amendments(dice, orders, length_s)
    if number % 2 == 0:
        acts.append(_too_large(dice, instruments, length_s))
    if number % 3 == 0:
        kills, more = _kill(dice, dice.whole(0, orders - 1), length_s)
        acts += more
    if number % 4 == 0:
        acts += _change(dice, length_s, approve=number % 8 == 0)
    acts += [_acknowledge(at) for at in range(length_s // 8, length_s, length_s // 8)]
    return Script(acts=tuple(sorted(acts, key=lambda act: act.at_s)), kills=tuple(kills))


def _order(dice: Dice, index: int, instruments: tuple[Instrument, ...], length_s: int) -> list[Act]:
    """A parent at its time; one that waits for a second person gets an answer minutes later."""
    at = int(dice.real(0.01, 0.72) * length_s)
    row = dice.one_of(instruments)
    horizon = max(60, min(int(dice.real(0.05, 0.3) * length_s), length_s - at - 30))
    wanted = dice.real(0.03, 0.16) * row.adv * horizon / FULL_DAY_S
    quantity = max(LEAST, int(wanted) // row.lot * row.lot)
    strategy = dice.one_of(STRATEGIES)
    limited = dice.real() < 0.2
    away = dice.real(0.003, 0.012)
    order = c.SubmitParent(
        symbol=row.symbol,
        side=1 if dice.real() < 0.55 else -1,
        quantity=Shares(quantity),
        strategy=strategy,
        horizon_ns=Nanos(horizon * SECOND),
        parameters={"target_participation": round(dice.real(0.05, 0.15), 2)}
        if strategy == "POV"
        else {},
        on_restart=dice.one_of((OnRestart.HOLD, OnRestart.RESUME, OnRestart.PASSIVE)),
        catch_up=dice.one_of((CatchUp.SPREAD, CatchUp.SHIFT, CatchUp.SKIP)),
        at_end=AtEnd.EXPIRE if dice.real() < 0.15 else AtEnd.CLEANUP,
        client=reference(index),
        note=dice.one_of(NOTES),
    )

    def submit(state: State) -> AnyCommand:
        if not limited:
            return order
        anchor = state.instruments[order.symbol].reference_price
        return c.SubmitParent(
            **{name: getattr(order, name) for name in order.__struct_fields__}
            | {"limit_price": round(anchor * (1 + order.side * away))}
        )

    answer = at + dice.whole(40, 300)
    refuses = dice.real() < 0.25

    def decide(state: State) -> AnyCommand | None:
        parent = find(state, index)
        if parent is None or parent.state != ParentState.NEEDS_APPROVAL:
            return None
        return c.ApproveParent(parent_id=parent.id, approve=not refuses)

    reason = "too much of the day's volume" if refuses else "agreed with the client"
    return [
        Act(at_s=at, person=dice.one_of(TRADERS), make=submit),
        Act(at_s=answer, person=SUPERVISORS[0], make=decide, reason=reason),
    ]


def _of(index: int, make: Callable[[Parent], AnyCommand], *states: ParentState) -> Make:
    """A command about the parent of a reference while it is in one of the states."""

    def found(state: State) -> AnyCommand | None:
        parent = find(state, index)
        return None if parent is None or parent.state not in states else make(parent)

    return found


def _hold(dice: Dice, index: int, length_s: int) -> list[Act]:
    """A supervisor holds a parent and lets it go on some minutes later."""
    at = int(dice.real(0.2, 0.8) * length_s)
    how = HoldChildren.LEAVE if dice.real() < 0.3 else HoldChildren.CANCEL
    later = at + dice.whole(60, 900)
    hold = _of(index, lambda p: c.HoldParent(parent_id=p.id, children=how), ParentState.WORKING)
    resume = _of(index, lambda p: c.ResumeParent(parent_id=p.id), ParentState.HELD)
    by = dice.one_of(SUPERVISORS)
    return [
        Act(at_s=at, person=by, make=hold, reason="news in the name, waiting"),
        Act(at_s=later, person=by, make=resume, reason="nothing in it"),
    ]


def _amendments(dice: Dice, orders: int, length_s: int) -> list[Act]:
    """Smaller sizes and a parameter moved inside its band, by whoever sits there."""
    found: list[Act] = []
    for _ in range(3):
        index, cut = dice.whole(0, orders - 1), dice.real(0.7, 0.95)
        smaller = _of(
            index,
            lambda p, cut=cut: c.AmendParent(  # type: ignore[misc]
                parent_id=p.id, quantity=Shares(int(p.quantity * cut) // 100 * 100)
            ),
            ParentState.WORKING,
            ParentState.HELD,
        )
        found.append(
            Act(
                at_s=int(dice.real(0.25, 0.85) * length_s),
                person=SUPERVISORS[0],
                make=smaller,
                reason="client cut the order",
            )
        )
    value = round(dice.real(0.0, 0.9), 2)  # above the band it is refused
    moved = _of(
        dice.whole(0, orders - 1),
        lambda p: c.MoveParameter(parent_id=p.id, name="aggression", value=value),
        ParentState.WORKING,
    )
    found += [
        Act(at_s=int(dice.real(0.2, 0.9) * length_s), person=trader, make=moved)
        for trader in TRADERS
    ]
    return found


def _too_large(dice: Dice, instruments: tuple[Instrument, ...], length_s: int) -> Act:
    """A slip of the finger that the desk refuses."""
    row = dice.one_of(instruments)
    order = c.SubmitParent(
        symbol=row.symbol,
        side=1,
        quantity=Shares(int(row.adv * 0.9)),
        strategy="VWAP",
        horizon_ns=Nanos(3_600 * SECOND),
        client="slip",
    )
    return Act(at_s=int(dice.real(0.1, 0.6) * length_s), person=TRADERS[1], make=lambda _: order)


def _kill(dice: Dice, index: int, length_s: int) -> tuple[list[KillAct], list[Act]]:
    """A parent is killed; two people release the kill after every child is confirmed."""
    at = int(dice.real(0.3, 0.7) * length_s)

    def target(state: State) -> str:
        live = [p for p in state.parents.values() if p.state == ParentState.WORKING]
        chosen = find(state, index)
        if chosen is None or chosen.state != ParentState.WORKING:
            chosen = live[-1] if live else None
        return "" if chosen is None else parent_text(chosen.id)

    def newest(state: State) -> int:
        found = [kill.id for kill in state.kills.values() if kill.is_active]
        return found[-1] if found else 0

    def reason(state: State) -> AnyCommand | None:
        kill = state.kills.get(newest(state))
        return None if kill is None else c.RequestKill(scope=kill.scope, target=kill.target)

    def release(state: State) -> AnyCommand | None:
        kill = state.kills.get(newest(state))
        if kill is None or kill.state != KillState.CONFIRMED:
            return None
        return c.ReleaseKill(kill_id=kill.id)

    first, second = SUPERVISORS
    step = min(60, length_s // 20)
    why = "wrong side of the book"
    return [KillAct(at_s=at, person=first, scope="parent", target=target)], [
        Act(at_s=at + 20, person=first, make=reason, reason=why),
        Act(at_s=at + 4 * step, person=first, make=release, reason="order checked with the client"),
        Act(at_s=at + 5 * step, person=second, make=release, reason="agreed"),
    ]


def _change(dice: Dice, length_s: int, *, approve: bool) -> list[Act]:
    """A parameter change with four eyes: proposed, edited (which voids it), decided."""
    at = int(dice.real(0.2, 0.6) * length_s)
    strategy = dice.one_of(("TWAP", "VWAP", "POV", "ADAPTIVE"))
    wanted = {"band": round(dice.real(0.055, 0.08), 3)}  # outside the approved band: material
    edited = {"band": round(dice.real(0.052, 0.055), 4)}

    def edit(state: State) -> AnyCommand | None:
        found = max(state.changes, default=0)
        return c.EditChange(change_id=found, values=edited) if found else None

    def decide(state: State) -> AnyCommand | None:
        found = state.changes.get(max(state.changes, default=0))
        if found is None or found.state != ChangeState.OPEN:
            return None
        return c.DecideChange(change_id=found.id, content_hash=found.content_hash, approve=approve)

    verdict = "evidence seen" if approve else "band too wide for thin names"
    return [
        Act(
            at_s=at,
            person=TRADERS[0],
            make=lambda _: c.ProposeChange(strategy=strategy, values=wanted),
            reason="crosses too early in the morning",
        ),
        Act(at_s=at + 60, person=TRADERS[0], make=edit, reason="narrower is enough"),
        Act(at_s=at + 300, person=SUPERVISORS[1], make=decide, reason=verdict),
    ]


def _acknowledge(at: int) -> Act:
    """The oldest open alert is seen by a supervisor."""

    def seen(state: State) -> AnyCommand | None:
        open_ones = [alert.id for alert in state.alerts.values() if not alert.acknowledged_by]
        return c.AcknowledgeAlert(alert_id=open_ones[0]) if open_ones else None

    return Act(at_s=at, person=SUPERVISORS[0], make=seen)
