"""Slow plain twin of ``engine.kernels.route``, from its words: sort, then take the first."""

import math

from engine.domain.kinds import DARK, DEALER, LIT, VENUES


def open_places(row, kind):
    return [
        i
        for i in range(VENUES)
        if (int(row["venues"]) >> i) & 1 and int(row["venue_kind"][i]) == kind
    ]


def rest_venue(row, price):
    """The one that shows the price before those that do not, then wait, fee, place."""
    side = "bid" if row["side"] > 0 else "ask"

    def rank(i):
        shows = int(row[f"venue_{side}"][i]) == price
        before = int(row[f"venue_{side}_size"][i]) if shows else 0
        wait = (before + 1.0) / (int(row["venue_volume"][i]) + 1.0)
        return (not shows, wait, float(row["venue_make"][i]), i)

    return min(open_places(row, LIT), key=rank, default=-1)


def cross_venue(row):
    """Best price, then most shares, then cheapest, then place; those without a price not at all."""
    side = "ask" if row["side"] > 0 else "bid"

    def rank(i):
        price = int(row["side"]) * int(row[f"venue_{side}"][i])
        return (price, -int(row[f"venue_{side}_size"][i]), float(row["venue_take"][i]), i)

    shown = [i for i in open_places(row, LIT) if row[f"venue_{side}"][i] > 0]
    return min(shown, key=rank, default=-1)


def next_touch(row, place):
    """Best price that another open venue shows, 0 = none."""
    side = "ask" if row["side"] > 0 else "bid"
    shown = [int(row[f"venue_{side}"][i]) for i in open_places(row, LIT) if i != place]
    shown = [price for price in shown if price > 0]
    if not shown:
        return 0
    return min(shown) if row["side"] > 0 else max(shown)


def quote_venue(row):
    """The best quote not worse than the touch, then the larger, then the lower place."""
    side, name = (1, "ask") if row["side"] > 0 else (-1, "bid")

    def asked(i):
        rate = float(row["venue_fill"][i])
        return row[f"venue_{name}"][i] > 0 and (math.isnan(rate) or rate >= 0.25)

    as_good = [
        i
        for i in open_places(row, DEALER)
        if asked(i) and side * int(row[f"venue_{name}"][i]) <= side * int(row[name])
    ]

    def rank(i):
        return side * int(row[f"venue_{name}"][i]), -int(row[f"venue_{name}_size"][i]), i

    return min(as_good, key=rank, default=-1)


def pool_venue(row, taken=0):
    """The pool with the largest positive value, the lower place of equals."""
    half = (int(row["ask"]) - int(row["bid"])) / (int(row["ask"]) + int(row["bid"])) * 1e4

    def value(i):
        fill, markout = float(row["venue_fill"][i]), float(row["venue_markout"][i])
        fill = 1.0 if math.isnan(fill) else fill
        return fill * (half + (0.0 if math.isnan(markout) else markout))

    good = [i for i in open_places(row, DARK) if value(i) > 0.0 and not taken >> i & 1]
    return min(good, key=lambda i: (-value(i), i), default=-1)


def halvings(booked_s, now_s, every_s=1_800):
    """How often the clock entered another stretch after a markout was booked."""
    return now_s // every_s - booked_s // every_s


def believed(marks, now_s):
    """What is believed of a venue: marks = (second booked, gain [bp], shares) of its fills.

    Every mark weighs half as much with each stretch of half an hour that began since. The fills
    count by their shares as if of one size; fewer than 20 say nothing, and 20 of 0 bp stand beside.
    """
    weights = [0.5 ** halvings(at, now_s) for at, _, _ in marks]
    shares = sum(w * q for w, (_, _, q) in zip(weights, marks, strict=True))
    squares = sum(w * q * q for w, (_, _, q) in zip(weights, marks, strict=True))
    n = shares * shares / squares if squares else 0.0
    if n < 20.0:
        return math.nan
    gain = sum(w * q * g for w, (_, g, q) in zip(weights, marks, strict=True))
    return gain / shares * n / (n + 20.0)
