"""The live hub: changed cells only, per audience, snapshot on lag, lossless topics replayed."""

import asyncio
from typing import Any

import orjson

from engine.domain.people import Role
from engine.gateway.live import (
    QUEUE,
    STREAMS_PER_LOGIN,
    TICK_S,
    Client,
    Frame,
    Hub,
    frame_from_bytes,
)
from engine.gateway.viewer import Viewer
from engine.runtime.clock import HandClock
from engine.runtime.publish import ORDERS_NS
from tests.support.desk_fakes import START_NS, frame_bytes

TOPICS = ("parents", "alerts", "acks")


def a_hub() -> Hub:
    return Hub(HandClock(START_NS))


def who(
    person: str = "u5", role: Role = Role.RISK, desk: str = "main", session: str = "s"
) -> Viewer:
    return Viewer(person_id=person, name=person, roles=(role,), desk=desk, session=session + person)


def a_client(hub: Hub, someone: Viewer | None = None, since: str = "") -> Client:
    client = hub.join(someone or who(), TOPICS, since)
    assert client is not None
    return client


def frame(seq: int, up: dict[str, Any], topic: str = "parents", **more: Any) -> Frame:
    return frame_from_bytes(frame_bytes(topic, up, seq=seq, **more))


def events(chunks: bytes) -> list[dict[str, Any]]:
    found = []
    for block in chunks.decode().split("\n\n"):
        data = [line[6:] for line in block.splitlines() if line.startswith("data: ")]
        if data and "event: frame" in block:
            found.append(orjson.loads(data[0]))
    return found


STREAMS: dict[Client, Any] = {}


async def read(hub: Hub, client: Client) -> list[dict[str, Any]]:
    """What the browser gets next."""
    if client not in STREAMS:
        STREAMS[client] = hub.stream(client)
        await anext(STREAMS[client])  # the retry line
    return events(await anext(STREAMS[client]))


def play(story: Any) -> Any:
    return asyncio.run(story())


def test_a_page_starts_with_a_snapshot_and_then_gets_changed_cells_only() -> None:
    async def story() -> None:
        hub = a_hub()
        hub.take(frame(1, {"P-1": {"filled": 10, "state": "WORKING"}}))
        client = a_client(hub)
        first = {f["topic"]: f for f in await read(hub, client)}
        assert first["parents"]["full"] == 1
        assert first["parents"]["up"] == {"P-1": {"filled": 10, "state": "WORKING"}}
        hub.take(frame(2, {"P-1": {"filled": 20, "state": "WORKING"}}))
        hub.flush()
        (delta,) = await read(hub, client)
        assert delta["up"] == {"P-1": {"filled": 20}}
        assert delta["prev"] == first["parents"]["seq"]
        hub.take(frame(3, {"P-1": {"filled": 20}}))
        hub.flush()
        assert not client.queue  # nothing changed, nothing sent

    play(story)


def test_rows_between_two_ticks_become_one_frame_with_the_last_state() -> None:
    async def story() -> None:
        hub = a_hub()
        client = a_client(hub)
        await read(hub, client)
        for seq in range(1, 6):
            hub.take(frame(seq, {"P-1": {"filled": seq}}))
        hub.flush()
        (delta,) = await read(hub, client)
        assert delta["up"] == {"P-1": {"filled": 5}}

    play(story)


def test_the_first_change_after_a_pause_goes_out_at_once() -> None:
    async def story() -> None:
        hub = a_hub()
        client = a_client(hub)
        await read(hub, client)
        pump = asyncio.create_task(hub.pump())
        for _ in range(20):
            await asyncio.sleep(0)  # the beat of its start is out, it waits for a change
        client.queue.clear()
        hub.take(frame(1, {"P-1": {"filled": 1}}))
        for _ in range(20):
            await asyncio.sleep(0)
        assert [f["up"] for chunk in client.queue for f in events(chunk)] == [
            {"P-1": {"filled": 1}}
        ]
        hub.close()
        await pump

    play(story)


def test_what_the_engine_has_collected_is_not_collected_for_as_long_again() -> None:
    assert 2 * TICK_S * 1e9 < ORDERS_NS


def test_removed_rows_are_named() -> None:
    async def story() -> None:
        hub = a_hub()
        hub.take(frame(1, {"P-1": {"filled": 1}, "P-2": {"filled": 2}}))
        client = a_client(hub)
        await read(hub, client)
        hub.take(frame(2, {"P-2": {"filled": 2}}, full=1))
        hub.flush()
        (delta,) = await read(hub, client)
        assert delta["rm"] == ["P-1"]
        assert delta["up"] == {}

    play(story)


