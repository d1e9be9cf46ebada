"""Venues: which a parent may use, which are down, what that means for the children there."""

from engine.core.quotes import Quotes
from engine.core.rules.desk import raise_alert
from engine.core.rules.orders import needs_cancel
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.kinds import CLOSED


def is_down(state: State, quotes: Quotes, place: int) -> bool:
    """Whether the venue is closed in every symbol. A halt of one symbol is not that."""
    return all(quotes.venue_state(symbol, place) == CLOSED for symbol in state.instruments)


def turned(state: State, quotes: Quotes) -> tuple[AnyEvent, ...]:
    """Venues that went down or came back since the last decision; while the market trades."""
    out: list[AnyEvent] = []
    for place, venue in enumerate(state.venues):
        down = is_down(state, quotes, place)
        if down and venue.name not in state.lost:
            out += _lost(state, place)
        elif not down and venue.name in state.lost:
            out.append(e.VenueBack(venue=venue.name))
            sentence = f"{venue.name} answers again"
            out.append(raise_alert(state, "info", "venue.back", venue.name, sentence))
    return tuple(out)


def _lost(state: State, place: int) -> tuple[AnyEvent, ...]:
    """Nothing new goes there; what is there is asked back once, and never sent again."""
    venue = state.venues[place]
    there = [child for child in state.children.values() if child.venue == place]
    shares = sum(child.leaves for child in there)
    call = f"; call {venue.phone}" if venue.phone else ""
    sentence = (
        f"{venue.name} is silent: children go elsewhere, {len(there)} of ours with {shares:,} "
        f"shares are there and stay reserved until it answers{call}"
    )
    asked = (
        e.CancelIntended(child_id=child.id, by="venue") for child in there if needs_cancel(child)
    )
    return (
        e.VenueLost(venue=venue.name),
        raise_alert(state, "critical", "venue.down", venue.name, sentence),
        *asked,
    )
