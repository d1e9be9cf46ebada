"""What passes between desk and venue about one order: FIX 35=8 and 35=9 in rows of numbers.

The kernels' MESSAGE and REPORT are the first columns; what only a venue's order desk says (replace,
bust, restatement) comes on top, so that no kernel has to know it. Kinds: ``kinds`` and
``report_kinds``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.market import MESSAGE, REPORT

# MESSAGE and, last, the number of the desk's request: 0 = the order itself, 1, 2, ... its cancels
# and replaces. (child, request) is the ClOrdID.
ORDER: Final = np.dtype(
    [*((name, MESSAGE[name]) for name in MESSAGE.names or ()), ("request", "<i8")], align=True
)
# REPORT, the request it answers (0 = the order itself, or the venue does not say), and the exec_id
# that a bust or a correction takes back
EXECUTION: Final = np.dtype(
    [*((name, REPORT[name]) for name in REPORT.names or ()), ("request", "<i8"), ("ref", "<i8")],
    align=True,
)

Records = NDArray[np.void]


def _into(rows: Records, dtype: np.dtype[np.void]) -> Records:
    """The columns that both have; the others zero. A copy, padding included."""
    if rows.dtype == dtype:
        return rows
    out = np.zeros(len(rows), dtype)
    for name in rows.dtype.names or ():
        if name in (dtype.names or ()):
            out[name] = rows[name]
    return out


def executions(rows: Records) -> Records:
    """EXECUTION rows of REPORT rows; those that are some already stay as they are."""
    return _into(rows, EXECUTION)


def orders(rows: Records) -> Records:
    """ORDER rows of MESSAGE rows."""
    return _into(rows, ORDER)


def market_messages(rows: Records) -> Records:
    """MESSAGE rows of ORDER rows: what a kernel can read."""
    return _into(rows, MESSAGE)
