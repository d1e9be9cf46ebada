"""A drill on its way to the exchange: the incident that was asked for, and what became of it."""

from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS, Happening
from engine.domain.units import SECOND, Nanos
from engine.runtime.ports import Venue


def start(
    state: State, venue: Venue, asked: e.IncidentAsked
) -> e.IncidentStarted | e.IncidentNotStarted:
    """Ask the exchange for it. Raises VenueSilent when there is no answer."""
    symbols = [str(symbol) for symbol in state.instruments]
    incident = Happening(
        kind=INCIDENT_KINDS[asked.kind].number,
        venue=state.place_of(asked.venue),
        symbol=symbols.index(asked.symbol) if asked.symbol else -1,
        seconds=asked.seconds,
        size=asked.size,
    )
    try:
        at = venue.incident(incident)
    except Refused as refusal:
        return refused(asked, str(refusal))
    return e.IncidentStarted(
        incident_id=asked.incident_id,
        started_at=at,
        ends_at=Nanos(at + round(asked.seconds * SECOND)),
    )


def refused(asked: e.IncidentAsked, sentence: str) -> e.IncidentNotStarted:
    """The exchange does not let it happen."""
    return e.IncidentNotStarted(incident_id=asked.incident_id, sentence=sentence)


def unknown(asked: e.IncidentAsked, sentence: str) -> e.IncidentNotStarted:
    """No answer: it may have begun; nothing repeats it."""
    return e.IncidentNotStarted(incident_id=asked.incident_id, sentence=sentence, is_unknown=True)
