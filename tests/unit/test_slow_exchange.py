"""An exchange that answers late is found in the end, and waiting for it is no silence."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from engine.domain.instrument import Session
from engine.domain.units import Nanos
from engine.runtime.code import trading_hash
from engine.runtime.ports import VenueSilent
from engine.runtime.venues.exchange import ExchangeVenue
from engine.runtime.venues.wire import Answer, pack, to_ask

SESSION = Session(day="2026-11-27", open_at=Nanos(0), close_at=Nanos(1), zone="UTC")


class Late:
    """Answers each hello only after so many more have come in, as a starved process does."""

    def __init__(self, path: Path, late: int) -> None:
        self.asked = 0
        self._late = late
        self._stop = threading.Event()
        self._context = zmq.Context()
        self._door = self._context.socket(zmq.ROUTER)
        self._door.setsockopt(zmq.LINGER, 0)
        self._door.bind(f"ipc://{path}")
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if not self._door.poll(10):
                continue
            route, body = self._door.recv_multipart()
            ask = to_ask(body)
            self.asked += 1
            if self.asked > self._late:
                answer = Answer(op=ask.op, epoch=ask.epoch, link=ask.link, code=trading_hash())
                self._door.send_multipart([route, pack(answer)])

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._door.close()
        self._context.term()


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Late]:
    found = Late(tmp_path / "v.sock", late=3)
    yield found
    found.close()


def waits(venue: ExchangeVenue) -> list[int]:
    """How long each hello waits until one is answered. [ms]"""
    found = []
    for _ in range(10):
        found.append(venue._waits["hello"])
        try:
            venue.hello(SESSION, (), 1, 1)
        except VenueSilent:
            continue
        return found
    raise AssertionError("no hello was answered")


def test_each_hello_without_an_answer_makes_the_next_one_wait_longer(tmp_path: Path, late: Late):
    venue = ExchangeVenue(tmp_path / "v.sock", timeout_ms=70, hello_timeout_ms=20)
    found = waits(venue)  # four on an idle machine, more on a busy one
    assert len(found) >= 4
    assert found == [20, 40, 80, 160, 320, 640, 1_280, 2_000, 2_000, 2_000][: len(found)]
    assert venue._waits["hello"] == 20  # found: the owner thread does not wait long again
    venue.close()


def test_before_every_question_the_owner_thread_says_that_it_is_alive(tmp_path: Path, late: Late):
    beats = []
    venue = ExchangeVenue(
        tmp_path / "v.sock", timeout_ms=70, hello_timeout_ms=20, alive=lambda: beats.append(1)
    )
    questions = len(waits(venue))
    assert questions >= 4
    assert len(beats) >= 2 * questions - 1  # at each question, and while it is waited for
    venue.close()


def test_a_long_wait_is_no_silence(tmp_path: Path, late: Late):
    beats = []
    venue = ExchangeVenue(
        tmp_path / "v.sock", timeout_ms=1_200, hello_timeout_ms=1_200, alive=lambda: beats.append(1)
    )
    with pytest.raises(VenueSilent):
        venue.hello(SESSION, (), 1, 1)
    assert len(beats) == 4  # at the question, and three times in 1.2 s
    venue.close()
