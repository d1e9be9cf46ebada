"""The exchange process: sockets around ``core.Exchange``.

Three doors: the engine's lock-step channel, the drop copy, and a plain stream socket on which the
watchdog cancels without ZeroMQ, the engine or any code of ours. One thread, one poll loop; a slow
desk slows the market and never the other way round.

When the engine has said nothing for ``silence_s`` wall seconds while orders are open, all of them
are cancelled (cancel on disconnect).
"""

import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from engine import lifeline
from engine.domain.errors import Refused
from engine.domain.instrument import Session
from engine.domain.units import Nanos
from engine.exchange.core import Exchange, OpenMarket, TradableMarket, Trading
from engine.exchange.generated import load
from engine.exchange.order_log import latest
from engine.exchange.presets import LATENCY_NS
from engine.exchange.simulated import SimulatedMarket, warm
from engine.logs import as_wanted
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.code import differs, trading_hash
from engine.runtime.venues.wire import Answer, Ask, pack, to_ask
from engine.settings import (
    REACTIVE,
    Paths,
    Settings,
    endpoint,
    from_environment,
    make_folders,
    paths,
)

POLL_MS: Final = 100
SILENCE_S: Final = 10.0
MOST_LINE: Final = 65_536  # bytes of one request on the cancel socket
MOST_CLIENTS: Final = 16
PAGE: Final = 1_000  # reports in one answer to `log`
MOST_ASKS: Final = 100  # taken from the engine's socket at once
LOOKS: Final = ("hello", "books", "queues", "ping")  # asks that deliver nothing
ORDER_FIELDS: Final = ("child", "symbol", "side", "price", "quantity", "cum", "leaves", "state")

