"""The watchdog's own road to the exchange: JSON lines on a unix stream socket."""

import json
import socket
from pathlib import Path
from typing import Any

LOOK_S = 0.2  # a busy exchange is asked again a little later
CANCEL_S = 1.0


class CancelRoute:
    """One connection, made anew when it breaks. Every method raises OSError when nobody answers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wire: socket.socket | None = None
        self._rest = b""

    def _open(self) -> socket.socket:
        if self._wire is None:
            wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                wire.settimeout(LOOK_S)
                wire.connect(str(self._path))
            except OSError:
                wire.close()
                raise
            self._wire, self._rest = wire, b""
        return self._wire

    def close(self) -> None:
        """Hang up; an answer that is still under way is not taken for the next one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def ask(self, *bodies: dict[str, Any], patience_s: float = LOOK_S) -> list[dict[str, Any]]:
        """Answers to requests sent as one packet: the exchange answers them without a turn between.

        Raises OSError when they do not come in time or an answer says no.
        """
        try:
            wire = self._open()
            wire.settimeout(patience_s)
            wire.sendall(b"".join(json.dumps(body).encode() + b"\n" for body in bodies))
            answers = [json.loads(self._line(wire)) for _ in bodies]
        except ValueError as error:
            self.close()
            raise OSError(f"the exchange did not answer in JSON: {error}") from error
        except OSError:
            self.close()
            raise
        bad = next((answer for answer in answers if not answer.get("ok")), None)
        if bad is not None:
            raise OSError(f"the exchange refuses: {bad.get('error')}")
        return answers

    def _line(self, wire: socket.socket) -> bytes:
        while b"\n" not in self._rest:
            more = wire.recv(1 << 20)
            if not more:
                raise ConnectionError("the exchange hung up")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def look(self, since: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reports after the first ``since`` of the day, and the open orders at the same instant."""
        log, orders = self.ask({"op": "log", "since": since}, {"op": "orders"})
        return log, orders

    def mass_cancel(self, scope: str, target: str) -> dict[str, Any]:
        """Take orders back without the engine: "all", or the tag ``scope`` with this value."""
        wanted = "all" if scope == "all" else f"{scope}:{target}"
        body = {"op": "mass_cancel", "scope": wanted, "by": "watchdog"}
        return self.ask(body, patience_s=CANCEL_S)[0]
