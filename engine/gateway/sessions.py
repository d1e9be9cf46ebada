"""Persons, sessions and failed tries, held in memory so that a kill needs no database.

The browser holds a random 256-bit id; we hold its SHA-256. The CSRF token is derived from the id,
so it is new with every login and needs no storage.
"""

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from db.keys import KeyRow
from db.people import PersonRow, SessionRow
from engine.domain.people import Role
from engine.gateway.viewer import Viewer
from engine.settings import Settings

SECOND: Final = 1_000_000_000
LIFETIME: Final = 12 * 3600 * SECOND  # a login lasts one working day
FRESH_FOR: Final = 5 * 60 * SECOND  # how long a re-authentication counts
BY_DEFAULT: Final = Settings().idle_lock_s * SECOND
TRIES: Final = 5
TRIES_WINDOW: Final = 60 * SECOND
TRACKED: Final = 10_000  # names and addresses that are counted before the old ones are swept


def digest(session_id: str) -> str:
    """What is stored of a session id."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def csrf_token(session_id: str) -> str:
    """The token that commands and forms of this login must carry."""
    return hmac.new(session_id.encode(), b"quarterdeck csrf", hashlib.sha256).hexdigest()[:43]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login of one browser."""

    person_id: str
    created_at: int
    acted_at: int  # last act of the person, not of the page
    fresh_until: int = 0  # the password was given again and still counts

    def fresh(self, now: int) -> bool:
        """Whether the password was given a moment ago."""
        return now < self.fresh_until


@dataclass(slots=True)
class Tries:
    """Counts failed logins by key (a login name, an address) over a sliding minute."""

    failed: dict[str, deque[int]] = field(default_factory=dict)

    def wait_ns(self, keys: Iterable[str], now: int) -> int:
        """How long until another try is allowed; 0 = now. [ns]"""
        return max((self._wait(key, now) for key in keys), default=0)

    def _wait(self, key: str, now: int) -> int:
        times = self.failed.get(key)
        if times is None:
            return 0
        while times and times[0] <= now - TRIES_WINDOW:
            times.popleft()
        if not times:
            del self.failed[key]
            return 0
        return times[0] + TRIES_WINDOW - now if len(times) >= TRIES else 0

    def fail(self, keys: Iterable[str], now: int) -> None:
        """Note a failed try; whoever tries ever new names does not fill the memory."""
        if len(self.failed) >= TRACKED:
            for key in tuple(self.failed):
                self._wait(key, now)
        for key in keys:
            self.failed.setdefault(key, deque(maxlen=TRIES)).append(now)

    def forget(self, keys: Iterable[str]) -> None:
        """A login worked: its failures no longer count."""
        for key in keys:
            self.failed.pop(key, None)


@dataclass(slots=True)
class Directory:
    """Who exists and who is logged in.

    idle_lock : without an act for this long, acts that raise risk ask for the password. [ns]
    """

    idle_lock: int = BY_DEFAULT
    persons: dict[str, PersonRow] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    keys: dict[str, KeyRow] = field(default_factory=dict)  # by prefix, oldest first
    tries: Tries = field(default_factory=Tries)

    def load(self, persons: Iterable[PersonRow], sessions: Iterable[SessionRow] = ()) -> None:
        """Take up what people.db holds."""
        self.persons = {person.person_id: person for person in persons}
        for row in sessions:
            self.sessions[row.session_hash] = Session(
                person_id=row.person_id, created_at=row.created_at, acted_at=row.acted_at
            )

    def start(self, person_id: str, now: int) -> tuple[str, SessionRow]:
        """A new session with an id nobody has seen before; the id goes to the browser only."""
        session_id = secrets.token_urlsafe(32)
        key = digest(session_id)
        self.sessions[key] = Session(person_id=person_id, created_at=now, acted_at=now)
        self.persons[person_id] = replace(self.persons[person_id], last_login_at=now)
        row = SessionRow(session_hash=key, person_id=person_id, created_at=now, acted_at=now)
        return session_id, row

    def end(self, key: str) -> None:
        """Log out."""
        self.sessions.pop(key, None)

    def end_all(self, person_id: str) -> tuple[str, ...]:
        """Log a person out everywhere; the hashes that ended come back."""
        ended = tuple(k for k, s in self.sessions.items() if s.person_id == person_id)
        for key in ended:
            del self.sessions[key]
        return ended

    def session(self, session_id: str, now: int) -> Session | None:
        """The live session of a cookie."""
        if not session_id:
            return None
        key = digest(session_id)
        found = self.sessions.get(key)
        if found is not None and now - found.created_at >= LIFETIME:
            del self.sessions[key]
            return None
        return found

    def ends_at(self, key: str) -> int:
        """When a session is over; 0 when it is. [ns]"""
        session = self.sessions.get(key)
        return 0 if session is None else session.created_at + LIFETIME

    def viewer(self, session_id: str, now: int) -> Viewer | None:
        """The person behind a cookie with the roles of this moment, or None."""
        session = self.session(session_id, now)
        if session is None:
            return None
        person = self.persons.get(session.person_id)
        if person is None or not person.active:
            return None
        return Viewer(
            person_id=person.person_id,
            name=person.name,
            roles=roles_of(person),
            desk=person.desk,
            session=digest(session_id),
            csrf=csrf_token(session_id),
            must_change=person.must_change,
        )

    def idle(self, key: str, now: int) -> bool:
        """Whether acts that raise risk are locked for a session; also when it has ended."""
        session = self.sessions.get(key)
        return session is None or now - session.acted_at >= self.idle_lock

    def fresh(self, key: str, now: int) -> bool:
        """Whether the password of a session was given a moment ago."""
        session = self.sessions.get(key)
        return session is not None and session.fresh(now)

    def acted(self, key: str, now: int) -> None:
        """The person did something; an idle login stays idle until the password is given."""
        session = self.sessions.get(key)
        if session is not None and not self.idle(key, now):
            self.sessions[key] = replace(session, acted_at=now)

    def reauthenticated(self, key: str, now: int) -> None:
        """The password was given again: no longer idle, fresh for a while."""
        session = self.sessions.get(key)
        if session is not None:
            self.sessions[key] = replace(session, acted_at=now, fresh_until=now + FRESH_FOR)


def roles_of(person: PersonRow) -> tuple[Role, ...]:
    """Stored role names as roles; SYSTEM is never a login's role."""
    return tuple(Role(name) for name in person.roles if name != Role.SYSTEM)
