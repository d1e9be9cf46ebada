"""Auctions: one price for all at the open and at the close."""

from engine.domain.kinds import EXPIRED, REASON_CLOSED
from engine.kernels.book import Records
from engine.kernels.environment import Env, Row
from engine.kernels.jit import hot, leaf
from engine.kernels.prints import end_own


@hot
def takes_part(env: Env, row: int, message: Row, reports: Records) -> None:
    """An own order for an auction."""
    end_own(env, row, EXPIRED, REASON_CLOSED, reports)


@hot
def open_auction(env: Env, reports: Records, trades: Records) -> None:
    """The opening."""


@hot
def close_auction(env: Env, reports: Records, trades: Records) -> None:
    """The close."""


@leaf
def write_indicative(env: Env, tick: Row) -> None:
    """Indicative price of this instant."""