Records = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the exchange listens."""

    venue: Path
    drop: Path
    cancel: Path


class CancelClient:
    """One connection of the cancel socket: JSON lines in, JSON lines out."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = b""

    def lines(self) -> list[bytes] | None:
        """Complete requests that have come in; None: hung up, or not a line."""
        try:
            more = self.connection.recv(MOST_LINE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not more or len(self.waiting) + len(more) > MOST_LINE:
            return None
        *lines, self.waiting = (self.waiting + more).split(b"\n")
        return lines

    def answer(self, body: dict[str, Any]) -> bool:
        """False: it hung up, or does not read."""
        try:
            self.connection.settimeout(1.0)
            self.connection.sendall(msgspec.json.encode(body) + b"\n")
            self.connection.setblocking(False)  # noqa: FBT003
        except OSError:
            return False
        return True


class Server:
    """Owns the sockets; `run` serves until `stop`."""

    def __init__(
        self,
        exchange: Exchange,
        doors: Doors,
        *,
        clock: Clock | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.exchange = exchange
        self._clock = clock or SystemClock()
        self._silence_ns = int(silence_s * 1e9)
        self._heard = self._clock.mono_ns()
        self._stopping = False
        self._drop_seq = 0
        self._context = zmq.Context()
        self._venue = self._bound(zmq.ROUTER, doors.venue)
        self._drop = self._bound(zmq.PUB, doors.drop)
        self._cancel = _listening(doors.cancel)
        self._clients: dict[int, CancelClient] = {}
        self._poller = zmq.Poller()
        self._poller.register(self._venue, zmq.POLLIN)
        self._poller.register(self._cancel.fileno(), zmq.POLLIN)

    def _bound(self, kind: int, path: Path) -> zmq.Socket[bytes]:
        door: zmq.Socket[bytes] = self._context.socket(kind)
        door.setsockopt(zmq.LINGER, 0)
        door.bind(endpoint(path))
        path.chmod(0o600)
        return door

    def stop(self, *_signal: object) -> None:
        """End `run` within one poll."""
        self._stopping = True

    def run(self) -> None:
        """Serve until told to stop."""
        while not self._stopping:
            self.turn(POLL_MS)

    def turn(self, timeout_ms: int) -> None:
        """Answer what is there, waiting at most so long for something."""
        ready = dict(self._poller.poll(timeout_ms))
        if self._venue in ready:
            self._serve_engine()
        if self._cancel.fileno() in ready:
            self._welcome()
        for number in [n for n in ready if n in self._clients]:
            self._serve_cancel(number)
        self._notice_silence()

    def close(self) -> None:
        """Close every socket and the log."""
        for client in self._clients.values():
            client.connection.close()
        self._cancel.close()
        self._venue.close()
        self._drop.close()
        self._context.term()
        self.exchange.close()

    # --- the engine ---------------------------------------------------------------------------
    def _serve_engine(self) -> None:
        waiting = self._waiting()
        newest = max(((ask.epoch, ask.link) for _, ask in waiting), default=(0, 0))
        for route, ask in waiting:
            # of a link that was given up meanwhile: nobody reads the answer, and it acts on nothing
            if (ask.epoch, ask.link) < newest and ask.op in LOOKS:
                continue
            self._serve(route, ask)

    def _waiting(self) -> list[tuple[bytes, Ask]]:
        """Everything that has come in."""
        found: list[tuple[bytes, Ask]] = []
        while len(found) < MOST_ASKS and self._venue.poll(0):
            route, *frames = self._venue.recv_multipart()
            try:
                found.append((route, to_ask(b"".join(frames))))
            except msgspec.DecodeError as error:
                say(f"not a request: {error}")
        return found

    def _serve(self, route: bytes, ask: Ask) -> None:
        answer = self._checked(ask)
        if not answer.refusal:
            self._heard = self._clock.mono_ns()
        self._venue.send_multipart([route, pack(answer)])

    def _checked(self, ask: Ask) -> Answer:
        """The answer; an engine of other code gets no link, and learns why."""
        if ask.op != "hello":
            return self.exchange.handle(ask)
        ours = trading_hash()
        other = differs("the engine", ask.code, ours)
        if other:
            say(other)
            return Answer(op=ask.op, epoch=ask.epoch, link=ask.link, refusal=other, code=ours)
        return msgspec.structs.replace(self.exchange.handle(ask), code=ours)

    def publish(self, reports: Records, tags: dict[str, dict[str, str]]) -> None:
        """Drop copy: a message a batch, numbered; a gap means "read the log"."""
        self._drop_seq += 1
        day = self.exchange.day
        body = {
            "seq": self._drop_seq,
            "day": "" if day is None else day.session.day,
            "reports": reports.tobytes(),
            "tags": tags,
        }
        self._drop.send_multipart([b"drop", msgspec.msgpack.encode(body)])

    def _notice_silence(self) -> None:
        """Cancel on disconnect."""
        day = self.exchange.day
        quiet = self._clock.mono_ns() - self._heard
        if day is None or quiet < self._silence_ns or not day.ledger.open_children():
            return
        counts = self.exchange.mass_cancel("all", "cancel on disconnect")
        say(f"the engine is silent for {quiet / 1e9:.1f} s: {counts['cancelled']} orders cancelled")

    # --- the watchdog -------------------------------------------------------------------------
    def _welcome(self) -> None:
        connection, _ = self._cancel.accept()
        if len(self._clients) >= MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)  # noqa: FBT003
        self._clients[connection.fileno()] = CancelClient(connection)
        self._poller.register(connection.fileno(), zmq.POLLIN)

    def _serve_cancel(self, number: int) -> None:
        client = self._clients[number]
        lines = client.lines()
        if lines is not None and all(client.answer(self.asked(line)) for line in lines):
            return
        self._poller.unregister(number)
        del self._clients[number]
        client.connection.close()

    def asked(self, line: bytes) -> dict[str, Any]:
        """Answer one line of the cancel socket."""
        try:
            body = msgspec.json.decode(line, type=dict[str, Any])
            return {"ok": True, **self._asked(body)}
        except (msgspec.DecodeError, msgspec.ValidationError, Refused) as error:
            return {"ok": False, "error": str(error)}

    def _asked(self, body: dict[str, Any]) -> dict[str, Any]:
        day = self.exchange.day
        match body.get("op"):
            case "mass_cancel":
                scope = body.get("scope", "all")
                if not isinstance(scope, str | dict):
                    raise Refused(f"scope must be a text or a map, was {scope!r}")
                return self.exchange.mass_cancel(scope, str(body.get("by", "unknown")))
            case "orders":
                if day is None:
                    return {"day": "", "at": 0, "orders": []}
                orders = [_order_row(order) for order in day.ledger.listed(open_only=True)]
                return {"day": day.session.day, "at": day.now, "orders": orders}
            case "log":
                since = body.get("since", 0)
                if not isinstance(since, int) or since < 0:
                    raise Refused(f"since must be a count of reports, was {since!r}")
                if day is None:
                    return {"day": "", "at": 0, "reports": [], "next": 0, "more": False}
                return _log(day, since)
            case other:
                raise Refused(f"op must be mass_cancel, orders or log, was {other!r}")


def _log(day: Trading, since: int) -> dict[str, Any]:
    """A page of reports: a long day from its beginning must not hold up everybody else."""
    rows = day.ledger.rows(since, PAGE + 1)
    page = rows[:PAGE]
    names = page.dtype.names or ()
    known = day.ledger.orders
    reports = []
    for row in page.tolist():
        report = dict(zip(names, row, strict=True))
        order = known.get(report["child"])
        reports.append(report if order is None else {**report, "tags": order.tags})
    return {
        "day": day.session.day,
        "at": day.now,
        "reports": reports,
        "next": since + len(page),
        "more": len(rows) > len(page),
    }


def _order_row(order: Any) -> dict[str, Any]:
    return {**{name: getattr(order, name) for name in ORDER_FIELDS}, "tags": order.tags}


def _listening(path: Path) -> socket.socket:
    """A stream socket at a path; what a dead process left there is removed."""
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.bind(str(path))
    path.chmod(0o600)
    door.listen(MOST_CLIENTS)
    door.setblocking(False)  # noqa: FBT003
    return door


def say(text: str, *, is_wrong: bool = True) -> None:
    """One line for the supervisor's log, which a full disk does not take."""
    to = sys.stderr if is_wrong else sys.stdout
    with contextlib.suppress(OSError):
        to.write(f"exchange: {text}\n")
        to.flush()


def generated_opener(state: Path) -> OpenMarket:
    """How a desk opens a day of the market that its state folder keeps."""
    market = load(state)
    return lambda session, seed: SimulatedMarket(
        session=session, seed=seed, presets=(market,), source=market.source
    )


def market_opener(settings: Settings) -> OpenMarket:
    """How this desk opens a day: simulated, generated like a recorded one, or that one itself.

    Raises Refused when the recording is not sound.
    """
    messages, orderbook = settings.replay_messages, settings.replay_orderbook
    if messages is None or orderbook is None:
        return lambda session, seed: SimulatedMarket(session=session, seed=seed)
    if settings.mode == REACTIVE:
        return generated_opener(settings.state)
    from engine.exchange.recorded import RecordedMarket
    from engine.runtime.feeds.lobster import read_recording

    recording = read_recording(messages, orderbook)
    spare = [RecordedMarket(recording, latency_ns=Nanos(LATENCY_NS))]  # checks it, too

    def recorded(session: Session, _seed: int) -> TradableMarket:
        market = spare.pop() if spare else RecordedMarket(recording, latency_ns=Nanos(LATENCY_NS))
        if (market.open_ns, market.close_ns) != (session.open_at, session.close_at):
            raise Refused(
                f"the state folder holds {session.day}, the recording is of {market.session.day}: "
                "choose another with --state"
            )
        return market

    return recorded


def serve(settings: Settings, where: Paths, warm_up: Callable[[], None]) -> None:
    """The process: reopen the last day, serve until SIGTERM or the supervisor is gone."""
    server: Server | None = None

    def publish(reports: Records, tags: dict[str, dict[str, str]]) -> None:
        if server is not None:
            server.publish(reports, tags)

    opener = market_opener(settings)  # an unsound recording is refused before anything is compiled
    warm_up()
    exchange = Exchange(opener, where.exchange, publish)
    last = latest(where.exchange)
    if last is not None:
        exchange.reopen(last)
    server = Server(exchange, Doors(venue=where.venue, drop=where.drop, cancel=where.cancel))
    signal.signal(signal.SIGTERM, server.stop)
    signal.signal(signal.SIGINT, server.stop)
    lifeline.watch_stdin()
    say("ready" if last is None else f"ready, {last.name} run again", is_wrong=False)
    try:
        server.run()
    finally:
        server.close()
        for path in (where.venue, where.drop, where.cancel):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def main(
    settings: Settings | None = None,
    warm_up: Callable[[], None] = warm,
    prepare: Callable[[Settings], None] | None = None,
) -> int:
    """``python -m engine venue``; exit code 2 for a refused start. prepare : before all else."""
    settings = settings or from_environment()
    as_wanted("exchange", settings.log_format, SystemClock().wall_ns, least=settings.log_level)
    where = paths(settings)
    make_folders(where)
    try:
        if prepare is not None:
            prepare(settings)
        serve(settings, where, warm_up)
    except Refused as refusal:
        sys.stderr.write(f"quarterdeck: the exchange refused to start: {refusal}\n")
        return 2
    return 0
