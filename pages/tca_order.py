"""Costs of one order: split, benchmarks, markouts, venues, fills, notes."""

import re
from typing import Final

from dash import html
from dash.development.base_component import Component

from components import costs, forms, live, shell, text
from components.callback import page
from components.command import button
from components.context import person, queries
from components.markup import attrs
from components.rows import Cell, number
from components.rows import instant as at
from components.rows import table as rows_table
from components.surface import instant
from db.records import FillRecord, TcaParent
from engine.domain.errors import Refused
from engine.gateway.tca import OrderTca, horizon, order_report, parse_day

PARENT: Final = re.compile(r"P-(\d{1,18})")


@page("/tca/<day>/<parent>", title="Costs of an order", permission="view.tca", under="/tca")
def tca_order(day: str, parent: str) -> Component:
    """One order of a reported day."""
    number = PARENT.fullmatch(parent)
    if number is None:
        raise Refused(f"an order is named like P-42, was {parent!r}", field="parent")
    found: TcaParent | None = queries().tca_parent(int(number.group(1)))
    if found is None or found.row.day != parse_day(day):
        return shell.empty(
            f"There is no cost report of {parent} on {day}.",
            html.A("To the days", href="/tca", className="button"),
        )
    order = order_report(found)
    return html.Div(
        [
            _tiles(order, found.row.day),
            html.Div(
                [
                    live.panel(f"Shortfall by part, {order.currency}", costs.split(
                        order.cost, order.cost_bps, order.currency), about="tca-parts"),
                    live.panel("Against benchmarks", _benchmarks(order),
                               about="tca-benchmarks"),
                    live.panel("Markouts after the fills", _markouts(order),
                               about="tca-markouts"),
                ],
                className="columns three",
            ),
            html.Div(
                [
                    live.panel("Fills", _fills(order), grow=True, about="tca-fills"),
                    html.Div(
                        [
                            live.panel("By venue", _venues(order), about="tca-venues"),
                            _notes(found),
                            live.panel("Data quality", _quality(order), about="tca-quality"),
                        ],
                        className="stack",
                    ),
                ],
                className="columns wide-left tca-lower",
            ),
        ],
        className="stack tca-order",
        **costs.seen(found.row.day, found.report_hash, found.signed_by,
                     len(queries().notes(found.row.day))),
    )  # fmt: skip


def _tiles(order: OrderTca, day: str) -> Component:
    whole = order.execution
    side = html.Span(text.side(order.side), className="buy" if order.side > 0 else "sell")
    return html.Div(
        [
            live.tile("Order", html.Span([side, f" {text.number(order.quantity)} {order.symbol}"]),
                      f"{order.strategy}, {person(order.trader)}, {order.state}"),
            live.tile("Filled", html.Span(text.number(order.filled)),
                      f"{text.percent(order.benchmarks.participation)} of the volume"),
            live.tile("Shortfall, bp", html.Span(text.bps(order.cost_bps.total)),
                      f"{text.signed(order.cost.total)} {order.currency}", title=costs.COST),
            live.tile("vs arrival, bp", html.Span(text.bps(order.benchmarks.arrival_bps)),
                      title=costs.COST),
            live.tile("vs VWAP, bp", html.Span(text.bps(order.benchmarks.vwap.bps)),
                      title=costs.COST),
            live.tile("Passive fills", html.Span(text.number(whole.passive)),
                      f"of {text.number(whole.fills)}"),
            live.tile("Worked", html.A(day, href=f"/tca?day={day}"), html.Span(
                [instant(order.arrived_at, clock=True), " to ",
                 instant(order.done_at, clock=True)])),
        ],
        className="tiles",
        **attrs({"data-panel": "tca-order"}),
    )  # fmt: skip


