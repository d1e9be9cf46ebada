"""What an order uses of every limit it falls under, and the refusal of the tightest it breaks.

Pure. Nothing here walks over children: sums are kept by the fold. Orders are checked twice: a
parent when it is entered or amended, each child at the gate.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from engine.core.limitbook import COINS, scopes_of, since
from engine.core.quotes import Quotes
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.instrument import Instrument
from engine.domain.limits import (
    EACH,
    KINDS,
    RESTRICTED,
    Limit,
    Scope,
    key_text,
    of_whom,
)
from engine.domain.orders import Parent
from engine.domain.units import Nanos, ParentId

STEP: Final = 50  # a new highest use is written when it is one of so many parts of the limit more
FIRM: Final = (("firm", ""),)
SOFT: Final = "soft:"  # rule of a refusal that two people can override for one order


class Use(NamedTuple):
    """How much of one limit would be used."""

    limit: Limit
    subject: str  # whose use it is, also where the limit is for each
    used: float

    @property
    def share(self) -> float:
        """Fraction of the limit; a limit of nothing is used up at once."""
        if self.limit.value > 0:
            return self.used / self.limit.value
        return 0.0 if self.used <= 0 else float("inf")

    @property
    def is_beyond(self) -> bool:
        return self.used > self.limit.value

    @property
    def is_soft(self) -> bool:
        return self.limit.soft is not None and self.used > self.limit.soft

    @property
    def rule(self) -> str:
        return key_text((self.limit.kind, self.limit.level, self.limit.subject))


def limits_for(state: State, kind: str, scopes: Iterable[Scope]) -> Iterator[tuple[Limit, Scope]]:
    """The limits of a kind that bind in these places: own, else for each, else as delivered."""
    rows = state.limits.rows.get(kind)
    base = state.limits.delivered(state.policy).get(kind)
    if not rows:  # nobody has set one: only the place of the delivered one binds
        if base is not None:
            for scope in scopes:
                if scope[0] == base.level:
                    yield base, scope
        return
    for scope in scopes:
        row = rows.get(scope) or rows.get((scope[0], EACH))
        if row is None and base is not None and scope[0] == base.level:
            row = base
        if row is not None:
            yield row, scope


def threshold(state: State, kind: str) -> float:
    """The number in force of an alert rule: these stand at the firm alone. [unit of the kind]"""
    return rule_in_force(state, kind).value


def rule_in_force(state: State, kind: str) -> Limit:
    """The alert rule in force; every one is delivered."""
    return next(row for row, _scope in limits_for(state, kind, FIRM))


def check_restricted(state: State, scopes: Iterable[Scope], symbol: str) -> None:
    """Refuse a symbol that is on the list of any place the order falls under."""
    for row, _scope in limits_for(state, RESTRICTED, scopes):
        if symbol in row.symbols:
            whose = "" if row.level == "firm" else f" {of_whom(row.level, row.subject)}"
            raise Refused(
                f"{symbol} is on the restricted list{whose}", field="symbol", rule=rule_of(row)
            )


def rule_of(row: Limit) -> str:
    """The rule that a refusal by this limit carries."""
    return key_text(row.key)


def check_tripped(state: State, strategy: str) -> None:
    """Refuse a strategy that the repeated-execution throttle has disabled."""
    trip = state.limits.tripped.get(strategy)
    if trip is not None:
        raise Refused(
            f"{strategy} is disabled: P-{trip.parent_id} repeated its order {trip.count} times; "
            "risk must enable it again",
            field="strategy",
            rule="tripped",
        )


# --- a parent -------------------------------------------------------------------------------
def parent_uses(
    state: State, instrument: Instrument, parent: Parent, price: float, *, new: bool
) -> tuple[Use, ...]:
    """What a parent of this quantity uses at a price [tick], as it is entered or amended."""
    scopes = scopes_of(parent)
    value = parent.quantity * price * instrument.tick_size
    worked = still_to_do(state, parent.id)
    uses = [
        *_uses(state, "max_parent_adv", scopes, parent.quantity / max(instrument.adv, 1)),
        *_uses(state, "max_parent_value", scopes, value),
    ]
    rest = (parent.quantity - parent.filled) * price * instrument.tick_size
    for row, scope in limits_for(state, "max_day_value", scopes):
        done = state.limits.traded.get(scope, 0) / COINS
        uses.append(Use(row, scope[1], done + worked.get(scope, 0.0) + rest))
    if new:
        uses += _equal(state, parent, scopes)
    return tuple(uses)


def _uses(state: State, kind: str, scopes: tuple[Scope, ...], used: float) -> Iterator[Use]:
    for row, scope in limits_for(state, kind, scopes):
        yield Use(row, scope[1], used)


def still_to_do(state: State, but: ParentId | None) -> dict[Scope, float]:
    """Value that live parents have still to do, by place; parents are few, children many."""
    out: dict[Scope, float] = {}
    for parent in state.parents.values():
        instrument = state.instruments.get(parent.symbol)
        if not parent.is_live or parent.id == but or instrument is None:
            continue
        value = parent.leaves * parent.arrival_price * instrument.tick_size
        for scope in scopes_of(parent):
            out[scope] = out.get(scope, 0.0) + value
    return out


def _equal(state: State, parent: Parent, scopes: tuple[Scope, ...]) -> Iterator[Use]:
    """Equal orders of the trader just now, this one counted."""
    mine = (parent.trader, parent.symbol, parent.side, parent.quantity)
    equal: list[int] = [
        row.at
        for row in state.limits.entered
        if (row.trader, row.symbol, row.side, row.quantity) == mine
    ]
    for row, scope in limits_for(state, "max_equal_orders", scopes):
        yield Use(row, scope[1], since(equal, state.desk_ns - row.window_ns) + 1)


def check_parent(
    uses: tuple[Use, ...], instrument: Instrument, parent: Parent, price: float
) -> tuple[Use, ...]:
    """Refuse what is beyond a limit; what is beyond a soft number only is given back."""
    beyond = [use for use in uses if use.is_beyond]
    if beyond:
        worst = max(beyond, key=lambda use: use.share)
        words = (
            _of_the_day(worst, instrument, parent)
            if worst.limit.kind == "max_parent_adv"
            else sentence(worst, instrument.currency)
        )
        raise Refused(
            words + _detail(worst, instrument, parent, price), field="quantity", rule=worst.rule
        )
    return tuple(use for use in uses if use.is_soft)


def _of_the_day(use: Use, instrument: Instrument, parent: Parent) -> str:
    """Shares say more than a fraction to whoever typed shares."""
    row = use.limit
    whose = "" if row.level == "firm" else f" {of_whom(row.level, use.subject)}"
    return (
        f"quantity must be at most {int(row.value * instrument.adv):,} shares ({row.value:.0%} of "
        f"the average day of {instrument.adv:,}){whose}, was {parent.quantity:,} "
        f"({parent.quantity / instrument.adv:.0%})"
    )


def _detail(use: Use, instrument: Instrument, parent: Parent, price: float) -> str:
    """What was entered, and whether it reads like money in the field of shares."""
    at = price * instrument.tick_size
    if use.limit.kind not in ("max_parent_adv", "max_parent_value", "max_day_value"):
        return ""
    words = f" ({parent.quantity:,} shares at {at:,.2f} are {parent.quantity * at:,.0f}"
    meant = int(parent.quantity / at) if at > 0 else 0
    lot = max(instrument.lot, 1)
    if meant >= lot:
        words += f"; if {parent.quantity:,} was meant as money: {meant // lot * lot:,} shares"
    return words + ")"


def sentence(use: Use, currency: str = "") -> str:
    """``open value of trader u1 must be at most 1,000,000 USD, would be 1,200,000``."""
    row, kind = use.limit, KINDS[use.limit.kind]
    whose = of_whom(row.level, use.subject)
    within = f" in {row.window_ns / 1e9:g} s" if row.window_ns else ""
    return (
        f"{kind.words} {whose} must be at most {amount(row.value, kind.unit, currency)}{within}, "
        f"would be {amount(use.used, kind.unit)}"
    )


def soft_sentence(use: Use, currency: str = "") -> str:
    """The same for a soft number."""
    row, kind = use.limit, KINDS[use.limit.kind]
    return (
        f"{kind.words} {of_whom(row.level, use.subject)} is {amount(use.used, kind.unit)}, above "
        f"the soft limit of {amount(row.soft or 0.0, kind.unit, currency)}"
    )


def amount(value: float, unit: str, currency: str = "") -> str:
    """A number with its unit as refusals write it."""
    match unit:
        case "currency":
            return f"{value:,.0f} {currency}".rstrip()
        case "fraction":
            return f"{value:.1%}"
        case "bp":
            return f"{value:.1f} bp"
        case "share":
            return f"{value:,.0f} shares"
        case _:
            return f"{value:,.0f}"


# --- a child --------------------------------------------------------------------------------
def child_uses(
    state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended
) -> Iterator[Use]:
    """What one order to a venue would use, the cheap and the local first."""
    scopes = scopes_of(parent)
    value = state.value_of(order)
    yield from _uses(state, "max_child_quantity", scopes, order.quantity)
    yield from _uses(state, "max_child_value", scopes, value)
    yield from _price_uses(state, quotes, parent, order, scopes)
    yield from _rate_uses(state, parent, order, scopes)
    yield from _volume_uses(state, quotes, parent, order, scopes)
    book = state.limits
    for row, scope in limits_for(state, "max_open_value", scopes):
        yield Use(row, scope[1], book.open.get(scope, 0) / COINS + value)
    for row, scope in limits_for(state, "max_day_value", scopes):
        held = (book.open.get(scope, 0) + book.traded.get(scope, 0)) / COINS
        yield Use(row, scope[1], held + value)


def _price_uses(
    state: State,
    quotes: Quotes,
    parent: Parent,
    order: e.ChildIntended,
    scopes: tuple[Scope, ...],
) -> Iterator[Use]:
    """How far the price is on the wrong side of the touch, of arrival, of the window's mean."""
    quote = quotes.get(order.symbol)
    if quote is None:
        return
    touch = quote.ask if order.side > 0 else quote.bid
    yield from _uses(state, "collar_bps", scopes, worse(order.side, order.price, touch))
    arrival = worse(order.side, order.price, parent.arrival_price)
    yield from _uses(state, "window_collar_bps", scopes, arrival)
    for row, scope in limits_for(state, "drift_collar_bps", scopes):
        mean = quotes.mean_mid(order.symbol, Nanos(state.market_ns - row.window_ns))
        if mean is not None:  # after a start nothing is known of the window: arrival alone binds
            yield Use(row, scope[1], worse(order.side, order.price, mean))


