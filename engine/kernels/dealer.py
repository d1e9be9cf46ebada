"""Single-dealer platforms: streamed quotes around the consolidated touch, and last look.

A dealer quotes anew as each second begins, around the touch of that instant: at the touch, up to
two fifths of the half spread better, or worse; a hash of (seed, second, dealer) decides, never an
own order. An own IOC at or better than the quote is held for a look; when the mid has by then
moved against the dealer, counted from the mid it quoted around, it declines. Being hit makes it
quote worse on that side for a while, so that it is no free well.
"""

from typing import Final

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    AGGRESSIVE,
    BUY,
    CANCELLED,
    CONTINUOUS,
    IOC,
    REASON_IOC_REMAINDER,
    REASON_LAST_LOOK,
    REASON_MINIMUM,
    SELL,
)
from engine.kernels.environment import LOOK, Env
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.off_state import DEALERS, FIRST_DEALER, SUB, Records, Row, twice_mid
from engine.kernels.own_queue import enqueue
from engine.kernels.prints import end_own, print_trade, report_fill
from engine.kernels.rng import draw

FADE_S: Final = 30.0  # memory of having been hit [s]
STEP: Final = 25  # a usual size taken moves the quote by this [tick / 100]
FARTHEST: Final = 200

U20 = np.uint64(20)
U32 = np.uint64(32)
U44 = np.uint64(44)
LOW8 = np.uint64(255)
LOW12 = np.uint64(4_095)


@door
def takes(order_type: int) -> bool:
    """Whether a dealer takes this order type."""
    return bool(order_type == IOC)


@door
def mark(env: Env) -> None:
    """A second begins: dealers quote around the touch of now."""
    st, top = env.state[0], env.off[0]["top"][0]
    top["second"] = st["second"]
    mid = twice_mid(st)
    top["mark_bid"] = st["bid"] if mid > 0 else 0
    top["mark_ask"] = st["ask"] if mid > 0 else 0


