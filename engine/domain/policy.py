"""The execution policy as delivered: what the desk allows, enforced at the last gate.

Its numbers are the limits of the firm until people set others (``engine/domain/limits.py``).
Windows run on the market clock where nothing else is said.
"""

from dataclasses import dataclass

from engine.domain.units import Nanos, Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits of the desk. Money in the instrument's currency."""

    version: int = 1
    order_types: tuple[int, ...] = (1, 2, 8)  # LIMIT, IOC, PEG_MID
    venues: tuple[str, ...] = ()  # names of those that may be used; empty = every one of the day
    restricted: tuple[str, ...] = ()  # symbols nobody may trade
    max_child_value: float = 500_000.0
    max_child_quantity: Shares = Shares(20_000)
    max_parent_value: float = 60_000_000.0
    max_parent_adv: float = 0.35  # parent quantity as a fraction of ADV
    collar_bps: float = 50.0  # child price against the touch
    window_collar_bps: float = 800.0  # child price against the parent's arrival mid
    max_messages: int = 40  # new orders per symbol ...
    message_window_ns: Nanos = Nanos(10_000_000_000)  # ... in this window
    max_new_orders: int = 200  # of the whole desk: the bucket of new orders, cancels have none ...
    new_orders_window_ns: Nanos = Nanos(1_000_000_000)  # ... in this window
    max_participation: float = 0.40  # own share of volume since the parent's start, beyond a grace
    participation_grace: Shares = Shares(20_000)  # shares before the participation limit bites
    max_open_value: float = 400_000_000.0  # open notional of the desk
    max_feed_age_ns: Nanos = Nanos(10_000_000_000)  # market clock
    max_day_value: float = 3_000_000_000.0  # traded today, open and still to be worked
    drift_collar_bps: float = 400.0  # child price against the mean mid ...
    drift_window_ns: Nanos = Nanos(300_000_000_000)  # ... of this window, market clock
    max_repeats: int = 120  # children of one parent on one side ...
    repeats_window_ns: Nanos = Nanos(60_000_000_000)  # ... in this window, market clock
    max_equal_orders: int = 3  # parents of one trader with equal symbol, side and quantity ...
    equal_window_ns: Nanos = Nanos(10_000_000_000)  # ... in this window, desk clock
    # automatic kills; None = off
    trip_loss: float | None = None  # of one parent against arrival, fees included [currency]
    trip_move: float | None = None  # of the mid in 60 s, either way [fraction]
    trip_rejects: int | None = None  # rejected children of one parent in ``trip_window_ns``
    trip_window_ns: Nanos = Nanos(60_000_000_000)  # market clock
    # thresholds of alerts: beyond them somebody is told, nothing is stopped
    alert_slippage: float = 30.0  # of one order against the market's VWAP since its start [bp]
    alert_behind: float = 0.20  # distance from the schedule, as a fraction of the quantity
    alert_participation: float = 0.38  # filled / volume since its start
    alert_doubt: float = 0.80  # of the decisions of 600 s, market clock
    alert_rejects: int = 0  # rejected children in one stock in ``trip_window_ns``
    alert_move: float = 15.0  # of the mid in 60 s, in multiples of what is usual
    alert_stale: float = 10.0  # age of a quote [s], market clock; never above max_feed_age_ns
