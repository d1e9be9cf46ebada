"""Events of the journal as reports, and reports of the wire as events: one table for both ways.

The folds of the desk and of the read tables, the rules and the decision replay share it.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Final

from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.events import AnyEvent
from engine.domain.life import Heard
from engine.domain.units import ChildId, Nanos

# kind of report -> the event that books it
BOOKED: Final[dict[int, type[Any]]] = {
    k.ACCEPTED: e.ChildAccepted,
    k.FILLED: e.ChildFilled,
    k.CANCELLED: e.ChildCancelled,
    k.REJECTED: e.ChildRejected,
    k.CANCEL_REJECTED: e.CancelRejected,
    k.EXPIRED: e.ChildExpired,
    x.PENDING_CANCEL: e.ChildPending,
    x.PENDING_REPLACE: e.ChildPending,
    x.REPLACED: e.ChildReplaced,
    x.REPLACE_REJECTED: e.ReplaceRejected,
    x.DONE_FOR_DAY: e.ChildDoneForDay,
    x.RESTATED: e.ChildRestated,
    x.STATUS: e.ChildStatusTold,
    x.STOPPED: e.ChildStopped,
    x.BUSTED: e.FillBusted,
    x.CORRECTED: e.FillCorrected,
}
KIND: Final[dict[type[Any], int]] = {
    event: kind for kind, event in BOOKED.items() if event is not e.ChildPending
}
ROW_FIELDS: Final = (  # the same in a row of the wire, in an event and in Heard
    "quantity", "price", "sub", "liquidity", "leaves", "request", "ref", "reason", "cum",
)  # fmt: skip
_OF_HEARD: Final = (*ROW_FIELDS, "fee")


def is_report(event: AnyEvent) -> bool:
    """Whether an event books a report of the venue."""
    return type(event) in KIND or isinstance(event, e.ChildPending)


def heard(event: AnyEvent) -> Heard:
    """The report that an event booked."""
    if isinstance(event, e.ChildFilled):  # one entry in three of a day: the same, written out
        return Heard(
            exec_id=event.exec_id, kind=k.FILLED, at=event.venue_at, quantity=event.quantity,
            price=event.price, sub=event.sub, liquidity=event.liquidity, fee=event.fee,
        )  # fmt: skip
    plain: Any = event
    kind = plain.kind if isinstance(event, (e.ChildPending, e.StrayReport)) else KIND[type(event)]
    names, values = _read(type(event))
    fields = dict(zip(names, values(plain), strict=True))
    return Heard(exec_id=plain.exec_id, kind=kind, at=plain.venue_at, **fields)


@cache
def _read(event: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Which fields of a report this kind of event has, and all their values at once."""
    names = tuple(name for name in _OF_HEARD if name in event.__struct_fields__)
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda plain: tuple(getattr(plain, name) for name in names)


def booked(child_id: ChildId, report: Heard, **more: Any) -> AnyEvent:
    """The event that books a report; ``more`` is what only that event keeps."""
    made = BOOKED[report.kind]
    names = made.__struct_fields__
    fields: dict[str, Any] = {name: getattr(report, name) for name in _OF_HEARD if name in names}
    if made is e.ChildPending:
        fields["kind"] = report.kind
    fields.update((name, value) for name, value in more.items() if name in names)
    event: AnyEvent = made(
        child_id=child_id, exec_id=report.exec_id, venue_at=Nanos(report.at), **fields
    )
    return event
