"""The life of a child order: one function from what was heard to where it stands.

A child is its first terms, the requests we made since, and the SET of reports that were accepted.
``stand`` folds the reports in the venue's own order (``exec_id``), so the order and the number of
times in which they arrive change nothing. ``EFFECTS`` says what each report does; where several
statuses apply, ``PRECEDENCE`` decides (FIX 4.4, appendix D). This is the whole state machine.

Four rules that no row of the tables may break:

* the filled quantity falls only by a bust or a correction;
* an order that has ended still takes fills, busts and corrections, and keeps its status;
* an order that ended with more filled than we have heard of keeps those shares until they come;
* a request counts when the venue accepts it; until then its order trades on its old terms.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.units import Nanos, Shares, Ticks


class OrdStatus(StrEnum):
    """What the venue's reports say (FIX tag 39)."""

    PENDING_NEW = "PENDING_NEW"  # nothing was heard yet
    NEW = "NEW"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    STOPPED = "STOPPED"  # the venue guarantees a price
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"


S = OrdStatus
PRECEDENCE: Final[dict[OrdStatus, int]] = {
    S.PENDING_CANCEL: 12,
    S.PENDING_REPLACE: 11,
    S.DONE_FOR_DAY: 10,
    S.FILLED: 8,
    S.STOPPED: 7,
    S.CANCELED: 5,
    S.EXPIRED: 5,
    S.PARTIAL: 4,
    S.NEW: 2,
    S.REJECTED: 2,
    S.PENDING_NEW: 1,
}
FINAL: Final = (S.CANCELED, S.EXPIRED, S.REJECTED)  # it never works again

CANCEL: Final = "cancel"
CHANGE: Final = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one kind of report does."""

    proves: bool = True  # the venue has the order
    ends: OrdStatus | None = None
    trades: bool = False  # it is a fill, or says of a fill what it really was
    sets_terms: bool = False  # quantity and price of the order from now on
    pends: str = ""  # the venue has this request of ours and has not decided
    refuses: str = ""  # this request of ours


EFFECTS: Final[dict[int, Effect]] = {
    k.ACCEPTED: Effect(),
    k.FILLED: Effect(trades=True),
    k.CANCELLED: Effect(ends=S.CANCELED),
    k.REJECTED: Effect(proves=False, ends=S.REJECTED),
    k.CANCEL_REJECTED: Effect(proves=False, refuses=CANCEL),
    k.EXPIRED: Effect(ends=S.EXPIRED),
    x.PENDING_CANCEL: Effect(proves=False, pends=CANCEL),
    x.PENDING_REPLACE: Effect(proves=False, pends=CHANGE),
    x.REPLACED: Effect(sets_terms=True),
    x.REPLACE_REJECTED: Effect(proves=False, refuses=CHANGE),
    x.DONE_FOR_DAY: Effect(ends=S.DONE_FOR_DAY),
    x.RESTATED: Effect(sets_terms=True),
    x.STATUS: Effect(),
    x.STOPPED: Effect(),
    x.BUSTED: Effect(trades=True),
    x.CORRECTED: Effect(trades=True),
}


class Heard(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """One accepted report of the venue; fields that its kind does not use are zero."""

    exec_id: int  # rises in the venue's order
    kind: int
    at: Nanos
    quantity: Shares = Shares(0)  # of the fill, or of the order for REPLACED and RESTATED
    price: Ticks = Ticks(0)
    sub: int = 0
    liquidity: int = 0
    fee: float = 0.0  # negative = rebate [currency]
    leaves: Shares = Shares(0)  # DONE_FOR_DAY: what works again tomorrow
    request: int = 0  # of ours that it answers, 0 = the order itself, or not said
    ref: int = 0  # BUSTED, CORRECTED: exec_id of the fill, or of its last correction
    reason: int = 0
    cum: Shares = Shares(0)  # what the venue counts as filled when it ends the order


class Request(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """One cancel or replace that we asked for. (child, number) is its ClOrdID."""

    number: int  # 1, 2, ...
    kind: str
    at: Nanos
    by: str
    original: int = 0  # OrigClOrdID: the request whose terms it changes, 0 = the order itself
    quantity: Shares = Shares(0)  # CHANGE: wanted
    price: Ticks = Ticks(0)
    is_void: bool = False  # it never arrived: evidence of the venue's books


class Life(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """What is known of one child; nothing in it is computed. Its bytes stand in the read tables."""

    quantity: Shares  # first terms
    price: Ticks
    requests: tuple[Request, ...] = ()
    reports: tuple[Heard, ...] = ()  # by exec_id
    is_stopped_by_us: bool = False  # our own gate: it never left
    is_lost: bool = False  # no evidence where it is
    never_came: bool = False  # the venue, asked, does not know it

    def has(self, exec_id: int) -> bool:
        """Whether this report counts already."""
        return any(report.exec_id == exec_id for report in self.reports)

    def hear(self, report: Heard) -> "Life":
        """One more report; one that is known changes nothing. Any proof finds a lost order."""
        rows = (*self.reports, report)
        if self.reports and report.exec_id <= self.reports[-1].exec_id:  # it comes late, or again
            if self.has(report.exec_id):
                return self
            rows = tuple(sorted(rows, key=lambda row: row.exec_id))
        is_lost = self.is_lost and not proves(report)
        return replace(self, reports=rows, is_lost=is_lost)

    def ask(
        self, kind: str, at: Nanos, by: str, terms: tuple[Shares, Ticks] | None = None
    ) -> "Life":
        """One more request of ours; its number is the next."""
        quantity, price = terms or (Shares(0), Ticks(0))
        number = len(self.requests) + 1
        asked = Request(
            number=number, kind=kind, at=at, by=by, original=original_of(self),
            quantity=quantity, price=price,
        )  # fmt: skip
        return replace(self, requests=(*self.requests, asked))

    def void(self, number: int) -> "Life":
        """A request of ours never arrived."""
        rows = (
            replace(row, is_void=True) if row.number == number else row for row in self.requests
        )
        return replace(self, requests=tuple(rows))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order stands: what ``stand`` makes of a life."""

    status: OrdStatus  # by the venue's reports alone
    quantity: Shares
    price: Ticks
    most: Shares  # the larger of quantity and what is asked for: what may trade in the end
    filled: Shares
    passive: Shares
    notional100: int  # [tick / 100 * share]
    fees: float
    leaves: Shares  # by the status; once it has ended what the venue filled and we have not heard
    waiting: tuple[Request, ...]  # requests of ours without an answer
    is_over: bool  # by the venue
    reason: int = 0  # of the end


