"""The table of parts that may be down: each row by what is really seen, and never invented."""

from typing import Any

import pytest

from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.degraded import PARTS, Degraded, watchers
from engine.gateway.live import Frame, Hub
from engine.runtime.clock import HandClock
from tests.support.desk_fakes import START_NS, FakeSwitch, a_web

S = 10**9
FINE = {
    "desk": {"desk": {"gate": "open", "turn_ms": 0.4, "difference": "", "compared_at": START_NS}},
    "venues": {"SIM-A": {"state": "up", "unconfirmed": 0}, "SIM-B": {"state": "up"}},
    "quotes": {"MIDC": {"waits": ""}, "NRTH": {"waits": ""}},
    "kills": {"K-1": {"scope": "drill", "state": "RELEASED", "requested_at": START_NS,
                      "release_reason": "self-test passed in 3.1 ms"}},
    "conditions": {},
    "books": {},
}  # fmt: skip


class Tables:
    """Read tables that are level, late, empty or away."""

    def __init__(self, age_ns: int | None = 0, *, away: bool = False) -> None:
        self.age_ns, self.away = age_ns, away

    def data_as_of(self) -> Any:
        if self.away:
            raise Refused("the read tables do not answer")
        if self.age_ns is None:
            return None
        return type("Age", (), {"projected_at": START_NS - self.age_ns})()


def looked(tables: Any = None, *, lease_ago: int = 0, **topics: dict[str, Any]) -> Degraded:
    """A table over these rows; what is not given is fine."""
    clock = HandClock(START_NS)
    hub = Hub(clock)
    for topic, rows in {**FINE, **topics}.items():
        hub.take(Frame(topic=topic, seq=1, epoch=1, at=START_NS, up=rows, full=1))
    switch = FakeSwitch()
    switch.lease_ns = START_NS - lease_ago
    return Degraded(
        hub=hub, switch=switch, clock=clock, lease_ms=1000, processes=None,
        queries=Tables() if tables is None else tables,
    )  # fmt: skip


def test_every_row_is_ok_when_all_is_well():
    table = looked().table()
    assert [row["part"] for row in table] == [part.name for part in PARTS]
    assert {row["part"]: row["state"] for row in table if row["state"] != "ok"} == {}


def a_desk(**cells: Any) -> dict[str, Any]:
    return {"desk": {**FINE["desk"]["desk"], **cells}}


@pytest.mark.parametrize(
    ("part", "state", "given"),
    [
        ("worker and read tables", "down", {"tables": Tables(11 * S)}),
        ("worker and read tables", "degraded", {"tables": Tables(None)}),
        ("worker and read tables", "down", {"tables": Tables(away=True)}),
        ("journal and disk", "down", {"desk": a_desk(gate="disk: 3 MB are free")}),
        ("journal and disk", "down", {"desk": a_desk(gate="halted: entry 7 does not fold")}),
        ("journal and disk", "degraded", {"conditions": {"journal": {"sentence": "slow"}}}),
        ("quotes", "degraded", {"quotes": {"MIDC": {"waits": "old"}, "NRTH": {"waits": ""}}}),
        ("quotes", "down", {"quotes": {"MIDC": {"waits": "old"}}}),
        ("exchange", "down", {"desk": a_desk(gate="venue: the exchange does not answer")}),
        ("venues", "degraded", {"venues": {"A": {"state": "down"}, "B": {"state": "up"}}}),
        ("venues", "degraded", {"venues": {"A": {"state": "up", "unconfirmed": 3}}}),
        ("venues", "down", {"venues": {"A": {"state": "down"}}}),
        ("watchdog", "down", {"lease_ago": 2 * S}),
        ("books", "degraded", {"books": {"MIDC": {"digest": "x"}}}),
        ("books", "down", {"desk": a_desk(difference="ab")}),
        ("books", "degraded", {"desk": a_desk(compared_at=0)}),
        ("clock", "degraded", {"conditions": {"clock": {"sentence": "set back by 3,600 s"}}}),
        ("supervision", "degraded", {"conditions": {"unattended": {"sentence": "nobody"}}}),
        ("kill self-test", "down", {"conditions": {"selftest": {"sentence": "FAILED"}}}),
        ("kill self-test", "degraded", {"kills": {}}),
    ],
)
def test_a_part_that_is_down_is_the_only_row_that_is_not_ok(part, state, given):
    rows = {row["part"]: row["state"] for row in looked(**given).table() if row["state"] != "ok"}
    assert rows == {part: state}


def test_a_silent_engine_is_down_and_what_only_it_knows_is_not_called_fine():
    degraded = looked()
    degraded.clock.now += 5 * S
    rows = {row["part"]: row for row in degraded.table()}
    assert rows["engine"]["state"] == "down"
    for part in ("journal and disk", "quotes", "exchange", "venues", "books", "kill self-test"):
        assert rows[part]["state"] == "degraded"
        assert "unknown" in rows[part]["words"]


def test_a_row_says_since_when():
    degraded = looked()
    degraded.table()
    degraded.clock.now += S
    degraded.hub.take(
        Frame(topic="conditions", seq=2, epoch=1, at=START_NS, up={"clock": {"sentence": "x"}})
    )
    clock = next(row for row in degraded.table() if row["part"] == "clock")
    web = next(row for row in degraded.table() if row["part"] == "web")
    assert (clock["since"], web["since"]) == (START_NS + S, START_NS)


# --- who is here ----------------------------------------------------------------------------
def test_a_supervisor_with_a_page_open_is_here_until_idle(tmp_path):
    web = a_web(tmp_path)
    now = START_NS
    assert set(watchers(web.hub, web.directory, now).values()) == {0}
    found = {}
    for role in (Role.SUPERVISOR, Role.TRADER):
        person = next(p for p in web.directory.persons.values() if role in p.roles)
        found[role] = person.person_id

    class Page:
        def __init__(self, session: str, person_id: str) -> None:
            self.session, self.person_id = session, person_id

    idle: set[str] = set()

    class Logins:
        persons = web.directory.persons

        @staticmethod
        def idle(session: str, at: int) -> bool:
            return session in idle

    class Pages:
        clients = (Page("one", found[Role.TRADER]), Page("two", found[Role.SUPERVISOR]))

    here = {"supervisors": 1, "traders": 1, "risks": 0}
    assert watchers(Pages, Logins, now) == here
    idle.add("two")
    assert watchers(Pages, Logins, now) == {**here, "supervisors": 0}
