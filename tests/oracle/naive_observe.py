"""Slow twin of ``engine.core.observe``: one OBSERVATION field at a time, straight from the tick."""

import math

import numpy as np

from engine.core.observe import COLLAR_BPS
from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import allowed_names
from engine.domain.kinds import CONTINUOUS, HALTED, LIT
from engine.domain.market import OBSERVATION, SLOTS
from engine.domain.strategy import STRATEGIES
from engine.kernels.marks import fill_rate, judged

PRICES = ("bid", "ask", "bid_size", "ask_size")
PLACES = ("venue_bid", "venue_bid_size", "venue_ask", "venue_ask_size", "venue_volume")


def is_fit(state, tick):
    """Whether anything of the row can be believed."""
    bid, ask = tick["venue_bid"], tick["venue_ask"]
    trades = tick["venue_state"] == CONTINUOUS
    books = [i for i, venue in enumerate(state.venues) if venue.kind == LIT]
    return not (
        tick["session"] == HALTED
        or abs(state.market_ns - tick["at_ns"]) > state.policy.max_feed_age_ns
        or tick["bid"][0] > tick["ask"][0] > 0
        or min(tick["bid"][0], tick["ask"][0]) < 0
        or not math.isfinite(tick["ofi"])
        or ((bid == ask) & (ask > 0) & trades)[books].any()
    )


def observation(state, quotes, sight, parent, model_state, places):
    """The row of one parent, shape (1,)."""
    out = np.zeros(1, dtype=OBSERVATION)
    row = out[0]
    tick = quotes.row(parent.symbol)
    instrument = state.instruments[parent.symbol]
    row["now_ns"], row["start_ns"], row["end_ns"] = state.market_ns, parent.start_at, parent.end_at
    row["open_ns"], row["close_ns"] = state.session.open_at, state.session.close_at
    row["kind"], row["side"] = STRATEGIES[parent.strategy].kind, parent.side
    row["quantity"] = parent.quantity
    row["filled"] = row["own_volume"] = parent.filled
    row["limit_price"], row["arrival_price"] = parent.limit_price or 0, parent.arrival_price
    row["lot"], row["expected_volume"] = instrument.lot, instrument.adv
    row["collar_ticks"] = max(1, int(parent.arrival_price * COLLAR_BPS / 1e4))
    row["seed"] = parent.seed
    row["base_ns"], row["base_filled"] = parent.base_at, parent.base_filled
    row["base_volume"] = parent.base_volume
    row["features"], row["model_state"] = sight.features[parent.symbol], model_state
    if tick is not None:
        row["volume"] = tick["volume"] - parent.arrival_volume
    if tick is not None and is_fit(state, tick):
        for name in PRICES:
            row[name] = tick[name][0]
        for name in PLACES:
            row[name] = tick[name]
    for slot, child in enumerate(state.live_children(parent.id)[:SLOTS]):
        row["slot_child"][slot], row["slot_price"][slot] = child.id, child.price
        row["slot_leaves"][slot], row["slot_sent_ns"][slot] = child.leaves, child.sent_at
        row["slot_cancelling"][slot] = not needs_cancel(child)
        row["slot_venue"][slot], row["slot_type"][slot] = child.venue, child.type
    row["venue_fill"], row["venue_markout"] = math.nan, math.nan
    allowed = allowed_names(state, parent.excluded)
    for place, venue in enumerate(state.venues):
        trades = tick is not None and tick["venue_state"][place] == CONTINUOUS
        row["venues"] |= int(trades and venue.name in allowed) << place
        row["venue_kind"][place] = venue.kind
        row["venue_make"][place], row["venue_take"][place] = venue.make_fee, venue.take_fee
        use = state.venue_use.get(place)
        if use is not None:
            row["venue_fill"][place] = fill_rate(use.sent, use.filled, instrument.lot)
        row["venue_markout"][place] = judged(*sight.marks.known.get(place, (0.0, 0.0, 0.0)))
    row["venues"] &= places
    return out
