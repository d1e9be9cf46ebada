"""Audit: search the journal, see one entry with its place in the chain, take the result away."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from components import forms, live, text
from components.callback import page
from components.context import person, queries
from components.live import mark
from components.markup import attrs
from components.rows import Cell
from components.rows import instant as at
from components.rows import table as rows_table
from db.records import AuditPage, EntryDetail, EntryRecord
from engine.domain.errors import Refused
from engine.gateway.audit import filter_of, pretty

FIELDS: Final = ("text", "person", "event", "object", "day", "origin", "since", "until")
ROWS: Final = 200


@page(
    "/audit", title="Audit", permission="view.audit", nav="Audit", group="review", order=71,
    key="u",
)  # fmt: skip
def audit(  # noqa: PLR0913 (each is one field of the address)
    text: str = "", person: str = "", event: str = "", object: str = "",  # noqa: A002
    day: str = "", origin: str = "", since: str = "", until: str = "", cursor: str = "",
    entry: str = "",
) -> Component:  # fmt: skip
    """The search, its result and one entry; everything stands in the address."""
    given = {"text": text, "person": person, "event": event, "object": object, "day": day,
             "origin": origin, "since": since, "until": until}  # fmt: skip
    given = {name: value for name, value in given.items() if value}
    wanted = filter_of(given)
    found: AuditPage = queries().audit_search(wanted, cursor, ROWS)
    count: int = queries().audit_count(wanted)
    body = [_results(found, given, cursor, entry)]
    if entry:
        body.append(_entry(entry))
    return html.Div(
        [
            live.panel("Search the journal", _form(given), tools=_chain(), about="audit-search"),
            html.Div(
                [
                    live.panel(
                        _title(count, found, cursor), body[0], grow=True, tools=_tools(
                            found, given, cursor), about="audit-results"
                    ),
                    *body[1:],
                ],
                className="columns audit-page with-entry" if entry else "columns audit-page",
            ),
        ],
        className="stack audit",
    )  # fmt: skip


def _address(given: Mapping[str, str], **more: str) -> str:
    return "/audit?" + urlencode({**given, **{name: v for name, v in more.items() if v}})


def _form(given: Mapping[str, str]) -> Component:
    """A plain form: its fields become the address, so that a search can be passed on."""
    names = [("", "any event"), *((name, name) for name in queries().event_names())]
    fields = [
        forms.field("text", "Text in the sentence", value=given.get("text", "")),
        forms.field("person", "Person, id", value=given.get("person", "")),
        forms.field("event", "Event", kind="select", options=names, value=given.get("event", "")),
        forms.field("object", "About, e.g. P-42", value=given.get("object", "")),
        forms.field("since", "From, UTC", value=given.get("since", "")),
        forms.field("until", "To, UTC, 2026-11-27 14:30", value=given.get("until", "")),
        forms.field(
            "origin", "Origin", kind="select", value=given.get("origin", ""),
            options=[("", "live and demo"), ("LIVE", "LIVE"), ("DEMO", "DEMO")],
        ),
    ]  # fmt: skip
    buttons = [
        html.Button("Search", type="submit", className="primary"),
        html.A("Clear", href="/audit", className="button"),
    ]
    return html.Form([*fields, *buttons], action="/audit", method="get", className="row audit-form")


def _chain() -> list[Any]:
    """Head of the chain, and the last walk through it by the worker."""
    return [
        html.Span("", className="chain-verdict", **attrs({"data-chain": "1"})),
        html.Span(
            [
                "head ", mark("desk", "desk", "seq", "int"), " ",
                mark("desk", "desk", "head", "text"),
            ],
            className="badge num",
            title="entries in the journal and the hash of the last one",
        ),
    ]  # fmt: skip


def _title(count: int, found: AuditPage, cursor: str) -> str:
    if not found.rows:
        return "No entry fits"
    part = "the newest" if not cursor else "older"
    return f"{text.number(count)} entries fit, {part} {text.number(len(found.rows))} shown"


def _tools(found: AuditPage, given: Mapping[str, str], cursor: str) -> list[Any]:
    csv = "/api/v1/audit.csv?" + urlencode(given)
    newest = html.A("Newest", href=_address(given), className="button") if cursor else None
    older = (
        html.A("Older", href=_address(given, cursor=found.cursor), className="button", id="older")
        if found.cursor
        else None
    )
    export = html.A("CSV of all that fit", href=csv, className="button", download="audit.csv",
                    id="audit-csv")  # fmt: skip
    return [newest, older, export]


def _results(found: AuditPage, given: Mapping[str, str], cursor: str, entry: str) -> Component:
    titles = (
        ("Entry", "num"), ("Desk time", ""), ("Market time", ""), ("Event", ""), ("Person", ""),
        ("About", ""), ("What", ""), ("", ""),
    )  # fmt: skip
    rows = [_line(row, given, cursor, entry) for row in found.rows]
    return rows_table(titles, rows, empty="no entry fits this search; clear a field to widen it")


def _line(row: EntryRecord, given: Mapping[str, str], cursor: str, entry: str) -> list[Cell | str]:
    name = f"{row.source}:{row.seq}"
    return [
        Cell(
            text=text.number(row.seq), tone="num", current=name == entry,
            href=_address(given, cursor=cursor, entry=name),
        ),
        at(row.desk_at, ms=True),
        at(row.market_at, clock=True),
        row.event,
        person(row.person) if row.person else text.NONE,
        row.object or text.NONE,
        Cell(text=row.text, tone="sentence", title=row.text),
        Cell(text=row.origin, badge="demo") if row.origin == "DEMO" else "",
    ]  # fmt: skip


def _entry(name: str) -> Component:
    source, _, number = name.rpartition(":")
    if not number.isdigit():
        raise Refused(f"an entry is named like live:42, was {name!r}", field="entry")
    found: EntryDetail | None = queries().entry(int(number), source or "live")
    if found is None:
        return live.panel(
            f"Entry {number}", html.P("There is no such entry.", className="warn"), about="entry"
        )
    line = found.line
    facts = (
        ("Event", line.event), ("Turn", text.number(line.turn)), ("Segment", found.segment),
        ("Source", f"{line.source}, {line.origin}"),
        ("Decision record", "kept, its hash is in the entry" if found.has_decision else "none"),
    )  # fmt: skip
    verdict = (
        html.P("✓ the stored hash is that of the hash before and these bytes", className="outcome")
        if found.fits
        else html.P("✗ THE STORED HASH DOES NOT FIT: bytes or hash were changed", className="cost")
    )
    body = [
        html.P(line.text, className="wrap"),
        html.Dl([part for title, value in facts for part in (html.Dt(title), html.Dd(value))]),
        verdict,
        html.Dl(
            [
                html.Dt("Hash before"), html.Dd(html.Code(found.before)),
                html.Dt("Hash"), html.Dd(html.Code(found.hash, id="entry-hash")),
                html.Dt("Hash after"), html.Dd(html.Code(found.after or "none yet")),
            ]
        ),
        html.Pre(pretty(found.json), tabIndex="0", className="entry-json"),
    ]  # fmt: skip
    return live.panel(f"Entry {text.number(line.seq)}", body, grow=True, id="entry")
