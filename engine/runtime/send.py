"""Intents as the venue's messages, with the tags that every order carries (RTS 6 Art. 12)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.state import State
from engine.core.turn import Output
from engine.domain.events import (
    CancelIntended,
    ChildIntended,
    ChildReplaceIntended,
    ChildSendRefused,
)
from engine.domain.executions import ORDER
from engine.domain.kinds import CANCEL, NEW
from engine.domain.life import CANCEL as LIFE_CANCEL
from engine.domain.orders import Child
from engine.domain.report_kinds import REPLACE
from engine.domain.units import ChildId, parent_text


def changes_of(output: Output) -> list[ChildReplaceIntended]:
    """Replaces of a turn. They only ever lower what is at risk, so no gate stops them."""
    return [
        entry.event for entry in output.entries if isinstance(entry.event, ChildReplaceIntended)
    ]


def leaving(output: Output) -> tuple[list[ChildId], list[ChildIntended]]:
    """Cancels and new orders of a turn, without those that its own gate has stopped."""
    events = [entry.event for entry in output.entries]
    stopped = {event.child_id for event in events if isinstance(event, ChildSendRefused)}
    cancels = [event.child_id for event in events if isinstance(event, CancelIntended)]
    news = [
        event
        for event in events
        if isinstance(event, ChildIntended) and event.child_id not in stopped
    ]
    return cancels, news


def messages_for(
    state: State,
    cancels: Sequence[ChildId],
    news: Sequence[ChildIntended],
    changes: Sequence[ChildReplaceIntended] = (),
) -> NDArray[np.void]:
    """ORDER rows: cancels, replaces, new orders; all sent at the market time of the turn."""
    index = {symbol: i for i, symbol in enumerate(state.instruments)}
    rows = np.zeros(len(cancels) + len(changes) + len(news), dtype=ORDER)
    at = state.market_ns
    for i, child_id in enumerate(cancels):
        child = state.child(child_id)
        if child is not None:
            rows[i] = _of(CANCEL, index[child.symbol], child, at)
            rows[i]["request"] = last_cancel(child)
    for i, wanted in enumerate(changes, start=len(cancels)):
        child = state.child(wanted.child_id)
        if child is not None:
            rows[i] = _of(REPLACE, index[child.symbol], child, at)
            rows[i]["request"] = wanted.request
            rows[i]["quantity"], rows[i]["price"] = wanted.quantity, wanted.price
    for i, order in enumerate(news, start=len(cancels) + len(changes)):
        rows[i] = (
            NEW, index[order.symbol], order.child_id, order.side, order.type,
            order.price, order.quantity, at, order.venue, order.display, order.minimum, 0,
        )  # fmt: skip
    return rows


def _of(kind: int, symbol: int, child: Child, at: int) -> tuple[int, ...]:
    return (
        kind, symbol, child.id, child.side, child.type, child.price, child.quantity, at,
        child.venue, child.display, child.minimum, 0,
    )  # fmt: skip


def last_cancel(child: Child) -> int:
    """The number of our last cancel of it, 0 = none is known."""
    numbers = [row.number for row in child.life.requests if row.kind == LIFE_CANCEL]
    return numbers[-1] if numbers else 0


def tags_for(state: State, messages: NDArray[np.void]) -> dict[str, dict[str, str]]:
    """Who and what stands behind each new order, by child id."""
    tags = {}
    for row in messages:
        child = state.child(ChildId(int(row["child"])))
        if child is not None and row["kind"] == NEW:
            parent = state.parents[child.parent_id]
            tags[str(child.id)] = {
                "parent": parent_text(parent.id),
                "parent_quantity": str(parent.quantity),
                "trader": parent.trader,
                "strategy": parent.strategy,
                "desk": parent.desk,
                "client": parent.client,
                "version": str(child.parameter_version),
                "model": child.model_id,
                "venue": state.venue_name(child.venue),
                "code": state.code[:12],
            }
    return tags
