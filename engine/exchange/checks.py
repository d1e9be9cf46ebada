"""What the exchange refuses before anything acts: malformed messages and scopes."""

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.domain.kinds import AT_CLOSE, BUY, CANCEL, LIMIT, NEW, SELL
from engine.domain.report_kinds import REPLACE

Records = NDArray[np.void]


def check(messages: Records, instruments: int, venues: int) -> None:
    """Refuse malformed messages before any of them acts: no venue would know what they ask."""
    for row in messages:
        if not 0 <= row["symbol"] < instruments:
            raise Refused(f"symbol must be 0 .. {instruments - 1}, was {row['symbol']}")
        if row["kind"] not in (NEW, CANCEL, REPLACE):
            raise Refused(f"kind must be NEW, CANCEL or REPLACE, was {row['kind']}")
        if row["kind"] == REPLACE and row["request"] < 1:
            raise Refused(f"a replace must have a number from 1, was {row['request']}")
        if row["kind"] == NEW and row["side"] not in (BUY, SELL):
            raise Refused(f"side must be +1 or -1, was {row['side']}")
        if row["kind"] == NEW and not LIMIT <= row["type"] <= AT_CLOSE:
            raise Refused(f"type must be {LIMIT} .. {AT_CLOSE}, was {row['type']}")
        if not 0 <= row["venue"] < venues:
            raise Refused(f"venue must be 0 .. {venues - 1}, was {row['venue']}")


def pairs_of(scope: str | dict[str, str]) -> dict[str, str]:
    """What a scope asks of an order."""
    if isinstance(scope, dict):
        return scope
    if scope == "all":
        return {}
    key, colon, value = scope.partition(":")
    if not colon:
        raise Refused(f'scope must be "all" or "key:value", was {scope!r}')
    return {key: value}