def test_a_trader_gets_own_rows_and_those_of_the_desk_and_no_others() -> None:
    async def story() -> None:
        hub = a_hub()
        rows = {
            "P-1": {"trader": "u1", "desk": "main"},
            "P-2": {"trader": "u2", "desk": "main"},
            "P-3": {"trader": "u9", "desk": "other"},
        }
        hub.take(frame(1, rows))
        children = {"C-1": {"parent": "P-1"}, "C-3": {"parent": "P-3"}, "C-9": {"parent": "P-9"}}
        hub.take(frame(1, children, topic="children"))
        trader, risk = who("u1", Role.TRADER), who()
        client = hub.join(trader, ("parents", "children"))
        assert client is not None
        first = {f["topic"]: f["up"] for f in await read(hub, client)}
        assert set(first["parents"]) == {"P-1", "P-2"}
        assert set(first["children"]) == {"C-1"}
        hub.take(frame(2, {"P-3": {"filled": 7}}))
        hub.flush()
        assert not client.queue
        assert set(hub.rows("parents", client.audience)) == {"P-1", "P-2"}
        everything = a_client(hub, risk)
        assert set({f["topic"]: f["up"] for f in await read(hub, everything)}["parents"]) == set(
            rows
        )

    play(story)


def test_frames_that_others_did_not_get_leave_no_gap_in_ones_own_sequence() -> None:
    async def story() -> None:
        hub = a_hub()
        hub.take(frame(1, {"P-1": {"trader": "u1", "desk": "main", "filled": 0},
                           "P-3": {"trader": "u9", "desk": "other", "filled": 0}}))  # fmt: skip
        client = a_client(hub, who("u1", Role.TRADER))
        last = {f["topic"]: f["seq"] for f in await read(hub, client)}["parents"]
        hub.take(frame(2, {"P-3": {"filled": 1}}))
        hub.flush()
        hub.take(frame(3, {"P-1": {"filled": 1}}))
        hub.flush()
        (delta,) = await read(hub, client)
        assert delta["prev"] == last

    play(story)


def test_a_page_that_lags_loses_its_queue_and_gets_one_snapshot() -> None:
    async def story() -> None:
        hub = a_hub()
        client = a_client(hub)
        await read(hub, client)
        for seq in range(1, QUEUE + 5):
            hub.take(frame(seq, {"P-1": {"filled": seq}}))
            hub.flush()
        assert client.lagging
        assert not client.queue
        frames = await read(hub, client)
        assert {f["topic"] for f in frames if f.get("full")} == set(TOPICS)
        (parents,) = [f for f in frames if f["topic"] == "parents"]
        assert parents["up"] == {"P-1": {"filled": QUEUE + 4}}

    play(story)


def test_facts_of_lossless_topics_survive_a_lag_and_a_reconnect_in_order() -> None:
    async def story() -> None:
        hub = a_hub()
        client = a_client(hub)
        await read(hub, client)
        for seq in range(1, QUEUE + 5):
            hub.take(frame(seq, {f"A-{seq}": {"sentence": f"alert {seq}"}}, topic="alerts"))
        replayed = [f for f in await read(hub, client) if f.get("replay")]
        assert [next(iter(f["up"])) for f in replayed] == [f"A-{i}" for i in range(1, QUEUE + 5)]
        seen = f"{hub.epoch}:{hub.number}"
        hub.leave(client)
        hub.take(frame(QUEUE + 5, {"A-99": {"sentence": "while away"}}, topic="alerts"))
        back = a_client(hub, since=seen)
        replayed = [f for f in await read(hub, back) if f.get("replay")]
        assert [list(f["up"]) for f in replayed] == [["A-99"]]
        stranger = a_client(hub, since="another-epoch:1")
        assert not [f for f in await read(hub, stranger) if f.get("replay")]

    play(story)


def test_an_acknowledgement_goes_to_its_sender_only() -> None:
    async def story() -> None:
        hub = a_hub()
        mine, other = a_client(hub), a_client(hub, who("u1", Role.TRADER))
        await read(hub, mine)
        await read(hub, other)
        hub.take(frame(1, {"w-1": {"person": "u1", "state": "DONE"}}, topic="acks"))
        assert len(other.queue) == 1
        assert not mine.queue

    play(story)


def test_old_and_doubled_frames_change_nothing_and_a_gap_asks_for_a_snapshot() -> None:
    hub = a_hub()
    hub.take(frame(1, {"P-1": {"filled": 1}}, full=1))
    hub.take(frame(2, {"P-1": {"filled": 2}}))
    hub.take(frame(1, {"P-1": {"filled": 1}}))
    hub.take(frame(2, {"P-1": {"filled": 99}}))
    assert hub.last_rows("parents") == {"P-1": {"filled": 2}}
    assert not hub.gap.is_set()
    hub.take(frame(5, {"P-1": {"filled": 5}}))
    assert hub.gap.is_set()


