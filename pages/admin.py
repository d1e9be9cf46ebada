"""Administration: who may come in, who may do what, how this desk is set."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import context, forms, live, text
from components.callback import page
from components.markup import attrs
from components.rows import Cell, instant, number, table
from db.keys import KeyRow
from db.people import PersonRow
from engine.domain.people import PERMISSIONS, Reach, Role
from engine.gateway.keys import alive, state_of
from engine.gateway.viewer import viewer
from engine.settings import BY_NAME

REACH: Final = {Reach.NONE: "", Reach.OWN: "own", Reach.DESK: "desk", Reach.ALL: "all"}
MEANING: Final = "own = orders they entered, desk = orders of their desk, all = every order"
PEOPLE: Final = "/api/v1/people"
LOGINS: Final = tuple(role for role in Role if role != Role.SYSTEM)


@page(
    "/admin", title="Administration", permission="people.manage", nav="Admin", group="admin",
    order=90, key="m",
)  # fmt: skip
def admin(person: str = "") -> Component:
    """People with a form beside them, the permission table, the settings."""
    directory = context.mounted("directory")
    persons: Mapping[str, PersonRow] = {} if directory is None else directory.persons
    chosen = persons.get(person)
    return html.Div(
        [
            html.Div(
                [
                    live.panel("People", people(persons, person), grow=True, id="people"),
                    live.panel(
                        "Add a person" if chosen is None else f"Change {chosen.login}",
                        add_form() if chosen is None else change_form(chosen),
                        id="person",
                    ),
                ],
                className="columns admin-people",
            ),
            live.panel("Keys for programs", keys({} if directory is None else directory.keys),
                       id="keys"),
            html.Div(
                [
                    live.panel("Who may do what", matrix(), grow=True, id="permissions",
                               tools=html.Span(MEANING, className="dim")),
                    live.panel("Settings of this desk", settings(), grow=True, id="settings"),
                ],
                className="columns admin-tables",
            ),
        ],
        className="stack admin",
    )  # fmt: skip


def people(persons: Mapping[str, PersonRow], chosen: str) -> Component:
    """Everybody, also those who are switched off; a login opens the form."""
    rows = [_person(row, current=row.person_id == chosen) for row in by_number(persons)]
    titles = [
        ("Id", ""), ("Login", ""), ("Name", ""), ("Roles", ""), ("Desk", ""), ("Limit", "num"),
        ("State", ""), ("Last log-in", ""),
    ]  # fmt: skip
    return table(titles, rows, id="people-table")


def by_number(persons: Mapping[str, PersonRow]) -> list[PersonRow]:
    """u2 before u10."""
    return sorted(persons.values(), key=lambda row: (len(row.person_id), row.person_id))


def keys(rows: Mapping[str, KeyRow]) -> Component:
    """Every key, newest first, those that have ended too; each live one with its button."""
    now = context.now_ns()
    lines = [_key(row, now) for row in reversed(list(rows.values()))]
    titles = [
        ("Key", ""), ("Owner", ""), ("Name", ""), ("May", ""), ("State", ""), ("Made", ""),
        ("Ends", ""), ("Last used", ""),
    ]  # fmt: skip
    live_ones = [row for row in rows.values() if alive(row, now)]
    ends = "It is refused from this moment on, and its streams close."
    buttons = [
        _button(f"Revoke qdk_{row.prefix} of {context.person(row.person_id)}",
                f"/api/v1/keys/{row.prefix}/revoke", body={}, confirm=ends)
        for row in reversed(live_ones)
    ]  # fmt: skip
    found = table(titles, lines, empty="nobody has a key", id="keys-table")
    return _form("/api/v1/keys", "Keys for programs", [found, _buttons(*buttons)])


def _key(row: KeyRow, now: int) -> list[Cell | str]:
    state = state_of(row, now)
    by = f"by {context.person(row.revoked_by)}" if row.revoked_by else ""
    return [
        Cell(text=f"qdk_{row.prefix}", head=True),
        Cell(text=context.person(row.person_id), href=f"/admin?person={row.person_id}"),
        row.name,
        row.scope,
        Cell(text=state, badge="" if state == "active" else "material", small=by),
        instant(row.created_at),
        instant(row.expires_at),
        instant(row.last_used_at) if row.last_used_at else "never",
    ]


def _person(row: PersonRow, *, current: bool) -> list[Cell | str]:
    due = "password due" if row.must_change else "active"
    return [
        Cell(text=row.person_id, head=True),
        Cell(text=row.login, href=f"/admin?person={row.person_id}", current=current),
        row.name,
        ", ".join(row.roles),
        row.desk,
        Cell(text=text.money(row.max_notional), tone="num", title=text.number(row.max_notional)),
        Cell(text=due if row.active else "switched off", badge="" if row.active else "material"),
        instant(row.last_login_at) if row.last_login_at else "never",
    ]


def _role_fields(roles: Sequence[str]) -> Component:
    return html.Div(
        [
            forms.field(f"roles.{role}", role, kind="checkbox", value=str(role in roles).lower())
            for role in LOGINS
        ]
        + [html.Span(className="refusal", role="alert", **attrs({"data-error-for": "roles"}))],
        className="role-fields", role="group", **attrs({"aria-label": "Roles"}),
    )  # fmt: skip


def _desk_fields(desk: str, limit: float) -> list[Component]:
    return [
        forms.field("desk", "Desk", value=desk, required=True),
        forms.field(
            "max_notional", "Limit of one order, above it a second person", kind="shares",
            value=f"{limit:.0f}", required=True,
        ),
    ]  # fmt: skip


def add_form() -> Component:
    """A new person; without a password a random one is shown once."""
    body = [
        html.Div(
            [
                forms.field("login", "Login", required=True),
                forms.field("name", "Name", required=True),
                *_desk_fields("main", 0.0),
                forms.field(
                    "password", "First password (empty: a random one, shown once)", kind="password"
                ),
            ],
            className="admin-fields",
        ),
        _role_fields(()),
        html.P("Whoever it is chooses a password of their own at the first log-in.",
               className="dim"),
    ]  # fmt: skip
    return _form(
        PEOPLE, "Add a person", [*body, _buttons(_button("Add the person", PEOPLE, tone="primary"))]
    )


def change_form(row: PersonRow) -> Component:
    """What may be changed of somebody; nobody changes themselves."""
    close = html.A("Close", href="/admin", className="button")
    if row.person_id == viewer().person_id:
        own = "This is you. Another administrator changes your roles, desk and limit; "
        return html.Div(
            [html.P([own, html.A("your password", href="/password"), " is yours to change."]),
             html.P(close)],
            className="stack",
        )  # fmt: skip
    path = f"{PEOPLE}/{row.person_id}"
    fields = [
        html.Div(
            [forms.field("name", "Name", value=row.name, required=True),
             *_desk_fields(row.desk, row.max_notional)],
            className="admin-fields",
        ),
        _role_fields(row.roles),
    ]  # fmt: skip
    ends = "Their log-ins end at once."
    state = _button(
        f"Switch {row.login} off" if row.active else f"Let {row.login} in again",
        path,
        body={"active": not row.active},
        confirm=f"{ends} Their orders go on; hold or kill them apart." if row.active else "",
    )
    reset = _button(
        "New one-time password",
        path,
        body={"reset_password": True},
        confirm=f"{ends} The new password is shown to you once.",
    )
    save = _button(f"Save {row.login}", path, tone="primary", confirm=(
        f"Rights of {row.login} change before the next command. "
        "If roles or desk change, their log-ins end at once."))  # fmt: skip
    return _form(path, f"Change {row.login}", [*fields, _buttons(save, state, reset, close)])


def _button(
    words: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    confirm: str = "",
    tone: str = "",
) -> Component:
    """A button of ``assets/review_admin.js``; without a body it sends the form."""
    data: dict[str, Any] = {"data-people-post": path}
    if body is not None:
        data["data-body"] = json.dumps(body)
    if confirm:
        data["data-confirm"] = confirm
    return html.Button(words, type="button", className=tone or None, **data)


def _buttons(*buttons: Component) -> Component:
    return html.Div(
        [
            html.Span(className="refusal form-refusal", role="alert"),
            html.Output(className="one-time", **attrs({"aria-live": "polite"})),
            html.Div(list(buttons), className="row"),
        ],
        className="form-actions",
    )


def _form(path: str, name: str, children: list[Any]) -> Component:
    data = attrs({"data-people-form": path, "aria-label": name})
    return html.Div(children, className="form stack", role="form", **data)


def matrix() -> Component:
    """The permission table: a row a permission, a column a role, how far it goes."""
    titles = [("Permission", ""), *((str(role), "") for role in Role)]
    rows = [
        [
            Cell(text=permission, head=True),
            *(Cell(text=REACH[row.get(role, Reach.NONE)]) for role in Role),
        ]
        for permission, row in PERMISSIONS.items()
    ]
    return table(titles, rows, id="permission-matrix")


def settings() -> Component:
    """Every setting in force, without secrets; they are set where the desk is started."""
    shown: Mapping[str, str] = context.mounted("settings") or {}
    rows = [
        [Cell(text=name, head=True), number(value) if _is_number(name) else value,
         Cell(text=BY_NAME[name].help, tone="wrap")]
        for name, value in shown.items()
    ]  # fmt: skip
    return table(
        [("Setting", ""), ("Value", ""), ("Meaning", "")], rows, empty="not known here",
        id="settings-table",
    )  # fmt: skip


def _is_number(name: str) -> bool:
    return BY_NAME[name].kind in ("int", "float")
