"""What an order cost on one path, against the same path without it. Exact integers where possible.

    cost      = side * sum q (p - m0)          m0: mid of the no-trade twin just before the fill
    spread    = side * sum q (p - m)           m: mid of the own run just before the fill
    permanent = 1/2 I * filled                 I = side * (m - m0) after the relaxation window
    temporary = cost + fees - permanent - spread
    headline  = temporary + spread
    shortfall = side * sum q (p - P0) + fees   P0: mid of the no-trade twin at the start

Positive = it cost us. In bp of X * P0, X the whole order: an unfilled rest is swept and counted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import AGGRESSIVE, PASSIVE, VENUES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.void]

FLAGS: Final = 3  # of liquidity: none, PASSIVE, AGGRESSIVE
PROFILE: Final = 60  # instants of the impact profile, from the start to the end of relaxation
BPS: Final = 1e4

# one strategy on one path; money in [tick/100 * share] unless it says otherwise
OUTCOME = np.dtype(
    [
        ("cost", "<i8"),
        ("spread", "<i8"),
        ("arrival", "<i8"),  # side * sum q (p - P0)
        ("fees", "<f8"),  # [currency]
        ("start_mid", "<f8"),  # P0 [tick]
        ("impact_end", "<f8"),  # side * (m - m0) when the order is over [tick]
        ("impact", "<f8"),  # I: the same after the relaxation window, NaN = a side was empty [tick]
        ("filled", "<i8"),  # clean-up included [share]
        ("cleanup", "<i8"),  # [share]
        ("passive", "<i8"),  # [share]
        ("unquoted", "<i8"),  # filled while one side was empty: their spread part is in temporary
        ("venue", "<i8", (VENUES,)),  # shares by venue
        ("fills", "<i8"),
        ("children", "<i8"),
        ("decisions", "<i8"),
        ("volume", "<i8"),  # of the market from the beginning to the end of relaxation [share]
        ("notional", "<i8"),  # of these shares [tick/100 * share]
        ("events", "<i8"),
        ("over_ns", "<i8"),  # second in which nothing was left to do, since the open; -1 = never
        ("profile", "<f4", (PROFILE,)),  # side * (m - m0) [tick]
    ],
    align=True,
)


def half_ticks(mids: Floats) -> Ints:
    """Mids as whole half ticks, so that sums are exact; 0 for a missing one."""
    return np.where(np.isnan(mids), 0.0, 2.0 * mids).astype(np.int64)


def fill_costs(out: np.void, fills: Rows, quiet: Floats, side: int, start_mid: float) -> None:
    """Write what fills decide: cost, spread, arrival, filled, passive, venue, unquoted.

    fills : REPORT rows of kind FILLED. quiet : m0 just before each, shape (n,), no NaN. [tick]
    """
    quantity = fills["quantity"]
    price = 100 * fills["price"] + fills["sub"]
    quoted = (fills["bid"] > 0) & (fills["ask"] > 0)
    own_mid = 50 * (fills["bid"] + fills["ask"])
    out["cost"] = side * int((quantity * (price - 50 * half_ticks(quiet))).sum())
    out["spread"] = side * int((quantity * (price - own_mid))[quoted].sum())
    out["arrival"] = side * int((quantity * (price - round(100 * start_mid))).sum())
    out["start_mid"] = start_mid
    out["filled"] = int(quantity.sum())
    shares = shares_by_venue(fills)
    out["passive"] = shares[:, PASSIVE].sum()
    out["unquoted"] = int(quantity[~quoted].sum())
    out["fills"] = len(fills)
    out["venue"] = shares.sum(axis=1)


def shares_by_venue(fills: Rows) -> Ints:
    """Shares of these fills by venue and liquidity flag, shape (VENUES, 3)."""
    cell = FLAGS * fills["venue"] + fills["liquidity"]
    shares = np.bincount(cell, weights=fills["quantity"], minlength=FLAGS * VENUES)
    return shares.astype(np.int64).reshape(VENUES, FLAGS)  # floats hold whole shares exactly


def fill_fees(fills: Rows, fees: Floats) -> float:
    """Fees of these fills by venue and liquidity; negative = rebates. [currency]"""
    shares = shares_by_venue(fills)
    total = 0.0
    for venue in range(fees.shape[0]):
        for liquidity in (PASSIVE, AGGRESSIVE):
            total += int(shares[venue, liquidity]) * float(fees[venue, liquidity])
    return total


def parts_bps(rows: Rows, quantity: int, tick_size: float) -> dict[str, Floats]:
    """Every cost of the rows in bp of X * P0, each an array of the shape of ``rows``."""
    on = quantity * rows["start_mid"] / BPS  # [tick * share / bp]
    fees = rows["fees"] / tick_size / on
    total = rows["cost"] / 100.0 / on + fees
    spread = rows["spread"] / 100.0 / on
    permanent = 0.5 * rows["impact"] * rows["filled"] / on
    return {
        "total": total,
        "spread": spread,
        "permanent": permanent,
        "temporary": total - permanent - spread,
        "headline": total - permanent,
        "shortfall": rows["arrival"] / 100.0 / on + fees,
        "fees": fees,
    }
