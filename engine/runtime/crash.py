"""Named places of the engine's turn where the fault lab may kill it."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Final

from engine.core.state import State
from engine.core.turn import Output
from engine.domain import events as e
from engine.domain.errors import Refused

CRASHED: Final = "dies at "  # and the name of the point: the last line of its log
# after_send is reached inside the venue's socket, all others in the loop
CRASH_POINTS: Final = (
    "before_journal", "after_journal", "before_gate", "after_gate", "after_send", "after_ack",
    "mid_partial", "pending_cancel", "pending_replace", "mass_cancel", "reconciliation", "snapshot",
)  # fmt: skip


def crash_hook(point: str, mode: str) -> Callable[[str], None] | None:
    """For the fault lab: kill the process at a named point, the n-th time it is reached.

    Refused for a point that does not exist, and wherever real orders leave.
    """
    if not point:
        return None
    name, _, count = point.partition(":")
    if name not in CRASH_POINTS or not (count or "1").isdigit():
        known = ", ".join(CRASH_POINTS)
        raise Refused(
            f"crash_at must be POINT or POINT:N of {known}, was {point}", field="crash_at"
        )
    if mode not in ("SIM", "REPLAY", "REACTIVE"):
        raise Refused(f"crash_at must be empty in mode {mode}, was {point}", field="crash_at")
    left = [int(count or 1)]

    def reach(here: str) -> None:
        if here == name:
            left[0] -= 1
            if left[0] == 0:
                sys.stdout.write(f"{CRASHED}{name}\n")
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)

    return reach


def is_partial(state: State, output: Output) -> bool:
    """Whether a fill of this turn leaves its child partly filled and alive."""
    return any(
        isinstance(entry.event, e.ChildFilled) and entry.event.child_id in state.children
        for entry in output.entries
    )
