"""Limits: what is in force at every level, how far it is used, and the road to change it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from components import context, forms, live, text
from components.callback import page
from components.context import person, queries
from components.markup import attrs
from components.rows import Cell, instant, number, table
from components.surface import instant as instant_of
from components.surface import surface
from db.queries_limits import LimitVersion, Utilisation
from engine.domain.errors import Refused
from engine.domain.limits import ALERTS, KINDS, LEVELS, TRIPS, key_of
from engine.domain.people import Role
from engine.gateway.viewer import viewer

DAYS: Final = 20
VIEWS: Final = (("", "In force"), ("requests", "Requests and overrides"), ("use", "Use over days"))
HELP: Final = (
    "Every order falls under six levels at once and the tightest limit binds. The bar is what "
    "counts against a limit now; the mark on it is the highest use today."
)
ROAD: Final = (
    "Tighter is in force at once, by you alone. Anything else waits for a second person; a looser "
    "limit of the firm, or more than a quarter in sum, needs risk as one of the two. Without "
    "derivation, owner and review date nothing is in force."
)
HALF: Final = (
    "A limit that no day came within half of protects from nothing that happens here: tighten it, "
    "or say in its derivation why it is so wide."
)
KILLS: Final = (
    "An automatic kill takes the road of every kill: flag, receipts, released by two people. One "
    "person is enough to arm one, or to arm it tighter; looser, or off again, it takes two."
)


@page(
    "/limits", title="Limits", permission="view.limits", nav="Limits", group="change", order=42,
    key="i",
)  # fmt: skip
def limits(view: str = "", key: str = "", version: str = "") -> Component:
    """One of three views; a key opens the history of that limit and a form with its terms."""
    shown = view if view in dict(VIEWS) else ""
    body = {"": _in_force, "requests": _requests, "use": _use}[shown]
    return html.Div([_tabs(shown), body(key, version)], className="stack limits")


def _tabs(shown: str) -> Component:
    links = [
        html.A(
            words,
            href=f"/limits?view={name}" if name else "/limits",
            className="button" + (" primary" if name == shown else ""),
            **attrs({"aria-current": "page"} if name == shown else {}),
        )
        for name, words in VIEWS
    ]
    waits = surface("limits-waiting", "limit_changes", class_name="dim")
    also = surface("limits-also", "overrides", class_name="engine-room")
    rules = html.A(
        "Alert rules",
        href="/alert-rules",
        className="button",
        title="thresholds beyond which somebody is told, and nothing is stopped",
    )
    return html.Nav([*links, rules, waits, also], className="row limit-tabs")


# --- in force -------------------------------------------------------------------------------
def _in_force(key: str, version: str) -> Component:
    tree = surface("limits-tree", "limits", data={"key": key}, class_name="table-host")
    off = surface(
        "limits-disabled", "disabled", data={"may": viewer().may("strategy.enable")},
        class_name="cards",
    )  # fmt: skip
    found = versions(key)
    chosen = next((row for row in found if str(row.version) == version), None)
    return html.Div(
        [
            html.Div(
                [
                    off,
                    live.panel(
                        "Limits in force", tree, topic="limits", grow=True, id="limits-force",
                        tools=html.Span("a name opens its versions and the form", className="dim",
                                        title=HELP),
                    ),
                    live.panel("Automatic kills", _trips(), topic="limits", id="limits-kills",
                               tools=html.Span("beyond it the desk kills by itself",
                                               className="dim", title=KILLS)),
                ],
                className="stack",
            ),
            html.Div(
                [
                    live.panel("Change a limit" if found else "Set a limit",
                               form(chosen or (found[0] if found else None), key, chosen),
                               id="limit-change"),
                    *([live.panel("Versions", history(found), grow=True, id="limit-history")]
                      if found else []),
                ],
                className="stack",
            ),
        ],
        className="columns limits-page",
    )  # fmt: skip


def _trips() -> Component:
    """Each automatic kill with where it is armed; its name opens the form."""
    kinds = [
        {
            "kind": name,
            "words": KINDS[name].words.partition(": ")[2],
            "meaning": KINDS[name].meaning,
        }
        for name in TRIPS
    ]
    return surface("limits-trips", "limits", data={"kinds": kinds}, class_name="table-host")


def versions(key: str) -> tuple[LimitVersion, ...]:
    """Versions of the limit that the address names; none for a new place."""
    wanted = key_of(key) if key else None
    if wanted is None:
        return ()
    try:
        found: tuple[LimitVersion, ...] = queries().limit_versions(wanted)
    except Refused:  # no tables yet: the live rows stand beside the empty form
        return ()
    return found


def form(row: LimitVersion | None, key: str, restored: LimitVersion | None) -> Component:
    """Terms of one limit; filled with those in force, or with an earlier version."""
    wanted = key_of(key) if key else None
    kind, level, subject = wanted or ("max_open_value", "trader", "")
    fields = [
        html.Div(
            [
                forms.field("terms.kind", "Limit", kind="select", value=kind,
                            options=[(name, found.words) for name, found in KINDS.items()
                                     if name == kind or name not in ALERTS]),
                forms.field("terms.level", "Level", kind="select", value=level,
                            options=[(name, name) for name in LEVELS]),
                forms.field("terms.subject", "Of whom (u1, MIDC, * = each)", value=subject),
                forms.field("terms.value", _value_label(kind), kind="number",
                            value=plain(None if row is None or row.gone else row.value)),
                forms.field("terms.soft", "Soft, empty = none", kind="number",
                            value=plain(None if row is None else row.soft)),
                forms.field("terms.window_s", "Window, s", kind="number",
                            value=plain(row.window_s if row and row.window_s else None)),
                forms.field("terms.symbols", "Symbols of a restricted list",
                            value="" if row is None else row.symbols),
                forms.field("terms.owner", "Owner", kind="select",
                            value="" if row is None else row.owner, options=owners()),
                forms.field("terms.review", "Review by", value=review(row, restored)),
            ],
            className="limit-fields",
        ),
        forms.field("terms.derivation", "Derivation: why this number", kind="textarea",
                    value="" if row is None or not row.version else row.derivation),
        forms.field("reason", "Reason of this change", required=True,
                    value="" if restored is None else f"restore version {restored.version}"),
        html.P(ROAD, className="dim"),
    ]  # fmt: skip
    words = "Propose this limit" if restored is None else f"Restore version {restored.version}"
    return forms.command_form("limit-form", "ProposeLimit", fields, submit=words)


def _value_label(kind: str) -> str:
    return f"Limit, {KINDS[kind].unit}; empty = none here"


def plain(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def review(row: LimitVersion | None, restored: LimitVersion | None) -> str:
    if row is not None and row.review and restored is None:
        return row.review
    try:
        age = queries().data_as_of()
    except Refused:  # a fresh desk has no tables yet: the person types the date
        age = None
    if age is None or not age.day:
        return ""
    return (date.fromisoformat(age.day) + timedelta(days=182)).isoformat()


def owners() -> list[tuple[str, str]]:
    """Those who may answer for a limit: risk and supervisors."""
    directory = context.mounted("directory")
    persons = {} if directory is None else directory.persons
    roles = {Role.RISK, Role.SUPERVISOR}
    found = [row for row in persons.values() if row.active and roles & set(row.roles)]
    return [("", "choose"), *((row.person_id, row.login) for row in found)]


def history(rows: Sequence[LimitVersion]) -> Component:
    """Every version with who, when and why; an earlier one can be proposed again."""
    titles = [("Version", "num"), ("Limit", "num"), ("Soft", "num"), ("By", ""), ("Since", "num"),
              ("Derivation", ""), ("", "")]  # fmt: skip
    newest = rows[0].version if rows else 0
    return table(
        titles,
        [
            [
                number("as delivered" if not row.version else str(row.version)),
                number("taken away" if row.gone else shown(row.value, row.unit, row.symbols)),
                number("-" if row.soft is None else shown(row.soft, row.unit)),
                by(row),
                instant(row.since),
                Cell(text=row.derivation, tone="wrap"),
                Cell()
                if row.version == newest or row.gone or not row.version
                else Cell(text="restore", href=f"/limits?key={quote(row.key)}"
                                               f"&version={row.version}"),
            ]
            for row in rows
        ],
        id="limit-versions",
    )  # fmt: skip


def by(row: LimitVersion) -> str:
    if not row.by:
        return "-"
    second = f" and {person(row.approved_by)}" if row.approved_by else ", alone (tighter)"
    return person(row.by) + second


def shown(value: float, unit: str, symbols: str = "") -> str:
    """A number of a limit with its unit."""
    match unit:
        case "currency":
            return text.money(value)
        case "fraction":
            return f"{text.number(value * 100, 1)}%"
        case "bp":
            return f"{text.number(value, 0 if value == round(value) else 1)} bp"
        case "times":
            return f"{value:g} × usual"
        case "s":
            return f"{value:g} s"
        case "symbol":
            return symbols or "empty"
        case _:
            return text.number(value)


# --- requests -------------------------------------------------------------------------------
def of_changes() -> dict[str, Any]:
    """Who looks at limit changes, and what they may do about them."""
    someone = viewer()
    return {
        "me": someone.person_id,
        "decide": someone.may("limit.decide"),
        "propose": someone.may("limit.propose"),
        "comment": someone.may("change.comment"),
    }


def _requests(key: str, version: str) -> Component:
    del key, version
    someone = viewer()
    meta: dict[str, Any] = {
        **of_changes(),
        "confirm": someone.may("override.confirm"),
        "submit": someone.may("order.submit"),
    }
    changes = surface("limits-changes", "limit_changes", data=meta, class_name="cards")
    asked = surface("limits-overrides", "overrides", data=meta, class_name="cards")
    return html.Div(
        [
            live.panel("Limit changes", changes, topic="limit_changes", grow=True, id="changes",
                       about="limit-changes"),
            live.panel("One order past a soft limit", asked, topic="overrides", grow=True,
                       id="overrides", about="limit-overrides"),
        ],
        className="columns limits-requests",
    )  # fmt: skip


# --- use ------------------------------------------------------------------------------------
def _use(key: str, version: str) -> Component:
    del key, version
    try:
        rows: Sequence[Utilisation] = queries().limit_use(DAYS)
        age = queries().data_as_of()
    except Refused as refused:
        return live.panel(
            "Use over days", html.P(str(refused), className="state"), grow=True, about="limits-use"
        )
    days = max((row.days for row in rows), default=0)
    tools = [
        html.Span("Data as of ", className="dim") if age else None,
        instant_of(age.market_at) if age else None,
        html.A("CSV", href=f"/api/v1/limits/utilisation.csv?days={DAYS}", className="button",
               title="one line a limit and day, all numbers in full"),
    ]  # fmt: skip
    far = sum(1 for row in rows if row.far)
    said = f"{far} of {len(rows)} limits never came within half on {days} days. "
    return live.panel(
        f"Highest use over the newest {days} trading days",
        [html.P([said, html.Span(HALF, className="dim")], className="words"), use_table(rows)],
        grow=True, id="limits-use", tools=html.Span(tools, className="row"),
    )  # fmt: skip


def use_table(rows: Sequence[Utilisation]) -> Component:
    """The most used first; days as a row of shares, oldest first."""
    titles = [
        ("Limit", ""), ("Of", ""), ("In force", "num"), ("Highest", "num"), ("Share", "num"),
        ("On", ""), ("Days used", "num"), ("Refused", "num"), ("", ""),
        ("Share by day, newest last", ""), ("Owner", ""), ("Review", ""),
    ]  # fmt: skip
    return table(titles, [_use_row(row) for row in rows], id="use-table")


def _use_row(row: Utilisation) -> list[Cell | str]:
    best: dict[str, float] = {}
    for day in row.by_day:
        best[day.day] = max(best.get(day.day, 0.0), day.share)
    recent = "  ".join(f"{share * 100:.0f}%" for _day, share in sorted(best.items())[-8:])
    demo = any(day.origin == "DEMO" for day in row.by_day)
    whose = "firm" if row.level == "firm" else f"{row.level} {_subject(row.level, row.subject)}"
    return [
        Cell(text=row.words, head=True, href=f"/limits?key={quote(row.key)}"),
        whose,
        number(shown(row.value, row.unit)),
        number(shown(row.highest, row.unit) if row.used_days else "-"),
        number(f"{text.number(row.share * 100, 0)}%"),
        row.highest_day or "-",
        number(f"{row.used_days} of {row.days}"),
        number(text.number(row.refused)),
        Cell(text="never within half" if row.far else "", badge="material" if row.far else ""),
        Cell(text=recent or "-", tone="num left",
             title="days simulated by the worker are among them" if demo else ""),
        person(row.owner) if row.owner else "-",
        row.review or "-",
    ]  # fmt: skip


def _subject(level: str, subject: str) -> str:
    if subject == "*":
        return "each"
    return person(subject) if level == "trader" else subject
