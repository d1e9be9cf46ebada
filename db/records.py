"""What the queries answer: frozen rows. ``origin`` is LIVE or DEMO and must be shown.

Rows that also exist live (parents, children, kills, changes, alerts) have the fields of
``engine.domain.views``, prices in currency; None cannot be said and is shown as "-".
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.views import AlertRow, ChangeRow, ChildRow, KillRow, ParentRow


class ParentRecord(ParentRow, frozen=True, kw_only=True):
    """A parent of any day; ``number`` is the id without its letter."""

    number: int
    day: str
    origin: str
    source: str
    children_total: int
    end_price: float | None
    overrides: dict[str, float]
    approved_by: str


class ChildRecord(ChildRow, frozen=True, kw_only=True):
    """A child of any day."""

    number: int
    day: str
    origin: str
    source: str
    refusal: str  # why our own gate stopped it


class FillRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; price and touch in currency."""

    seq: int
    child: str
    parent: str
    symbol: str
    side: int
    venue_at: int
    price: float
    quantity: int
    venue: str
    fee: float  # negative = rebate
    liquidity: str  # "passive", "aggressive", ""
    mid: float | None  # just before the fill
    origin: str
    fate: str = ""  # "busted" (quantity 0 now), "corrected"
    was_quantity: int = 0  # as it was reported first
    was_price: float = 0.0


class ReceiptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one child that a kill had to stop."""

    child: str
    parent: str
    outcome: str  # UNCONFIRMED, CANCELLED, FILLED, REJECTED, EXPIRED, SEND_REFUSED
    leaves: int  # when the kill was blocked
    filled: int  # afterwards
    market_at: int
    after_ms: float | None  # from the request to the venue's answer, desk clock


class KillRecord(KillRow, frozen=True, kw_only=True):
    """A kill of any day with the receipts of its children."""

    day: str
    origin: str
    source: str
    release_reason: str
    receipts: tuple[ReceiptRecord, ...]


class ChangeRecord(ChangeRow, frozen=True, kw_only=True):
    """A change request of any day."""

    day: str
    origin: str
    source: str


class AlertRecord(AlertRow, frozen=True, kw_only=True):
    """An alert of any day."""

    day: str
    origin: str
    source: str


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One command as it was taken, with what it changed."""

    seq: int
    id: str
    person: str
    verb: str
    object: str
    door: str
    reason: str
    outcome: str  # "done", "refused"
    sentence: str  # of the refusal
    before: dict[str, Any]
    after: dict[str, Any]
    market_at: int
    desk_at: int
    day: str
    origin: str
    source: str


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit index."""

    seq: int
    source: str
    origin: str
    day: str
    turn: int
    market_at: int
    desk_at: int
    event: str
    person: str
    object: str
    about: str
    text: str


class DrillRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One drill as it was asked for, and whether the exchange has begun it."""

    id: str  # I-3; numbers begin anew each day
    seq: int  # of the entry that asked for it: with the source its name over days
    source: str
    origin: str
    day: str
    kind: str
    venue: str  # "" = of symbols
    symbol: str  # "" = all
    seconds: float  # of market time
    size: int
    by: str
    reason: str
    asked_at: int  # desk clock
    began_at: int  # desk clock, 0 = it has not begun
    market_at: int  # when it began, market clock
    ends_at: int = 0  # market clock
    refused: str = ""  # what the exchange said instead
    trainee: str = ""  # whose drill it is, "" = everybody's


class EntryDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it is stored, with its place in the chain."""

    line: EntryRecord
    json: str  # the stored bytes
    hash: str
    before: str  # hash of the entry before, all zeros for the first
    after: str  # hash of the entry after, "" = none yet
    fits: bool  # whether the stored hash is that of ``before`` and the bytes
    segment: str
    has_decision: bool


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit search, newest first; ``cursor`` asks for the next, "" = the last."""

    rows: tuple[EntryRecord, ...]
    cursor: str


class DayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One trading day of the desk."""

    day: str
    origin: str
    source: str
    zone: str
    market: str  # where its market comes from, with seed
    seed: int
    open_at: int
    close_at: int
    closed: bool
    sealed: bool
    parents: int
    report_hash: str  # "" = not reported yet
    shortfall_bps: float | None
    signed_by: str
    signed_at: int
    signed_hash: str


class NoteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A note beside a report; ``parent`` "" = about the day."""

    seq: int
    parent: str
    text: str
    by: str
    at: int


class TcaDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day's report as it was stored, and what people said to it."""

    day: DayRecord
    report_hash: str
    body: str  # canonical JSON (engine.tca.results.DayReport); "" when the file is missing
    reported_at: int
    notes: tuple[NoteRecord, ...]


class TcaParentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a day's report."""

    parent: str
    number: int
    day: str
    origin: str
    symbol: str
    side: int
    strategy: str
    trader: str
    quantity: int
    filled: int
    cost: float | None  # [currency]
    cost_bps: float | None
    arrival_bps: float | None
    vwap_bps: float | None


class TrendRow(TcaParentRow, frozen=True, kw_only=True):
    """One line of a report with what its cost was paid on."""

    notional: float | None  # X*P_d [currency]


class TcaParent(msgspec.Struct, frozen=True, kw_only=True):
    """The TCA of one parent."""

    row: TcaParentRow
    body: str  # JSON (engine.tca.results.OrderTca)
    report_hash: str
    signed_by: str
    notes: tuple[NoteRecord, ...]


class ParameterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a strategy's parameters and what it changed."""

    strategy: str
    version: int
    values: dict[str, float]
    before: dict[str, float]  # values of the version before, for the names that changed
    change: str  # "R-4" or ""
    by: str
    since: int
    seq: int
    origin: str
    source: str


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was put in force for a strategy."""

    strategy: str
    model_id: str
    change: str
    card: str
    by: str
    since: int
    seq: int
    origin: str


class DataAge(msgspec.Struct, frozen=True, kw_only=True):
    """How far the read tables are: the last projected entry, when it was written, and when the
    tables were last level with the journal (``projected_at``, at most a second old in health).
    """

    seq: int
    market_at: int
    desk_at: int
    projected_at: int
    day: str


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided for one parent, second by second, thinned. Shares."""

    at_ns: NDArray[np.int64]
    target: NDArray[np.float64]
    band_low: NDArray[np.float64]
    band_high: NDArray[np.float64]
    filled: NDArray[np.int64]
    score: NDArray[np.float64]  # NaN without a model
    tilt: NDArray[np.float64]
    why: tuple[str, ...]
    binding: tuple[str, ...]
    model: tuple[str, ...]


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Mid and running volume of a symbol, a value a second. [currency, share]"""

    at_ns: NDArray[np.int64]
    mid: NDArray[np.float64]  # NaN while a side is missing
    volume: NDArray[np.int64]
    vwap: NDArray[np.float64]  # from the start of the range, own prints included; NaN before one
