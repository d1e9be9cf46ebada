"""Rows of limits that screens show. None means "cannot be said" and is shown as "-"."""

import msgspec


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One limit in force, what counts against it now, and its highest use today."""

    id: str  # "max_open_value@trader:u1"
    kind: str
    words: str
    unit: str  # currency, share, fraction, bp, order, symbol
    meaning: str
    level: str
    subject: str
    value: float
    soft: float | None
    window_s: float
    symbols: str
    derivation: str
    owner: str
    review: str
    overdue: bool
    version: int  # 0 = as delivered
    change: int
    by: str
    approved_by: str
    since: int  # desk clock
    used: float | None  # now; None = it is of one order at a time
    share: float | None
    used_by: str  # subject, where the limit is for each
    peak: float | None  # highest use today
    peak_share: float | None
    peak_at: int  # market clock
    peak_by: str
    refused: int  # today
    trader: str | None = None  # of a trader's limit: who may see it
    desk: str | None = None


class LimitChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request to change a limit, with what it would replace."""

    id: str
    key: str
    words: str
    unit: str
    level: str
    subject: str
    state: str
    material: bool
    step: float  # |ln(new / old)| of this loosening
    walked: float  # the same, summed since the last full approval
    value: float | None
    soft: float | None
    window_s: float
    symbols: str
    derivation: str
    owner: str
    review: str
    before: float | None
    before_soft: float | None
    before_window_s: float | None
    before_symbols: str
    content_hash: str
    authors: list[str]
    reason: str
    edits: int
    proposed_at: int
    expires_at: int
    decided_by: str
    decided_at: int
    decision_reason: str
    comments: list[list[str | int]] = []  # at, by, text


class OverrideRow(msgspec.Struct, frozen=True, kw_only=True):
    """One order past a soft limit."""

    id: str
    trader: str
    desk: str
    symbol: str
    side: int
    quantity: int
    strategy: str
    order: dict[str, object]  # the arguments with which it is sent
    limits: list[str]
    sentence: str
    reason: str
    state: str
    content_hash: str
    first_by: str
    second_by: str
    asked_at: int
    expires_at: int
    decision_reason: str
    parent: str


class DisabledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy that the repeated-execution throttle has disabled."""

    id: str  # the strategy
    parent: str
    side: int
    count: int
    at: int  # market clock
