"""Keys for programs: ``Authorization: Bearer qdk_...`` instead of a cookie.

A key is a person's, with fewer rights than the person: its scope and the roles of this moment are
both asked. It opens the doors below and no others. What asks for the password, decides, makes keys
or manages people needs the person in a browser (docs/decisions/0012).
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

from db.keys import KeyRow, KeyStore
from db.people import PersonRow
from engine.domain.errors import Refused
from engine.domain.people import KEY_NEEDS, KEY_SCOPES, may
from engine.gateway.credentials import check_words
from engine.gateway.grants import LOGIN
from engine.gateway.problems import problem
from engine.gateway.sessions import SECOND, Directory, Tries, roles_of
from engine.gateway.viewer import Viewer

DAYS_MAX: Final = 90
DAYS: Final = 30
DAY: Final = 86_400 * SECOND
LIVE_MAX: Final = 10  # keys of one person that are alive
RATE: Final = 20.0  # requests a key may make in a second, on average
BURST: Final = 40.0  # and at once
WRITE_S: Final = 5.0  # the instant of the last use is written this often
KEY: Final = re.compile(r"qdk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
BEARER: Final = re.compile(r"[Bb]earer +(\S+)")
IN_ADDRESS: Final = re.compile(
    r"qdk(?:_|%5[fF])[0-9a-fA-F]{8}(?:_|%5[fF])"
)  # its prefix may stand there
NO_KEY: Final = "0" * 64  # compared with where there is no such key: the same work for both
WRONG: Final = "this key is not known, has ended or was revoked"
# doors that ask for a login only and take a key too; every other of them needs the person
BY_KEY: Final = frozenset(
    {
        ("GET", "/api/v1/people/me"), ("GET", "/api/v1/openapi.json"),
        ("POST", "/api/v1/commands"), ("POST", "/api/v1/kill"),
    }
)  # fmt: skip
KILL_DOOR: Final = "/api/v1/kill"


def opens(method: str, path: str, rule: str | None, someone: Viewer) -> str:
    """Why a key does not open a door; "" when it does. Pages and callbacks are for people."""
    method = "GET" if method == "HEAD" else method
    if rule == LOGIN and (method, path) in BY_KEY:
        return ""
    machine = path.startswith("/api/v1/") or path == "/live"
    if rule is None or rule == LOGIN or not machine:
        return "a key does not open this door: it needs the person in a browser"
    return "" if someone.may(rule) else f"this key lacks the permission {rule}"


def digest(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def in_address(path: str, query: bytes) -> bool:
    """Whether somebody put a key where logs and histories keep it."""
    return IN_ADDRESS.search(f"{path}?{query.decode('latin-1')}") is not None


@dataclass(slots=True)
class Bucket:
    """What a key may still ask for now."""

    left: float
    at: int


@dataclass(slots=True, kw_only=True)
class Keys:
    """Every key, in memory: a kill by key needs no database."""

    store: KeyStore
    directory: Directory
    buckets: dict[str, Bucket] = field(default_factory=dict)
    wrong: Tries = field(default_factory=Tries)
    unwritten: dict[str, int] = field(default_factory=dict)  # last uses that are not stored yet

    @classmethod
    def of(cls, store: KeyStore, directory: Directory) -> "Keys":
        """Take up what people.db holds."""
        directory.keys = {row.prefix: row for row in store.everything()}
        return cls(store=store, directory=directory)

    # --- a request comes ---------------------------------------------------------------------
    def caller(self, headers: Headers, path: str, address: str, now: int) -> Viewer | Response:
        """The person behind the key of a request with the rights of the key, or why not."""
        given = BEARER.fullmatch(headers.get("authorization", ""))
        row = self._row(given.group(1) if given else "", now)
        person = None if row is None else self.directory.persons.get(row.person_id)
        if row is None or person is None or not person.active:
            if self.wrong.wait_ns((address,), now):
                return problem(429, "too many wrong keys: wait a minute", retry_after_s=60)
            self.wrong.fail((address,), now)
            return problem(401, WRONG, kind="key")
        if path != KILL_DOOR and not self._paid(row.prefix, now):  # a stop never waits
            return problem(
                429, f"a key may ask {RATE:g} times a second: wait", kind="rate", retry_after_s=1
            )
        self.directory.keys[row.prefix] = replace(row, last_used_at=now)
        self.unwritten[row.prefix] = now
        return _viewer(row, person)

    def _row(self, key: str, now: int) -> KeyRow | None:
        """The live row of a key; what is compared in time is a hash, never the key."""
        parts = KEY.fullmatch(key)
        row = None if parts is None else self.directory.keys.get(parts.group(1))
        same = hmac.compare_digest(digest(key), NO_KEY if row is None else row.key_hash)
        return row if row is not None and same and alive(row, now) else None

    def _paid(self, prefix: str, now: int) -> bool:
        """Take one from what the key may still ask for."""
        bucket = self.buckets.setdefault(prefix, Bucket(left=BURST, at=now))
        bucket.left = min(BURST, bucket.left + max(0, now - bucket.at) / SECOND * RATE)
        bucket.at = now
        if bucket.left < 1.0:
            return False
        bucket.left -= 1.0
        return True

    # --- a person makes and ends keys --------------------------------------------------------
    def new(
        self, person: PersonRow, *, name: str, scope: str, days: int, now: int
    ) -> tuple[str, KeyRow]:
        """A key and its row, not kept yet; raises Refused."""
        if scope not in KEY_SCOPES:
            raise Refused(
                f"scope must be one of {', '.join(KEY_SCOPES)}, was {scope[:40]!a}", field="scope"
            )
        needs = KEY_NEEDS[scope]
        if not may(roles_of(person), needs):
            raise Refused(f"a key may not do more than you: {scope} needs {needs}", field="scope")
        if not 1 <= days <= DAYS_MAX:
            raise Refused(f"a key lives 1 to {DAYS_MAX} days, was {days}", field="days")
        mine = [row for row in self.directory.keys.values() if row.person_id == person.person_id]
        if sum(alive(row, now) for row in mine) >= LIVE_MAX:
            raise Refused(f"a person has at most {LIVE_MAX} keys: revoke one first")
        prefix = secrets.token_hex(4)
        while prefix in self.directory.keys:
            prefix = secrets.token_hex(4)
        key = f"qdk_{prefix}_{secrets.token_urlsafe(32)}"
        return key, KeyRow(
            prefix=prefix, person_id=person.person_id, name=check_words(name, "name"), scope=scope,
            key_hash=digest(key), created_at=now, expires_at=now + days * DAY,
        )  # fmt: skip

    async def keep(self, row: KeyRow) -> None:
        """Write a new key, then let it in."""
        await asyncio.to_thread(self.store.add, row)
        self.directory.keys[row.prefix] = row

    async def revoke(self, prefixes: Iterable[str], by: str, now: int) -> tuple[str, ...]:
        """End keys here at once, then in the file; those that were alive come back."""
        ended = tuple(
            p for p in prefixes if p in self.directory.keys and alive(self.directory.keys[p], now)
        )
        for prefix in ended:
            self.directory.keys[prefix] = replace(
                self.directory.keys[prefix], revoked_at=now, revoked_by=by
            )
        if ended:
            await asyncio.to_thread(self.store.revoke, ended, by, now)
        return ended

    def of_person(self, person_id: str) -> list[KeyRow]:
        """The keys of a person, newest first."""
        return [row for row in reversed(self.directory.keys.values()) if row.person_id == person_id]

    async def write_uses(self) -> None:
        """Keep writing when keys were last used."""
        while True:
            await asyncio.sleep(WRITE_S)
            uses, self.unwritten = self.unwritten, {}
            if uses:
                await asyncio.to_thread(self.store.used, uses)


def alive(row: KeyRow, now: int) -> bool:
    """Whether a key still opens anything."""
    return row.revoked_at == 0 and now < row.expires_at


def state_of(row: KeyRow, now: int) -> str:
    """In one word what became of a key."""
    return "active" if alive(row, now) else "revoked" if row.revoked_at else "expired"


def stream_of(prefix: str) -> str:
    """The name under which the hub counts and closes the streams of a key."""
    return f"key {prefix}"


def _viewer(row: KeyRow, person: PersonRow) -> Viewer:
    return Viewer(
        person_id=person.person_id,
        name=person.name,
        roles=roles_of(person),
        desk=person.desk,
        session=stream_of(row.prefix),
        must_change=person.must_change,
        key=row.prefix,
        scope=KEY_SCOPES.get(row.scope, frozenset()),
        until=row.expires_at,
    )
