"""Cleansing of trades and quotes: ordered, named rules, and what each of them removed.

The rules are those of Barndorff-Nielsen, Hansen, Lunde and Shephard (2009) for TAQ data. Pure:
arrays in, arrays out. Rows must be in the order of the file; equal stamps are merged wherever they
stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

REGULAR: Final = ("", "E", "F", "I", "F I")  # sale conditions of ordinary trades
WIDEST: Final = 50  # times the day's median spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule, and how many rows it removed and left."""

    rule: str
    removed: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Trades as arrays of one length; prices [1e-9 of the currency], sizes [1e-8]."""

    at_ns: Ints  # UTC
    venue: NDArray[np.str_]
    symbol: NDArray[np.str_]
    condition: NDArray[np.str_]
    correction: Ints
    price: Ints
    size: Ints

    def keep(self, mask: Mask) -> "Trades":
        """The rows of a mask."""
        return Trades(**{name: getattr(self, name)[mask] for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Best quotes as arrays of one length; 0 = nobody on that side."""

    at_ns: Ints
    venue: NDArray[np.str_]
    symbol: NDArray[np.str_]
    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints

    def keep(self, mask: Mask) -> "Quotes":
        """The rows of a mask."""
        return Quotes(**{name: getattr(self, name)[mask] for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Which rows lie in the hours, and the day of each: the caller knows the calendar."""

    inside: Mask
    day: Ints


def _groups(symbol: NDArray[np.str_], at_ns: Ints) -> tuple[Ints, Ints]:
    """Rows sorted by symbol, then stamp (stable), and where each group begins."""
    order = np.lexsort((at_ns, symbol))
    if order.size == 0:
        return order, order
    s, t = symbol[order], at_ns[order]
    new = np.r_[True, (s[1:] != s[:-1]) | (t[1:] != t[:-1])]
    return order, np.flatnonzero(new)


def _medians(values: Ints, order: Ints, begins: Ints) -> Ints:
    """Median of each group; of an even number the mean of the middle two, rounded to even."""
    ends = np.r_[begins[1:], order.size]
    group = np.repeat(np.arange(begins.size), ends - begins)
    ranked = values[order][np.lexsort((values[order], group))]
    low, high = ranked[(begins + ends - 1) // 2], ranked[(begins + ends) // 2]
    middle = low + (high - low) // 2
    half = (high - low) % 2
    medians: Ints = middle + half * (middle % 2)
    return medians


def _sums(values: Ints, order: Ints, begins: Ints) -> Ints:
    """Sum of each group."""
    return np.add.reduceat(values[order], begins) if begins.size else values[:0]


def clean_trades(
    trades: Trades, session: Session, venue: str, conditions: Sequence[str] = REGULAR
) -> tuple[Trades, list[Step]]:
    """The cleaned trades of one venue, and what each rule removed, in order."""
    steps = [Step(rule="raw", removed=0, left=trades.at_ns.size)]
    inside = session.inside

    def rule(name: str, mask: Mask) -> None:
        nonlocal trades, inside
        steps.append(_step(name, mask))
        trades, inside = trades.keep(mask), inside[mask]

    rule(f"venue is {venue}", trades.venue == venue)
    rule("inside the session, both ends included", inside)
    rule("price > 0 and correction 0", (trades.price > 0) & (trades.correction == 0))
    rule("regular sale condition", np.isin(np.char.strip(trades.condition), tuple(conditions)))
    order, begins = _groups(trades.symbol, trades.at_ns)
    first = order[begins]
    merged = Trades(
        at_ns=trades.at_ns[first],
        venue=trades.venue[first],
        symbol=trades.symbol[first],
        condition=trades.condition[first],
        correction=trades.correction[first],
        price=_medians(trades.price, order, begins),
        size=_sums(trades.size, order, begins),
    )
    words = "equal stamps merged: median price, sum of sizes"
    steps.append(Step(rule=words, removed=trades.at_ns.size - begins.size, left=begins.size))
    return merged, steps


def _step(name: str, mask: Mask) -> Step:
    """What a mask removes and leaves."""
    left = int(mask.sum())
    return Step(rule=name, removed=mask.size - left, left=left)


def clean_quotes(quotes: Quotes, session: Session, venue: str) -> tuple[Quotes, list[Step]]:
    """The cleaned quotes of one venue, and what each rule removed, in order."""
    steps = [Step(rule="raw", removed=0, left=quotes.at_ns.size)]
    inside, day = session.inside, session.day

    def rule(name: str, mask: Mask) -> None:
        nonlocal quotes, inside, day
        steps.append(_step(name, mask))
        quotes, inside, day = quotes.keep(mask), inside[mask], day[mask]

    rule(f"venue is {venue}", quotes.venue == venue)
    rule("inside the session, both ends included", inside)
    rule("no price of zero", (quotes.bid > 0) & (quotes.ask > 0))
    rule("spread > 0", quotes.ask > quotes.bid)
    rule(f"spread < {WIDEST} times the day's median", _narrow(quotes, day))
    order, begins = _groups(quotes.symbol, quotes.at_ns)
    first = order[begins]
    merged = Quotes(
        at_ns=quotes.at_ns[first],
        venue=quotes.venue[first],
        symbol=quotes.symbol[first],
        bid=_medians(quotes.bid, order, begins),
        ask=_medians(quotes.ask, order, begins),
        bid_size=_medians(quotes.bid_size, order, begins),
        ask_size=_medians(quotes.ask_size, order, begins),
    )
    words = "equal stamps merged: median bid, median ask"
    steps.append(Step(rule=words, removed=quotes.at_ns.size - begins.size, left=begins.size))
    return merged, steps


def _narrow(quotes: Quotes, day: Ints) -> Mask:
    """Which spreads are under WIDEST times the median of their symbol and day."""
    spread = quotes.ask - quotes.bid
    kept = np.zeros(spread.size, dtype=np.bool_)
    order, begins = _groups(quotes.symbol, day)
    ends = np.r_[begins[1:], order.size]
    for begin, end in zip(begins, ends, strict=True):
        rows = order[begin:end]
        kept[rows] = spread[rows] < WIDEST * float(np.median(spread[rows]))
    return kept