def worse(side: int, price: float, reference: float) -> float:
    """How much worse than a reference for us, 0 when it is better. [bp]"""
    return max(side * (price - reference) / reference * 1e4, 0.0) if reference > 0 else 0.0


def _rate_uses(
    state: State, parent: Parent, order: e.ChildIntended, scopes: tuple[Scope, ...]
) -> Iterator[Use]:
    book, now = state.limits, state.market_ns
    for kind in ("max_messages", "max_new_orders"):
        for row, scope in limits_for(state, kind, scopes):
            yield Use(row, scope[1], since(book.sent.get(scope, []), now - row.window_ns) + 1)
    runs = book.runs.get((parent.id, order.side), [])
    for row, scope in limits_for(state, "max_repeats", scopes):
        yield Use(row, scope[1], since(runs, now - row.window_ns) + 1)


def _volume_uses(
    state: State,
    quotes: Quotes,
    parent: Parent,
    order: e.ChildIntended,
    scopes: tuple[Scope, ...],
) -> Iterator[Use]:
    own = parent.filled + state.reserved(parent.id) + order.quantity
    if own <= state.policy.participation_grace:
        return
    volume = quotes.totals(parent.symbol)[0] - parent.arrival_volume
    others = max(volume - parent.filled, 0)
    yield from _uses(state, "max_participation", scopes, own / max(others + own, 1))


