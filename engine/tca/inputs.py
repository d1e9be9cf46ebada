"""What a cost report is computed from: facts of the journal and of the tape, as arrays.

Prices are in ticks, quantities in shares, instants UTC ns, money in currency. A price that is not
known is None (parent) or NaN (arrays); nothing here ever fills one in.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.units import SECOND

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Basis = Literal["order", "executed"]

ORDER: Final = "order"  # waiting is charged on the whole order (Kissell); the default
EXECUTED: Final = "executed"  # waiting is charged on the executed shares (CFA, Wagner)
HORIZONS_NS: Final = (1 * SECOND, 15 * SECOND, 60 * SECOND, 300 * SECOND)
PWP_RATES: Final = (0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentFacts:
    """One parent order that has ended (or stands at the close). Money = ticks * shares * tick_size.

    ``decision_price`` None means the arrival price is the decision price, by definition.
    """

    parent_id: int
    symbol: str
    side: int  # +1 buy, -1 sell
    quantity: int  # X [share]
    filled: int  # Q [share]
    decision_price: float | None  # P_d, mid when the manager decided [tick]
    arrival_price: float | None  # P_0, mid when the engine accepted the parent [tick]
    end_price: float | None  # P_n, mid when the parent became terminal [tick]
    arrived_at: int
    done_at: int
    strategy: str
    trader: str
    state: str  # the last state, as screens write it
    tick_size: float  # currency per tick
    currency: str
    fees: float  # commissions and venue fees of the whole order [currency]

    def __post_init__(self) -> None:
        """Reject facts that no order can have."""
        sound = (
            self.side in (1, -1)
            and self.quantity > 0
            and self.filled >= 0
            and self.tick_size > 0.0
            and self.done_at >= self.arrived_at
            and np.isfinite(self.fees)
        )
        if not sound:
            raise BrokenInvariant(f"facts of parent {self.parent_id} are not those of an order")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFacts:
    """The fills of one parent, oldest first; arrays of shape (n_fills,).

    A fill is at price + sub / 100 ticks. Without ``sub`` every fill is at a whole tick.
    """

    price: Ints  # [tick]
    quantity: Ints  # [share]
    at_ns: Ints  # at the venue
    liquidity: NDArray[np.int32]  # PASSIVE, AGGRESSIVE, 0 = the venue did not say
    venue: tuple[str, ...]
    mid: Floats  # mid just before the fill; NaN when one side of the book was empty [tick]
    mid_untouched: Floats | None = None  # m0: mid at that time without our order [tick]
    sub: Ints | None = None  # hundredths of a tick, 0 <= sub < 100
    untouched_from: str = ""  # where m0 comes from, shown beside the number: "no-trade twin"

    def __post_init__(self) -> None:
        """Reject arrays that do not belong together."""
        if self.sub is None:
            object.__setattr__(self, "sub", np.zeros(len(self.price), dtype=np.int64))
        _lay_out(self, np.int64, ("price", "quantity", "at_ns", "sub"))
        _lay_out(self, np.int32, ("liquidity",))
        _lay_out(self, np.float64, ("mid", "mid_untouched"))
        n = len(self.price)
        lengths = {
            n,
            len(self.quantity),
            len(self.at_ns),
            len(self.liquidity),
            len(self.venue),
            len(self.mid),
            len(self.hundredths),
            n if self.mid_untouched is None else len(self.mid_untouched),
        }
        if len(lengths) != 1:
            raise BrokenInvariant(f"fill arrays must have one length, had {sorted(lengths)}")
        if n and (self.quantity.min() <= 0 or self.price.min() <= 0):
            raise BrokenInvariant("a fill must have a positive price and quantity")

    @property
    def hundredths(self) -> Ints:
        """Fill prices, exact. [tick / 100]"""
        assert self.sub is not None
        return self.price * 100 + self.sub

    @property
    def paid(self) -> Floats:
        """Fill prices. [tick]"""
        return self.hundredths / 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """All prints of one symbol in one day, in venue order, own and hidden prints included.

    Official open and close records are not prints and must not be in it. Times may repeat, they
    never go back. ``volume_before[i]`` and ``notional100_before[i]`` are the sums of rows 0 .. i-1.
    A print is at price + sub / 100 ticks; without ``sub`` every print is at a whole tick.
    """

    at_ns: Ints
    price: Ints  # [tick]
    quantity: Ints  # [share]
    sub: Ints | None = None  # hundredths of a tick, 0 <= sub < 100
    volume_before: Ints = field(init=False)  # shape (n + 1,) [share]
    notional100_before: Ints = field(init=False)  # shape (n + 1,) [tick / 100 * share], exact

    def __post_init__(self) -> None:
        """Check the order of time and add up once."""
        if self.sub is None:
            object.__setattr__(self, "sub", np.zeros(len(self.price), dtype=np.int64))
        _lay_out(self, np.int64, ("at_ns", "price", "quantity", "sub"))
        assert self.sub is not None
        if not len(self.at_ns) == len(self.price) == len(self.quantity) == len(self.sub):
            raise BrokenInvariant("tape arrays must have one length")
        _must_not_go_back(self.at_ns, "print")
        zero = np.zeros(1, dtype=np.int64)
        volume = np.concatenate((zero, np.cumsum(self.quantity, dtype=np.int64)))
        hundredths = (self.price * 100 + self.sub) * self.quantity
        notional = np.concatenate((zero, np.cumsum(hundredths, dtype=np.int64)))
        object.__setattr__(self, "volume_before", volume)
        object.__setattr__(self, "notional100_before", notional)


@dataclass(frozen=True, slots=True, kw_only=True)
class MidSeries:
    """The mid of one symbol: a value holds from its time to the next one.

    A mid older than ``stale_after_ns`` and a mid after ``until_ns`` (the close) are missing:
    the last one known is never carried on without an end.
    """

    at_ns: Ints
    mid: Floats  # NaN while the book is one-sided [tick]
    until_ns: int
    stale_after_ns: int = 5 * SECOND

    def __post_init__(self) -> None:
        """Check the order of time."""
        _lay_out(self, np.int64, ("at_ns",))
        _lay_out(self, np.float64, ("mid",))
        if len(self.at_ns) != len(self.mid):
            raise BrokenInvariant("mid arrays must have one length")
        _must_not_go_back(self.at_ns, "mid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolMarket:
    """What the market did in one symbol."""

    tape: Tape
    mids: MidSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class TcaRules:
    """The choices of a report; they are printed in it."""

    basis: Basis = "order"
    horizons_ns: tuple[int, ...] = HORIZONS_NS
    pwp_rates: tuple[float, ...] = PWP_RATES
    seed: int = 1  # of the bootstrap
    draws: int = 2000
    minimum_n: int = 10  # fewer parents: "not enough data", no interval


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """One parent with its fills."""

    parent: ParentFacts
    fills: FillFacts


def tape_of(trades: NDArray[np.void]) -> Tape:
    """Tape of one symbol from its TRADE rows (``engine.domain.market``), in venue order."""
    return Tape(
        at_ns=trades["at_ns"],
        price=trades["price"],
        quantity=trades["quantity"],
        sub=trades["sub"],
    )


def mids_of(ticks: NDArray[np.void], until_ns: int, stale_after_ns: int = 5 * SECOND) -> MidSeries:
    """Mids of one symbol from its TICK rows; NaN where one side of the book is empty."""
    bid = ticks["bid"][:, 0].astype(np.float64)
    ask = ticks["ask"][:, 0].astype(np.float64)
    mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2.0, np.nan)
    return MidSeries(
        at_ns=ticks["at_ns"], mid=mid, until_ns=until_ns, stale_after_ns=stale_after_ns
    )


def mid_of_touch(bid: Ints, ask: Ints) -> Floats:
    """Mid of the touches that fill reports carry; NaN where a side is 0, that is empty. [tick]"""
    both = (bid > 0) & (ask > 0)
    return np.where(both, (bid.astype(np.float64) + ask) / 2.0, np.nan)


def _lay_out(
    facts: FillFacts | Tape | MidSeries,
    dtype: type[np.int64 | np.int32 | np.float64],
    names: tuple[str, ...],
) -> None:
    """Bring arrays to one layout: kernels compile once per layout, a reader's may be any."""
    for name in names:
        given = getattr(facts, name)
        if given is not None:
            object.__setattr__(facts, name, np.require(given, dtype, ["C", "W"]))


def _must_not_go_back(at_ns: Ints, what: str) -> None:
    back = np.flatnonzero(np.diff(at_ns) < 0)
    if len(back):
        raise BrokenInvariant(f"time of a {what} goes back at row {int(back[0]) + 1}")
