"""Attacks on the link of the engine: unsigned, forged, altered, replayed, broken bytes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from engine.domain import commands as c
from engine.domain.codec import envelope_to_bytes
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.units import Nanos, PersonId
from engine.runtime import door
from engine.runtime.code import wire_hash
from engine.runtime.link import EngineLink, Reply, Request, load_key, pack, sign
from tests.support.desk_rig import Rig

KEY = b"k" * 32


def an_envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "id": "w-12345678", "person": PersonId("u1"), "epoch": 0, "expires_at": Nanos(2**60),
        "command": c.HoldParent(parent_id=1), "door": "web", **changes,
    }  # fmt: skip
    return Envelope(**values)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[EngineLink]:
    found = EngineLink(f"ipc://{tmp_path}/engine.sock", f"ipc://{tmp_path}/live.sock", KEY)
    yield found
    found.close()


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Any]:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 10_000)
    socket.connect(f"ipc://{tmp_path}/engine.sock")
    yield socket
    socket.close()
    context.term()


def asked(request: Request) -> bytes:
    """As a program of our own wire sends it."""
    return pack(msgspec.structs.replace(request, wire=wire_hash()))


def arrived(link: EngineLink) -> list[tuple[bytes, Request]]:
    assert link.wait(10_000)
    return link.receive()


def test_a_signed_command_arrives_and_says_who_asks(link: EngineLink, sender: Any) -> None:
    body = envelope_to_bytes(an_envelope())
    sender.send(asked(Request(re=1, op="command", body=body, mac=sign(KEY, body))))
    ((_route, request),) = arrived(link)
    assert link.envelope(request) == an_envelope()


@pytest.mark.parametrize("wire", ["", "0" * 64])
@pytest.mark.parametrize("op", ["command", "snapshot"])
def test_who_speaks_another_wire_may_not_act_or_show_and_is_told_both_codes(
    link: EngineLink, sender: Any, op: str, wire: str
) -> None:
    body = envelope_to_bytes(an_envelope())
    sender.send(pack(Request(re=3, op=op, body=body, mac=sign(KEY, body), wire=wire)))
    assert arrived(link) == []
    reply = msgspec.msgpack.decode(sender.recv(), type=Reply)
    assert reply.re == 3
    other = "000000000000" if wire else "of no known version"
    assert f"the sender runs code {other}, this process {wire_hash()[:12]}" in reply.refusal


def test_who_speaks_another_wire_may_still_ask(link: EngineLink, sender: Any) -> None:
    sender.send(pack(Request(re=4, op="ask", name="status", wire="0" * 64)))
    assert len(arrived(link)) == 1


def other_person(body: bytes) -> bytes:
    return body.replace(b"\xa2u1", b"\xa2u3")


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: (body, b""),
        lambda body: (body, b"\0" * 32),
        lambda body: (body, sign(b"x" * 32, body)),
        lambda body: (body, sign(b"", body)),
        lambda body: (body, sign(KEY, body)[:31]),
        lambda body: (body, sign(KEY, body) + b"\0"),
        lambda body: (other_person(body), sign(KEY, body)),
        lambda body: (body + b"\0", sign(KEY, body)),
        lambda body: (b"", sign(KEY, body)),
    ],
    ids=["unsigned", "zeros", "other key", "no key", "short", "long", "altered", "grown", "empty"],
)
def test_a_command_that_this_desk_has_not_signed_is_refused(
    link: EngineLink, sender: Any, forge: Callable[[bytes], tuple[bytes, bytes]]
) -> None:
    original = envelope_to_bytes(an_envelope())
    assert other_person(original) != original
    body, mac = forge(original)
    sender.send(asked(Request(re=1, op="command", body=body, mac=mac)))
    ((_route, request),) = arrived(link)
    with pytest.raises(Refused, match="not signed by this desk"):
        link.envelope(request)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"[]", b"\x93\x01\x02\x03", b"\xff" * 99])
def test_signed_nonsense_is_a_refusal_and_no_crash(body: bytes, link: EngineLink) -> None:
    request = Request(re=1, op="command", body=body, mac=sign(KEY, body))
    with pytest.raises(Refused, match="not understood"):
        link.envelope(request)


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x80", b"\xdf\xff\xff\xff\xff", b"x" * 100_000])
def test_bytes_that_are_no_request_are_answered_and_the_next_one_is_heard(
    link: EngineLink, sender: Any, raw: bytes
) -> None:
    sender.send(raw)
    body = envelope_to_bytes(an_envelope())
    sender.send(asked(Request(re=7, op="command", body=body, mac=sign(KEY, body))))
    found: list[Any] = []
    while not found:
        found = arrived(link)
    assert [request.re for _route, request in found] == [7]
    answer = msgspec.msgpack.decode(sender.recv(), type=Reply)
    assert answer.refusal == "the request is not understood"


def test_a_replayed_envelope_has_one_effect() -> None:
    rig = Rig()
    rig.run(seconds=3)
    order = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=100, strategy="TWAP", horizon_ns=600_000_000_000
    )
    for _ in range(3):
        rig.ask(order, "u1", name="caught-on-the-wire")
    assert len(rig.state.parents) == 1


def test_an_envelope_of_another_start_or_after_its_time_has_none() -> None:
    rig = Rig()
    rig.run(seconds=3)
    speed = c.SetSpeed(speed=5.0)
    assert "engine start" in rig.ask(speed, "u3", epoch=rig.state.epoch + 1)
    assert "too late" in rig.ask(speed, "u3", expires_in=-1)
    assert rig.state.speed != 5.0


def test_two_commands_with_one_id_in_one_turn_get_their_own_answers() -> None:
    """The second sender is told; neither gets the other's receipt."""
    rig = Rig()
    told: list[Reply] = []

    class Wire:
        def envelope(self, request: Request) -> Envelope:
            return an_envelope(person=PersonId(request.name))

        def reply(self, _route: bytes, reply: Reply) -> None:
            told.append(reply)

    rig.loop.parts.link = Wire()
    requests = [(b"a", Request(re=1, op="command", name="u1")),
                (b"b", Request(re=2, op="command", name="u2")),
                (b"c", Request(re=3, op="command", name="u1"))]  # fmt: skip
    commands, routes = door.commands(rig.loop.parts.link, requests)
    assert [one.person for one in commands] == ["u1"]
    assert routes == {"w-12345678": [(b"a", 1), (b"c", 3)]}
    assert [(reply.re, reply.refusal) for reply in told] == [(2, "the id w-12345678 is taken")]


def test_the_key_is_made_once_for_its_owner_alone_and_a_damaged_one_stops_the_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "link.key"
    before = os.umask(0)
    try:
        key = load_key(path)
    finally:
        os.umask(before)
    assert load_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(set(key)) > 8
    path.write_bytes(key[:16])
    with pytest.raises(Refused, match="damaged"):
        load_key(path)