def proves(report: Heard) -> bool:
    """Whether the venue has the order. A refused duplicate does; "no such order" does not."""
    if report.kind == k.REJECTED:
        return report.reason == k.REASON_DUPLICATE
    is_unknown = report.kind == x.STATUS and report.reason == k.REASON_UNKNOWN_ORDER
    return EFFECTS[report.kind].proves and not is_unknown


def trades_of(life: Life) -> dict[int, Heard]:
    """Fills that stand, by the exec_id of their first report: busted ones gone, others corrected.

    A correction whose fill has not come yet counts as the fill: it says all that the fill said.
    """
    fills: dict[int, Heard] = {}
    first: dict[int, int] = {}  # exec_id of a correction -> that of its fill
    for row in life.reports:
        if row.kind == k.FILLED:
            fills[row.exec_id] = row
        elif row.kind == x.BUSTED:
            fills.pop(first.get(row.ref, row.ref), None)
        elif row.kind == x.CORRECTED:
            root = first.get(row.ref, row.ref)
            first[row.exec_id] = root
            was = fills.get(root)
            how = row.liquidity or (was.liquidity if was else 0)
            fills[root] = replace(row, liquidity=how)
    return fills


def waiting_of(life: Life) -> tuple[Request, ...]:
    """Requests without an answer. A refusal that names no request is of the oldest cancel."""
    if not life.requests:
        return ()
    named: set[int] = set()
    nameless = 0
    for row in life.reports:
        refused = EFFECTS[row.kind].refuses
        if row.request and (refused or row.kind == x.REPLACED):
            named.add(row.request)
        elif refused == CANCEL:
            nameless += 1
    left = []
    for asked in life.requests:
        if asked.is_void or asked.number in named:
            continue
        if asked.kind == CANCEL and nameless:
            nameless -= 1
            continue
        left.append(asked)
    return tuple(left)


def original_of(life: Life) -> int:
    """OrigClOrdID of the next request: the newest replace that is accepted or may still be.

    After a refusal it falls back to the last accepted one. 0 = the order itself.
    """
    waits = {row.number for row in waiting_of(life) if row.kind == CHANGE}
    taken = {row.request for row in life.reports if row.kind == x.REPLACED}
    return max(waits | taken, default=0)


def _pending(life: Life, waiting: tuple[Request, ...]) -> Iterator[OrdStatus]:
    """Requests that the venue says it is thinking about."""
    if not waiting:
        return
    numbers = {row.number: row.kind for row in waiting}
    for row in life.reports:
        pends = EFFECTS[row.kind].pends
        if pends and (
            numbers.get(row.request) == pends or (not row.request and pends in numbers.values())
        ):
            yield S.PENDING_CANCEL if pends == CANCEL else S.PENDING_REPLACE


class _Terms(msgspec.Struct, kw_only=True):
    """What the reports say apart from trades and requests; changes as they are folded."""

    quantity: Shares
    price: Ticks
    is_proved: bool = False
    end: OrdStatus | None = None
    kept: bool = False  # done for the day, works again tomorrow
    is_stopped: bool = False
    reason: int = 0
    last: Heard | None = None  # the report that ended it


