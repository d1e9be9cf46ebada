"""Costs of a day: totals and split, groups with intervals, orders, outliers, notes, sign-off."""

from collections.abc import Sequence
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import costs, forms, live, shell, text
from components.callback import page
from components.command import button
from components.context import person, queries
from components.markup import attrs
from components.rows import Cell, number
from components.rows import table as rows_table
from components.surface import instant
from db.records import DayRecord, TcaDay
from engine.domain.errors import Refused
from engine.domain.units import ParentId, parent_text
from engine.gateway.tca import (
    DayReport,
    GroupTca,
    OrderTca,
    day_report,
    horizon,
    missing,
    parse_day,
)

DIMENSIONS: Final = ("strategy", "venue", "trader", "symbol", "side")
SIDES: Final = {"1": text.side(1), "-1": text.side(-1)}
WORDS: Final = {
    "DEMO": "DEMO: a day simulated by the worker, nobody traded it on this desk",
    "SIM": "SIM: a simulated market, simulated money",
    "REPLAY / VIRTUAL": "REPLAY / VIRTUAL: the recorded book could not answer to our orders",
    "REPLAY / REACTIVE": "REPLAY / REACTIVE: a generated market like a recorded day, not that day",
}


@page(
    "/tca", title="Transaction costs", permission="view.tca", nav="TCA", group="review", order=70,
    key="c",
)  # fmt: skip
def tca(day: str = "") -> Component:
    """The list of days and the report of one."""
    days: Sequence[DayRecord] = queries().days()
    if not days:
        return shell.empty("The read tables hold no day yet.", "The worker fills them.")
    chosen = _choose(days, day)
    return html.Div(
        [
            live.panel("Days", _days(days, chosen.day), grow=True, about="tca-days"),
            _report(chosen),
        ],
        className="columns tca-page",
        **costs.seen(chosen.day, chosen.report_hash, chosen.signed_by,
                     len(queries().notes(chosen.day))),
    )  # fmt: skip


def _choose(days: Sequence[DayRecord], day: str) -> DayRecord:
    """The day asked for; without one the newest that has a report."""
    if day:
        wanted = parse_day(day)
        found = next((row for row in days if row.day == wanted), None)
        if found is None:
            raise Refused(f"there is no trading day {wanted}", field="day")
        return found
    return next((row for row in days if row.report_hash), days[0])


def _days(days: Sequence[DayRecord], chosen: str) -> Component:
    titles = (("Day", ""), ("", ""), ("n", "num"), ("bp", "num"), ("Signed", ""))
    rows: list[list[Cell | str]] = [
        [
            Cell(text=row.day, href=f"/tca?day={row.day}", current=row.day == chosen),
            Cell(text=row.origin, badge=row.origin.lower()),
            number(text.number(row.parents)),
            costs.cost_cell(row.shortfall_bps),
            Cell(text=_signed_word(row), tone="dim"),
        ]
        for row in days
    ]  # fmt: skip
    return rows_table(titles, rows)


def _signed_word(row: DayRecord) -> str:
    if row.signed_by:
        return f"✓ {person(row.signed_by)}"
    if not row.closed:
        return "open"
    return "no" if row.report_hash else "no report"


def _report(day: DayRecord) -> Component:
    found: TcaDay | None = queries().tca_day(day.day)
    if found is None or not found.body:
        why = (
            f"{day.day} is still open: its report is built after the close."
            if not day.closed
            else f"The report of {day.day} is not built yet; the system page shows the work."
        )
        return live.panel(f"Costs of {day.day}", shell.empty(why), grow=True, about="tca-report")
    report = day_report(found)
    mark = report.meta.watermark
    main = [
        html.P(WORDS.get(mark, mark), className="tca-band") if mark else None,
        _totals(report),
        html.Div(
            [
                live.panel(f"Shortfall by part, {report.currency}", costs.split(
                    report.total.cost, report.total.cost_bps, report.currency),
                    about="tca-parts"),
                live.panel("By strategy", _groups(report, "strategy"), about="tca-groups"),
            ],
            className="columns two-wide",
        ),
        *(live.panel(f"By {name}", _groups(report, name), about="tca-groups")
          for name in DIMENSIONS[1:]),
        live.panel(f"Orders, {len(report.orders)}", _orders(report), about="tca-orders"),
    ]  # fmt: skip
    side = [_sign(found), _notes(found), _outliers(report), _quality(report)]
    return html.Div(
        [
            html.Div(main, className="stack tca-main", tabIndex="0"),
            html.Div(side, className="stack tca-side", tabIndex="0"),
            html.Div(className="tca-mark", **attrs({"aria-hidden": "true", "data-text": mark})),
        ],
        className="columns tca-report",
    )


