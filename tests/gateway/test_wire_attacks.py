"""Attacks that need raw bytes on a real socket: smuggling, drips, endless heads, streams."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.gateway import deadline, guard
from engine.gateway.sessions import SECOND
from tests.support.desk_fakes import PASSWORD
from tests.support.served import exchange, served, until_closed


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, int]]:
    with served(tmp_path_factory.mktemp("wire")) as found:
        yield found


def head(port: int, line: str, *more: str) -> bytes:
    rows = [line, f"Host: 127.0.0.1:{port}", f"Origin: http://127.0.0.1:{port}", *more]
    return ("\r\n".join(rows) + "\r\n\r\n").encode("latin-1")


def post(port: int, path: str, body: bytes, *more: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    return (
        head(port, f"POST {path} HTTP/1.1", "Content-Type: application/json", length, *more) + body
    )


def statuses(answer: bytes) -> list[int]:
    return [int(part.split(b" ", 2)[1]) for part in answer.split(b"\r\n") if part[:7] == b"HTTP/1."]


def test_the_server_answers_and_says_nothing_of_itself(desk: tuple[Any, int]) -> None:
    _web, port = desk
    answer = exchange(port, head(port, "GET /health HTTP/1.1", "Connection: close"))
    assert statuses(answer) == [200]
    assert b"server:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()


@pytest.mark.parametrize(
    "rows",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 60"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: +60",),
        ("Content-Length: -1",),
        ("Content-Length: 0x10",),
    ],
)
def test_a_body_with_two_lengths_hides_no_second_request(
    desk: tuple[Any, int], rows: tuple[str, ...]
) -> None:
    """The hidden request would be a read that answers 401; nothing but the refusal may come."""
    _web, port = desk
    hidden = head(port, "GET /api/v1/parents HTTP/1.1")
    body = b"0\r\n\r\n" + hidden
    kind = "Content-Type: application/json"
    answer = exchange(port, head(port, "POST /login HTTP/1.1", kind, *rows) + body)
    assert 401 not in statuses(answer)[:1]
    assert all(status == 400 for status in statuses(answer)[:1]), answer[:300]
    assert len(statuses(answer)) <= 1, answer[:600]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /login HTTP/1.1\nHost: evil\n\n",
        b"GET http://evil.example/login HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /login HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /login\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_for_us_are_refused(desk: tuple[Any, int], raw: bytes) -> None:
    _web, port = desk
    assert all(status == 400 for status in statuses(exchange(port, raw)))


def test_an_absolute_target_does_not_get_past_the_host(desk: tuple[Any, int]) -> None:
    _web, port = desk
    line = f"GET http://127.0.0.1:{port}/login HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert statuses(exchange(port, line.encode())) == [400]


def test_a_head_that_only_drips_is_closed(
    desk: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _web, port = desk
    monkeypatch.setattr(deadline, "HEAD_S", 0.2)
    for pieces in ((), (b"GET /login HTTP/1.1\r\n",), (b"GET /login HTTP/1.1\r\nX: ", b"a")):
        assert statuses(until_closed(port, *pieces)) in ([], [400])


def test_a_head_without_end_is_closed(desk: tuple[Any, int]) -> None:
    _web, port = desk
    answer = until_closed(port, b"GET /login HTTP/1.1\r\n", *([b"X: " + b"a" * 60_000] * 40))
    assert statuses(answer) in ([], [400])
    rows = [f"X-{number}: {'b' * 1000}\r\n".encode() for number in range(1_000)]
    assert statuses(until_closed(port, b"GET /login HTTP/1.1\r\n", *rows)) in ([], [400])


def test_a_body_that_does_not_come_is_given_up(
    desk: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _web, port = desk
    monkeypatch.setattr(guard, "BODY_S", 0.2)
    short = post(port, "/login", b'{"login":"amara"', "Connection: close").replace(
        b"Content-Length: 16", b"Content-Length: 60"
    )
    assert statuses(until_closed(port, short)) == [408]


def test_a_large_body_without_a_login_is_not_even_read(desk: tuple[Any, int]) -> None:
    _web, port = desk
    line = "POST /api/v1/commands HTTP/1.1"
    rows = ("Content-Type: application/json", "Content-Length: 900000", "Connection: close")
    answer = exchange(port, head(port, line, *rows))
    assert statuses(answer) == [401]


def test_expected_continues_and_upgrades_open_nothing(desk: tuple[Any, int]) -> None:
    _web, port = desk
    rows = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    for path in ("/_dash-ws-callback", "/live", "/"):
        answer = exchange(port, head(port, f"GET {path} HTTP/1.1", *rows))
        assert statuses(answer)[0] in (401, 403), path
    answer = exchange(
        port, head(port, "GET /login HTTP/1.1", "Upgrade: h2c", "Connection: Upgrade")
    )
    assert 101 not in statuses(answer)


def log_in(port: int) -> str:
    body = b'{"login":"amara","password":"' + PASSWORD.encode() + b'"}'
    answer = exchange(port, post(port, "/login", body, "Connection: close"))
    assert statuses(answer) == [200], answer
    return answer.split(b"qd_session=")[1].split(b";")[0].decode()


def test_a_stream_ends_when_its_login_does(desk: tuple[Any, int]) -> None:
    """The cookie of a stream that is open is as dead as any other."""
    web, port = desk
    cookie = log_in(port)
    for client in tuple(web.hub.clients):
        web.hub.leave(client)
    asked = web.hub.join

    def join(*given: Any) -> Any:
        client = asked(*given)
        client.until = web.parts.clock.wall_ns() - SECOND  # the working day is over
        return client

    web.hub.join = join
    try:
        line = head(port, "GET /live?topics=parents HTTP/1.1", f"Cookie: qd_session={cookie}")
        answer = exchange(port, line)
    finally:
        del web.hub.join
    assert statuses(answer) == [200]
    assert b"event: bye" in answer
    assert not web.hub.clients