def test_a_new_engine_epoch_asks_for_a_snapshot() -> None:
    hub = a_hub()
    hub.take(frame(7, {"P-1": {"filled": 1}}, full=1, epoch=1))
    hub.take(frame(1, {"P-1": {"filled": 2}}, epoch=2))
    assert hub.gap.is_set()


def test_the_fifth_stream_of_a_login_is_refused() -> None:
    hub = a_hub()
    for _ in range(STREAMS_PER_LOGIN):
        a_client(hub)
    assert hub.join(who(), TOPICS) is None
    assert hub.join(who("u1", Role.TRADER), TOPICS) is not None


def test_an_open_stream_turns_to_other_topics_without_a_gap() -> None:
    async def story() -> None:
        hub = a_hub()
        hub.take(frame(1, {"P-1": {"filled": 1}}))
        hub.take(frame(1, {"MIDC": {"bid": 1.0}}, topic="quotes"))
        client = a_client(hub)
        await read(hub, client)
        hub.take(frame(2, {"P-1": {"filled": 2}}))
        hub.take(frame(2, {"MIDC": {"bid": 2.0}}, topic="quotes"))
        assert hub.turn_to(client.session, client.id, ("parents", "quotes"), ())
        change, whole = await read(hub, client)  # parents go on, quotes come whole
        assert (change["topic"], change["up"]) == ("parents", {"P-1": {"filled": 2}})
        assert (whole["topic"], whole["full"], whole["up"]) == ("quotes", 1, {"MIDC": {"bid": 2.0}})
        hub.take(frame(3, {"MIDC": {"bid": 3.0}}, topic="quotes"))
        hub.flush()
        (later,) = await read(hub, client)
        assert (later["topic"], later["prev"]) == ("quotes", whole["seq"])

    play(story)


def test_a_topic_comes_whole_again_for_a_tab_that_lacks_it_and_one_nobody_wants_ends() -> None:
    async def story() -> None:
        hub = a_hub()
        hub.take(frame(1, {"P-1": {"filled": 1}}))
        client = a_client(hub)
        await read(hub, client)
        assert hub.turn_to(client.session, client.id, ("parents",), ("parents", "quotes"))
        (whole,) = await read(hub, client)  # quotes were not among the topics: not sent
        assert (whole["topic"], whole["full"], whole["up"]) == (
            "parents",
            1,
            {"P-1": {"filled": 1}},
        )
        hub.take(frame(1, {"A-1": {"id": "A-1"}}, topic="alerts"))
        assert not client.queue

    play(story)


def test_only_its_own_login_turns_a_stream_and_only_while_it_is_open() -> None:
    hub = a_hub()
    mine, other = a_client(hub), a_client(hub, who("u1", Role.TRADER))
    assert not hub.turn_to(other.session, mine.id, ("parents",), ())
    assert not hub.turn_to(mine.session, "0", ("parents",), ())
    assert mine.topics == frozenset(TOPICS)
    hub.close_sessions((mine.session,))
    assert not hub.turn_to(mine.session, mine.id, ("parents",), ())


def test_streams_end_at_log_out_and_when_the_server_stops() -> None:
    async def story() -> None:
        hub = a_hub()
        mine, other = a_client(hub), a_client(hub, who("u1", Role.TRADER))
        hub.close_sessions((mine.session,))
        chunks = [chunk async for chunk in hub.stream(mine)]
        assert b"event: bye" in chunks[-1]
        assert mine not in hub.clients
        assert not other.closed
        hub.close()
        assert [chunk async for chunk in hub.stream(other)]
        assert hub.clients == set()
        assert hub.join(who(), TOPICS) is None

    play(story)


def test_the_heartbeat_says_how_long_the_engine_has_been_silent() -> None:
    async def story() -> None:
        hub = a_hub()
        client = a_client(hub)
        await read(hub, client)
        hub._beat()
        assert b'"engine_ms":null' in client.queue.pop()
        hub.take(frame(1, {"P-1": {"filled": 1}}))
        hub.clock.now += 1_500_000_000  # type: ignore[attr-defined]
        hub._beat()
        assert b'"engine_ms":1500.0' in client.queue.pop()
        hub.take(Frame(topic="status", seq=1, epoch=0, at=START_NS, up={"feed": {}}), own=True)
        hub._beat()
        assert b'"engine_ms":1500.0' in client.queue.pop()  # our own rows are no sign of life

    play(story)


def test_a_frame_is_encoded_once_for_all_who_see_the_same() -> None:
    async def story() -> None:
        hub = a_hub()
        clients = [a_client(hub, who(session=str(i))) for i in range(5)]
        for client in clients:
            await read(hub, client)
        hub.take(frame(1, {"P-1": {"filled": 1}}))
        hub.flush()
        assert len({id(client.queue[0]) for client in clients}) == 1

    play(story)
