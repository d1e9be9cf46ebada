"""What is wrong with the market, seen from its data alone, and the one alert that says so.

Looked for once a second of market time. A cause is alarmed when it appears and not again until it
has gone: ``State.trouble`` holds what is known.
"""

import math
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from engine.core import alarms
from engine.core.moves import Moves, usual
from engine.core.quotes import Quotes
from engine.core.rules import pending
from engine.core.rules.desk import raise_alert
from engine.core.rules.limits import threshold
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.kinds import HALTED, LIT
from engine.domain.orders import Child, ChildState
from engine.domain.units import SECOND, Nanos, Symbol

CROSSED: Final = "crossed"
FEED: Final = "feed"
HALT: Final = "halt"
MOVE: Final = "move"
STUCK: Final = "stuck"
ALL: Final = "all"
UNANSWERED: Final = (
    ChildState.INTENDED, ChildState.PENDING_CANCEL, ChildState.PENDING_REPLACE, ChildState.UNKNOWN,
)  # fmt: skip
STUCK_NS: Final = 5 * SECOND  # a venue that is up and has not answered for so long is stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong now."""

    severity: str
    sentence: str
    since: Nanos


Found = dict[tuple[str, str], Finding]


def watch(state: State, quotes: Quotes, moves: Moves) -> tuple[AnyEvent, ...]:
    """What has begun and what is over since the last look."""
    found = {
        **_crossed(state, quotes),
        **_whole(state, FEED, {**_stale(state, quotes), **_unreadable(state, quotes)}),
        **_whole(state, HALT, _halted(state, quotes)),
        **_moved(state, moves),
        **_stuck(state),
        **_pending(state),
    }
    out: list[AnyEvent] = []
    for (kind, about), finding in found.items():
        if (kind, about) not in state.trouble:
            out.append(e.TroubleSeen(kind=kind, object=about, since=finding.since))
            out.append(
                raise_alert(
                    state, finding.severity, f"market.{kind}", about, finding.sentence,
                    finding.since,
                )
            )  # fmt: skip
    for kind, about in state.trouble:
        if (kind, about) not in found and kind not in alarms.ORDER_TROUBLES:
            out.append(e.TroubleOver(kind=kind, object=about))
            if kind == HALT:
                sentence = f"{'all symbols trade' if about == ALL else about + ' trades'} again"
                out.append(raise_alert(state, "info", "market.open", about, sentence))
    return numbered(state, out)


def numbered(state: State, events: list[AnyEvent]) -> tuple[AnyEvent, ...]:
    """New alerts of one look each get a number of their own."""
    number = state.next_alert
    out: list[AnyEvent] = []
    for event in events:
        if isinstance(event, e.AlertRaised) and event.alert_id == state.next_alert:
            out.append(replace(event, alert_id=number))
            number += 1
        else:
            out.append(event)
    return tuple(out)


def _whole(state: State, kind: str, found: Found) -> Found:
    """One cause that hits every symbol is one trouble."""
    if len(found) < 2 or len(found) < len(state.instruments):
        return found
    first = next(iter(found.values()))
    symbol = next(iter(found))[1]
    sentence = first.sentence.replace(symbol, f"all {len(found)} symbols", 1)
    return {
        (kind, ALL): Finding(
            severity=first.severity,
            sentence=sentence.replace("symbols is", "symbols are"),
            since=min(finding.since for finding in found.values()),
        )
    }


# --- quotes ---------------------------------------------------------------------------------
def crossed_places(quotes: Quotes, symbol: Symbol) -> tuple[int, ...]:
    """Places whose own quote of the symbol is crossed: nothing of it can be believed."""
    seen = quotes.seen.get(symbol)
    return () if seen is None else seen.crossed


def locked_places(state: State, quotes: Quotes, symbol: Symbol) -> tuple[int, ...]:
    """Books that bid what they offer at: they would have traded. Two venues may lock each other."""
    seen = quotes.seen.get(symbol)
    if seen is None or not seen.locked:
        return ()
    return tuple(
        place
        for place in seen.locked
        if place < len(state.venues) and state.venues[place].kind == LIT
    )


def is_crossed(quotes: Quotes, symbol: Symbol) -> bool:
    """Whether the consolidated quote is crossed."""
    quote = quotes.get(symbol)
    return quote is not None and quote.bid > quote.ask > 0


def _crossed(state: State, quotes: Quotes) -> Found:
    at: dict[str, list[Symbol]] = {}
    for symbol in state.instruments:
        places = crossed_places(quotes, symbol)
        for place in places:
            at.setdefault(state.venue_name(place), []).append(symbol)
        if not places and is_crossed(quotes, symbol):
            at.setdefault(symbol, []).append(symbol)
    return {
        (CROSSED, where): Finding(
            severity="critical",
            sentence=f"crossed quotes at {where} in {', '.join(symbols)}: nothing is priced from "
            "them, orders in these symbols wait",
            since=state.market_ns,
        )
        for where, symbols in at.items()
    }


def is_no_number(quotes: Quotes, symbol: Symbol) -> bool:
    """Whether the quote says something that no market can: a price below nothing, or no number."""
    seen, quote = quotes.seen.get(symbol), quotes.get(symbol)
    if seen is None or quote is None:
        return False
    return quote.bid < 0 or quote.ask < 0 or not seen.is_number


def is_ahead(state: State, quotes: Quotes, symbol: Symbol) -> bool:
    """Whether the quote is stamped later than now, by more than a quote may be old."""
    quote = quotes.get(symbol)
    return quote is not None and quote.at_ns - state.market_ns > state.policy.max_feed_age_ns


