"""What the page of cost trends may ask, and the ratio with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.domain.errors import Refused
from engine.gateway.tca import parse_day
from engine.tca.results import Ratio
from engine.tca.trend import METHOD, MINIMUM_N, ratio

__all__ = ["METHOD", "MINIMUM_N", "Ratio", "TrendFilter", "filter_of", "ratio"]

ORIGINS = ("", "LIVE", "DEMO")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFilter:
    """Which orders; "" = all. Days are included on both ends."""

    since: str = ""
    until: str = ""
    strategy: str = ""
    trader: str = ""
    symbol: str = ""
    origin: str = ""


def filter_of(given: Mapping[str, str]) -> TrendFilter:
    """The filter of an address; Refused where a field makes no sense."""
    since, until = (_day(given, name) for name in ("since", "until"))
    if since and until and since > until:
        raise Refused(f"from must be a day up to {until}, was {since}", field="since")
    origin = given.get("origin", "")
    if origin not in ORIGINS:
        raise Refused(f"origin must be LIVE or DEMO, was {origin!r}", field="origin")
    rest = {name: given.get(name, "").strip() for name in ("strategy", "trader", "symbol")}
    return TrendFilter(since=since, until=until, origin=origin, **rest)


def _day(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "").strip()
    return parse_day(text) if text else ""
