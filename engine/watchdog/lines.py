"""What the watchdog writes: a line as it is, or one JSON object, as the logs of the others.

The form is that of ``engine/logs.py``, written down a second time: no code is shared.
"""

import contextlib
import json
import os
import re
import sys
import time
from typing import Any

MOST = 8_000  # characters of a line
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SECRET = re.compile("([\x01|^](?:554|96)=)[^\x01|^]*")


def line_of(text: str, at_ns: int) -> str:
    """One line as JSON, without its end."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if len(text) > MOST:
        text = f"{text[:MOST]} ... {len(text) - MOST} more characters"
    hidden = SECRET.sub(r"\1***", text)
    row: dict[str, Any] = {
        "at": f"{when}.{rest // 1_000:06d}Z",
        "process": "watchdog",
        "level": "info",
        "text": CONTROL.sub(lambda found: ascii(found.group())[1:-1], hidden),
    }
    return json.dumps(row, ensure_ascii=False)


def log(line: str) -> None:
    """One line to the process log, which a full disk does not take: no reason to stop the watch."""
    text = line
    if os.environ.get("QD_LOG_FORMAT") == "json":
        text = line_of(line, time.time_ns())
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
