"""Administration: everybody in the table, the matrix is the permission table, nothing secret."""

from pathlib import Path
from typing import Any

import pytest
from dash.development.base_component import Component

from components import context, shell
from components.callback import PAGES, find_page
from components.markup import to_html
from components.rows import read
from db.keys import KeyRow
from db.people import PersonRow
from engine.domain.people import PERMISSIONS, Role, may, reach
from engine.gateway.sessions import Directory
from engine.gateway.viewer import Viewer, looking
from engine.settings import SETTINGS, resolve, shown
from pages.admin import REACH, admin
from tests.support.parts import every

NOW = 1_795_000_000_000_000_000
PERSONS = (
    PersonRow(person_id="u10", login="sam", name="Sam", desk="main", roles=("admin",),
              last_login_at=NOW),
    PersonRow(person_id="u2", login="kiran", name="Kiran", desk="main", roles=("trader", "quant"),
              max_notional=10e6),
    PersonRow(person_id="u3", login="marta", name="Marta", desk="main", roles=("supervisor",),
              active=False),
    PersonRow(person_id="u4", login="jun", name="Jun", desk="main", roles=("risk",),
              must_change=True),
)  # fmt: skip


def a_key(prefix: str, **more: Any) -> KeyRow:
    values: dict[str, Any] = {
        "prefix": prefix, "person_id": "u2", "name": "robot", "scope": "read",
        "key_hash": "5" * 64, "created_at": NOW - 5, "expires_at": NOW + 5, **more,
    }  # fmt: skip
    return KeyRow(**values)


KEYS = (
    a_key("aaaaaaaa", last_used_at=NOW - 1),
    a_key("bbbbbbbb", expires_at=NOW),
    a_key("cccccccc", revoked_at=NOW - 2, revoked_by="u10"),
)


@pytest.fixture(autouse=True)
def mounted(nothing_mounted: None, tmp_path: Path) -> None:
    """What a started web leaves for the page."""
    directory = Directory()
    directory.load(PERSONS)
    given = {"state": str(tmp_path), "database_url": "postgresql+psycopg://desk:hush@db/desk"}
    context.mount_desk(None, None, shown(resolve(given, {})), directory, lambda: NOW)


def drawn(person: str = "", role: Role = Role.ADMIN) -> Component:
    who = Viewer(person_id="u10", name="Sam", roles=(role,), desk="main", csrf="c")
    with looking(who, "/admin"):
        return admin(person)


def rows_of(page: Component, name: str) -> list[list[str]]:
    (found,) = [part for part in every(page) if getattr(part, "id", "") == name]
    return [
        [cell.get("text", "") if "at" not in cell else cell["at"] for cell in row]
        for row in read(found)["rows"]
    ]


def buttons(page: Component) -> dict[str, Component]:
    return {
        part.children: part for part in every(page) if getattr(part, "data-people-post", None)
    }  # fmt: skip


def test_everybody_is_shown_by_number_also_who_is_switched_off_or_was_never_here() -> None:
    rows = rows_of(drawn(), "people-table")
    assert [row[0] for row in rows] == ["u2", "u3", "u4", "u10"]
    assert rows[0] == ["u2", "kiran", "Kiran", "trader, quant", "main", "10.0M", "active", "never"]
    assert [row[6] for row in rows] == ["active", "switched off", "password due", "active"]
    assert rows[3][7] == str(NOW)


def test_the_matrix_says_of_every_permission_and_role_what_the_table_says() -> None:
    rows = {row[0]: row[1:] for row in rows_of(drawn(), "permission-matrix")}
    assert set(rows) == set(PERMISSIONS)
    for permission, cells in rows.items():
        for role, cell in zip(Role, cells, strict=True):
            assert cell == REACH[reach((role,), permission)], (permission, role)
    assert len(set(REACH.values())) == len(REACH)


def test_every_setting_is_shown_and_no_password() -> None:
    page = drawn()
    assert [row[0] for row in rows_of(page, "settings-table")] == [row.name for row in SETTINGS]
    assert "hush" not in str(page.to_plotly_json())
    assert "desk:***@db" in str(rows_of(page, "settings-table"))


def test_a_person_is_added_by_one_form_and_changed_by_buttons_that_name_them() -> None:
    assert set(buttons(drawn())) == {"Add the person"}
    change = buttons(drawn("u2"))
    assert set(change) == {"Save kiran", "Switch kiran off", "New one-time password"}
    assert all(getattr(b, "data-people-post") == "/api/v1/people/u2" for b in change.values())
    assert getattr(change["Switch kiran off"], "data-body") == '{"active": false}'
    assert "Let marta in again" in buttons(drawn("u3"))


def test_nobody_gets_a_form_for_themselves_and_an_unknown_person_is_the_form_to_add() -> None:
    assert buttons(drawn("u10")) == {}
    assert set(buttons(drawn("u99"))) == {"Add the person"}


def test_system_is_offered_to_nobody_as_a_role() -> None:
    text = str(drawn("u2").to_plotly_json())
    assert "roles.trader" in text
    assert "roles.system" not in text


def test_only_administrators_find_the_page_in_their_navigation() -> None:
    found = find_page("/admin")
    assert found is not None
    for role in Role:
        who = Viewer(person_id="u1", name="A", roles=(role,), desk="main")
        links = to_html(shell.navigation(PAGES, who, "/"))
        assert ('href="/admin"' in links) is may((role,), "people.manage"), role


def test_the_menu_of_everybody_leads_to_their_password() -> None:
    class Look:
        mode, demo, zone = "SIM", True, "UTC"

    who = Viewer(person_id="u1", name="A", roles=(Role.TRADER,), desk="main")
    assert 'href="/password"' in to_html(shell.header(Look(), who))


def test_every_key_is_listed_without_its_hash_and_only_a_live_one_has_a_button() -> None:
    context.mounted("directory").keys = {row.prefix: row for row in KEYS}
    page = drawn()
    rows = rows_of(page, "keys-table")
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("qdk_cccccccc", "kiran", "revoked"),
        ("qdk_bbbbbbbb", "kiran", "expired"),
        ("qdk_aaaaaaaa", "kiran", "active"),
    ]
    assert rows[2][7] == str(NOW - 1)
    revoke = [words for words in buttons(page) if words.startswith("Revoke")]
    assert revoke == ["Revoke qdk_aaaaaaaa of kiran"]
    assert "55555" not in to_html(page)
