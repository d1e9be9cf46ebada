"""Topic ``status``: what the web sees of the other processes, published beside the engine's rows.

The watchdog's verdict comes from its lease in the kill flag, the processes from the supervisor's
file; neither needs the engine.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from engine.gateway.live import Cells, Frame, Hub
from engine.gateway.ports import Clock, KillSwitch

EVERY_S: Final = 0.5
SILENT_S: Final = 2.0
WARN_NS: Final = 5_000_000_000  # market clock
BAD_NS: Final = 10_000_000_000


def watchdog_cells(switch: KillSwitch, clock: Clock, lease_ms: int) -> Cells:
    """State and words of the watchdog chip."""
    stamped = switch.lease_ns
    now = clock.wall_ns()
    if stamped == 0:
        return {"state": "bad", "text": "absent", "at": now}
    age_ms = max(0, (clock.mono_ns() - stamped) // 1_000_000)
    if age_ms > lease_ms:
        return {"state": "bad", "text": f"silent {age_ms / 1000:.1f} s", "at": now}
    return {"state": "ok", "text": "ok", "at": now}


def feed_cells(hub: Hub, now: int) -> Cells:
    """Age of the newest quote on the market clock; ``at`` is when it came, on our clock."""
    desk = hub.last_rows("desk").get("desk", {})
    market_at, session = desk.get("market_at"), desk.get("session")
    newest = max((_int(row.get("at")) for row in hub.last_rows("quotes").values()), default=0)
    if not isinstance(market_at, int) or newest == 0:
        return {"state": "bad", "text": "none"}
    if session != "CONTINUOUS":
        # a market that is not open owes no quotes: what is old then is not stale
        return {"state": "ok", "text": str(session).lower().replace("_", " "), "at": now}
    age = max(0, market_at - newest)
    speed = max(1.0, float(str(desk.get("speed") or 1.0)))
    state = "ok" if age < WARN_NS else "warn" if age < BAD_NS else "bad"
    return {"state": state, "text": f"{age / 1e9:.1f} s", "at": now - int(age / speed)}


def engine_cells(hub: Hub, now: int) -> Cells:
    """Turn time, and the gate's own words when nothing new leaves."""
    desk = hub.last_rows("desk").get("desk", {})
    if hub.heard_at is None or "turn_ms" not in desk:
        return {"state": "bad", "text": "silent", "at": now}
    silent = (hub.clock.mono_ns() - hub.heard_at) / 1e9
    if silent > SILENT_S:
        return {"state": "bad", "text": f"silent {silent:.0f} s", "at": now}
    gate = str(desk.get("gate", "open"))
    if gate != "open":
        return {"state": "warn", "text": gate, "at": now}
    return {"state": "ok", "text": f"{float(str(desk['turn_ms'])):.1f} ms", "at": now}


MODES: Final = {"NORMAL": "ok", "REDUCING": "warn", "HALTED": "bad"}


def mode_cells(hub: Hub, now: int) -> Cells:
    """What the desk may do, and who or what says so."""
    desk = hub.last_rows("desk").get("desk", {})
    mode = str(desk.get("trading", ""))
    if mode not in MODES:
        return {"state": "bad", "text": "unknown", "at": now}
    return {"state": MODES[mode], "text": mode, "why": str(desk.get("trading_why", "")), "at": now}


def model_cells(hub: Hub, now: int) -> Cells:
    """How many of the models in force decide; the others say why on the models page."""
    rows = [row for row in hub.last_rows("strategies").values() if row.get("model")]
    live = sum(1 for row in rows if row.get("model_state") == "live")
    state = "ok" if live == len(rows) else "warn"
    return {"state": state, "text": f"{live}/{len(rows)}", "at": now}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def process_cells(path: Path, now: int) -> dict[str, Cells]:
    """One row a supervised process; {} when there is no supervisor."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    rows: dict[str, Cells] = {}
    for process in document.get("processes", []):
        running = process.get("state") == "running"
        rows[f"process-{process.get('name')}"] = {
            "name": process.get("name"),
            "state": "ok" if running else "bad",
            "text": process.get("state"),
            "restarts": process.get("restarts"),
            "last_exit": process.get("last_exit"),
            "since_at": process.get("since_at"),
            "at": now,
        }
    return rows


async def publish(hub: Hub, rows: Callable[[], dict[str, Cells]]) -> None:
    """Hand the rows to the hub twice a second."""
    seq = 0
    while True:
        seq += 1
        up = rows()
        hub.take(
            Frame(topic="status", seq=seq, epoch=0, at=hub.clock.wall_ns(), up=up, full=1),
            own=True,
        )
        await asyncio.sleep(EVERY_S)
