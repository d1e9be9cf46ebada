"""Single-dealer platforms: streamed quotes, last look."""

from engine.domain.kinds import CANCELLED, REASON_IOC_REMAINDER
from engine.kernels.book import Records
from engine.kernels.environment import Env, Row
from engine.kernels.jit import hot, leaf
from engine.kernels.prints import end_own


@hot
def takes(order_type: int) -> bool:
    """Whether a dealer takes this order type."""
    return False


@hot
def arrive(env: Env, row: int, message: Row, reports: Records, trades: Records) -> None:
    """An own order reaches a dealer."""
    end_own(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)


@hot
def look(env: Env, message: Row, reports: Records, trades: Records) -> None:
    """A look window ends."""


@leaf
def write_quotes(env: Env, tick: Row) -> None:
    """Streamed quotes of this instant."""
