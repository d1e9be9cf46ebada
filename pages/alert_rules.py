"""Alert rules: what is told when, by which threshold, set by whom; and the road to change it."""

from typing import Final
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from components import forms, live
from components.callback import page
from components.markup import attrs
from components.rows import Cell, instant, number, table
from components.surface import surface
from db.queries_limits import LimitVersion
from engine.domain.alert_rules import RULES
from engine.domain.limits import ALERTS, KINDS, LimitKind, delivered
from engine.domain.policy import Policy
from engine.domain.units import SECOND
from pages import limits

HOME: Final = "/alert-rules"
ROAD: Final = (
    "A rule stops nothing: it says who must look. Lower is stricter and in force before the next "
    "decision, by you alone; a wider rule waits for a second person, and risk is one of the two. "
    "Every version keeps its derivation, owner and review date, and can be proposed again."
)

TRIED: Final = (
    "The worker goes through the closed days of this desk, at most twenty, with the same measures "
    "and the same decision as the live desk. An order that was amended is looked at with its last "
    "quantity; a quote that one venue alone had wrong is not on the tape."
)


@page("/alert-rules", title="Alert rules", permission="view.limits", under="/exceptions")
def alert_rules(key: str = "", version: str = "") -> Component:
    """The address holds the rule that is open: ``/alert-rules?key=alert_slippage``."""
    chosen = key if key in ALERTS else ALERTS[0]
    found = limits.versions(chosen) or (as_delivered(chosen),)
    restored = next((row for row in found if str(row.version) == version), None)
    return html.Div(
        [
            html.Div([_rules(chosen), _requests()], className="stack"),
            html.Div(
                [
                    live.panel(
                        titled(name_of(KINDS[chosen])),
                        form(chosen, restored or found[0], restored),
                        id="rule-change",
                        tools=html.Span(
                            "a wider one needs two people", className="dim", title=ROAD
                        ),
                    ),
                    live.panel(
                        "Tried on the days that are past",
                        tried(chosen),
                        id="rule-tried",
                        tools=html.Span(
                            "in force and as typed above", className="dim", title=TRIED
                        ),
                    ),
                    live.panel("Versions", history(found), grow=True, id="rule-history"),
                ],
                className="stack",
            ),
        ],
        className="columns alert-rules",
    )


def as_delivered(kind: str) -> LimitVersion:
    """What is in force while the tables know of no version: the number of the policy."""
    row = delivered(Policy())[kind]
    return LimitVersion(
        key=kind, kind=kind, level=row.level, subject=row.subject, unit=KINDS[kind].unit,
        version=0, value=row.value, soft=None, window_s=row.window_ns / SECOND, symbols="",
        derivation=row.derivation, owner="", review="", change=0, by="", approved_by="", since=0,
        gone=False,
    )  # fmt: skip


def name_of(kind: LimitKind) -> str:
    """``cost of an order``, without the word that all of them begin with."""
    return kind.words.partition(": ")[2]


def titled(words: str) -> str:
    """The first letter large; VWAP stays as it is."""
    return words[:1].upper() + words[1:]


def _rules(chosen: str) -> Component:
    meta = {
        "key": chosen,
        "rules": [
            {
                "kind": name,
                "words": name_of(KINDS[name]),
                "meaning": KINDS[name].meaning,
                "unit": KINDS[name].unit,
                "low": KINDS[name].low,
                "high": KINDS[name].high,
                "severity": RULES[name].severity,
            }
            for name in ALERTS
        ],
    }
    return live.panel(
        "Alert rules",
        surface("rules-table", "limits", data=meta, where=f"kind={'|'.join(ALERTS)}",
                class_name="table-host"),
        topic="limits", grow=True, id="rules",
        tools=html.A("Exceptions", href="/exceptions", className="button",
                     title="what these rules have raised today"),
    )  # fmt: skip


def _requests() -> Component:
    meta = {
        **limits.of_changes(),
        "none": "No rule waits: a stricter one needs no second person.",
    }
    return live.panel(
        "Wider rules that wait for a second person",
        surface("limits-changes", "limit_changes", data=meta, where=f"key={'|'.join(ALERTS)}",
                class_name="cards"),
        topic="limit_changes", id="rule-requests",
    )  # fmt: skip


def form(kind: str, row: LimitVersion, restored: LimitVersion | None) -> Component:
    """Terms of one rule; filled with those in force, or with an earlier version."""
    what = KINDS[kind]
    range_ = f"{what.low:g} to {what.high:g} {what.unit}"
    window = (
        [forms.field("terms.window_s", "Window, s", kind="number",
                     value=limits.plain(row.window_s or None))]
        if what.window else []
    )  # fmt: skip
    fields = [
        html.P(what.meaning, className="words"),
        forms.field("terms.kind", "", kind="hidden", value=kind),
        forms.field("terms.level", "", kind="hidden", value="firm"),
        html.Div(
            [
                forms.field("terms.value", f"Threshold, {range_}", kind="number", required=True,
                            value=limits.plain(row.value)),
                *window,
                forms.field("terms.owner", "Owner", kind="select",
                            value=row.owner, options=limits.owners()),
                forms.field("terms.review", "Review by", value=limits.review(row, restored)),
            ],
            className="limit-fields",
        ),
        forms.field("terms.derivation", "Derivation: why this number", kind="textarea",
                    value=row.derivation if row.version else ""),
        forms.field("reason", "Reason of this change", required=True,
                    value="" if restored is None else f"restore version {restored.version}"),
    ]  # fmt: skip
    words = "Propose this rule" if restored is None else f"Restore version {restored.version}"
    return forms.command_form("rule-form", "ProposeLimit", fields, submit=words)


def tried(kind: str) -> Component:
    """Drawn by ``assets/alert_rules.js`` while the worker answers, anew for another number."""
    return html.Div(
        html.P("asking the worker", className="dim"),
        className="tried",
        **attrs({"data-tried": kind, "data-unit": KINDS[kind].unit, "aria-live": "polite"}),
    )


def history(rows: tuple[LimitVersion, ...]) -> Component:
    """Every version with who, when and why; an earlier one can be proposed again."""
    titles = [("Version", "num"), ("Threshold", "num"), ("Change", "num"), ("By", ""),
              ("Since", "num"), ("Derivation", ""), ("", "")]  # fmt: skip
    newest = rows[0].version if rows else 0
    before = {row.version: row.value for row in rows}
    return table(
        titles,
        [
            [
                number("as delivered" if not row.version else str(row.version)),
                number(_value(row)),
                number(_step(row, before.get(row.version - 1))),
                limits.by(row),
                instant(row.since),
                Cell(text=row.derivation, tone="wrap"),
                Cell()
                if row.version == newest or not row.version
                else Cell(text="restore",
                          href=f"{HOME}?key={quote(row.kind)}&version={row.version}"),
            ]
            for row in rows
        ],
        id="rule-versions",
    )  # fmt: skip


def _value(row: LimitVersion) -> str:
    window = f" in {row.window_s:g} s" if row.window_s else ""
    return limits.shown(row.value, row.unit) + window


def _step(row: LimitVersion, before: float | None) -> str:
    if before is None or before == row.value:
        return "-"
    return "stricter" if row.value < before else "wider"
