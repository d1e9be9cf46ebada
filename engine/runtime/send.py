"""Intents as the venue's messages, with the tags that every order carries (RTS 6 Art. 12)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.state import State
from engine.core.turn import Output
from engine.domain.events import CancelIntended, ChildIntended, ChildSendRefused
from engine.domain.kinds import CANCEL, NEW
from engine.domain.market import MESSAGE
from engine.domain.units import ChildId, parent_text


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
    state: State, cancels: Sequence[ChildId], news: Sequence[ChildIntended]
) -> NDArray[np.void]:
    """MESSAGE rows, cancels first; all sent at the market time of the turn."""
    index = {symbol: i for i, symbol in enumerate(state.instruments)}
    rows = np.zeros(len(cancels) + len(news), dtype=MESSAGE)
    at = state.market_ns
    for i, child_id in enumerate(cancels):
        child = state.child(child_id)
        if child is not None:
            rows[i] = (
                CANCEL, index[child.symbol], child_id, child.side, child.type,
                child.price, child.quantity, at, child.venue, child.display, child.minimum,
            )  # fmt: skip
    for i, order in enumerate(news, start=len(cancels)):
        rows[i] = (
            NEW, index[order.symbol], order.child_id, order.side, order.type,
            order.price, order.quantity, at, order.venue, order.display, order.minimum,
        )  # fmt: skip
    return rows


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