@leaf
def offset(dealer: Row, bits: np.uint64, half: int) -> int:
    """How far outside the touch a quote stands, negative inside. [tick / 100]

    half : half of the spread. [tick / 100]
    """
    which = np.int64(bits & LOW12)
    much = np.int64((bits >> U20) & LOW12)
    if which < dealer["better"]:
        return int(-1 - (much * ((2 * half) // 5)) // 4_096)
    if which < dealer["better"] + dealer["worse"]:
        return int(5 + (much * 96) // 4_096)
    return 0


@leaf
def shyness(dealer: Row, side: int, now_s: int) -> int:
    """How much worse a dealer quotes to our ``side`` for having been hit. [tick / 100]"""
    if dealer["hit"] == 0.0:
        return 0
    hit = side * dealer["hit"] * FADE_S / (FADE_S + np.float64(now_s - dealer["hit_second"]))
    return int(min(np.float64(FARTHEST), max(0.0, STEP * hit / dealer["size"])))


@inner
def streamed(st: Row, top: Row, dealer: Row, key: np.uint64, d: int, side: int) -> tuple[int, int]:
    """What we would pay (side BUY) or get at dealer d now, and for how much. [tick / 100, share]

    (0, 0) without a two-sided touch or with nothing left of the quote. key : of this second.
    """
    now_s = int(np.int64(st["second"]))
    bid, ask = int(np.int64(top["mark_bid"])), int(np.int64(top["mark_ask"]))
    if bid == 0 or top["second"] != now_s:
        return 0, 0
    way = (side + 1) // 2
    bits = draw(key, 2 * d + way)
    touch = ask if side > 0 else bid
    out = offset(dealer, bits, (ask - bid) * (SUB // 2)) + shyness(dealer, side, now_s)
    size = (dealer["size"] * (128 + int(np.int64((bits >> U44) & LOW8)))) // 256
    if dealer["second"] == now_s:
        size -= dealer["used"][way]
    if size <= 0:
        return 0, 0
    return touch * SUB + side * out, int(size)


@hot
def quote(env: Env, d: int, side: int) -> tuple[int, int]:
    """As `streamed`; (0, 0) from a dealer that is down."""
    if env.state[0]["venues"][FIRST_DEALER + d]["state"] != CONTINUOUS:
        return 0, 0
    st, top = env.state[0], env.off[0]["top"][0]
    key = draw(top["quote_key"], st["second"])
    return streamed(st, top, env.off[0]["dealers"][d], key, d, side)


@inner
def use(dealer: Row, now_s: int, side: int, quantity: int) -> None:
    """Take a part of this second's quote, or give it back (negative)."""
    if dealer["second"] != now_s:
        dealer["second"] = now_s
        dealer["used"][0] = 0
        dealer["used"][1] = 0
    dealer["used"][(side + 1) // 2] += quantity


@hot
def arrive(env: Env, row: int, message: Row, reports: Records) -> None:
    """An accepted own IOC reaches a dealer, who looks at it when it meets the quote."""
    st, own, off = env.state[0], env.own[row], env.off[0]
    d = int(np.int64(message["venue"])) - FIRST_DEALER
    side = int(np.int64(message["side"]))
    cents, size = quote(env, d, side)
    done = min(size, own["leaves"])
    if cents == 0 or side * (message["price"] * SUB - cents) < 0:
        end_own(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)
        return
    if done < min(own["minimum"], own["leaves"]):
        end_own(env, row, CANCELLED, REASON_MINIMUM, reports)
        return
    held = off["message"][0]
    held["kind"] = LOOK
    held["symbol"] = message["symbol"]
    held["child"] = row
    held["side"] = side
    held["price"] = cents
    held["quantity"] = done
    held["sent_ns"] = off["top"][0]["mark_bid"] + off["top"][0]["mark_ask"]
    held["venue"] = message["venue"]
    held["display"] = st["second"]
    bits = draw(off["top"][0]["look_key"], int(np.int64(message["child"])))
    shortest = off["dealers"][d]["look_ns"]
    look_ns = shortest + int(np.int64(bits >> U32)) * (3 * shortest) // (1 << 32)
    if enqueue(env, held, st["at_ns"] + look_ns):
        use(off["dealers"][d], st["second"], side, done)
    else:
        end_own(env, row, CANCELLED, REASON_LAST_LOOK, reports)  # nobody has time to look


@hot
def look(env: Env, message: Row, reports: Records, trades: Records) -> None:
    """A look ends: the dealer fills at its quote, or declines.

    message : LOOK; child = row of the own order, price = quote [tick / 100], sent_ns = twice the
    mid of the quote [tick], display = second of the quote.
    """
    st = env.state[0]
    d = int(np.int64(message["venue"])) - FIRST_DEALER
    row = int(np.int64(message["child"]))
    side, quantity = int(np.int64(message["side"])), int(np.int64(message["quantity"]))
    own, dealer = env.own[row], env.off[0]["dealers"][d]
    if own["state"] != ACCEPTED:
        return  # ended meanwhile
    mid = twice_mid(st)
    against = side * (mid - message["sent_ns"]) * (SUB // 2)
    up = env.state[0]["venues"][FIRST_DEALER + d]["state"] == CONTINUOUS
    if mid == 0 or not up or against > dealer["tolerance"]:
        end_own(env, row, CANCELLED, REASON_LAST_LOOK, reports)
        if dealer["second"] == message["display"]:
            use(dealer, dealer["second"], side, -quantity)
        return
    since = np.float64(st["second"] - dealer["hit_second"])
    dealer["hit"] = dealer["hit"] * FADE_S / (FADE_S + since) + side * quantity
    dealer["hit_second"] = st["second"]
    price, sub = int(np.int64(message["price"])) // SUB, int(np.int64(message["price"])) % SUB
    report_fill(env, row, reports, price, sub, quantity, AGGRESSIVE)
    print_trade(env, trades, FIRST_DEALER + d, 0, price, sub, quantity, quantity, 0)
    if own["leaves"] > 0:
        end_own(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)


@door
def write_quotes(env: Env, tick: Row) -> None:
    """What the dealers stream now: whole ticks, rounded away from us; the fill has the rest."""
    st, top = env.state[0], env.off[0]["top"][0]
    key = draw(top["quote_key"], st["second"])
    for d in range(DEALERS):
        buy, ask_size, sell, bid_size = 0, 0, 0, 0
        if env.state[0]["venues"][FIRST_DEALER + d]["state"] == CONTINUOUS:
            buy, ask_size = streamed(st, top, env.off[0]["dealers"][d], key, d, BUY)
            sell, bid_size = streamed(st, top, env.off[0]["dealers"][d], key, d, SELL)
        tick["venue_ask"][FIRST_DEALER + d] = -(-buy // SUB)
        tick["venue_ask_size"][FIRST_DEALER + d] = ask_size
        tick["venue_bid"][FIRST_DEALER + d] = sell // SUB
        tick["venue_bid_size"][FIRST_DEALER + d] = bid_size
