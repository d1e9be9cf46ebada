"""Scenarios: which market, which order, what goes wrong meanwhile. TOML in, frozen types out.

Every refusal names the file, the key, the value and what is allowed. Keys: docs/scenarios.md.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.domain.errors import Refused
from engine.domain.kinds import BUY, DARK, DEALER, LIT, SELL
from engine.domain.strategy import STRATEGIES, check_values
from engine.domain.units import SECOND, Nanos
from engine.exchange.presets import PRESETS, Preset
from engine.exchange.regimes import REGIMES
from engine.exchange.venues import simulated_venues
from engine.kernels.exogenous import FLOW

T = TypeVar("T")

FOLDER: Final = Path(__file__).resolve().parent / "scenarios"
OPEN: Final = time(9, 30)
SESSION_S: Final = 23_400
SIDES: Final = {"buy": BUY, "sell": SELL}
MOST_DAYS: Final = 100_000
MOST_TICKS: Final = 500  # of a jump: the ladder ends 2,016 ticks from the reference price

NEWS, FLASH, OUTAGE, FEED_GAP = "news", "flash", "outage", "feed_gap"
CROSSED, HALT, STUCK_DARK = "crossed", "halt", "stuck_dark"
INCIDENTS: Final = (NEWS, FLASH, OUTAGE, FEED_GAP, CROSSED, HALT, STUCK_DARK)
SIMULATED: Final = simulated_venues()
PLACES: Final = {venue.name: place for place, venue in enumerate(SIMULATED)}
# kinds of venue that an incident can happen to
AT_A_VENUE: Final = {
    OUTAGE: (LIT, DARK, DEALER),
    CROSSED: (LIT,),
    STUCK_DARK: (DARK,),
}
SIZED: Final = (NEWS, FLASH)

# parameter sets that are a strategy under another name: the same kernel, fixed for comparison
FIXED: Final = {"VWAP_STATIC": "VWAP"}
FIXED_VALUES: Final = {"VWAP_STATIC": {"curve_update": 0.0}}
ALL: Final = "all"  # parameters that every strategy has
REGIME_NAMES: Final = tuple(regime.name for regime in REGIMES)
DRIFT: Final = "drift"  # the one parameter that has a sign
ABOVE_ZERO: Final = ("rate", "size", "depth", "alpha", "c_own", "p_own", "slots", "lag")
ALLOWED_MARKET: Final = tuple(name for name in FLOW.names or () if name != "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that happens to the market at a known moment, the same for every twin."""

    kind: str
    at_ns: Nanos  # since the open
    seconds: int = 0  # how long; 0 for what happens once
    size: int = 0  # of a jump, signed [tick]
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order that every strategy works; instants since the open."""

    side: int
    quantity: int
    start_ns: Nanos
    end_ns: Nanos
    limit_price: int = 0  # 0 = none [tick]
    relax_ns: Nanos = Nanos(0)  # quiet time after the end, before permanent impact is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question that can be asked of strategies, on as many paths as one likes."""

    name: str
    words: str
    preset: Preset
    order: Order
    regimes: tuple[str, ...] = ("usual",)  # path i runs in regime i modulo their number
    market: tuple[tuple[str, float], ...] = ()  # FLOW fields that differ from the preset
    venues: tuple[str, ...] = ()  # where children may go; () = everywhere
    parameters: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()  # of strategies
    incidents: tuple[Incident, ...] = ()
    days: int = 100
    held_out: bool = False  # nothing may be learnt or tuned on it
    begin_ns: Nanos = Nanos(0)  # paths begin this long after the open, whole seconds

    def values(self, strategy: str) -> dict[str, float]:
        """Parameters this scenario gives a strategy; what is missing keeps its default."""
        given = dict(self.parameters)
        return {**dict(given.get(ALL, ())), **dict(given.get(strategy, ()))}

    def regime(self, index: int) -> str:
        """Regime of a path."""
        return self.regimes[index % len(self.regimes)]

    def with_market(self, **changed: float) -> "Scenario":
        """The same scenario with other FLOW fields: one row of a sensitivity table."""
        return replace(self, market=tuple({**dict(self.market), **changed}.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A TOML table that knows where it is, so that a refusal can say so."""

    file: str
    path: str
    values: Mapping[str, Any]
    asked: set[str] = field(default_factory=set)

    def where(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, allowed: str) -> Refused:
        """The one form of a refusal: file, key, what is allowed, what was there."""
        was = f"was {self.values[key]!r}" if key in self.values else "is missing"
        return Refused(f"{self.file}: {self.where(key)} must be {allowed}, {was}", field=key)

    def get(self, key: str, kind: type[T], allowed: str, default: T | None = None) -> T:
        """A value of a kind; int passes for float, bool never for int."""
        self.asked.add(key)
        if key not in self.values and default is not None:
            return default
        value = self.values.get(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise self.refuse(key, allowed)
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An int within limits."""
        allowed = f"a whole number from {low:,} to {high:,}"
        value = self.get(key, int, allowed, default)
        if not low <= value <= high:
            raise self.refuse(key, allowed)
        return value

    def one_of(self, key: str, names: tuple[str, ...], default: str | None = None) -> str:
        """A name of a list."""
        allowed = f"one of {', '.join(names)}"
        value = self.get(key, str, allowed, default)
        if value not in names:
            raise self.refuse(key, allowed)
        return value

    def clock(self, key: str, default: str | None = None) -> Nanos:
        """A time of the session, "HH:MM" or "HH:MM:SS", as time since the open. [ns]"""
        allowed = "a time from 09:30 to 16:00 in quotes, such as '12:00'"
        text = self.get(key, str, allowed, default)
        try:
            at = time.fromisoformat(text)
        except ValueError:
            raise self.refuse(key, allowed) from None
        seconds = (at.hour - OPEN.hour) * 3600 + (at.minute - OPEN.minute) * 60 + at.second
        if not 0 <= seconds <= SESSION_S or at.microsecond or at.tzinfo is not None:
            raise self.refuse(key, allowed)
        return Nanos(seconds * SECOND)

    def names(self, key: str, known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of names, each of them known, none twice, at least one."""
        allowed = f"a list of some of {', '.join(known)}" if known else "a list of names"
        found = self.get(key, list, allowed, list(default))
        fine = all(isinstance(name, str) and (not known or name in known) for name in found)
        if not fine or len(set(found)) != len(found) or (key in self.values and not found):
            raise self.refuse(key, allowed)
        return tuple(found)

    def table(self, key: str, *, needed: bool = False) -> "_Table":
        """A table inside this one."""
        found = self.get(key, dict, "a table", None if needed else {})
        return _Table(file=self.file, path=self.where(key), values=found)

    def tables(self, key: str) -> tuple["_Table", ...]:
        """An array of tables."""
        found = self.get(key, list, "an array of tables", [])
        if not all(isinstance(row, dict) for row in found):
            raise self.refuse(key, "an array of tables")
        return tuple(
            _Table(file=self.file, path=f"{self.where(key)}[{i}]", values=row)
            for i, row in enumerate(found)
        )

    def close(self) -> None:
        """Refuse keys that nobody asked for."""
        unknown = [key for key in self.values if key not in self.asked]
        if unknown:
            raise Refused(
                f"{self.file}: {self.where(unknown[0])} is no key of a scenario; "
                f"allowed here: {', '.join(sorted(self.asked))}",
                field=unknown[0],
            )


def _order(table: _Table, preset: Preset) -> Order:
    side = SIDES[table.one_of("side", tuple(SIDES))]
    quantity = table.whole("quantity", 1, 10 * preset.instrument.adv)
    start = table.clock("start", "09:30")
    end = table.clock("end", "15:30")
    relax = table.whole("relax_s", 0, SESSION_S, 1_800)
    if end <= start:
        raise table.refuse("end", "later than order.start")
    if end // SECOND + relax > SESSION_S - 60:
        raise table.refuse("relax_s", "at most the seconds from order.end to 15:59")
    limit = table.get("limit", float, "a price, 0 for none", 0.0)
    ticks = round(limit / preset.instrument.tick_size)
    if limit < 0 or abs(ticks * preset.instrument.tick_size - limit) > 1e-9:
        raise table.refuse("limit", f"a multiple of {preset.instrument.tick_size}, 0 for none")
    table.close()
    return Order(
        side=side,
        quantity=quantity,
        start_ns=start,
        end_ns=end,
        limit_price=ticks,
        relax_ns=Nanos(relax * SECOND),
    )


def _incident(table: _Table) -> Incident:
    kind = table.one_of("kind", INCIDENTS)
    at = table.clock("at")
    lasts = kind != NEWS
    seconds = table.whole("seconds", 1, SESSION_S) if lasts else 0
    size = table.whole("size", -MOST_TICKS, MOST_TICKS) if kind in SIZED else 0
    if kind in SIZED and size == 0:
        raise table.refuse("size", "a jump in ticks, not zero")
    where = AT_A_VENUE.get(kind, ())
    names = tuple(name for name, place in PLACES.items() if SIMULATED[place].kind in where)
    venue = table.one_of("venue", names) if where else ""
    table.close()
    return Incident(kind=kind, at_ns=at, seconds=seconds, size=size, venue=venue)


def _bounds(key: str) -> tuple[float, float, str]:
    """Limits of a parameter of the market, and how to say them."""
    if key == DRIFT:
        return -MOST_TICKS, MOST_TICKS, f"a number from -{MOST_TICKS} to {MOST_TICKS}"
    if key in ABOVE_ZERO:
        return 0.0, 1e6, "a number above 0"
    return 0.0, 1e6, "a number of at least 0"


def _market(table: _Table) -> tuple[tuple[str, float], ...]:
    found: list[tuple[str, float]] = []
    for key in table.values:
        if key not in ALLOWED_MARKET:
            raise Refused(
                f"{table.file}: {table.where(key)} is no parameter of the market; "
                f"allowed here: {', '.join(ALLOWED_MARKET)}",
                field=key,
            )
        low, high, allowed = _bounds(key)
        value = table.get(key, float, allowed)
        if not low <= value < high or (value == 0.0 and key in ABOVE_ZERO):
            raise table.refuse(key, allowed)
        found.append((key, value))
    return tuple(found)


def _parameters(table: _Table) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    found = []
    known = (ALL, *STRATEGIES, *FIXED)
    for name in table.values:
        if name not in known:
            raise Refused(
                f"{table.file}: {table.where(name)} is no strategy; allowed here: "
                f"{', '.join(known)}",
                field=name,
            )
        inner = table.table(name)
        values = {key: inner.get(key, float, "a number") for key in inner.values}
        for base in STRATEGIES if name == ALL else (FIXED.get(name, name),):
            try:
                check_values(base, values)
            except Refused as refusal:
                where = inner.where(refusal.field)
                raise Refused(f"{table.file}: {where}: {refusal}", field=refusal.field) from None
        found.append((name, tuple(values.items())))
    return tuple(found)


def read(text: str, file: str) -> Scenario:
    """A scenario from the text of its file; ``file`` is for the refusals."""
    try:
        top = _Table(file=file, path="", values=tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{file}: this is not TOML: {error}", field="file") from None
    presets = {preset.instrument.symbol: preset for preset in PRESETS}
    preset = presets[top.one_of("instrument", tuple(presets))]  # type: ignore[index]
    scenario = Scenario(
        name=top.get("name", str, "a name"),
        words=top.get("words", str, "one or two sentences"),
        preset=preset,
        order=_order(top.table("order", needed=True), preset),
        regimes=top.names("regimes", REGIME_NAMES, ("usual",)),
        market=_market(top.table("market")),
        venues=top.names("venues", tuple(PLACES), ()),
        parameters=_parameters(top.table("strategies")),
        incidents=tuple(_incident(row) for row in top.tables("incidents")),
        days=top.whole("days", 1, MOST_DAYS, 100),
        held_out=top.get("held_out", bool, "true or false", False),
    )
    top.close()
    return scenario


def shipped() -> dict[str, Path]:
    """The scenarios that come with the desk, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load(name: str) -> Scenario:
    """A shipped scenario by its name, or any by the path of its file."""
    found = shipped()
    path = found.get(name, Path(name))
    if not path.is_file():
        raise Refused(
            f"scenario must be one of {', '.join(found)} or a file, was {name!r}", field="scenario"
        )
    scenario = read(path.read_text(encoding="utf-8"), path.name)
    if path.stem in found and scenario.name != path.stem:
        raise Refused(f"{path.name}: name must be {path.stem!r}, was {scenario.name!r}")
    return scenario
