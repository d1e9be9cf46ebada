"""Builders for cost reports: a $50 share on a one-cent grid unless a test says otherwise."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.domain.units import SECOND
from engine.tca.inputs import (
    FillFacts,
    MidSeries,
    OrderFacts,
    ParentFacts,
    SymbolMarket,
    Tape,
    TcaRules,
)
from engine.tca.results import Meta

CENT = 0.01
T0 = 1_800_000_000 * SECOND  # 2027-01-15 08:00:00 UTC
RULES = TcaRules(draws=200)
META = Meta(
    day="2027-01-15",
    source="SIM seed 7",
    watermark="SIM",
    as_of_ns=T0 + 3600 * SECOND,
    journal_seq=48_211,
    journal_head="9f3c",
    zone="America/New_York",
    utc_offset_ns=-5 * 3600 * SECOND,
)


def a_parent(**changes: Any) -> ParentFacts:
    """Buy 10,000 at an arrival of 50.10, nothing filled."""
    facts: dict[str, Any] = {
        "parent_id": 42,
        "symbol": "MIDC",
        "side": 1,
        "quantity": 10_000,
        "filled": 0,
        "decision_price": None,
        "arrival_price": 5010.0,
        "end_price": 5010.0,
        "arrived_at": T0,
        "done_at": T0 + 600 * SECOND,
        "strategy": "TWAP",
        "trader": "amara",
        "state": "DONE",
        "tick_size": CENT,
        "currency": "USD",
        "fees": 0.0,
    }
    return ParentFacts(**(facts | changes))


def some_fills(rows: Sequence[tuple[int, int]], **changes: Any) -> FillFacts:
    """Fills (quantity, price [tick]) one second apart, mid one tick better than a buyer's price."""
    n = len(rows)
    price = np.array([p for _, p in rows], dtype=np.int64)
    facts: dict[str, Any] = {
        "price": price,
        "quantity": np.array([q for q, _ in rows], dtype=np.int64),
        "at_ns": T0 + SECOND * np.arange(1, n + 1, dtype=np.int64),
        "liquidity": np.full(n, AGGRESSIVE, dtype=np.int32),
        "venue": ("LIT",) * n,
        "mid": price - 1.0,
    }
    return FillFacts(**(facts | changes))


def a_tape(rows: Sequence[tuple[int, int]], start: int = T0 + SECOND, step: int = SECOND) -> Tape:
    """Prints (quantity, price [tick]) at equal steps."""
    return Tape(
        at_ns=start + step * np.arange(len(rows), dtype=np.int64),
        price=np.array([p for _, p in rows], dtype=np.int64),
        quantity=np.array([q for q, _ in rows], dtype=np.int64),
    )


def some_mids(values: Sequence[float], start: int = T0, step: int = SECOND) -> MidSeries:
    """Mids [tick] at equal steps, good until an hour after the start."""
    return MidSeries(
        at_ns=start + step * np.arange(len(values), dtype=np.int64),
        mid=np.array(values, dtype=np.float64),
        until_ns=start + 3600 * SECOND,
        stale_after_ns=max(5 * SECOND, step),
    )


def a_market(prints: Sequence[tuple[int, int]] = (), mids: Sequence[float] = ()) -> SymbolMarket:
    """Tape and mids of one symbol."""
    return SymbolMarket(tape=a_tape(prints), mids=some_mids(mids))


def an_order(parent_id: int, **changes: Any) -> OrderFacts:
    """A filled order of 100 shares: two fills, at LIT and DARK, ``paid`` ticks above arrival."""
    paid = changes.pop("paid", 2)
    side = changes.get("side", 1)
    arrival = 5010 + parent_id % 7
    price = arrival + side * paid
    fills = some_fills(
        [(60, price), (40, price)],
        venue=("LIT", "DARK"),
        liquidity=np.array([AGGRESSIVE, PASSIVE], dtype=np.int32),
        mid=np.full(2, float(arrival)),
    )
    facts: dict[str, Any] = {
        "parent_id": parent_id,
        "quantity": 100,
        "filled": 100,
        "arrival_price": float(arrival),
        "fees": 0.5,
    }
    return OrderFacts(parent=a_parent(**(facts | changes)), fills=fills)


def a_day(n: int = 12) -> list[OrderFacts]:
    """Orders of two strategies, two traders and both sides, costs from 1 to 5 ticks."""
    return [
        an_order(
            i,
            paid=1 + i % 5,
            side=1 if i % 3 else -1,
            strategy="TWAP" if i % 2 else "VWAP",
            trader="amara" if i % 4 else "bo",
        )
        for i in range(1, n + 1)
    ]