def _totals(report: DayReport) -> Component:
    total = report.total
    return html.Div(
        [
            live.tile("Shortfall, bp", html.Span(text.bps(total.shortfall.bps)),
                      costs.interval(total.shortfall), title=costs.COST),
            live.tile("vs arrival, bp", html.Span(text.bps(total.arrival.bps)),
                      costs.interval(total.arrival), title=costs.COST),
            live.tile("vs interval VWAP, bp", html.Span(text.bps(total.vwap.bps)),
                      costs.interval(total.vwap), title=costs.COST),
            live.tile(f"Cost, {report.currency}", html.Span(text.signed(total.cost.total, 0)),
                      f"on {text.money(total.shortfall.notional)}", title=costs.COST),
            live.tile("Orders", html.Span(text.number(total.n)),
                      f"{text.number(total.undefined)} undefined"),
            live.tile("Filled", html.Span(text.number(total.filled)),
                      f"of {text.number(total.quantity)} shares"),
            live.tile("Passive fills", html.Span(text.number(total.passive)),
                      f"of {text.number(total.fills)}"),
        ],
        className="tiles",
        **attrs({"data-panel": "tca-totals"}),
    )  # fmt: skip


def _groups(report: DayReport, dimension: str) -> Component:
    marks = [(f"markout {horizon(h)}", "num") for h in report.horizons_ns]
    titles = (
        (dimension, ""), ("n", "num"), ("Filled", "num"), ("Shortfall bp, 95 %", "num"),
        ("vs arrival bp, 95 %", "num"), ("vs VWAP bp, 95 %", "num"),
        ("eff. spread bp", "num"), *marks, ("passive", "num"),
    )  # fmt: skip
    rows = [_group(group, dimension) for group in report.groups if group.dimension == dimension]
    return rows_table(titles, rows, empty="no order")


def _group(group: GroupTca, dimension: str) -> list[Cell | str]:
    key = person(group.key) if dimension == "trader" else SIDES.get(group.key, group.key)
    left_out = f"{group.undefined} left out: a price they need is missing"
    return [
        Cell(text=key, head=True),
        number(text.number(group.n), title=left_out if group.undefined else ""),
        number(text.number(group.filled)),
        costs.ratio_cell(group.shortfall),
        costs.ratio_cell(group.arrival),
        costs.ratio_cell(group.vwap),
        number(text.bps(group.effective.bps), title=costs.interval(group.effective)),
        *(
            number(text.bps(mark.gain.bps), title=costs.interval(mark.gain))
            for mark in group.markouts
        ),
        number(f"{text.number(group.passive)} / {text.number(group.fills)}"),
    ]


def _orders(report: DayReport) -> Component:
    titles = (
        ("Order", ""), ("Symbol", ""), ("Side", ""), ("Strategy", ""), ("Trader", ""),
        ("State", ""), ("Quantity", "num"), ("Filled", "num"), ("Cost", "num"),
        ("Shortfall bp", "num"), ("delay", "num"), ("trading", "num"), ("opportunity", "num"),
        ("fees", "num"), ("vs arrival", "num"), ("vs VWAP", "num"), ("of volume", "num"),
    )  # fmt: skip
    return rows_table(titles, [_order(order, report.meta.day) for order in report.orders])


