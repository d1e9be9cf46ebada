"""Venue reports: facts from outside become events, each exactly once, in any order.

What a report does to its child is ``engine.domain.life``; here is what the desk says and does about
it: fees, alarms (one a report), a hold after an over-fill, an order that came back to life.
"""

from typing import Final

import numpy as np
from msgspec.structs import replace

from engine.core import alarms, words
from engine.core.rules import reentry
from engine.core.rules.desk import raise_alert
from engine.core.rules.hold import system_hold
from engine.core.rules.limits import rule_in_force
from engine.core.rules.orders import OVERFILL
from engine.core.state import State
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.events import AnyEvent
from engine.domain.heard import booked
from engine.domain.life import EFFECTS, FINAL, Heard, trades_of
from engine.domain.orders import Child, ChildState, HoldChildren, Parent, ParentState, after
from engine.domain.units import SECOND, ChildId, Nanos, Shares, Ticks, child_text

OURS: Final = (ChildState.SEND_REFUSED, ChildState.REJECTED)  # ends that may be our inference
UNASKED: Final = (k.REASON_NONE, x.REASON_UNSOLICITED, x.REASON_DRILL)


def read(row: np.void) -> Heard:
    """A REPORT or EXECUTION row; the fee is not in it."""
    more = row.dtype.names or ()
    return Heard(
        exec_id=int(row["exec_id"]),
        kind=int(row["kind"]),
        at=Nanos(int(row["venue_ns"])),
        quantity=Shares(int(row["quantity"])),
        price=Ticks(int(row["price"])),
        sub=int(row["sub"]),
        liquidity=int(row["liquidity"]),
        leaves=Shares(int(row["leaves"])),
        request=int(row["request"]) if "request" in more else 0,
        ref=int(row["ref"]) if "ref" in more else 0,
        reason=int(row["reason"]),
        cum=Shares(int(row["cum"])),
    )


def book_report(state: State, row: np.void) -> tuple[AnyEvent, ...]:
    """One row -> events. A repeated ExecID changes nothing; an unknown order is parked."""
    child_id = ChildId(int(row["child"]))
    child = state.child(child_id)
    if child is not None and child.life.has(int(row["exec_id"])):
        return ()
    report = read(row)
    if child is None:
        return _stray(state, child_id, report, int(row["venue"]))
    if report.kind not in EFFECTS:
        sentence = f"the venue sent a report of unknown kind {report.kind}"
        return (raise_alert(state, "critical", "report", child_text(child_id), sentence),)
    return book(state, child, report, (int(row["venue"]), int(row["bid"]), int(row["ask"])))


def book(
    state: State, child: Child, report: Heard, where: tuple[int, int, int] = (0, 0, 0)
) -> tuple[AnyEvent, ...]:
    """The event of a report, and what the desk says and does about it.

    where : place of the venue, bid and ask just before. [tick]
    """
    place, bid, ask = where
    report = with_fee(state, child, report, place)
    now = after(child, report)
    event = booked(child.id, report, venue=place, bid=Ticks(bid), ask=Ticks(ask))
    out: list[AnyEvent] = [event, *_said(state, child, now, report)]
    if now.is_live and not child.is_live and not may_work(state.parents[child.parent_id]):
        out.append(e.CancelIntended(child_id=child.id, by="revived"))
    return tuple(out)


def may_work(parent: Parent) -> bool:
    """Whether a child of it may rest at a venue now."""
    is_left = parent.state == ParentState.HELD and parent.hold_children == HoldChildren.LEAVE
    return is_left or parent.state == ParentState.WORKING


def _stray(state: State, child_id: ChildId, report: Heard, place: int) -> tuple[AnyEvent, ...]:
    if any(known.exec_id == report.exec_id for known in state.strays.get(child_id, ())):
        return ()
    stray = e.StrayReport(
        child_id=child_id,
        exec_id=report.exec_id,
        kind=report.kind,
        quantity=report.quantity,
        price=report.price,
        venue=place,
        sub=report.sub,
        venue_at=report.at,
        leaves=report.leaves,
        liquidity=report.liquidity,
        request=report.request,
        ref=report.ref,
        reason=report.reason,
        cum=report.cum,
    )
    sentence = f"the venue reports {child_text(child_id)}, which this desk never sent"
    return (stray, raise_alert(state, "critical", "stray", child_text(child_id), sentence))


# --- fees -----------------------------------------------------------------------------------
def fee_of(state: State, place: int, liquidity: int, quantity: int) -> float:
    """What the venue charges for a fill, negative = a rebate. [currency]"""
    if not 0 <= place < len(state.venues):
        return 0.0
    venue = state.venues[place]
    return quantity * (venue.make_fee if liquidity == k.PASSIVE else venue.take_fee)


