"""A child of the supervisor stops when the supervisor is gone, however it went.

The supervisor holds the only write end of each child's stdin. When it dies, by ``kill -9``
too, the kernel closes that end, the child reads the end of the file and stops.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

OFFSET = "QUARTERDECK_CLOCK_OFFSET"  # wall less monotonic of the desk's start [ns]
BOOT = Path("/proc/sys/kernel/random/boot_id")
SUPERVISED = "QD_SUPERVISED"  # set to 1 by the supervisor; alone in a terminal stdin means nothing
NAME = "lifeline"
GRACE_S = 2.5  # a child that does not stop by itself in this time is killed, with its own children


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def watch_stdin(on_eof: Callable[[], None] | None = None, *, grace_s: float = GRACE_S) -> None:
    """Call ``on_eof`` from a daemon thread when the supervisor is gone; default: SIGTERM to self.

    After ``grace_s`` the whole process group gets SIGKILL, so that a stuck child and the
    processes it started end too. Does nothing when not started by the supervisor, or a second time.
    """
    if os.environ.get(SUPERVISED) != "1" or any(t.name == NAME for t in threading.enumerate()):
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        killer = threading.Timer(grace_s, os.killpg, (os.getpgrp(), signal.SIGKILL))
        killer.daemon = True
        killer.start()
        if on_eof is None:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            on_eof()

    threading.Thread(target=wait, name=NAME, daemon=True).start()


def boot() -> str:
    """Which run of the machine this is; "-" where the system does not say."""
    return BOOT.read_text(encoding="ascii").strip() if BOOT.exists() else "-"
