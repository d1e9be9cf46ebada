"""Rows that screens show. Raw numbers with the unit in the name; formatting is the screen's work.

None means "cannot be said" and is shown as "-", never as 0. Prices are in currency.
"""

from typing import Any

import msgspec


class ParentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the blotter."""

    id: str
    symbol: str
    side: int
    strategy: str
    state: str
    trader: str
    desk: str
    quantity: int
    filled: int
    leaves: int
    live: int  # shares at the venue
    children: int  # live children
    done: float  # fraction
    average: float | None
    arrival: float
    limit: float | None
    slippage_bps: float | None  # against arrival, positive = cost
    vwap_bps: float | None  # against the interval VWAP, own prints included
    participation: float | None
    cap: float  # participation cap in force
    passive: float | None  # fraction of the filled shares
    target: float | None  # shares that should be done by now
    behind: float | None  # (filled - target) / quantity; negative = behind
    score: float | None
    model: str  # "live", "unsure", "doubtful", "expired", "none", "-"
    why: str  # the last decision in words
    binding: str
    decided_at: int  # market clock, 0 = never
    accepted_at: int
    end_at: int
    ended_at: int
    hold: str
    kill: str
    alert: str
    version: int
    parameter_version: int
    on_restart: str
    catch_up: str
    client: str
    note: str
    fees: float = 0.0  # venue fees so far, negative = rebates
    excluded: list[str] = []  # venues it must not use
    objective: str = "unsaid"
    risk_aversion: float = 0.0
    on_disconnect: str = ""  # what it does after the exchange was lost
    reenters: str = ""  # the order whose remainder it works, P-3
    reentered: list[str] = []  # orders that work what was left of it
    on_model_loss: str = ""  # what it does when its model version is lost
    model_off: str = ""  # why it works without its model, "" = it may use it
    canary: str = ""  # the request of the candidate that made its last decision, R-3
    room: int = 0  # shares that may be entered anew; the stream alone knows, 0 in a record [share]


class ChildRow(msgspec.Struct, frozen=True, kw_only=True):
    """One child order."""

    id: str
    parent: str
    symbol: str
    side: int
    type: str
    price: float
    quantity: int
    filled: int
    average: float | None
    state: str
    sent_at: int
    ended_at: int
    cancel_asked_at: int
    cancel_by: str
    why: str
    binding: str
    parameter_version: int
    model: str
    decision: int  # journal seq of its decision record
    venue: str = ""
    unconfirmed: str = ""  # "cancel unconfirmed at DARK-2, 41 s" while the venue does not answer
    late: str = ""  # how late that answer is: amber, alert


class PendingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One cancel without an answer."""

    id: str  # of the child
    parent: str
    trader: str
    desk: str
    symbol: str
    venue: str
    leaves: int  # shares that may still trade
    by: str  # what asked for it: hold, plan, kill:3
    asked_at: int  # market clock
    age_s: float  # market clock, and desk clock while the exchange is away
    late: str  # amber, alert
    phone: str


class QuoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """The market of one symbol; depth best first."""

    symbol: str
    name: str
    at: int
    bid: float | None
    ask: float | None
    mid: float | None
    last: float | None
    spread_bps: float | None
    volume: int
    adv: int
    tick_size: float  # currency per tick
    lot: int
    currency: str
    bids: list[list[float]]  # [price, shares, own shares, shares ahead of the first own order]
    asks: list[list[float]]
    waits: str = ""  # why nothing can be priced from it: halted, old, crossed
    venues: list[list[str | int | float | None]] = []  # name, state, bid, shares, ask, shares
    touch: int = 0  # what usually stands at one side's best price [share]


class VenueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One venue as the desk sees it."""

    id: str
    kind: str  # "lit", "dark", "dealer"
    state: str  # "up", "down", "halted", "closed", "killed"
    seen_at: int  # market clock of its last sign of life, 0 = none today
    age_s: float | None  # since then, market clock
    open: int  # live children
    open_shares: int
    unconfirmed: int  # children whose cancel or arrival it has not answered
    sent: int  # shares today
    filled: int
    fill_rate: float | None
    markout_bps: float | None  # of our fills, 10 s later, positive = good
    make_fee: float
    take_fee: float
    fees: float  # today, negative = rebates
    phone: str
    oldest_s: float | None = None  # age of the oldest unconfirmed, market clock


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one parent did at one venue."""

    id: str  # "P-1 SIM-A"
    parent: str
    venue: str
    sent: int
    filled: int
    fill_rate: float | None
    passive: float | None  # fraction of the filled shares
    average: float | None
    slippage_bps: float | None  # against arrival, positive = cost
    markout_bps: float | None  # 10 s after the fills, positive = good
    fees: float


class KillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One kill and its receipts. Milliseconds count from the request."""

    id: str
    scope: str
    target: str
    by: str
    door: str
    state: str
    requested_at: int
    blocked_ms: float | None
    cancel_sent_ms: float | None
    confirmed_ms: float | None
    parents: int
    children: int
    acked: int
    filled_in_flight: int
    unconfirmed: int
    oldest_s: float | None  # age of the oldest unconfirmed cancel, market clock
    reason: str
    release_by: str
    released_by: str
    release_reason: str = ""
    repeats: int = 0  # how often cancels and questions went out again
    waiting: tuple[str, ...] = ()  # unconfirmed children and where, the first WAITING_SHOWN
    silent: list[list[str | int | float]] = []  # venue, unconfirmed, seconds (desk clock), phone
    waits_for: str = ""  # "the exchange" while no cancel can be sent


class HoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hold by scope."""

    id: str
    scope: str
    target: str
    children: str  # cancel, leave
    state: str
    by: str
    reason: str
    since: int
    parents: list[str]
    live: int  # children of these that still work
    left_s: float | None  # market clock; None = without a time
    ends: str  # the condition that ends it, in words
    released_by: str


class DifferenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """How our books of one symbol differ from the venue's, until equal again or accepted."""

    id: str  # the symbol
    digest: str
    sentences: list[str]
    places: int
    grows: bool  # two people must accept it
    since: int
    asked_by: str


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with the desk itself."""

    id: str
    sentence: str
    mode: str
    since: int


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change request."""

    id: str
    strategy: str
    state: str
    material: bool
    moved: dict[str, float]  # since the last full approval, with this step [share of the band]
    values: dict[str, float]
    before: dict[str, float]
    model: str | None
    content_hash: str
    authors: list[str]
    reason: str
    edits: int
    proposed_at: int
    expires_at: int
    decided_by: str
    decided_at: int
    decision_reason: str
    evidence: dict[str, Any] | None = None  # engine.domain.governance.Evidence, field by field
    comments: list[list[str | int]] = []  # at, by, text
    stage: str = ""  # shadow, canary, full; "" = in force at once
    canary: str = ""  # the limits of a canary in words
    against: list[str] = []  # what the desk holds against the version asked for


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """One exception."""

    id: str
    severity: str
    kind: str
    object: str
    sentence: str
    raised_at: int
    times: int
    acknowledged_by: str
    event_at: int = 0  # the cause, market clock
    seen_at: int = 0  # when the desk saw it, market clock
    state: str = "open"  # open, acknowledged, resolved
    first_at: int = 0
    delay_s: float | None = None  # from cause to alert the first time, market clock
    shown_at: int = 0  # first on a screen
    shown_by: str = ""
    shown_s: float | None = None  # from the alert to the screen, desk clock
    acknowledged_at: int = 0
    assigned_to: str = ""
    escalated_at: int = 0  # nobody had acknowledged it in time
    stands: str = ""  # "yes" and "over" where the desk knows whether its cause still stands
    cause: str = ""  # why it is closed
    resolution: str = ""
    resolved_by: str = ""
    resolved_at: int = 0
    notes: list[list[str | int]] = []  # at, by, text
    order: str = ""  # the order of today that it is about, P-3
    section: str = ""  # of the playbook
    ticks: list[list[str | int]] = []  # step, version, at, by, text


class PlaybookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One section of the playbook as it is now."""

    id: str
    part: str
    title: str
    kinds: list[str]
    within_min: int
    version: int
    words: str
    steps: list[str]
    body: str
    by: str  # "" = the text of the first version
    at: int
    reason: str
    earlier: list[list[str | int]]  # version, at, by, reason, text; newest first
    drill: str
    drilled_at: int  # desk clock, 0 = never
    drilled_by: str
    unresolved: int  # exceptions that it is about


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One scripted incident. Instants are market time, 0 = not begun."""

    id: str
    kind: str
    about: str  # venue or symbol
    size: int | None  # [tick]
    seconds: float
    state: str  # asked, under way, over, refused, unknown
    by: str
    reason: str
    asked_at: int
    started_at: int
    ends_at: int
    left_s: float | None
    sentence: str
    trainee: str = ""  # "" = everybody


class StrategyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force for one strategy."""

    id: str
    version: int
    values: dict[str, float]
    change: int
    by: str
    since: int
    model: str
    model_card: str
    model_state: str
    accuracy: float | None
    base_rate: float | None
    auc: float | None
    n: int
    trained_auc: float | None
    demoted: str = ""  # why the version in force decides no more, "" = it may
    stage: str = "none"  # of its candidate
    candidate: str = ""  # what it changes, and by which request
    compared: int = 0  # decisions of both versions on the same observation
    same: float | None = None  # part of these that wanted exactly the same
    beside: str = ""  # what both would have sent, in words
    canary: str = ""  # its four limits in words
    used: str = ""  # of these limits
    candidate_demoted: str = ""  # why it acts no more
    next_step: str = ""


class DeskRow(msgspec.Struct, frozen=True, kw_only=True):
    """The desk itself: what the header and footer show."""

    mode: str
    source: str
    day: str
    zone: str
    session: str
    market_at: int
    open_at: int
    close_at: int
    speed: float
    achieved: float
    epoch: int
    seq: int
    head: str
    turn_ms: float
    gate: str  # "open" or why nothing new leaves
    difference: str
    working_value: float
    needs_action: int
    code: str
    trading: str = "NORMAL"  # mode in force: NORMAL, REDUCING, HALTED
    trading_why: str = ""  # who or what asks for it
    trading_set: str = "NORMAL"  # as people set it
    trading_asked: str = ""  # mode that a first person wants back to
    trading_asked_by: str = ""
    difference_grows: bool = False
    difference_asked_by: str = ""
    compared_at: int = 0  # our books and the venue's, newest comparison, desk clock
    trader_seen_at: int = 0  # a trader last looked at a page, desk clock, 0 = not since the start
    risk_seen_at: int = 0  # the same of an independent risk person
    watched_since: int = 0  # start of the engine: nobody was looked for earlier
