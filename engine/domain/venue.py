"""Where children go: public books, dark pools, single-dealer platforms."""

from dataclasses import dataclass

from engine.domain.units import Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """One venue. Its place in the desk's tuple of venues is its index in every record."""

    name: str  # "SIM-A"
    kind: int  # LIT, DARK, DEALER
    order_types: tuple[int, ...]  # what it takes, LIMIT, IOC, ...
    make_fee: float = 0.0  # of a passive fill, negative = rebate [currency / share]
    take_fee: float = 0.0  # of an aggressive fill [currency / share]
    latency_ns: Nanos = Nanos(1_000_000)  # from the desk to the venue, market time
    share: float = 0.0  # of the background flow of its kind, 0..1
    phone: str = ""  # whom to call when it is silent
