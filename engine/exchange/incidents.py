"""Which incidents can happen, and to what."""

from typing import Final

from engine.domain.errors import Refused
from engine.domain.kinds import (
    DARK,
    DEALER,
    INCIDENT_CROSSED,
    INCIDENT_FEED_GAP,
    INCIDENT_FLASH,
    INCIDENT_HALT,
    INCIDENT_NEWS,
    INCIDENT_OUTAGE,
    INCIDENT_STUCK_DARK,
    LIT,
)
from engine.domain.venue import Venue
from engine.runtime.venues.wire import Incident

MOST_SECONDS: Final = 23_400.0
MOST_TICKS: Final = 500  # a flash move or news; the ladder is four times as wide

# kinds of venue that an incident can happen to; the others are of a symbol
OF_VENUE: Final = {
    INCIDENT_OUTAGE: (LIT, DARK, DEALER),
    INCIDENT_CROSSED: (LIT,),
    INCIDENT_STUCK_DARK: (DARK,),
}
OF_SYMBOL: Final = (INCIDENT_FEED_GAP, INCIDENT_FLASH, INCIDENT_HALT, INCIDENT_NEWS)


def check_incident(what: Incident, venues: tuple[Venue, ...], symbols: int) -> None:
    """Refuse what cannot happen."""
    if what.kind not in OF_VENUE and what.kind not in OF_SYMBOL:
        raise Refused(f"kind must be 1 .. {INCIDENT_NEWS}, was {what.kind}")
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
