"""The limits page as each role sees it: rights, versions, the form, the report."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.context import use_queries
from components.rows import read
from db.queries_limits import DayUse, LimitVersion, Utilisation
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.viewer import Viewer, looking
from pages.limits import limits
from tests.support.parts import every

KEY = "max_open_value@trader:u1"


def version(number: int, value: float, **more: Any) -> LimitVersion:
    fields: dict[str, Any] = {
        "key": KEY, "kind": "max_open_value", "level": "trader", "subject": "u1",
        "unit": "currency", "version": number, "value": value, "soft": None, "window_s": 0.0,
        "symbols": "", "derivation": "a tenth of the daily loss limit of the desk", "owner": "u5",
        "review": "2027-05-31", "change": 0, "by": "u5", "approved_by": "", "since": 5,
        "gone": False,
    }  # fmt: skip
    return LimitVersion(**{**fields, **more})


def use(key: str, share: float, **more: Any) -> Utilisation:
    day = DayUse(
        day="2026-11-27", origin="LIVE", used=share * 1e6, share=share, refused=2, subject=""
    )
    fields: dict[str, Any] = {
        "key": key, "kind": "max_open_value", "words": "open value", "unit": "currency",
        "level": "trader", "subject": "u1", "value": 1e6, "version": 1, "owner": "u5",
        "review": "2027-05-31", "days": 3, "used_days": 1, "highest": share * 1e6,
        "share": share, "highest_day": "2026-11-27", "refused": 2, "far": share < 0.5,
        "by_day": [day],
    }  # fmt: skip
    return Utilisation(**{**fields, **more})


class LimitQueries:
    """Two versions of one limit, and two limits of which one is never near."""

    def limit_versions(self, key: Any = None) -> tuple[LimitVersion, ...]:
        known = key == ("max_open_value", "trader", "u1")
        return (version(2, 2e6, approved_by="u3", change=1), version(1, 1e6)) if known else ()

    def limit_use(self, days: int) -> tuple[Utilisation, ...]:
        return (use(KEY, 0.8), use("max_open_value@desk:main", 0.1, level="desk", subject="main"))

    def data_as_of(self) -> None:
        return None


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    use_queries(LimitQueries())
    yield
    use_queries(None)


def seen_by(role: Role) -> Any:
    return looking(Viewer(person_id="p", name="p", roles=(role,), desk="main", csrf="c"))


def form_of(page: Any) -> Any:
    return next(part for part in every(page) if getattr(part, "id", "") == "limit-form")


def fields_of(page: Any) -> dict[str, Any]:
    found = [json.loads(getattr(p, "data-input")) for p in every(page) if hasattr(p, "data-input")]
    return {spec["name"]: spec for spec in found}


def test_risk_may_propose_and_a_trader_sees_why_not() -> None:
    for role, disabled in ((Role.RISK, False), (Role.TRADER, True), (Role.ADMIN, True)):
        with seen_by(role):
            page = limits()
        button = next(
            p for p in every(form_of(page)) if getattr(p, "className", "") == "submit primary"
        )
        assert button.disabled is disabled
        assert ("limit.propose" in button.title) is disabled


def test_a_key_opens_its_versions_and_a_form_with_the_terms_in_force() -> None:
    with seen_by(Role.RISK):
        page = limits(key=KEY)
    fields = fields_of(page)
    assert fields["terms.kind"]["value"] == "max_open_value"
    assert (fields["terms.level"]["value"], fields["terms.subject"]["value"]) == ("trader", "u1")
    assert fields["terms.value"]["value"] == "2000000"
    table = next(p for p in every(page) if getattr(p, "id", "") == "limit-versions")
    rows = read(table)["rows"]
    assert [row[1]["text"] for row in rows] == ["2.0M", "1.0M"]
    assert rows[0][3]["text"] == "u5 and u3"
    assert rows[1][3]["text"] == "u5, alone (tighter)"
    assert rows[1][6]["href"].endswith("&version=1")
    assert "href" not in rows[0][6]


def test_an_earlier_version_is_proposed_again_with_its_number_in_the_reason() -> None:
    with seen_by(Role.RISK):
        fields = fields_of(limits(key=KEY, version="1"))
    assert fields["terms.value"]["value"] == "1000000"
    assert fields["reason"]["value"] == "restore version 1"


def test_an_address_that_names_no_limit_is_an_empty_form() -> None:
    with seen_by(Role.RISK):
        for key in ("nonsense", "max_open_value@trader:u77", "x" * 300):
            fields = fields_of(limits(key=key))
            assert "value" not in fields["terms.value"]


class NoTables:
    """A fresh desk before the worker has made the read tables."""

    def __getattr__(self, name: str) -> Any:
        raise Refused("the read tables do not answer: the worker has not made them yet")


def test_a_desk_without_tables_still_shows_live_limits_and_the_form() -> None:
    use_queries(NoTables())
    with seen_by(Role.RISK):
        page = limits(key=KEY)
        assert any(getattr(p, "data-live-render", "") == "limits-tree" for p in every(page))
        assert fields_of(page)["terms.kind"]["value"] == "max_open_value"
        words = json.dumps([str(getattr(p, "children", "")) for p in every(limits(view="use"))])
    assert "the worker has not made them yet" in words


def test_the_report_flags_what_nobody_came_near() -> None:
    with seen_by(Role.COMPLIANCE):
        page = limits(view="use")
    table = next(p for p in every(page) if getattr(p, "id", "") == "use-table")
    rows = read(table)["rows"]
    assert [row[8].get("text", "") for row in rows] == ["", "never within half"]
    assert rows[0][4]["text"] == "80%"
    assert rows[0][7]["text"] == "2"
    words = json.dumps([str(getattr(p, "children", "")) for p in every(page)])
    assert "1 of 2 limits never came within half on 3 days" in words


def test_the_requests_view_tells_the_browser_what_the_person_may_do() -> None:
    wanted = {
        Role.RISK: (True, True, False), Role.SUPERVISOR: (True, True, False),
        Role.TRADER: (False, False, True), Role.COMPLIANCE: (False, False, False),
    }  # fmt: skip
    for role, (decide, confirm, submit) in wanted.items():
        with seen_by(role):
            page = limits(view="requests")
        meta = json.loads(
            next(getattr(p, "data-meta") for p in every(page) if hasattr(p, "data-meta"))
        )
        assert (meta["decide"], meta["confirm"], meta["submit"]) == (decide, confirm, submit)
