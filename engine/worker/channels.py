"""Exceptions on their way out of the desk: a webhook and mail, bounded, with back-off.

One message carries everything that waits, so a storm is a few messages with a count, and the inbox
has all of it. What was told is kept in the state folder; what could not be told waits and is tried
again after 1, 2, 4 ... 300 s. A failing channel is a failed job on the System page.
"""

import json
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from db.queries import Queries
from db.records import AlertRecord
from db.tables import LIVE
from engine.domain.errors import Refused
from engine.domain.units import SECOND
from engine.runtime.whole import write_whole
from engine.settings import Settings
from engine.worker.context import Context

TIMEOUT_S: Final = 5.0  # of one try
EVERY_NS: Final = 10 * SECOND  # between two messages of a channel
FIRST_WAIT_NS: Final = 1 * SECOND  # after a failure; doubled by each further one ...
MOST_WAIT_NS: Final = 300 * SECOND  # ... up to this
LINES: Final = 20  # exceptions in one message; of more only how many
LOOKED_AT: Final = 2_000  # newest exceptions
RANKS: Final = {"critical": 0, "warn": 1, "info": 2}


class Undelivered(Exception):
    """The message was not taken; why, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One exception to be told, and why now."""

    key: str  # told once
    row: AlertRecord
    why: str  # "raised", "unattended"


@dataclass(slots=True, kw_only=True)
class Memory:
    """What one channel has told, and when it may speak again. [wall ns]"""

    told: set[str] = field(default_factory=set)
    next_at: int = 0
    failures: int = 0


Send = Callable[[Settings, Sequence[Notice], int], None]


def due(rows: Sequence[AlertRecord], told: set[str], least: str) -> tuple[Notice, ...]:
    """What is not told yet: the worst first, then the oldest.

    An exception is told when it is raised, and once more when nobody acknowledged it in time.
    """
    found = []
    for row in rows:
        if row.state == "resolved" or RANKS[row.severity] > RANKS[least]:
            continue
        late = bool(row.escalated_at) and row.state == "open"
        key = f"{row.id}!{row.escalated_at}" if late else row.id
        if key not in told:
            found.append(Notice(key=key, row=row, why="unattended" if late else "raised"))
    found.sort(key=lambda notice: (RANKS[notice.row.severity], notice.row.first_at))
    return tuple(found)


def line_of(notice: Notice) -> str:
    """One exception in one line."""
    row = notice.row
    words = "UNATTENDED " if notice.why == "unattended" else ""
    times = f" ({row.times} times)" if row.times > 1 else ""
    about = row.object or "the desk"
    return f"{words}{row.severity.upper()} {row.id} {row.kind}, {about}: {row.sentence}{times}"


def summary(settings: Settings, notices: Sequence[Notice], more: int) -> str:
    """What the message is about, without a word that came from outside."""
    n = len(notices) + more
    critical = sum(1 for notice in notices if notice.row.severity == "critical")
    mark = f"{settings.mode} DEMO" if settings.demo else settings.mode
    return f"[{mark}] {n} exception{'s' if n != 1 else ''}, {critical} critical"


def address(settings: Settings) -> str:
    """Where the inbox is."""
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{settings.host}:{settings.port}/exceptions"


