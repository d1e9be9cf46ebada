"""Questions that are answered by simulation: what is asked, and the paths it is answered with.

Everything in a question but its ticket decides the answer, so its hash is what is kept.
"""

import hashlib
import json
from typing import Any, Final

import msgspec
import numpy as np

from db.market import mids_of_bars
from db.queries import Queries
from engine.domain.errors import Refused
from engine.domain.strategy import STRATEGIES
from engine.domain.units import SECOND
from engine.exchange import generated
from engine.exchange.presets import PRESETS, Preset, Stock
from engine.lab.late import shape_of
from engine.lab.now import (
    MODEL_WARM_S,
    WARM_S,
    Bars,
    MarketSnapshot,
    Match,
    Wanted,
    match,
    scenario_of,
    snapshot,
)
from engine.lab.pretrade import Way, cap_of, question, size_of
from engine.lab.run import Question
from engine.lab.scenario import PLACES
from engine.runtime.model_bytes import pack
from engine.runtime.models import load_model
from engine.settings import Paths

PRETRADE, TWIN = "pretrade", "twin"
SHOWN: Final = 10  # digits of a hash that people compare
BUSY_PART: Final = 1.0  # of the expected volume: above it the ticket says so


class AskedWay(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy, the values it would run with, and the model in force."""

    strategy: str
    values: dict[str, float] = {}
    model: str = ""
    name: str = ""  # as it is shown; "" = the strategy


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question, as it comes from the web. Instants are market ns."""

    kind: str
    mode: str
    day: str
    open_at: int
    at: int  # the market that is asked about
    symbol: str
    side: int
    quantity: int
    horizon_ns: int
    ways: list[AskedWay]  # of a twin: the order's own first
    limit_price: int = 0
    exclude: list[str] = []

    @property
    def digest(self) -> str:
        """Hash of all but the instant: the same order, whenever it is asked about."""
        body = msgspec.to_builtins(self)
        if self.kind == PRETRADE:
            del body["at"]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its market: everything a run needs."""

    question: Any  # engine.lab.run.Question
    market: MarketSnapshot
    matched: Match
    published: Any  # engine.lab.expected.Size
    notes: tuple[str, ...]
    digest: str


def stock_of(mode: str, symbol: str, where: Paths) -> Stock:
    """The stock whose market answers; Refused where none does."""
    if mode == "REPLAY":
        raise Refused(
            "the market must answer to orders to be asked what they cost: this desk plays a "
            "recording (--replay-mode reactive generates a market like it)"
        )
    if mode == "REACTIVE":
        return generated.load(where.state)
    for preset in PRESETS:
        if preset.instrument.symbol == symbol:
            return preset
    raise Refused(f"{symbol} must be a simulated stock to be asked about", field="symbol")


def prepare(asked: Asked, queries: Queries, where: Paths) -> Prepared:
    """Look at the market of the instant and make the question; Refused in words."""
    stock = stock_of(asked.mode, asked.symbol, where)
    rows = queries.bars(asked.day, asked.symbol)
    if rows is None or len(rows) == 0:
        raise Refused(f"{asked.symbol} has no market of {asked.day} on record yet: a moment")
    bars = Bars(
        at_ns=rows["at_ns"],
        mid=mids_of_bars(rows),
        spread=(rows["ask"] - rows["bid"]).astype(np.float64),
        bid_size=rows["bid_size"],
        ask_size=rows["ask_size"],
        volume=rows["volume"],
    )
    instrument = stock.instrument
    now = snapshot(instrument, stock, bars, asked.day, asked.open_at, asked.at)
    wanted = Wanted(
        side=asked.side,
        quantity=asked.quantity,
        horizon_s=int(asked.horizon_ns // SECOND),
        limit_price=asked.limit_price,
        excluded=tuple(asked.exclude),
        warm_s=MODEL_WARM_S if any(way.model for way in asked.ways) else WARM_S,
    )
    scenario = scenario_of(now, instrument, stock, wanted, tuple(PLACES))
    matched = match(now, stock)
    asks = question(scenario, _ways(asked, where), seed=seed_of(asked))
    published = size_of(scenario, now.spread_mean, matched.volatility, cap_of(asks))
    return Prepared(
        question=asks,
        market=now,
        matched=matched,
        published=published,
        notes=_notes(asked, asks, stock),
        digest=hashlib.sha256(msgspec.msgpack.encode(asks)).hexdigest()[:SHOWN],
    )


def seed_of(asked: Asked) -> int:
    """One a day and symbol, so that an edited ticket meets the same draws."""
    return int.from_bytes(hashlib.sha256(f"{asked.day} {asked.symbol}".encode()).digest()[:4])


def _ways(asked: Asked, where: Paths) -> tuple[Way, ...]:
    found = []
    for way in asked.ways:
        model = pack(load_model(where.models, way.model).model) if way.model else b""
        found.append(
            Way(
                strategy=way.strategy,
                name=way.name,
                values=tuple(sorted(way.values.items())),
                model=model,
                model_id=way.model,
            )
        )
    return tuple(found)


def _notes(asked: Asked, asks: Question, stock: Stock) -> tuple[str, ...]:
    """What a person must know to read the answer."""
    order = asks.scenario.order
    said = []
    lasts = (order.end_ns - order.start_ns) // SECOND
    if lasts < asked.horizon_ns // SECOND:
        said.append(f"ends {lasts // 60} min after its start: a clean-up needs time to the close")
    busy = shape_of(stock.flow()[0])[:, 0]
    first, last = order.start_ns // SECOND, order.end_ns // SECOND
    room = stock.instrument.adv * float(busy[first:last].sum() / busy.sum())
    if asked.quantity > BUSY_PART * room:
        said.append(
            f"{asked.quantity:,} is more than the {room:,.0f} that the whole market is expected to "
            "trade until then: the book is crossed as far as it goes, the rest is left over"
        )
    bare = [
        way.strategy for way in asked.ways if STRATEGIES[way.strategy].uses_model and not way.model
    ]
    if bare:
        said.append(f"{', '.join(bare)} without a model: the base schedule")
    if not isinstance(stock, Preset):
        said.append("the market is generated like a recorded day")
    return tuple(said)
