"""The venues of a simulated day, and the one of a recorded day.

Fees and rebates are invented, of the size of the public schedules of US venues: they decide which
way an order is cheapest, not what a broker would be billed.
"""

from typing import Any, Final

from engine.domain.kinds import (
    AT_CLOSE,
    AT_OPEN,
    DARK,
    DEALER,
    FOK,
    HIDDEN,
    ICEBERG,
    IOC,
    LIMIT,
    LIT,
    MARKET,
    PEG_MID,
    POST_ONLY,
)
from engine.domain.units import Nanos
from engine.domain.venue import Venue
from engine.exchange.presets import LATENCY_NS
from engine.kernels.environment import SIM_VENUES

LIT_TYPES: Final = (LIMIT, IOC, MARKET, FOK, POST_ONLY, HIDDEN, ICEBERG)
TYPES: Final = {LIT: LIT_TYPES, DARK: (PEG_MID, IOC), DEALER: (IOC,)}

# name, fee of a passive and of an aggressive fill [currency / share], phone
TERMS: Final = (
    ("SIM-A", -0.0020, 0.0030, "+1 555 0101"),
    ("SIM-B", -0.0010, 0.0022, "+1 555 0102"),
    ("SIM-C", 0.0012, -0.0006, "+1 555 0103"),  # inverted: takers are paid
    ("DARK-1", 0.0010, 0.0010, "+1 555 0104"),
    ("DARK-2", 0.0010, 0.0010, "+1 555 0105"),
    ("DEAL-1", 0.0, 0.0, "+1 555 0106"),
    ("DEAL-2", 0.0, 0.0, "+1 555 0107"),
)


def simulated_venues(latency_ns: int = LATENCY_NS) -> tuple[Venue, ...]:
    """The seven venues of the simulated market. latency_ns : of the first"""
    return tuple(
        Venue(
            name=name,
            kind=kind,
            order_types=TYPES[kind] + ((AT_OPEN, AT_CLOSE) if place == 0 else ()),
            make_fee=make,
            take_fee=take,
            latency_ns=Nanos(round(latency_ns * slower)),
            share=share,
            phone=phone,
        )
        for place, ((kind, share, slower), (name, make, take, phone)) in enumerate(
            zip(SIM_VENUES, TERMS, strict=True)
        )
    )


def recorded_venues(latency_ns: int = LATENCY_NS) -> tuple[Venue, ...]:
    """The one book that a recording shows."""
    return (
        Venue(
            name="XNAS",
            kind=LIT,
            order_types=(LIMIT, IOC),
            make_fee=-0.0020,
            take_fee=0.0030,
            latency_ns=Nanos(latency_ns),
            share=1.0,
        ),
    )


def may_use(row: Any, venues: tuple[Venue, ...]) -> None:
    """Write into an OBSERVATION row that the parent may use all of these venues."""
    for place, venue in enumerate(venues):
        row["venues"] |= 1 << place
        row["venue_kind"][place] = venue.kind
        row["venue_make"][place] = venue.make_fee
        row["venue_take"][place] = venue.take_fee