def check_child(
    state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended
) -> tuple[Use, ...]:
    """Refuse the first kind of limit that is broken, at its tightest level; else every use."""
    uses = tuple(child_uses(state, quotes, parent, order))
    broken = next((use for use in uses if use.is_beyond), None)
    if broken is not None:
        same = [use for use in uses if use.is_beyond and use.limit.kind == broken.limit.kind]
        worst = max(same, key=lambda use: use.share)
        currency = state.instruments[order.symbol].currency
        raise Refused(sentence(worst, currency), rule=worst.rule)
    return uses


# --- what follows ---------------------------------------------------------------------------
def highest(state: State, uses: Iterable[Use]) -> tuple[AnyEvent, ...]:
    """A new highest use of the day, each time it is a part of its limit higher."""
    out = []
    for use in uses:
        limit = use.limit
        known = state.limits.peaks.get((limit.kind, limit.level, use.subject))
        before = 0.0 if known is None else known[0]
        steps = int(before / limit.value * STEP) if limit.value > 0 else 0
        if use.used > before and (known is None or int(use.share * STEP) > steps):
            out.append(
                e.LimitUsed(
                    kind=limit.kind,
                    level=limit.level,
                    subject=use.subject,
                    used=float(use.used),
                    limit=limit.value,
                )
            )
    return tuple(out)
