"""Past days of a few minutes in two instruments, made once for all tests of a run."""

import tempfile
from functools import cache
from pathlib import Path

from engine.domain.instrument import Session
from engine.domain.units import MINUTE
from engine.exchange.hours import session_of
from engine.exchange.presets import PRESETS
from engine.worker.history import Order, make_day

DAY = "2026-11-12"  # its number divides by 2, 3 and 8: a slip, a kill, an approved change
PRESETS_USED = PRESETS[:2]


def short_session(day=DAY, minutes=12):
    whole = session_of(day)
    return Session(
        day=day, open_at=whole.open_at, close_at=whole.open_at + minutes * MINUTE, zone=whole.zone
    )


def an_order(day=DAY, *, seed=7, signed=True, minutes=12):
    return Order(
        session=short_session(day, minutes), seed=seed, code="c0de", signed=signed,
        presets=PRESETS_USED,
    )  # fmt: skip


def to_the_end(done):
    return True


@cache
def a_state_with_a_past_day():
    """A state folder with one sealed day; read only."""
    state = Path(tempfile.mkdtemp(prefix="qd-past-"))
    make_day(state / "history", an_order(), to_the_end)
    return state