def _order(order: OrderTca, day: str) -> list[Cell | str]:
    parent = parent_text(ParentId(order.parent_id))
    bps = order.cost_bps
    return [
        Cell(text=parent, href=f"/tca/{day}/{parent}"),
        order.symbol,
        Cell(text=text.side(order.side), tone="buy" if order.side > 0 else "sell"),
        order.strategy,
        person(order.trader),
        order.state,
        number(text.number(order.quantity)),
        number(text.number(order.filled)),
        number(text.signed(order.cost.total)),
        costs.cost_cell(bps.total),
        *(number(text.bps(part)) for part in (bps.delay, bps.trading, bps.opportunity, bps.fees)),
        number(text.bps(order.benchmarks.arrival_bps)),
        costs.measure_cell(order.benchmarks.vwap),
        number(text.percent(order.benchmarks.participation)),
    ]


def _sign(found: TcaDay) -> Component:
    day, digest = found.day, found.report_hash
    export = html.A(
        "Export HTML", href=f"/api/v1/tca/{day.day}/report.html", className="button",
        download=f"tca-{day.day}.html", id="tca-export",
    )  # fmt: skip
    body: list[Any] = [
        html.P(["Report ", html.Code(digest, id="tca-hash")], className="dim"),
        html.P(["built ", instant(found.reported_at)], className="dim"),
        _origin_line(found),
    ]
    if day.signed_by:
        fits = day.signed_hash == digest
        body.append(
            html.P(
                [f"✓ Signed off by {person(day.signed_by)}, ", instant(day.signed_at, ms=True)],
                className="outcome" if fits else "cost",
                id="tca-signed",
            )
        )
        if not fits:
            body.append(html.P("The signature is for another version of the report.",
                               className="cost"))  # fmt: skip
    elif day.origin == "DEMO":
        body.append(html.P("A demo day is not signed off: nobody traded it.", className="warn"))
    else:
        body.append(
            button(
                f"Sign off {day.day}", "SignDay", day.day, args={"report_hash": digest},
                confirm=f"You sign exactly the report with hash {digest}. It can no longer change.",
                tone="primary",
            )
        )  # fmt: skip
    return live.panel("Sign-off", body, tools=export, about="tca-sign")


def _origin_line(found: TcaDay) -> Component:
    meta = day_report(found).meta
    return html.P(
        [
            f"{meta.source}; data as of ", instant(meta.as_of_ns, ms=True),
            f"; journal entry {text.number(meta.journal_seq)}, head {meta.journal_head[:12]}",
        ],
        className="dim",
    )  # fmt: skip


def _notes(found: TcaDay) -> Component:
    add = button(
        "Add a note", "AnnotateTca", found.day.day,
        confirm="A note stands beside the numbers; it changes none of them, and it stays.",
        fields=forms.field("text", "Note about the day", kind="textarea", required=True),
    )  # fmt: skip
    return live.panel(
        f"Notes, {len(found.notes)}",
        costs.notes(found.notes, person),
        tools=add if found.day.origin == "LIVE" else None,
        about="tca-notes",
    )


def _outliers(report: DayReport) -> Component:
    found = report.outliers
    rows: list[list[Cell | str]] = [
        [
            Cell(text=name, href=f"/tca/{report.meta.day}/{name}"),
            costs.cost_cell(row.bps),
            number(text.signed(row.score)),
        ]
        for row in found.rows
        for name in (parent_text(ParentId(row.parent_id)),)
    ]
    middle = f"median {text.bps(found.median_bps)} bp, MAD {text.number(found.mad_bps, 2)} bp"
    return live.panel(
        f"Outliers, {len(found.rows)} of {found.n}",
        [
            html.P(found.answer or middle, className="dim", title=found.rule),
            rows_table(
                (("Order", ""), ("bp", "num"), ("robust z", "num")), rows,
                empty=found.answer or "none",
            ),
        ],
        about="tca-outliers",
    )  # fmt: skip


def _quality(report: DayReport) -> Component:
    found = missing(report)
    rows: list[list[Cell | str]] = [
        [
            Cell(text=row.kind.replace("_", " "), small=row.sentence, tone="two wrap"),
            number(text.number(row.count)),
            number(
                text.number(len(row.parents)),
                title=", ".join(parent_text(ParentId(parent)) for parent in row.parents[:40]),
            ),
        ]
        for row in found
    ]
    titles = (("What", ""), ("n", "num"), ("Orders", "num"))
    return live.panel(
        f"Data quality, {len(rows)}",
        rows_table(titles, rows, empty="nothing is missing"),
        about="tca-quality",
    )