# --- webhook --------------------------------------------------------------------------------
def post(settings: Settings, notices: Sequence[Notice], more: int) -> None:
    """One POST of JSON; no redirect is followed. Raises Undelivered."""
    where = urlsplit(settings.alert_webhook)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise Undelivered("alert_webhook must be an http or https address")
    body = {
        "text": "\n".join((summary(settings, notices, more), *map(line_of, notices))),
        "inbox": address(settings),
        "more": more,
        "exceptions": [
            {
                "id": notice.row.id, "why": notice.why, "severity": notice.row.severity,
                "kind": notice.row.kind, "object": notice.row.object,
                "sentence": notice.row.sentence, "first_at": notice.row.first_at,
                "times": notice.row.times,
            }
            for notice in notices
        ],
    }  # fmt: skip
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    with delivery(), connection(where) as to:
        to.request("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
        answer = to.getresponse()
        if not 200 <= answer.status < 300:
            raise Undelivered(f"the webhook answered {answer.status}")


@contextmanager
def connection(where: SplitResult) -> Iterator[HTTPConnection]:
    """A connection for one message."""
    host = where.hostname or ""
    if where.scheme == "https":
        context = ssl.create_default_context()
        to: HTTPConnection = HTTPSConnection(host, where.port, timeout=TIMEOUT_S, context=context)
    else:
        to = HTTPConnection(host, where.port, timeout=TIMEOUT_S)
    try:
        yield to
    finally:
        to.close()


# --- mail -----------------------------------------------------------------------------------
def mail(settings: Settings, notices: Sequence[Notice], more: int) -> None:
    """One plain mail, over TLS where the server offers it. Raises Undelivered."""
    if not (settings.alert_from and settings.alert_to):
        raise Undelivered("alert_smtp needs alert_from and alert_to")
    host, _, port = settings.alert_smtp.rpartition(":")
    if not host or not port.isdecimal():
        raise Undelivered(f"alert_smtp must be host:port, was {settings.alert_smtp!r}")
    message = EmailMessage()
    message["Subject"] = summary(settings, notices, more)
    message["From"] = settings.alert_from
    message["To"] = settings.alert_to
    rest = [f"and {more} more"] if more else []
    message.set_content("\n".join((*map(line_of, notices), *rest, "", address(settings), "")))
    with delivery(), smtplib.SMTP(host, int(port), timeout=TIMEOUT_S) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        server.send_message(message)


@contextmanager
def delivery() -> Iterator[None]:
    """Everything that can go wrong on the way is one thing: not delivered."""
    try:
        yield
    except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        raise Undelivered(f"{type(error).__name__}: {error}") from error


# --- jobs -----------------------------------------------------------------------------------
def tell_webhook(context: Context) -> None:
    """Tell the webhook what waits, when one is set."""
    if context.settings.alert_webhook:
        tell(context, "alert_webhook", post)


def tell_mail(context: Context) -> None:
    """Mail what waits, when a server is set."""
    if context.settings.alert_smtp:
        tell(context, "alert_mail", mail)


def tell(context: Context, name: str, send: Send) -> None:
    """One look of one channel: nothing, or one message with everything that waits."""
    now, settings = context.clock.wall_ns(), context.settings
    memory: Memory = context.memo.setdefault(name, Memory(told=load(context.where.state, name)))
    if now < memory.next_at:
        return
    try:
        rows = Queries(context.tables, context.where.state).alerts(LIVE, LOOKED_AT)
    except Refused:  # the tables are being made: the next look finds them
        return
    waiting = due(rows, memory.told, settings.alert_least)
    if not waiting:
        return
    shown, more = waiting[:LINES], max(0, len(waiting) - LINES)
    try:
        send(settings, shown, more)
    except Undelivered as error:
        memory.next_at = now + min(MOST_WAIT_NS, FIRST_WAIT_NS << min(memory.failures, 20))
        memory.failures += 1
        text = f"{len(waiting)} exceptions wait, try {memory.failures} failed: {error}"
        context.jobs.failed(name, text, now)
        return
    memory.told |= {notice.key for notice in waiting}
    memory.failures, memory.next_at = 0, now + EVERY_NS
    known = {row.id for row in rows}
    memory.told = {key for key in memory.told if key.partition("!")[0] in known}
    save(context.where.state, name, memory.told)
    context.jobs.done(name, f"{len(waiting)} exceptions told in one message", now)


def load(state: Path, name: str) -> set[str]:
    """What a channel has told before this start."""
    path = state / f"{name}.json"
    return set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()


def save(state: Path, name: str, told: set[str]) -> None:
    """Keep it, whole or not at all."""
    write_whole(state / f"{name}.json", json.dumps(sorted(told)))
