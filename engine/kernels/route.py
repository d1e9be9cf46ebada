"""Which venue a child goes to. Small and pure: one function a question, each returns a place or -1.

A place may be used when its bit is in ``venues`` of the observation (policy, parent, kills and the
state of the venue agree) and its kind fits.

Resting. Among the lit venues whose own touch is the price we want to rest at, the one with the
fewest shares before us for what it trades: (shares at the touch + 1) / (volume today + 1) is the
wait at that venue's pace. A venue that does not show the price comes after those that do: alone
there, we would show our hand at a place that the market has just left. Ties go to the lower fee of
a passive fill, then to the lower place.

Crossing. The lit venue that shows the best price; of equals the one with most shares there, then
the lowest fee of an aggressive fill, then the lower place. A child goes to one venue and may walk
its book only as far as no other venue that we may use shows a better price: the next second's child
takes the next venue.

Dealers. A crossing child that may takes the quote of a dealer instead, when it is at the
consolidated touch or better: the best price, then the larger size, then the lower place. Quotes are
shown in whole ticks and filled in hundredths, so one at the touch is often better than it, and none
has a fee; but the dealer may decline, and one that mostly does is not asked.

Dark. The pool with the best value = fill rate * (half spread + markout): what a share sent there
has earned. A pool never tried counts as one that fills everything with no markout, so each is
tried; one that has cost more than the half spread it saves, by enough fills (`marks`), is left
alone until they are half forgotten.
"""

import math
from typing import Any

from engine.domain.kinds import DARK, DEALER, LIT, VENUES
from engine.kernels.jit import kernel

NOWHERE = -1
WORTH_ASKING = 0.25  # a dealer that fills less of what it is sent costs more time than it saves


@kernel
def may_use(observation: Any, place: int, kind: int) -> bool:
    """Whether a child may go to this place now, and it is of this kind."""
    is_open = observation["venues"] & (1 << place) != 0
    return bool(is_open and observation["venue_kind"][place] == kind)


@kernel
def any_lit(observation: Any) -> bool:
    """Whether there is a public book to go to."""
    for place in range(VENUES):  # noqa: SIM110 - numba knows no generators here
        if may_use(observation, place, LIT):
            return True
    return False


@kernel
def rest_venue(observation: Any, price: int) -> int:
    """Where a child at ``price`` [tick] waits shortest; -1 when no lit venue is open."""
    best = NOWHERE
    best_shows = False
    best_wait = 0.0
    best_fee = 0.0
    buys = observation["side"] > 0
    for place in range(VENUES):
        if not may_use(observation, place, LIT):
            continue
        touch = observation["venue_bid"][place] if buys else observation["venue_ask"][place]
        shares = (
            observation["venue_bid_size"][place] if buys else observation["venue_ask_size"][place]
        )
        shows = touch == price
        before = shares if shows else 0
        wait = (before + 1.0) / (observation["venue_volume"][place] + 1.0)
        fee = observation["venue_make"][place]
        better = best < 0 or (shows and not best_shows)
        if best >= 0 and shows == best_shows:
            better = wait < best_wait or (wait == best_wait and fee < best_fee)
        if better:
            best = place
            best_shows = shows
            best_wait = wait
            best_fee = fee
    return best


@kernel
def cross_touch(observation: Any, place: int) -> int:
    """The price that a crossing child meets there; 0 = none shown. [tick]"""
    if observation["side"] > 0:
        return int(observation["venue_ask"][place])
    return int(observation["venue_bid"][place])


@kernel
def cross_shares(observation: Any, place: int) -> int:
    """What is shown at that price. [share]"""
    if observation["side"] > 0:
        return int(observation["venue_ask_size"][place])
    return int(observation["venue_bid_size"][place])


@kernel
def cross_venue(observation: Any) -> int:
    """The lit venue to take from; -1 when none that we may use shows a price."""
    best = NOWHERE
    side = observation["side"]
    for place in range(VENUES):
        if not may_use(observation, place, LIT):
            continue
        touch = cross_touch(observation, place)
        if touch <= 0:
            continue
        if best < 0:
            best = place
            continue
        gain = side * (cross_touch(observation, best) - touch)
        more = cross_shares(observation, place) - cross_shares(observation, best)
        cheaper = observation["venue_take"][place] < observation["venue_take"][best]
        if gain > 0 or (gain == 0 and (more > 0 or (more == 0 and cheaper))):
            best = place
    return best


@kernel
def quote_venue(observation: Any) -> int:
    """The dealer to take from; -1 when no quote is at least as good as the consolidated touch."""
    best = NOWHERE
    side = observation["side"]
    far = observation["ask"] if side > 0 else observation["bid"]
    for place in range(VENUES):
        if not may_use(observation, place, DEALER):
            continue
        price = cross_touch(observation, place)
        if price <= 0 or side * (price - far) > 0:
            continue
        if observation["venue_fill"][place] < WORTH_ASKING:  # NaN: never tried
            continue
        if best < 0:
            best = place
            continue
        gain = side * (cross_touch(observation, best) - price)
        more = cross_shares(observation, place) - cross_shares(observation, best)
        if gain > 0 or (gain == 0 and more > 0):
            best = place
    return best


@kernel
def next_touch(observation: Any, place: int) -> int:
    """Best price that the other lit venues we may use show; 0 = none. [tick]"""
    side = observation["side"]
    best = 0
    for other in range(VENUES):
        if other == place or not may_use(observation, other, LIT):
            continue
        touch = cross_touch(observation, other)
        if touch > 0 and (best == 0 or side * (touch - best) < 0):
            best = touch
    return best


@kernel
def pool_value(observation: Any, place: int) -> float:
    """What a share sent to this pool is worth: fill rate * (half spread + markout). [bp]"""
    bid = observation["bid"]
    ask = observation["ask"]
    fill = float(observation["venue_fill"][place])
    markout = float(observation["venue_markout"][place])
    if math.isnan(fill):
        fill = 1.0
    if math.isnan(markout):
        markout = 0.0
    half = (ask - bid) / (ask + bid) * 1e4
    return float(fill * (half + markout))


@kernel
def pool_venue(observation: Any, taken: int) -> int:
    """The dark pool worth most, of equals the lower place; -1 when none is open and worth it.

    taken : bits of the places that are left out.
    """
    best = NOWHERE
    best_value = 0.0
    for place in range(VENUES):
        if not may_use(observation, place, DARK) or taken & (1 << place) != 0:
            continue
        value = pool_value(observation, place)
        if value > 0.0 and (best < 0 or value > best_value):
            best = place
            best_value = value
    return best
