"""The bench's own desk: the real processes, with an exchange that notes when messages reach it.

``python -m engine.bench.tap venue`` is that exchange; ``python -m engine.bench.tap FLAGS`` the
supervisor that starts it beside the real others. A note is three little-endian int64:
monotonic ns, new orders, cancels of one request.
"""

import argparse
import os
import struct
import sys
import time
from pathlib import Path
from typing import Final

from engine.domain.kinds import CANCEL, NEW
from engine.exchange import server
from engine.exchange.core import Exchange
from engine.runtime.venues.wire import Answer, Ask, messages_of
from engine.settings import add_flags, from_environment, resolve
from engine.supervise import Spec, specs, supervise

NOTE: Final = struct.Struct("<qqq")
FILE: Final = "tap.notes"


class Tapped(Exchange):
    """Notes every request that carries messages, before it is handled."""

    notes = -1

    def handle(self, ask: Ask) -> Answer:
        at = time.monotonic_ns()
        if ask.messages:
            kinds = messages_of(ask.messages)["kind"]
            note = NOTE.pack(at, int((kinds == NEW).sum()), int((kinds == CANCEL).sum()))
            os.write(self.notes, note)
        return super().handle(ask)


def read_notes(path: Path) -> list[tuple[int, int, int]]:
    """All notes so far: monotonic ns, new orders, cancels."""
    raw = path.read_bytes() if path.exists() else b""
    return list(NOTE.iter_unpack(raw[: len(raw) - len(raw) % NOTE.size]))


def venue() -> int:
    """The exchange process with the tap on its door."""
    settings = from_environment()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    Tapped.notes = os.open(settings.state / FILE, flags, 0o600)
    vars(server)["Exchange"] = Tapped  # the name that ``serve`` builds it by
    return int(server.main(settings))


def desk(argv: list[str]) -> int:
    """All processes of the desk, the exchange tapped."""
    parser = argparse.ArgumentParser(prog="python -m engine.bench.tap", description=__doc__)
    add_flags(parser)
    settings = resolve(vars(parser.parse_args(argv)), os.environ)
    tapped = Spec(name="exchange", command=(sys.executable, "-m", "engine.bench.tap", "venue"))
    return supervise(settings, [tapped if s.name == "exchange" else s for s in specs()])


if __name__ == "__main__":
    sys.exit(venue() if sys.argv[1:] == ["venue"] else desk(sys.argv[1:]))
