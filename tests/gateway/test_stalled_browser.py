"""A browser that stops reading: it costs nothing, and comes back to the whole picture."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import zmq

from engine.bench.web_clients import log_in
from engine.domain.people import Role
from engine.drill.memory import rss
from engine.drill.screen import Picture, Screen, frames
from engine.gateway.live import QUEUE, Client, Hub, frame_from_bytes
from engine.gateway.server import Web
from engine.runtime.clock import SystemClock
from engine.runtime.link import BACKLOG, EngineLink
from engine.stage import NotReady, eventually
from tests.support.desk_fakes import LOGIN_OF, PASSWORD, frame_bytes
from tests.support.served import served

MB = 1_048_576
ROWS = 50
WIDE = 1_000  # [byte] of each changed cell
PATIENCE_S = 60.0


class Flood:
    """Publications as fast as the hub takes them: every row changes in every frame."""

    def __init__(self) -> None:
        self.sent = 0  # [byte]
        self.is_on = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in itertools.count(1):
            while not self.is_on:
                await asyncio.sleep(0.01)
            text = str(number).zfill(WIDE)
            up = {f"P-{i}": {"filled": number, "note": text} for i in range(ROWS)}
            up[f"P-{number % ROWS}"] |= {f"seen{number % 7}": number}
            data = frame_bytes("parents", up, seq=number, full=int(number == 1))
            self.sent += len(data)
            yield data
            await asyncio.sleep(0.002)

    def close(self) -> None:
        pass


def lagging(web: Web) -> bool:
    return any(client.lagging for client in list(web.hub.clients))


def stall(state: Path, through: int, patience_s: float = 30.0) -> tuple[Screen, Screen, int, int]:
    """One screen reads on, one does not while ``through`` bytes of rows go out, then it does.

    Also what the process grew by meanwhile [byte], and the most frames that waited for one.
    """
    flood, waited = Flood(), [0]

    def is_through(web: Web, end: int) -> bool:
        waited.extend(len(client.queue) for client in list(web.hub.clients))
        return flood.sent >= end

    with ExitStack() as stack:
        web, port = stack.enter_context(served(state, frames=flood))
        cookie = log_in(port, LOGIN_OF[Role.RISK], PASSWORD)
        steady, stalled = (
            stack.enter_context(Screen(port=port, cookie=cookie, topics=("parents", "desk")))
            for _ in range(2)
        )
        for screen in (steady, stalled):
            eventually(screen.is_filled, PATIENCE_S, "a first picture")
        stalled.reading.clear()
        eventually(lambda: lagging(web), patience_s, "the hub's word that one lags")
        before, end = rss(os.getpid()), flood.sent + through
        eventually(lambda: is_through(web, end), PATIENCE_S, "so many bytes")
        grown = rss(os.getpid()) - before
        flood.is_on = False
        stalled.reading.set()
        for screen in (steady, stalled):
            same = partial(is_same, screen, web)
            eventually(same, PATIENCE_S, "the same picture as the hub's")
    return steady, stalled, grown, max(waited)


def is_same(screen: Screen, web: Web) -> bool:
    return screen.picture.rows["parents"] == web.hub.last_rows("parents")


def test_one_that_does_not_read_costs_no_memory_and_comes_back_whole(tmp_path: Path) -> None:
    steady, stalled, grown, worst = stall(tmp_path, 30 * MB)
    assert steady.picture.gaps == stalled.picture.gaps == 0
    assert stalled.picture.snapshots > 2  # two at first; then it was told that it had missed some
    assert worst <= QUEUE
    assert grown < 20 * MB
    assert steady.failed == stalled.failed == ""


def test_a_hub_that_keeps_everything_for_one_that_does_not_read_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(client: Client, chunk: bytes) -> None:
        client.queue.append(chunk)
        client.wake.set()

    monkeypatch.setattr(Client, "push", keep)
    with pytest.raises(NotReady, match="one lags"):
        stall(tmp_path, 1 * MB, patience_s=2.0)


def test_a_picture_notices_what_it_was_not_told() -> None:
    told = [
        b"id: 4\n", b"event: frame\n",
        b'data: {"topic":"parents","epoch":"e","seq":3,"full":1,"up":{"P-1":{"a":1},"P-2":{}}}\n',
        b"\n", b"event: beat\n", b'data: {"pub":1}\n', b"\n",
        b"event: frame\n",
        b'data: {"topic":"parents","epoch":"e","prev":3,"seq":4,"rm":["P-2"],"up":{"P-1":{"b":2}}}',
        b"\n", b"event: frame\n",
        b'data: {"topic":"parents","epoch":"e","prev":5,"seq":6,"up":{"P-1":{"a":9}}}\n', b"\n",
    ]  # fmt: skip
    picture = Picture()
    for frame, gaps in zip(frames(iter(told)), (0, 0, 1), strict=True):
        picture.take(frame)
        assert picture.gaps == gaps
    assert picture.rows == {"parents": {"P-1": {"a": 9, "b": 2}}}
    assert picture.snapshots == 1


def test_a_web_that_stands_still_costs_the_engine_its_backlog_and_asks_when_it_is_back(
    tmp_path: Path,
) -> None:
    link = EngineLink(f"ipc://{tmp_path}/engine.sock", f"ipc://{tmp_path}/live.sock", b"k" * 32)
    context = zmq.Context()
    still = context.socket(zmq.SUB)
    still.setsockopt(zmq.RCVHWM, 1)
    still.setsockopt(zmq.SUBSCRIBE, b"")
    still.connect(f"ipc://{tmp_path}/live.sock")
    hub = Hub(SystemClock())

    def heard() -> bool:
        link.publish("parents", {"P-1": {"note": ""}}, epoch=1, at=0, full=True)
        if still.poll(10):
            hub.take(frame_from_bytes(still.recv_multipart()[-1]))
        return hub.heard_at is not None

    try:
        eventually(heard, PATIENCE_S, "a first frame")
        hub.gap.clear()
        before = rss(os.getpid())
        for number in range(8 * BACKLOG):
            row = {"note": str(number).zfill(10_000)}
            link.publish("parents", {"P-1": row}, epoch=1, at=0)
        assert rss(os.getpid()) - before < 20 * MB
        while still.poll(200):
            hub.take(frame_from_bytes(still.recv_multipart()[-1]))
        link.publish("parents", {"P-1": {"note": "now"}}, epoch=1, at=0)
        assert still.poll(5_000)
        hub.take(frame_from_bytes(still.recv_multipart()[-1]))
        assert hub.gap.is_set()
    finally:
        still.close(linger=0)
        context.term()
        link.close()
