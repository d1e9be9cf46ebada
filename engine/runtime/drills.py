"""A drill on its way to the exchange: the incident that was asked for, and what became of it."""

from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS, Happening
from engine.domain.units import SECOND, Nanos
from engine.runtime.ports import Venue, VenueSilent


def start(
    state: State, venue: Venue | None, asked: e.IncidentAsked
) -> tuple[e.IncidentStarted | e.IncidentNotStarted, VenueSilent | None]:
    """What became of it, and the silence if there was no answer. None = no link: not asked."""
    number = asked.incident_id
    if INCIDENT_KINDS[asked.kind].is_of_desk:
        now = state.market_ns
        ends_at = Nanos(now + round(asked.seconds * SECOND))
        return e.IncidentStarted(incident_id=number, started_at=now, ends_at=ends_at), None
    if venue is None:
        sentence = "the exchange does not answer"
        return e.IncidentNotStarted(incident_id=number, sentence=sentence), None
    symbols = [str(symbol) for symbol in state.instruments]
    incident = Happening(
        kind=INCIDENT_KINDS[asked.kind].number,
        venue=state.place_of(asked.venue),
        symbol=symbols.index(asked.symbol) if asked.symbol else -1,
        seconds=asked.seconds,
        size=asked.size,
        child=asked.child,
    )
    try:
        at = venue.incident(incident)
    except Refused as refusal:
        return e.IncidentNotStarted(incident_id=number, sentence=str(refusal)), None
    except VenueSilent as silence:  # it may have begun; nothing repeats it
        sentence = str(silence)
        unknown = e.IncidentNotStarted(incident_id=number, sentence=sentence, is_unknown=True)
        return unknown, silence
    ends_at = Nanos(at + round(asked.seconds * SECOND))
    return e.IncidentStarted(incident_id=number, started_at=at, ends_at=ends_at), None
