"""Which incidents can happen, and to what."""

from typing import Final

from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS, MOST_TICKS, OF_MARKET
from engine.domain.venue import Venue
from engine.runtime.venues.wire import Incident

MOST_SECONDS: Final = 23_400.0

# kinds of venue that an incident can happen to; the others are of a symbol
OF_VENUE: Final = {row.number: row.venues for row in INCIDENT_KINDS.values() if row.venues}
OF_SYMBOL: Final = tuple(
    INCIDENT_KINDS[name].number for name in OF_MARKET if not INCIDENT_KINDS[name].venues
)


def check_incident(what: Incident, venues: tuple[Venue, ...], symbols: int) -> None:
    """Refuse what cannot happen."""
    if what.kind not in OF_VENUE and what.kind not in OF_SYMBOL:
        raise Refused(f"kind must be 1 .. {max(OF_SYMBOL)}, was {what.kind}")
    if what.kind in OF_VENUE:
        if not 0 <= what.venue < len(venues):
            raise Refused(f"venue must be 0 .. {len(venues) - 1}, was {what.venue}")
        place = venues[what.venue]
        if place.kind not in OF_VENUE[what.kind]:
            raise Refused(f"this cannot happen at {place.name}: it is another kind of venue")
    if not -1 <= what.symbol < symbols:
        raise Refused(f"symbol must be -1 (all) .. {symbols - 1}, was {what.symbol}")
    if not 0 < what.seconds <= MOST_SECONDS:
        raise Refused(
            f"seconds must be above 0 and at most {MOST_SECONDS:.0f}, was {what.seconds:g}"
        )
    if abs(what.size) > MOST_TICKS:
        raise Refused(f"size must be at most {MOST_TICKS} ticks either way, was {what.size}")