def with_fee(state: State, child: Child, report: Heard, place: int) -> Heard:
    """A fill with its fee; a correction pays as the fill does that it corrects."""
    if report.kind == k.FILLED:
        how = report.liquidity
    elif report.kind == x.CORRECTED:
        trades = trades_of(child.life.hear(report)).values()
        how = next((row.liquidity for row in trades if row.exec_id == report.exec_id), 0)
    else:
        return report
    return replace(report, liquidity=how, fee=fee_of(state, place, how, report.quantity))


# --- what is said ---------------------------------------------------------------------------
def _said(state: State, child: Child, now: Child, report: Heard) -> tuple[AnyEvent, ...]:
    """At most one alarm, the gravest."""
    if EFFECTS[report.kind].trades:
        return _of_trade(state, child, now, report)
    if child.state in OURS and now.state not in OURS:
        sentence = f"{child_text(child.id)} was {child.state} for us and is at the venue after all"
        return (raise_alert(state, "critical", "stray", child_text(child.id), sentence),)
    return _of_order(state, child, now, report)


def _of_trade(state: State, child: Child, now: Child, report: Heard) -> tuple[AnyEvent, ...]:
    parent = state.parents[child.parent_id]
    about, more = f"P-{parent.id}", now.filled - child.filled
    done = parent.filled + more
    exceeds, linked = reentry.late(state, parent, more)
    holds = [event for row in linked for event in system_hold(state, row, reentry.EXCESS)]
    if more > 0 and (now.filled > now.most or done > parent.quantity):
        sentence = f"{about} is over-filled: {done:,} of {parent.quantity:,}"
        if done <= parent.quantity:
            sentence = (
                f"{child_text(child.id)} of {about} is over-filled: {now.filled:,} of "
                f"{now.quantity:,}"
            )
        alarm = raise_alert(state, "critical", "overfill", about, sentence)
        if parent.state == ParentState.WORKING:
            return (alarm, *system_hold(state, parent, OVERFILL))
        return (alarm, *holds)
    if exceeds:
        return (*exceeds, *holds)
    if report.kind in (x.BUSTED, x.CORRECTED):
        what = "busted" if report.kind == x.BUSTED else "corrected"
        sentence = (
            f"a fill of {child_text(child.id)} was {what}: {child.filled:,} -> {now.filled:,} "
            f"shares, average {_money(state, child)} -> {_money(state, now)}"
        )
        if not parent.is_live:
            sentence += f"; {about} is {parent.state} with {done:,} of {parent.quantity:,}"
        severity = "warn" if parent.is_live else "critical"
        return (raise_alert(state, severity, f"fill.{what}", about, sentence),)
    if not child.is_live:
        sentence = f"late fill of {more:,} on {child_text(child.id)}, which was {child.state}"
        return (raise_alert(state, "warn", "late_fill", about, sentence),)
    return ()


def _money(state: State, child: Child) -> str:
    """Its average price in currency, "-" without a fill."""
    instrument = state.instruments.get(child.symbol)
    if not child.filled or instrument is None:
        return "-"
    return f"{child.average_price * instrument.tick_size:,.4f} {instrument.currency}"


def _rejected(state: State, child: Child, sentence: str) -> tuple[AnyEvent, ...]:
    """An alert when more children of its stock are rejected than the rule bears, this one too."""
    rule = rule_in_force(state, alarms.REJECTS)
    past = [
        other.ended_at
        for other in state.ended.values()
        if other.state == ChildState.REJECTED and other.symbol == child.symbol
    ]
    many = 1 + alarms.in_window(past, state.market_ns, rule.window_ns)
    if not alarms.alarm(standing=False, value=many, threshold=rule.value):
        return ()
    if many > 1:
        sentence += f"; {many} in {child.symbol} within {rule.window_ns / SECOND:g} s"
    return (raise_alert(state, "warn", "reject", child.symbol, sentence),)


def _of_order(state: State, child: Child, now: Child, report: Heard) -> tuple[AnyEvent, ...]:
    where = state.venue_name(child.venue) or "the venue"
    why = words.REASON.get(report.reason, f"reason {report.reason}")
    about = child_text(child.id)
    match report.kind:
        case k.REJECTED:
            return _rejected(state, child, f"{where} rejected {about}: {why}")
        case x.REPLACE_REJECTED:
            sentence = f"{where} did not replace {about}: {why}"
            return (raise_alert(state, "warn", "reject.replace", child.symbol, sentence),)
        case k.CANCELLED if report.reason in UNASKED and not child.cancel_asked_at:
            sentence = f"{where} cancelled {about} on its own account"
        case x.RESTATED:
            sentence = f"{where} changed {about}: {child.quantity:,} -> {now.quantity:,} shares"
        case x.DONE_FOR_DAY:
            sentence = f"{where} says that {about} is done for the day"
        case _:
            return ()
    if child.status in FINAL:
        return ()
    return (raise_alert(state, "warn", "venue.change", about, sentence),)
