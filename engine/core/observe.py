"""What one parent sees at one decision, written into an OBSERVATION row in one stroke.

A field of a numpy record costs a microsecond of looking up each; a decision has fifty. So the
values go in the order of the dtype into one ``struct``, whose format is made from the dtype.
"""

import math
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.core.quotes import SHOWN, Quotes
from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import allowed_places
from engine.core.rules.trouble import waits_for
from engine.core.sight import Sight
from engine.core.state import State
from engine.domain.kinds import VENUES
from engine.domain.market import OBSERVATION, SLOTS, TICK
from engine.domain.orders import Child, Parent, VenueUse
from engine.domain.strategy import STRATEGIES
from engine.domain.venue import Venue
from engine.kernels.marks import fill_rate

COLLAR_BPS = 10.0  # of the planner; the gate's own collar is wider and independent
LETTERS: Final = {"<i4": "i", "<i8": "q", "<f4": "f", "<f8": "d"}


def layout(dtype: np.dtype[Any], raw: tuple[str, ...] = ()) -> struct.Struct:
    """The record as a struct: one value an element, bytes for each field of ``raw``."""
    text, end = "<", 0
    assert dtype.names is not None
    for name in dtype.names:
        kind, start = dtype[name], dtype.fields[name][1]  # type: ignore[index]
        one, shape = kind.subdtype or (kind, ())
        text += "x" * (start - end)
        text += f"{kind.itemsize}s" if name in raw else f"{math.prod(shape)}{LETTERS[one.str]}"
        end = start + kind.itemsize
    return struct.Struct(text + "x" * (dtype.itemsize - end))


OBSERVED: Final = layout(OBSERVATION, ("features", *SHOWN))
BLANK: Final = tuple(bytes(TICK[name].itemsize) for name in SHOWN)
UNKNOWN: Final = (math.nan,) * VENUES
FREE: Final = (0, 0, 0, 0, 0, 0, 0)
NO_SLOTS: Final = (FREE,) * SLOTS

Known = tuple[float, ...]


class Observer:
    """Writes rows; keeps only what is the same for many of them."""

    def __init__(self, row: NDArray[np.void]) -> None:
        self._row = memoryview(row.view(np.uint8))  # type: ignore[arg-type]
        self._venues: tuple[Venue, ...] = ()
        self._terms: tuple[list[int], Known, Known] = ([], (), ())  # kinds, make and take fees
        self._rates: dict[tuple[int, int], tuple[VenueUse, float]] = {}  # place, lot

    def write(
        self, state: State, quotes: Quotes, sight: Sight, parent: Parent, model_state: int,
        places: int,
    ) -> None:  # fmt: skip
        """One parent now. places : bits of the venues that it may be shown"""
        session, instrument = state.session, state.instruments[parent.symbol]
        assert session is not None
        quote, seen = quotes.get(parent.symbol), quotes.seen.get(parent.symbol)
        fit = quote is not None and not waits_for(state, quotes, parent.symbol)
        touch = (
            (quote.bid, quote.ask, quote.bid_size, quote.ask_size) if fit and quote else FREE[:4]
        )
        shown = BLANK if seen is None or not fit else seen.shown
        of_slot = _slots(state.live_children(parent.id))
        kinds, make, take = self._of_day(state.venues)
        lot = instrument.lot
        OBSERVED.pack_into(
            self._row, 0,
            state.market_ns, parent.start_at, parent.end_at, session.open_at, session.close_at,
            STRATEGIES[parent.strategy].kind, parent.side, parent.quantity, parent.filled,
            parent.limit_price or 0, parent.arrival_price, lot,
            max(1, int(parent.arrival_price * COLLAR_BPS / 1e4)), parent.seed,
            parent.base_at, parent.base_filled,
            0 if quote is None else quote.volume - parent.arrival_volume, parent.filled, *touch,
            *of_slot[0], *of_slot[1], *of_slot[2], *of_slot[3], *of_slot[4],
            sight.features[parent.symbol].tobytes(), model_state, parent.base_volume,
            *of_slot[5], *of_slot[6],
            allowed_places(state, parent) & quotes.open_places(parent.symbol) & places,
            *kinds, *shown[:4],
            *self._fills(state, lot), *self._markouts(state, sight),
            shown[4], *make, *take, instrument.adv,
        )  # fmt: skip

    def _of_day(self, venues: tuple[Venue, ...]) -> tuple[list[int], Known, Known]:
        """Kinds and fees of the venues of the day, zeros where there is none."""
        if venues is not self._venues:
            rest = (0.0,) * (VENUES - len(venues))
            self._venues, self._terms = venues, (
                [*(venue.kind for venue in venues), *map(int, rest)],
                (*(venue.make_fee for venue in venues), *rest),
                (*(venue.take_fee for venue in venues), *rest),
            )  # fmt: skip
        return self._terms

    def _fills(self, state: State, lot: int) -> list[float]:
        """What part of what was sent to each venue was filled, NaN where nothing was sent."""
        rates = list(UNKNOWN)
        for place in range(len(state.venues)):
            use = state.venue_use.get(place)
            if use is None:
                continue
            known = self._rates.get((place, lot))
            if known is None or known[0] is not use:
                known = (use, fill_rate(use.sent, use.filled, lot))
                self._rates[place, lot] = known
            rates[place] = known[1]
        return rates

    @staticmethod
    def _markouts(state: State, sight: Sight) -> list[float]:
        found = list(UNKNOWN)
        for place in range(len(state.venues)):
            found[place] = sight.marks.believed(place)
        return found


def _slots(children: tuple[Child, ...]) -> tuple[tuple[int, ...], ...]:
    """Id, price, leaves, sent, cancelling, venue and type of the oldest children."""
    if not children:
        return FREE_SLOTS
    rows = [
        (
            child.id, child.price, child.leaves, child.sent_at, 0 if needs_cancel(child) else 1,
            child.venue, child.type,
        )
        for child in children[:SLOTS]
    ]  # fmt: skip
    return tuple(zip(*rows, *NO_SLOTS[len(rows) :], strict=True))


FREE_SLOTS: Final = tuple(zip(*NO_SLOTS, strict=True))
