"""Scripted incidents: what may happen to the simulated market, or to one order there, on request.

They are drills: the desk must see them by the market alone, and never by this record.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.units import Nanos, PersonId

LEAST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 3_600.0
MOST_TICKS: Final = 500
MOST_SHARES: Final = 1_000_000
DRIFT: Final = 8  # numbers beside those of the kernels: what needs none of them
KILL_CALL: Final = 9


class IncidentState(StrEnum):
    """How far the record of an incident is; whether it is over is a matter of market time."""

    ASKED = "ASKED"
    STARTED = "STARTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"  # the exchange did not answer: it may have begun


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentKind:
    """One kind: its number on the wire and what it can happen to."""

    number: int
    words: str
    venues: tuple[int, ...] = ()  # kinds of venue; none = it is of symbols
    is_sized: bool = False
    is_of_order: bool = False  # it befalls one order of ours
    is_of_desk: bool = False  # nothing happens to the market: the desk itself asks somebody
    usual_s: float = 60.0  # what a dialog begins with, market time [s]


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as the exchange is asked for it: from now on."""

    kind: int  # INCIDENT_OUTAGE, ...
    venue: int = -1  # its place, -1 = none
    symbol: int = -1  # index of the instrument, -1 = all
    seconds: float = 0.0
    size: int = 0  # FLASH, NEWS: by how much the reference price moves [tick]; of orders [share]
    child: int = 0  # the order that it befalls, 0 = the newest that it can befall


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident that a person has asked for. Instants are market time."""

    id: int
    kind: str
    venue: str  # "" = of symbols
    symbol: str  # "" = all
    seconds: float
    size: int  # by how much the price jumps [tick]; of an order, how many shares
    by: PersonId
    reason: str
    asked_at: Nanos
    child: int = 0  # the order that it befalls, 0 = the exchange chooses
    trainee: PersonId = PersonId("")  # whose drill it is, "" = everybody's
    state: IncidentState = IncidentState.ASKED
    started_at: Nanos = Nanos(0)
    ends_at: Nanos = Nanos(0)
    sentence: str = ""  # why it was refused


INCIDENT_KINDS: Final[dict[str, IncidentKind]] = {
    "outage": IncidentKind(
        number=k.INCIDENT_OUTAGE,
        words="venue outage: it answers nothing",
        venues=(k.LIT, k.DARK, k.DEALER),
    ),
    "feed_gap": IncidentKind(number=k.INCIDENT_FEED_GAP, words="feed gap: no quotes, no prints"),
    "crossed": IncidentKind(
        number=k.INCIDENT_CROSSED, words="crossed quotes: a venue bids above its ask",
        venues=(k.LIT,),
    ),
    "flash": IncidentKind(
        number=k.INCIDENT_FLASH, words="flash move: the price jumps and comes back", is_sized=True
    ),
    "halt": IncidentKind(number=k.INCIDENT_HALT, words="trading halt, then an auction"),
    "stuck_dark": IncidentKind(
        number=k.INCIDENT_STUCK_DARK, words="stuck pool: never fills, cancels late",
        venues=(k.DARK,),
    ),
    "news": IncidentKind(
        number=k.INCIDENT_NEWS, words="news: the price jumps for good", is_sized=True
    ),
    "drift": IncidentKind(
        number=DRIFT, usual_s=1_500.0,
        words="model drift: what foretold a rise foretells a fall, in every stock or one",
    ),
    "kill": IncidentKind(
        number=KILL_CALL, usual_s=600.0, is_of_desk=True,
        words="kill call: somebody asks for a kill of all orders in a stock",
    ),
    **{
        name: IncidentKind(number=number, words=words, is_of_order=True)
        for name, number, words in (
            ("bust", x.TROUBLE_BUST, "bust: the last fill never was"),
            ("correct", x.TROUBLE_CORRECT, "correction: the last fill was a tick worse"),
            ("restate", x.TROUBLE_RESTATE, "restatement: the venue cuts the quantity"),
            ("unsolicited_cancel", x.TROUBLE_CANCEL, "unsolicited cancel by the venue"),
            ("done_for_day", x.TROUBLE_DONE, "done for the day"),
            ("duplicate_report", x.TROUBLE_DUPLICATE, "duplicate: the last report once more"),
            ("out_of_order", x.TROUBLE_OUT_OF_ORDER, "out of order: the next two change places"),
            ("late_fill", x.TROUBLE_LATE_FILL, "late fill: cancelled, then filled"),
            ("over_fill", x.TROUBLE_OVER_FILL, "over-fill: more than was asked for"),
            ("stray", x.TROUBLE_STRAY, "stray: a fill of an order that nobody sent"),
            ("reject_cancel", x.TROUBLE_REJECT_CANCEL, "the next cancel is refused"),
            ("reject_replace", x.TROUBLE_REJECT_REPLACE, "the next replace is refused"),
            ("slow_answer", x.TROUBLE_SLOW, "slow: the next request stays pending"),
            ("stopped", x.TROUBLE_STOPPED, "stopped: the venue guarantees a price"),
            ("order_status", x.TROUBLE_STATUS, "status: the venue says that it knows it"),
        )
    },
}  # fmt: skip
OF_MARKET: Final = tuple(
    name for name, row in INCIDENT_KINDS.items() if not (row.is_of_order or row.is_of_desk)
)
