"""What a venue checks of a new order before it takes it."""

import numpy as np

from engine.domain.kinds import (
    AT_CLOSE,
    AT_OPEN,
    CONTINUOUS,
    DARK,
    DEALER,
    HALTED,
    ICEBERG,
    LIMIT,
    LIT,
    MARKET,
    PEG_MID,
    POST_ONLY,
    PRE_OPEN,
    REASON_BAD_PRICE,
    REASON_BAD_QUANTITY,
    REASON_BAD_TYPE,
    REASON_CLOSED,
    REASON_HALTED,
    REASON_NONE,
)
from engine.kernels import dark, dealer
from engine.kernels.environment import Env, Row
from engine.kernels.jit import hot, inner
from engine.kernels.lit import is_level, level_at

LEAST_SHOWN = 100  # an iceberg shows a hundredth of its quantity at least


@hot
def is_lit_type(order_type: int) -> bool:
    """Whether a public book takes this order type outside the auctions."""
    return bool(order_type >= LIMIT and order_type <= ICEBERG)


@inner
def rests_later(order_type: int) -> bool:
    """Whether an order of this type may rest at a public book."""
    return bool(order_type == LIMIT or (order_type >= POST_ONLY and order_type <= ICEBERG))


@inner
def why_bad_type(env: Env, message: Row) -> int:
    """REASON_BAD_TYPE when the venue does not take this order type."""
    kind = env.state[0]["venues"][message["venue"]]["kind"]
    order_type = int(np.int64(message["type"]))
    if order_type == AT_OPEN or order_type == AT_CLOSE:
        fits = message["venue"] == 0
    elif kind == LIT:
        fits = bool(is_lit_type(order_type))
    elif kind == DARK:
        fits = bool(dark.takes(order_type))
    else:
        fits = bool(kind == DEALER and dealer.takes(order_type))
    return REASON_NONE if fits else REASON_BAD_TYPE


@inner
def why_closed(env: Env, message: Row) -> int:
    """REASON_CLOSED or REASON_HALTED when the session does not take this order."""
    session = env.state[0]["session"]
    if session == CONTINUOUS:
        return REASON_CLOSED if message["type"] == AT_OPEN else REASON_NONE
    for_auction = message["type"] == AT_OPEN or message["type"] == AT_CLOSE
    if session == HALTED:  # AT_OPEN: the auction that ends the halt
        is_lit = env.state[0]["venues"][message["venue"]]["kind"] == LIT
        waits = for_auction or (is_lit and rests_later(message["type"]))
        return REASON_NONE if waits else REASON_HALTED
    return REASON_NONE if session == PRE_OPEN and for_auction else REASON_CLOSED


@inner
def why_bad_terms(env: Env, message: Row) -> int:
    """Reason for which price or quantity are refused, REASON_NONE when they are fine."""
    order_type = message["type"]
    may_be_zero = order_type == MARKET or order_type >= PEG_MID
    if message["price"] != 0 or not may_be_zero:  # off the ladder = outside the price band
        level = level_at(env.book, int(np.int64(message["price"])), 0)
        if message["price"] < 1 or not is_level(env.book, level):
            return REASON_BAD_PRICE
    if message["quantity"] < 1 or message["minimum"] < 0:
        return REASON_BAD_QUANTITY
    if message["minimum"] > message["quantity"]:
        return REASON_BAD_QUANTITY
    is_lit = env.state[0]["venues"][message["venue"]]["kind"] == LIT
    if is_lit and message["minimum"] > 0 and rests_later(order_type):
        return REASON_BAD_QUANTITY  # a public book knows it of immediate orders only
    shown = message["display"]
    if order_type == ICEBERG and (shown < 1 or shown * LEAST_SHOWN < message["quantity"]):
        return REASON_BAD_QUANTITY
    return REASON_NONE