def _terms(life: Life) -> _Terms:
    now = _Terms(quantity=life.quantity, price=life.price)
    for row in life.reports:
        effect = EFFECTS[row.kind]
        now.is_proved = now.is_proved or proves(row)
        if row.reason == k.REASON_DUPLICATE and row.kind == k.REJECTED:
            continue  # the second message was refused; the order lives on
        now.is_stopped = now.is_stopped or row.kind == x.STOPPED
        if effect.sets_terms:
            now.quantity, now.price = row.quantity or now.quantity, row.price or now.price
            now.end = now.end if now.end in FINAL else None
        if effect.ends and now.end not in FINAL:
            now.end, now.reason, now.kept = effect.ends, row.reason, row.leaves > 0
            now.last = row
    if now.end is None and not now.is_proved and (life.is_stopped_by_us or life.never_came):
        now.end = S.REJECTED
    return now


def _unheard(life: Life, now: _Terms) -> int:
    """Shares filled before the end, by the venue's count, that were not reported yet. [share]"""
    if now.last is None or not now.last.cum:
        return 0
    until = tuple(row for row in life.reports if row.exec_id < now.last.exec_id)
    heard = trades_of(replace(life, reports=until)).values()
    return max(now.last.cum - sum(row.quantity for row in heard), 0)


def _status(now: _Terms, filled: int, pending: set[OrdStatus]) -> OrdStatus:
    if now.end is not None and now.end in FINAL:
        return now.end
    if not pending and not now.is_stopped:  # nearly always; the same by fewer steps
        if now.end is not None or filled >= now.quantity:
            return now.end or S.FILLED
        return S.PARTIAL if filled else S.NEW if now.is_proved else S.PENDING_NEW
    found = {S.NEW if now.is_proved else S.PENDING_NEW, *pending}
    if filled:
        found.add(S.PARTIAL)
    if now.is_stopped:
        found.add(S.STOPPED)
    if filled >= now.quantity:
        found.add(S.FILLED)
    if now.end is not None:
        found.add(now.end)
    return max(found, key=PRECEDENCE.__getitem__)


def stand(life: Life) -> Standing:
    """Where the order stands, whatever the order of arrival."""
    return _stand_plain(life) or stand_by_table(life)


def _stand_plain(life: Life) -> Standing | None:
    """The same by fewer steps where nothing but this was heard: accepted, filled, ended once.

    Nearly every child of a day, and at each of its reports; None for all others.
    """
    if life.is_stopped_by_us or life.never_came:
        return None
    fills: list[Heard] = []
    filled = missing = reason = 0
    end: OrdStatus | None = None
    for row in life.reports:
        if row.kind == k.FILLED:
            fills.append(row)
            filled += row.quantity
        elif row.kind in (k.CANCELLED, k.EXPIRED):
            if end is None:
                end, reason = EFFECTS[row.kind].ends, row.reason
                missing = max(row.cum - filled, 0)  # filled by the venue's count, not heard yet
        elif row.kind != k.ACCEPTED:
            return None
    waiting = () if end else tuple([row for row in life.requests if not row.is_void])
    left = missing if end else max(life.quantity - filled, 0)
    wanted = [row.quantity for row in waiting if row.kind == CHANGE]
    open_status = S.PARTIAL if filled else S.NEW if life.reports else S.PENDING_NEW
    return Standing(
        status=end or (S.FILLED if filled >= life.quantity else open_status),
        quantity=life.quantity,
        price=life.price,
        most=Shares(filled + left if end else max(life.quantity, *wanted, 0)),
        filled=Shares(filled),
        passive=Shares(sum([row.quantity for row in fills if row.liquidity == k.PASSIVE])),
        notional100=sum([(100 * row.price + row.sub) * row.quantity for row in fills]),
        fees=sum([row.fee for row in fills]),
        leaves=Shares(left),
        is_over=end is not None,
        waiting=waiting,
        reason=reason,
    )


def stand_by_table(life: Life) -> Standing:
    """By ``EFFECTS`` and ``PRECEDENCE`` alone: what ``stand`` means."""
    now = _terms(life)
    fills = tuple(trades_of(life).values())
    filled = sum([row.quantity for row in fills])
    waiting = () if now.end in FINAL else waiting_of(life)
    status = _status(now, filled, set(_pending(life, waiting)))
    is_over = now.end is not None and not (now.end == S.DONE_FOR_DAY and now.kept)
    left = _unheard(life, now) if is_over else max(now.quantity - filled, 0)
    wanted = [] if is_over else [row.quantity for row in waiting if row.kind == CHANGE]
    most = filled + left if is_over else max(now.quantity, *wanted, 0)
    return Standing(
        status=status,
        quantity=now.quantity,
        price=now.price,
        most=Shares(most),
        filled=Shares(filled),
        passive=Shares(sum([row.quantity for row in fills if row.liquidity == k.PASSIVE])),
        notional100=sum([(100 * row.price + row.sub) * row.quantity for row in fills]),
        fees=sum([row.fee for row in fills]),
        leaves=Shares(left),
        is_over=is_over,
        waiting=waiting,
        reason=now.reason,
    )