def _benchmarks(order: OrderTca) -> Component:
    marks, tick = order.benchmarks, order.tick_size

    def line(name: str, ticks: float | None, bps: float | None) -> list[Cell | str]:
        return [
            Cell(text=name, head=True),
            number(costs.ticks(ticks, tick, 2)),
            costs.cost_cell(bps),
        ]

    rows = [
        line("average paid", marks.average_price, None),
        line("decision", order.decision_price, None),
        line("arrival mid", order.arrival_price, marks.arrival_bps),
        line("interval VWAP", marks.interval_vwap, marks.vwap.bps),
        line("VWAP without own prints", marks.vwap_ex_own, marks.vwap_ex_own_bps),
        line("end mid", order.end_price, marks.end_bps),
        *(line(f"PWP {text.percent(mark.rate, 0)}", mark.price, mark.slippage_bps)
          for mark in marks.pwp),
    ]  # fmt: skip
    return rows_table((("Benchmark", ""), ("Price", "num"), ("Cost, bp", "num")), rows)


def _markouts(order: OrderTca) -> Component:
    titles = (
        ("After", ""), ("Gain, bp", "num"), ("Mid to mid, bp", "num"),
        ("Provider gained, bp", "num"), ("n", "num"), ("No mid", "num"),
    )  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(text=horizon(mark.horizon_ns), head=True),
            costs.measure_cell(mark.gain),
            costs.measure_cell(mark.from_mid),
            costs.measure_cell(mark.realised),
            number(text.number(mark.gain.n)),
            number(text.number(mark.missing)),
        ]
        for mark in order.execution.markouts
    ]
    return html.Div(
        [
            rows_table(titles, rows, empty="no fills"),
            html.P("Gain: positive = the price went our way after the fill.", className="dim"),
        ]
    )


def _venues(order: OrderTca) -> Component:
    titles = (("Venue", ""), ("Fills", "num"), ("Passive", "num"), ("Shares", "num"),
              ("vs arrival, bp", "num"), ("eff. spread, bp", "num"))  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(text=venue.venue, head=True),
            number(text.number(venue.fills)),
            number(text.number(venue.passive)),
            number(text.number(venue.filled)),
            costs.measure_cell(venue.arrival),
            costs.measure_cell(venue.effective),
        ]
        for venue in order.venues
    ]
    return rows_table(titles, rows, empty="no fills")


def _fate(fill: FillRecord) -> str:
    """What the venue took back of a fill: costs are of what stands."""
    if not fill.fate:
        return text.NONE
    return f"{fill.fate}, was {text.number(fill.was_quantity)} at {fill.was_price:,.4f}"


def _fills(order: OrderTca) -> Component:
    fills: tuple[FillRecord, ...] = queries().fills_of(order.parent_id)
    tick = order.tick_size
    titles = (("Venue time", ""), ("Child", ""), ("Venue", ""), ("Shares", "num"),
              ("Price", "num"), ("Mid before", "num"), ("Passive or aggressive", ""),
              ("Fee", "num"), ("Taken back", ""))  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            at(fill.venue_at, ms=True, clock=True),
            fill.child,
            fill.venue or text.NONE,
            number(text.number(fill.quantity)),
            number(costs.price(fill.price, tick, decimals_of(fill.price, tick))),
            number(costs.price(fill.mid, tick, 1)),
            fill.liquidity or text.NONE,
            number(text.signed(fill.fee, 2)),
            _fate(fill),
        ]
        for fill in fills
    ]
    return rows_table(titles, rows, empty="no fills")


def decimals_of(price: float, tick: float) -> int:
    """Decimals beyond the tick's: none for a whole tick, two for a price between ticks."""
    ticks = price / tick
    return 0 if abs(ticks - round(ticks)) < 1e-6 else 2


def _quality(order: OrderTca) -> Component:
    rows: list[list[Cell | str]] = [
        [row.kind.replace("_", " "), number(text.number(row.count)),
         Cell(text=row.sentence, tone="wrap")]
        for row in order.quality
    ]  # fmt: skip
    titles = (("What", ""), ("n", "num"), ("Effect", ""))
    return rows_table(titles, rows, empty="nothing is missing")


def _notes(found: TcaParent) -> Component:
    row = found.row
    add = button(
        f"Add a note to {row.parent}", "AnnotateTca", row.day, args={"parent_id": row.number},
        confirm="A note stands beside the numbers; it changes none of them, and it stays.",
        fields=forms.field("text", f"Note about {row.parent}", kind="textarea", required=True),
    )  # fmt: skip
    return live.panel(
        f"Notes, {len(found.notes)}", costs.notes(found.notes, person),
        tools=add if row.origin == "LIVE" else None, about="tca-notes",
    )  # fmt: skip