def _unreadable(state: State, quotes: Quotes) -> Found:
    return {
        (FEED, symbol): Finding(
            severity="critical",
            sentence=f"the quotes of {symbol} cannot be believed ({why}): nothing new is sent",
            since=state.market_ns,
        )
        for symbol in state.instruments
        if (why := unreadable(state, quotes, symbol))
    }


def unreadable(state: State, quotes: Quotes, symbol: Symbol) -> str:
    """Why a quote cannot be believed, whatever its age; "" = it can."""
    if is_no_number(quotes, symbol):
        return "the quote is no number"
    if is_ahead(state, quotes, symbol):
        return "the quote is stamped in the future"
    locked = locked_places(state, quotes, symbol)
    return f"{state.venue_name(locked[0])} bids what it offers at" if locked else ""


def feed_age(state: State, quotes: Quotes, symbol: Symbol) -> Nanos:
    """Market time since the quote was last published; 0 before the first."""
    quote = quotes.get(symbol)
    return Nanos(0 if quote is None else max(0, state.market_ns - quote.at_ns))


def is_stale(state: State, quotes: Quotes, symbol: Symbol) -> bool:
    """Whether the quote is too old to price an order from."""
    return feed_age(state, quotes, symbol) > state.policy.max_feed_age_ns


def _stale(state: State, quotes: Quotes) -> Found:
    most = state.policy.max_feed_age_ns / 1e9
    told = min(threshold(state, alarms.STALE), most)
    rule = alarms.RULES[alarms.STALE]
    found: Found = {}
    for symbol in state.instruments:
        age = feed_age(state, quotes, symbol)
        if alarms.alarm((FEED, symbol) in state.trouble, age / 1e9, told, rule.back):
            found[FEED, symbol] = Finding(
                severity="critical",
                sentence=f"no quotes of {symbol} for {age / 1e9:.0f} s: nothing new is sent on a "
                f"quote older than {most:g} s",
                since=Nanos(state.market_ns - age),
            )
    return found


def is_halted(quotes: Quotes, symbol: Symbol) -> bool:
    """Whether the exchange has halted the symbol."""
    seen = quotes.seen.get(symbol)
    return seen is not None and seen.session == HALTED


def _halted(state: State, quotes: Quotes) -> Found:
    return {
        (HALT, symbol): Finding(
            severity="critical",
            sentence=f"{symbol} is HALTED: orders wait, nothing new is sent until it reopens",
            since=state.market_ns,
        )
        for symbol in state.instruments
        if is_halted(quotes, symbol)
    }


def waits_for(state: State, quotes: Quotes, symbol: Symbol) -> str:
    """Why no order in the symbol can leave, by its market; "" = the market is fit to trade on."""
    if is_halted(quotes, symbol):
        return f"{symbol} is HALTED"
    if is_stale(state, quotes, symbol):
        return f"the quote is {feed_age(state, quotes, symbol) // SECOND} s old"
    if is_crossed(quotes, symbol):
        names = [state.venue_name(place) for place in crossed_places(quotes, symbol)]
        return f"crossed quotes at {', '.join(names)}" if names else "the quote is crossed"
    return unreadable(state, quotes, symbol)


# --- moves and silence ----------------------------------------------------------------------
def _moved(state: State, moves: Moves) -> Found:
    found: Found = {}
    rule, most = alarms.RULES[alarms.MOVE], threshold(state, alarms.MOVE)
    for symbol, instrument in state.instruments.items():
        move = moves.move(symbol)
        share, scale = math.nan if move is None else move, usual(instrument)
        times = abs(share) / scale if scale > 0.0 else math.nan  # ``times_usual`` of one move
        if alarms.alarm((MOVE, symbol) in state.trouble, times, most, rule.back):
            found[MOVE, symbol] = Finding(
                severity=rule.severity,
                sentence=f"{symbol} moved {abs(share) * 100:.1f} % {'up' if share > 0 else 'down'} "
                f"in 60 s, {times:.0f} times the usual: the collars hold",
                since=state.market_ns,
            )
    return found


def silent_for(state: State, child: Child) -> Nanos:
    """How long a child is without the venue's word on it. [market clock]"""
    if child.state not in UNANSWERED:
        return Nanos(0)
    return Nanos(
        state.market_ns - (child.cancel_asked_at or child.replace_asked_at or child.sent_at)
    )


def _stuck(state: State) -> Found:
    """Venues that are up and leave us without an answer. One that is down is another matter."""
    silent: dict[int, list[Child]] = {}
    for child in state.children.values():
        if silent_for(state, child) >= STUCK_NS:
            silent.setdefault(child.venue, []).append(child)
    found: Found = {}
    for place, venue in enumerate(state.venues):
        waiting = silent.get(place)
        if not waiting or venue.name in state.lost:
            continue
        oldest = max(silent_for(state, child) for child in waiting)
        shares = sum(child.leaves for child in waiting)
        found[STUCK, venue.name] = Finding(
            severity="critical",
            sentence=f"{venue.name} is up and does not answer: {len(waiting)} unconfirmed with "
            f"{shares:,} shares, the oldest for {oldest // SECOND} s; they stay reserved and are "
            "not sent again" + (f"; call {venue.phone}" if venue.phone else ""),
            since=Nanos(state.market_ns - oldest),
        )
    return found


def _pending(state: State) -> Found:
    """Cancels that are without an answer for too long, by the orders they are of."""
    return {
        (pending.PENDING, about): Finding(
            severity="critical", sentence=sentence, since=Nanos(state.market_ns - age)
        )
        for about, (age, sentence) in pending.found(state).items()
    }
