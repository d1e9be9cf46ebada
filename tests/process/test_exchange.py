"""The exchange as a process: restart from its log after kill -9, its doors, how it stops."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq

from engine.domain.errors import BrokenInvariant
from engine.domain.executions import EXECUTION
from engine.domain.kinds import ACCEPTED, CANCELLED, REASON_MASS_CANCEL
from engine.domain.market import MESSAGE
from engine.exchange.core import Exchange
from engine.exchange.ledger import read_log
from engine.exchange.order_log import log_path
from engine.exchange.presets import PRESETS
from engine.exchange.server import Doors, Server
from engine.lifeline import SUPERVISED
from engine.runtime.clock import HandClock
from engine.runtime.ports import VenueSilent
from engine.runtime.venues.exchange import ExchangeVenue
from engine.settings import paths, resolve, to_env
from tests.support.exchange import NOTHING, TAGS, direct, open_small, trade
from tests.support.market import OPEN, SECOND, message, session

ROOT = Path(__file__).parents[2]
INSTRUMENTS = tuple(preset.instrument for preset in PRESETS)
PATIENCE_S = 60  # a bound for a busy machine
MAIN = "from engine.exchange.server import main; raise SystemExit(main())"


class Exchanged:
    """The real process on a state folder of its own."""

    def __init__(self, state):
        self.settings = resolve({"state": str(state)}, {})
        self.where = paths(self.settings)
        self.process = None
        self.venues = []

    def start(self):
        env = {**os.environ, **to_env(self.settings), SUPERVISED: "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        assert "ready" in line, line + self.process.stdout.read()
        return self

    def venue(self, epoch, seconds=120):
        venue = ExchangeVenue(self.where.venue)
        self.venues.append(venue)
        venue.hello(session(seconds), INSTRUMENTS, 7, epoch)
        return venue

    def hang_up(self):
        while self.venues:
            self.venues.pop().close()

    def ask(self, **body):
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(str(self.where.cancel))
            door.sendall(json.dumps(body).encode() + b"\n")
            return json.loads(door.makefile().readline())

    def end(self, how=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self.process.stdin.close()
        self.process.stdout.close()
        return code


@pytest.fixture
def exchange(tmp_path):
    made = Exchanged(tmp_path / "var")
    yield made
    made.hang_up()
    made.end()


def test_kill_minus_nine_in_mid_day_loses_nothing_and_changes_nothing(exchange, tmp_path):
    calm = Exchanged(tmp_path / "calm").start()
    venue = calm.venue(1)
    seen, ticks = trade(venue, 0, 40)
    rest, _ = trade(venue, 40, 80, ticks)
    calm.hang_up()
    assert calm.end(signal.SIGTERM) == 0

    venue = exchange.start().venue(1)
    assert trade(venue, 0, 40)[0] == seen
    exchange.end(signal.SIGKILL)
    exchange.start()
    again = exchange.venue(2)
    assert again.books()[0].tolist() == seen
    assert trade(again, 40, 80, ticks)[0] == rest
    orders = again.orders()
    exchange.end(signal.SIGKILL)
    account = read_log(log_path(exchange.where.exchange, "2026-11-27"))
    assert account.reports.tolist() == seen + rest
    assert account.orders == orders


def test_the_watchdog_cancels_without_the_engine_even_after_a_restart(exchange):
    venue = exchange.start().venue(1)
    rows = np.concatenate([message(k, at=OPEN, price=4_900) for k in (1, 2, 3)])
    venue.advance(OPEN + SECOND, rows, {str(k): {**TAGS, "parent": f"P-{k}"} for k in (1, 2, 3)})
    exchange.end(signal.SIGKILL)
    exchange.start()
    assert [o["child"] for o in exchange.ask(op="orders")["orders"]] == [1, 2, 3]
    answer = exchange.ask(op="mass_cancel", scope="parent:P-2", by="watchdog")
    assert (answer["ok"], answer["cancelled"], answer["open"]) == (True, 1, 0)
    assert exchange.ask(op="mass_cancel", scope="all", by="watchdog")["cancelled"] == 2
    log = exchange.ask(op="log", since=3)
    assert [(r["child"], r["reason"]) for r in log["reports"]] == [
        (child, REASON_MASS_CANCEL) for child in (2, 1, 3)
    ]
    assert log["reports"][0]["tags"]["parent"] == "P-2"
    assert exchange.ask(op="orders")["orders"] == []
    assert exchange.ask(op="dance")["ok"] is False
    again = exchange.venue(2)
    assert len(again.advance(OPEN + SECOND, NOTHING, {}).reports) == 3


def test_sigterm_and_the_end_of_stdin_both_stop_it_cleanly(exchange, tmp_path):
    exchange.start()
    assert exchange.end(signal.SIGTERM) == 0
    assert not exchange.where.venue.exists()
    exchange.start()
    exchange.process.stdin.close()
    assert exchange.process.wait(PATIENCE_S) == 0
    exchange.process.stdout.close()
    exchange.start()


def test_two_starts_of_a_desk_do_not_answer_an_older_engine(exchange):
    first = exchange.start().venue(1)
    exchange.venue(2)
    with pytest.raises(BrokenInvariant, match="held by epoch 2"):
        first.advance(OPEN + SECOND, NOTHING, {})
    exchange.end(signal.SIGKILL)
    exchange.start()
    with pytest.raises(BrokenInvariant, match="not newer"):
        exchange.venue(1)


def test_nobody_at_the_socket_is_silence_not_a_wait_for_ever(tmp_path):
    venue = ExchangeVenue(tmp_path / "venue.sock", timeout_ms=30, hello_timeout_ms=30)
    with pytest.raises(VenueSilent, match="nobody listens"):
        venue.hello(session(), INSTRUMENTS, 7, 1)
    venue.close()


@contextlib.contextmanager
def server_here(tmp_path, clock=None):
    """A server in this process, turned by hand."""
    made = None

    def publish(reports, tags):
        made.publish(reports, tags)

    doors = Doors(
        venue=tmp_path / "venue.sock", drop=tmp_path / "drop.sock", cancel=tmp_path / "cancel.sock"
    )
    made = Server(Exchange(open_small, None, publish), doors, clock=clock or HandClock())
    try:
        yield made
    finally:
        made.close()


def test_a_silent_engine_loses_its_orders_after_ten_seconds_and_not_before(tmp_path):
    clock = HandClock(0)
    with server_here(tmp_path, clock) as server:
        _, venue = direct(exchange=server.exchange)
        venue.advance(OPEN + SECOND, message(1, at=OPEN, price=4_900), {"1": TAGS})
        clock.now = 9_999_000_000
        server.turn(0)
        assert [o.state for o in venue.orders()] == [ACCEPTED]
        clock.now = 10_001_000_000
        server.turn(0)
        assert [(o.state, o.reason) for o in venue.orders()] == [(CANCELLED, REASON_MASS_CANCEL)]


def test_the_drop_copy_carries_every_report_with_its_tags(tmp_path):
    with server_here(tmp_path) as server, zmq.Context() as context:
        reader = context.socket(zmq.SUB)
        reader.setsockopt(zmq.SUBSCRIBE, b"drop")
        reader.connect(f"ipc://{tmp_path}/drop.sock")
        deadline = time.monotonic() + PATIENCE_S
        while not reader.poll(20):  # until the subscription has arrived
            assert time.monotonic() < deadline
            server.publish(np.zeros(0, EXECUTION), {})
        while reader.poll(20):
            last = msgspec.msgpack.decode(reader.recv_multipart()[1])
        _, venue = direct(exchange=server.exchange)
        venue.advance(OPEN + SECOND, message(1, at=OPEN, price=4_900), {"1": TAGS})
        server.exchange.mass_cancel("all", "watchdog")
        got = [msgspec.msgpack.decode(reader.recv_multipart()[1]) for _ in range(2)]
        kinds = [np.frombuffer(body["reports"], EXECUTION)["kind"].tolist() for body in got]
        assert kinds == [[ACCEPTED], [CANCELLED]]
        assert [body["seq"] for body in got] == [last["seq"] + 1, last["seq"] + 2]
        assert all(body["tags"] == {"1": TAGS} and body["day"] for body in got)
        reader.close(0)


def test_a_long_day_is_told_in_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.exchange.server.PAGE", 2)
    with server_here(tmp_path) as server:
        _, venue = direct(exchange=server.exchange)
        rows = np.concatenate([message(k, at=OPEN, price=4_900) for k in (1, 2, 3)])
        venue.advance(OPEN + SECOND, rows, {"1": TAGS})
        first = server.asked(b'{"op":"log","since":0}')
        rest = server.asked(b'{"op":"log","since":2}')
        assert [r["child"] for r in first["reports"]] == [1, 2]
        assert first["reports"][0]["tags"] == TAGS
        assert (first["next"], first["more"]) == (2, True)
        assert [r["child"] for r in rest["reports"]] == [3]
        assert (rest["next"], rest["more"]) == (3, False)


def test_a_client_that_talks_nonsense_or_hangs_up_does_not_disturb_the_others(tmp_path):
    with server_here(tmp_path) as server:
        assert server.asked(b"not json")["ok"] is False
        assert server.asked(b'{"op":"log","since":-1}')["ok"] is False
        assert server.asked(b'{"op":"mass_cancel","scope":7}')["ok"] is False
        assert server.asked(b'{"op":"mass_cancel"}') == {
            "ok": True, "cancelled": 0, "open": 0, "at": 0, "day": "",
        }  # fmt: skip
        door = socket.socket(socket.AF_UNIX)
        door.connect(str(tmp_path / "cancel.sock"))
        server.turn(100)
        door.close()
        server.turn(100)
        with zmq.Context() as context:
            rude = context.socket(zmq.DEALER)
            rude.connect(f"ipc://{tmp_path}/venue.sock")
            rude.send(b"\xff")
            server.turn(1000)
            rude.send_multipart([b"", b"", b"\xff"])
            server.turn(1000)
            rude.close(0)
        _, venue = direct(exchange=server.exchange)
        assert venue.ping() == 0


def test_messages_keep_their_bytes_on_the_wire():
    rows = message(2**40 + 5, at=OPEN, price=4_990)
    assert np.frombuffer(rows.tobytes(), MESSAGE).tolist() == rows.tolist()
