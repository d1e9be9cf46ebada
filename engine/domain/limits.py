"""Limits as data: what is bounded, at which level, by how much, why, by whom and until when.

A limit stands at a level (firm, desk, trader, client, instrument, strategy) for one subject there,
or for each (``*``). All levels are checked and the tightest binds. A limit that nobody set at the
level where it is delivered has the number of the ``Policy``.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from engine.domain.governance import ChangeState, Note
from engine.domain.policy import Policy
from engine.domain.units import SECOND, Nanos, ParentId, PersonId

LEVELS: Final = ("firm", "desk", "trader", "client", "instrument", "strategy")
EACH: Final = "*"  # a subject: every one of the level, each for itself
RESTRICTED: Final = "restricted"
WINDOW_MAX_S: Final = 600.0  # how far back instants are kept

Key = tuple[str, str, str]  # kind, level, subject
Scope = tuple[str, str]  # level, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKind:
    """Something that can be bounded. Lower is tighter."""

    name: str
    words: str  # "open value": the refusal says "open value of trader u1 must be at most ..."
    unit: str  # currency, share, fraction, bp, order, symbol; of alerts also times, s
    # entry = when a parent is entered or amended, child = at the gate, both; kill = no order is
    # refused, but beyond it the desk kills; alert = beyond it somebody is told
    at: str
    meaning: str
    why: str  # derivation of the number as delivered
    soft: bool = False  # may have a soft number, which two people can override for one order
    window: str = ""  # field of the Policy that holds the window as delivered
    level: str = "firm"  # where the number as delivered stands
    subject: str = ""
    levels: tuple[str, ...] = LEVELS  # where it may stand
    low: float = 0.0  # what its number may be [unit]
    high: float = math.inf


_KINDS: Final = (
    LimitKind(
        name="max_child_value", words="child value", unit="currency", at="child",
        meaning="Price times quantity of one order to a venue.",
        why="Twice the largest child that a strategy plans for the largest parent.",
    ),
    LimitKind(
        name="max_child_quantity", words="child quantity", unit="share", at="child",
        meaning="Shares of one order to a venue.",
        why="Twice the largest child that a strategy plans in the most traded stock.",
    ),
    LimitKind(
        name="max_parent_value", words="value of one order", unit="currency", at="entry", soft=True,
        meaning="Quantity times mid of an order as it is entered or amended.",
        why="Twice the largest personal size limit of a trader: above it nobody may decide alone.",
    ),
    LimitKind(
        name="max_parent_adv", words="quantity of one order", unit="fraction", at="entry",
        soft=True, meaning="Quantity of an order as a share of the average day of the stock.",
        why="Above a third of a day no strategy can finish in a day inside its participation cap.",
    ),
    LimitKind(
        name="max_day_value", words="value of the day", unit="currency", at="both", soft=True,
        meaning="Traded today, plus open at venues, plus what live orders still have to do. "
        "A basket counts as its sum.",
        why="Fifty parents of the largest size, both sides added: five times a busy day.",
    ),
    LimitKind(
        name="max_open_value", words="open value", unit="currency", at="child",
        meaning="Leaves times price of every live order at a venue, both sides added; what is "
        "under way and UNKNOWN counts.",
        why="Eight hundred children of the largest value at once.",
    ),
    LimitKind(
        name="collar_bps", words="price through the touch", unit="bp", at="child",
        meaning="How far a price may be beyond the far touch, against us.",
        why="Ten times the usual spread of the widest stock.",
    ),
    LimitKind(
        name="window_collar_bps", words="price against arrival", unit="bp", at="child",
        meaning="How far a price may be worse than the arrival mid of its order.",
        why="Four daily standard deviations of the most volatile stock.",
    ),
    LimitKind(
        name="drift_collar_bps", words="price against the mean of the window", unit="bp",
        at="child", window="drift_window_ns",
        meaning="How far a price may be worse than the mean mid of the last minutes: a walk of "
        "small steps, each inside its collar, ends here.",
        why="Half of the collar against arrival: a move of this size in minutes is an incident.",
    ),
    LimitKind(
        name="max_messages", words="new orders", unit="order", at="child",
        window="message_window_ns", level="instrument", subject=EACH,
        meaning="New orders to venues in the window. Cancels are never counted.",
        why="Four a second in one stock: eight parents that decide every second send half of it.",
    ),
    LimitKind(
        name="max_new_orders", words="new orders of all symbols", unit="order", at="child",
        window="new_orders_window_ns",
        meaning="New orders to venues in the window, whatever their symbol. Bounds what can leave "
        "before a kill is seen. Cancels go first, are never counted and never wait for it.",
        why="Six times what eight symbols may send on the mean by their own limit: it meets bursts "
        "alone.",
    ),
    LimitKind(
        name="max_participation", words="participation", unit="fraction", at="child",
        meaning="Own share of the volume since the order began, own shares in it, beyond a grace "
        "in shares.",
        why="The highest participation cap that a strategy may have.",
    ),
    LimitKind(
        name="max_repeats", words="repeated executions", unit="order", at="child",
        window="repeats_window_ns",
        meaning="Children of one order on its side in the window. The next one disables the "
        "strategy until risk enables it again.",
        why="A strategy decides once a second: twice that is a loop, not a schedule.",
    ),
    LimitKind(
        name="max_equal_orders", words="equal orders", unit="order", at="entry", soft=True,
        window="equal_window_ns",
        meaning="Orders of one trader with the same symbol, side and quantity in the window.",
        why="Nobody types the same order four times in ten seconds; a program that hangs does.",
    ),
    LimitKind(
        name=RESTRICTED, words="restricted list", unit="symbol", at="both",
        meaning="Symbols that must not be traded at this level.",
        why="None as delivered.",
    ),
    LimitKind(
        name="trip_loss", words="automatic kill: loss of an order", unit="currency", at="kill",
        meaning="Cost of one order against its arrival, fees included. Beyond it the order is "
        "killed.",
        why="Off as delivered.",
    ),
    LimitKind(
        name="trip_move", words="automatic kill: move of a price", unit="fraction", at="kill",
        meaning="Move of the mid of a stock in 60 s of market time, either way. Beyond it all "
        "orders in the stock are killed.",
        why="Off as delivered.", levels=("firm", "instrument"),
    ),
    LimitKind(
        name="trip_rejects", words="automatic kill: rejected children", unit="order", at="kill",
        window="trip_window_ns",
        meaning="Rejected children of one order in the window. Beyond it the order is killed.",
        why="Off as delivered.",
    ),
    LimitKind(
        name="alert_slippage", words="alert: cost against VWAP", unit="bp", at="alert",
        levels=("firm",), low=1.0, high=500.0,
        meaning="An order at work, a twentieth of it done, costs more against what the market paid "
        "on average since its start: side times (average - VWAP) / VWAP.",
        why="Ten times the spread of the usual stock: who follows the market stays nearer.",
    ),
    LimitKind(
        name="alert_behind", words="alert: distance from the schedule", unit="fraction",
        at="alert", levels=("firm",), low=0.005, high=1.0,
        meaning="An order at work is further ahead of or behind the shares that should be done by "
        "now, as a part of its quantity.",
        why="Four times the widest band, 5 %, that a schedule may be given.",
    ),
    LimitKind(
        name="alert_participation", words="alert: share of the volume", unit="fraction",
        at="alert", levels=("firm",), low=0.01, high=1.0,
        meaning="An order at work, a twentieth of it done, is a larger share of what has traded "
        "since its start.",
        why="Just below the limit of 40 % at which the gate stops its children.",
    ),
    LimitKind(
        name="alert_doubt", words="alert: a model in doubt", unit="fraction", at="alert",
        levels=("firm",), low=0.05, high=1.0,
        meaning="The model of an order was expired or outside its training range at a larger part "
        "of the order's decisions of the last 600 s.",
        why="Whoever chose a strategy with a model has hardly had one for ten minutes.",
    ),
    LimitKind(
        name="alert_rejects", words="alert: rejected children", unit="order", at="alert",
        window="trip_window_ns", levels=("firm",), high=100.0,
        meaning="More children in one stock were rejected by venues in the window.",
        why="No order that passed our gate should be rejected: every one is looked at.",
    ),
    LimitKind(
        name="alert_move", words="alert: move of a price", unit="times", at="alert",
        levels=("firm",), low=3.0, high=100.0,
        meaning="The mid moved further in 60 s of market time, either way, in multiples of the "
        "usual move of a minute. It is over below 7/15 of that.",
        why="Fifteen standard deviations do not happen without a cause.",
    ),
    LimitKind(
        name="alert_stale", words="alert: age of a quote", unit="s", at="alert",
        levels=("firm",), low=1.0, high=10.0,
        meaning="No quote of a stock for longer, in market time. At 10 s the gate stops all that "
        "would be priced from it, whatever the rule is.",
        why="When the gate stops, at the latest, somebody must know.",
    ),
)  # fmt: skip
KINDS: Final[dict[str, LimitKind]] = {kind.name: kind for kind in _KINDS}
TRIPS: Final = tuple(kind.name for kind in _KINDS if kind.at == "kill")
ALERTS: Final = tuple(kind.name for kind in _KINDS if kind.at == "alert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a person proposes for one limit: the content that an approval is bound to."""

    kind: str
    level: str
    subject: str = ""
    value: float | None = None  # None = no limit of its own here; the other levels remain
    soft: float | None = None  # above it two people must let an order pass
    window_s: float = 0.0  # 0 = as it is
    symbols: str = ""  # restricted: names, separated by commas
    derivation: str = ""  # why this number: from capital, strategy, risk tolerance
    owner: PersonId = PersonId("")
    review: str = ""  # date until which it counts as looked at, "2027-05-31"

    @property
    def key(self) -> Key:
        return (self.kind, self.level, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit in force. ``version`` 0 = as delivered."""

    kind: str
    level: str
    subject: str
    value: float  # [unit of the kind]
    soft: float | None = None
    window_ns: Nanos = Nanos(0)
    symbols: tuple[str, ...] = ()
    derivation: str = ""
    owner: PersonId = PersonId("")
    review: str = ""
    version: int = 0
    change_id: int = 0  # request that set it, 0 = tightened by one person, or as delivered
    by: PersonId = PersonId("")
    approved_by: PersonId = PersonId("")
    since: Nanos = Nanos(0)  # desk clock
    gone: bool = False  # a version that took the limit away

    @property
    def key(self) -> Key:
        return (self.kind, self.level, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """A request to change one limit, and everybody who wrote on it. Times: desk clock."""

    id: int
    terms: Terms
    base_version: int  # version in force when the content was written
    content_hash: str
    authors: tuple[PersonId, ...]
    reason: str
    state: ChangeState
    proposed_at: Nanos
    expires_at: Nanos
    material: bool  # risk must be one of the two
    step: float  # how far it loosens, |ln(new / old)|; [0, inf)
    edits: int = 0
    decided_by: PersonId = PersonId("")
    decided_at: Nanos = Nanos(0)
    decision_reason: str = ""
    comments: tuple[Note, ...] = ()  # of both sides, oldest first; an edit keeps them


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """A strategy that the repeated-execution throttle has disabled. ``at``: market clock."""

    strategy: str
    parent_id: ParentId
    side: int
    count: int
    at: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsCarried:
    """What outlives a day."""

    limits: tuple[Limit, ...] = ()
    past: tuple[Limit, ...] = ()  # earlier versions, oldest first
    changes: tuple[LimitChange, ...] = ()
    tripped: tuple[Disabled, ...] = ()
    next_change: int = 1
    next_override: int = 1


def key_text(key: Key) -> str:
    """``max_open_value@trader:u1``; the kind alone where it is delivered. Refusals carry it."""
    kind, level, subject = key
    home = KINDS[kind]
    if (level, subject) == (home.level, home.subject):
        return kind
    return f"{kind}@{level}:{subject}" if subject else f"{kind}@{level}"


def key_of(text: str) -> Key | None:
    """The limit that a rule names, None when it names none."""
    kind, _, where = text.partition("@")
    home = KINDS.get(kind)
    if home is None:
        return None
    level, _, subject = where.partition(":")
    return (kind, level, subject) if where else (kind, home.level, home.subject)


def of_whom(level: str, subject: str) -> str:
    """``of trader u1``, as refusals say it."""
    if level == "firm":
        return "of the firm"
    return f"of {level} {subject}"


def usual_window(policy: Policy, kind: LimitKind) -> Nanos:
    """The window of a kind as delivered; 0 for one without."""
    return Nanos(getattr(policy, kind.window)) if kind.window else Nanos(0)


@lru_cache(maxsize=16)
def delivered(policy: Policy) -> dict[str, Limit]:
    """The limits as delivered, by kind: the numbers of the policy where they stand.

    An automatic kill that the policy does not arm is none, and missing here.
    """
    out = {}
    for kind in _KINDS:
        listed = kind.name == RESTRICTED
        if not listed and getattr(policy, kind.name) is None:
            continue
        out[kind.name] = Limit(
            kind=kind.name,
            level=kind.level,
            subject=kind.subject,
            value=0.0 if listed else float(getattr(policy, kind.name)),
            window_ns=usual_window(policy, kind),
            symbols=policy.restricted if listed else (),
            derivation=kind.why,
        )
    return out


def terms_hash(terms: Terms, base_version: int) -> str:
    """SHA-256 over exactly what an approval approves."""
    body = msgspec.json.encode([terms, base_version], order="sorted")
    return hashlib.sha256(body).hexdigest()


def names_of(text: str) -> tuple[str, ...]:
    """``"B, A"`` -> (A, B)."""
    return tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))


def limit_from(terms: Terms, base: Limit | None, usual: Nanos) -> Limit:
    """The limit that these terms would put in force; ``base`` is what counts there now.

    usual : window as delivered, for a place that had none.
    """
    window = Nanos(round(terms.window_s * SECOND))
    if not window:
        window = usual if base is None else base.window_ns
    return Limit(
        kind=terms.kind,
        level=terms.level,
        subject=terms.subject,
        value=terms.value or 0.0,
        soft=terms.soft,
        window_ns=window,
        symbols=names_of(terms.symbols),
        derivation=terms.derivation,
        owner=terms.owner,
        review=terms.review,
        version=1 if base is None else base.version + 1,
        gone=terms.value is None and terms.kind != RESTRICTED,
    )


def is_past(review: str, day: str) -> bool:
    """Whether a review date lies before a trading day; "" = never set, and so not past."""
    return bool(review) and review < day


def day_number(text: str) -> int | None:
    """Days since 1970 of a date like 2027-05-31; None when the text is none."""
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(
        part.isascii() and part.isdigit() for part in parts
    ):
        return None
    year, month, day = (int(part) for part in parts)
    if not 1 <= month <= 12 or not 1 <= day <= _month_days(year, month):
        return None
    # count years from March on, so that a leap day is the last of its year
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return (
        365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719_469
    )


def _month_days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
