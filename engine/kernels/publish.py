"""What the market publishes of one instant: consolidated levels, each venue's touch, totals."""

from typing import Final

import numpy as np

from engine.domain.kinds import CLOSED, CONTINUOUS, LIT, VENUES
from engine.domain.market import LEVELS
from engine.kernels import auction, dealer
from engine.kernels.book import Book, Records, above, below
from engine.kernels.environment import LIT_VENUES, Env, Row
from engine.kernels.jit import hot, inner, leaf
from engine.kernels.lit import GROUP, U3, U4, best_level, group_quantity, is_no_level, price_at

NEAR: Final = 5  # levels that a feature looks at


@leaf
def next_price(book: Book, side: int, level: np.uint64) -> np.uint64:
    """Level of the next worse price at which any venue shows orders."""
    if side > 0:
        return below(book.bits, book.top[0], level & GROUP)
    return above(book.bits, book.top[0], level | U3)


@leaf
def write_side(book: Book, side: int, n: int, prices: Records, sizes: Records) -> None:
    """The best n consolidated levels of a side; missing ones are 0."""
    level = np.uint64(book.top[0]["bid"] if side > 0 else book.top[0]["ask"])
    shares = group_quantity(book, level)
    i = 0
    while i < n and not is_no_level(book, level):
        prices[i] = price_at(book, level)
        sizes[i] = shares
        i += 1
        beside = (level & GROUP) - U4 if side > 0 else (level & GROUP) + U4
        shares = group_quantity(book, beside)
        if shares > 0:  # the next tick, as it mostly is
            level = beside
        else:
            level = next_price(book, side, level)
            shares = group_quantity(book, level)
    while i < n:
        prices[i] = 0
        sizes[i] = 0
        i += 1


@leaf
def write_touch(book: Book, v: int, side: int, prices: Records, sizes: Records) -> None:
    """The best price of one venue, 0 = none."""
    level = best_level(book, v, side)
    prices[v] = 0
    sizes[v] = 0
    if not is_no_level(book, level):
        prices[v] = price_at(book, level)
        sizes[v] = book.nodes[level]["quantity"]


@inner
def write_venues(env: Env, tick: Row) -> None:
    """Touch, state and volume of every venue."""
    session = env.state[0]["session"]
    for v in range(VENUES):
        venue = env.state[0]["venues"][v]
        is_up = venue["kind"] != 0 and venue["state"] == CONTINUOUS
        tick["venue_state"][v] = session if is_up else CLOSED
        tick["venue_volume"][v] = venue["volume"]
    for v in range(LIT_VENUES):
        write_touch(env.book, v, 1, tick["venue_bid"], tick["venue_bid_size"])
        write_touch(env.book, v, -1, tick["venue_ask"], tick["venue_ask_size"])
    dealer.write_quotes(env, tick)


@inner
def cross(env: Env, v: int, tick: Row) -> None:
    """A venue publishes garbage: it bids above the best ask, and the consolidated quote with it."""
    bid, ask = tick["bid"][0], tick["ask"][0]
    if env.state[0]["venues"][v]["kind"] != LIT or bid == 0 or ask == 0:
        return
    for i in range(LEVELS - 1, 0, -1):
        tick["bid"][i] = tick["bid"][i - 1]
        tick["bid_size"][i] = tick["bid_size"][i - 1]
    tick["bid"][0] = ask + 5
    tick["bid_size"][0] = 100
    tick["venue_bid"][v] = ask + 5
    tick["venue_bid_size"][v] = 100
    tick["venue_ask"][v] = max(1, bid - 5)


@inner
def write_totals(env: Env, tick: Row) -> None:
    """Everything that is not a price of the book."""
    st = env.state[0]
    tick["symbol"] = st["symbol"]
    tick["session"] = st["session"]
    tick["at_ns"] = st["now_ns"]
    tick["volume"] = st["volume"]
    tick["signed_volume"] = st["signed_volume"]
    tick["own_volume"] = st["own_volume"]
    tick["off_exchange"] = st["off_volume"]
    tick["notional"] = (st["notional"] + 50) // 100
    tick["trades"] = st["trades"]
    tick["last"] = st["last"]
    tick["ofi"] = st["ofi"]
    tick["events"] = st["events"]


@inner
def write_prices(env: Env, tick: Row, n: int) -> None:
    """The best n levels, and totals."""
    write_side(env.book, 1, n, tick["bid"], tick["bid_size"])
    write_side(env.book, -1, n, tick["ask"], tick["ask_size"])
    write_totals(env, tick)


@inner
def write_levels(env: Env, tick: Row, n: int) -> None:
    """The best n levels, totals and venues; garbage where a venue publishes it."""
    write_prices(env, tick, n)
    write_venues(env, tick)
    if env.state[0]["incidents"] > 0:
        for v in range(VENUES):
            if env.state[0]["venues"][v]["crossed"] == 1:
                cross(env, v, tick)


@hot
def write_tick(env: Env, tick: Row) -> None:
    """Fill a TICK record with the market of this instant."""
    auction.write_indicative(env, tick)
    write_levels(env, tick, LEVELS)


@inner
def write_best(env: Env, tick: Row) -> None:
    """The touch, and totals: for loops that never look deeper, nor at a single venue."""
    st = env.state[0]
    tick["bid"][0] = st["bid"]
    tick["ask"][0] = st["ask"]
    tick["bid_size"][0] = st["bid_size"]
    tick["ask_size"][0] = st["ask_size"]
    write_totals(env, tick)
