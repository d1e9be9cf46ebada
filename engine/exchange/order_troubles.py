"""What venues do to orders, on request: one deed a kind, for drills.

A trouble befalls one order: the one that is named, else the newest that it can befall, of the
symbol if there is one. All of them are entries of the exchange's log, so a day that is run again
has them again.
"""

from collections.abc import Callable
from typing import Final

from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.errors import Refused
from engine.domain.units import CHILD_BITS, SECOND
from engine.exchange.ledger import STRAY_EPOCH
from engine.exchange.order_desk import RESTING, Held, OrderDesk
from engine.runtime.venues.wire import Incident

LATE: Final = 100  # shares of a late or excess fill, when nobody says how many

Deed = Callable[[OrderDesk, Held, Incident], None]


def works(held: Held) -> bool:
    """It rests or is on its way."""
    return not held.end and held.leaves > 0


def has_fill(held: Held) -> bool:
    """One of its fills still stands."""
    return bool(held.fills)


def _bust(desk: OrderDesk, held: Held, what: Incident) -> None:
    """The last fill never was; an order that still works, or was filled, gets its shares back."""
    del what
    fill = held.fills.pop()
    held.cum -= fill.quantity
    was_filled = held.end == k.FILLED
    if was_filled:
        held.end = 0
    desk.report(held, x.BUSTED, ref=fill.exec_id)
    _give_back(desk, held, fill.quantity)


def _give_back(desk: OrderDesk, held: Held, quantity: int) -> None:
    """Shares that are no longer traded: back to the market, or the order is over."""
    if held.end:
        return
    if held.type in RESTING and desk.now < desk.close_ns:
        desk.carry(held, quantity)
    elif not held.carriers:
        desk.finish(held, k.CANCELLED, k.REASON_IOC_REMAINDER)


def _correct(desk: OrderDesk, held: Held, what: Incident) -> None:
    """The last fill was a tick worse for us, and ``size`` shares smaller."""
    fill = held.fills[-1]
    less = min(max(what.size, 0), fill.quantity - 1)
    fill.quantity -= less
    fill.price += held.side
    held.cum -= less
    if less and held.end == k.FILLED:
        held.end = 0
    fill.exec_id = desk.report(
        held, x.CORRECTED, ref=fill.exec_id, price=fill.price, sub=fill.sub,
        quantity=fill.quantity, liquidity=fill.liquidity,
    )  # fmt: skip
    if less:
        _give_back(desk, held, less)


def _restate(desk: OrderDesk, held: Held, what: Incident) -> None:
    """The venue cuts the order, by ``size`` shares or half of what is left."""
    cut = min(what.size if what.size > 0 else max(held.leaves // 2, 1), held.leaves)
    desk.change(
        held, x.RESTATED, held.quantity - cut, held.price, reason=x.REASON_UNSOLICITED
    )  # fmt: skip


def _cancel(desk: OrderDesk, held: Held, what: Incident) -> None:
    del what
    desk.finish(held, k.CANCELLED, x.REASON_UNSOLICITED)


def _done(desk: OrderDesk, held: Held, what: Incident) -> None:
    del what
    desk.finish(held, x.DONE_FOR_DAY, x.REASON_UNSOLICITED)


def _again(desk: OrderDesk, held: Held, what: Incident) -> None:
    """The last report once more, with its old number."""
    del what
    desk.repeat(held)


def _late(desk: OrderDesk, held: Held, what: Incident) -> None:
    """Cancelled; then a fill that had happened before."""
    quantity = min(what.size if what.size > 0 else LATE, held.leaves)
    desk.finish(held, k.CANCELLED, x.REASON_UNSOLICITED)
    _fill(desk, held, quantity)


def _over(desk: OrderDesk, held: Held, what: Incident) -> None:
    """Filled, and ``size`` shares beyond."""
    quantity = held.leaves + (what.size if what.size > 0 else LATE)
    held.end = k.FILLED
    desk.take_out(held)
    _fill(desk, held, quantity)


def _fill(desk: OrderDesk, held: Held, quantity: int) -> None:
    held.cum += quantity
    exec_id = desk.report(
        held, k.FILLED, price=held.price, quantity=quantity, liquidity=k.PASSIVE
    )  # fmt: skip
    desk.keep_fill(held, exec_id, quantity)


def _stopped(desk: OrderDesk, held: Held, what: Incident) -> None:
    del what
    desk.report(held, x.STOPPED)


def _status(desk: OrderDesk, held: Held, what: Incident) -> None:
    del what
    desk.report(held, x.STATUS)


def _arm(kind: int) -> Deed:
    """Nothing now; the next message or report of the order meets it."""

    def deed(desk: OrderDesk, held: Held, what: Incident) -> None:
        del desk
        held.armed[kind] = int(what.seconds * SECOND)

    return deed


FIT: Final[dict[int, Callable[[Held], bool]]] = {
    x.TROUBLE_BUST: has_fill,
    x.TROUBLE_CORRECT: has_fill,
    x.TROUBLE_DUPLICATE: lambda held: held.last is not None,
}
TROUBLES: Final[dict[int, Deed]] = {
    x.TROUBLE_BUST: _bust,
    x.TROUBLE_CORRECT: _correct,
    x.TROUBLE_RESTATE: _restate,
    x.TROUBLE_CANCEL: _cancel,
    x.TROUBLE_DONE: _done,
    x.TROUBLE_DUPLICATE: _again,
    x.TROUBLE_OUT_OF_ORDER: _arm(x.TROUBLE_OUT_OF_ORDER),
    x.TROUBLE_LATE_FILL: _late,
    x.TROUBLE_OVER_FILL: _over,
    x.TROUBLE_REJECT_CANCEL: _arm(x.TROUBLE_REJECT_CANCEL),
    x.TROUBLE_REJECT_REPLACE: _arm(x.TROUBLE_REJECT_REPLACE),
    x.TROUBLE_SLOW: _arm(x.TROUBLE_SLOW),
    x.TROUBLE_STOPPED: _stopped,
    x.TROUBLE_STATUS: _status,
}
KINDS: Final = frozenset(TROUBLES) | {x.TROUBLE_STRAY}


def make_trouble(desk: OrderDesk, what: Incident) -> None:
    """Do it now. Refused when no order of the desk is fit for it."""
    if what.kind == x.TROUBLE_STRAY:
        _stray(desk, what)
        return
    fits = FIT.get(what.kind, works)
    if what.child:
        named = desk.orders.get(what.child)
        if named is None or not fits(named):
            raise Refused("that order is not known here, or is not in a state for this")
        TROUBLES[what.kind](desk, named, what)
        return
    found = (
        held
        for held in reversed(desk.orders.values())
        if what.symbol in (-1, held.symbol) and fits(held) and held.side
    )
    first = next(found, None)
    if first is None:
        raise Refused("no order of the desk is in a state for this now")
    TROUBLES[what.kind](desk, first, what)


def _stray(desk: OrderDesk, what: Incident) -> None:
    """An order that the desk never sent is accepted and filled."""
    number = sum(1 for child in desk.orders if child >> CHILD_BITS == STRAY_EPOCH) + 1
    symbol = max(what.symbol, 0)
    quantity = what.size if what.size > 0 else LATE
    held = Held(
        child=(STRAY_EPOCH << CHILD_BITS) | number, symbol=symbol, side=0, type=k.LIMIT, venue=0,
        price=desk.instruments[symbol].reference_price, quantity=quantity, display=0, minimum=0,
    )  # fmt: skip
    desk.orders[held.child] = held
    desk.report(held, k.ACCEPTED)
    held.end = k.FILLED
    _fill(desk, held, quantity)
