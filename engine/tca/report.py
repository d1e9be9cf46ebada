"""The day report as what is signed (canonical bytes, their hash) and what is read (one HTML file).

The signature covers the bytes, the bytes cover every number, note, choice and the journal head.
"""

import hashlib

import msgspec

from engine.domain.errors import BrokenInvariant
from engine.domain.units import ParentId, parent_text
from engine.tca.formulas import FORMULAS
from engine.tca.markup import STYLE, Html, filled_columns, join, table, tag, waterfall
from engine.tca.results import (
    DayReport,
    GroupTca,
    Measure,
    OrderTca,
    Ratio,
    SignOff,
)
from engine.tca.text import UNDEFINED, horizon, instant, notional, percent, price, shares, signed

DIMENSION_ORDER = ("strategy", "venue", "trader", "symbol", "side")
SIDES = {1: "\N{BLACK UP-POINTING TRIANGLE} BUY", -1: "\N{BLACK DOWN-POINTING TRIANGLE} SELL"}


def report_bytes(report: DayReport) -> bytes:
    """The report as JSON with sorted keys: the same report gives the same bytes."""
    return msgspec.json.encode(report, order="sorted")


def report_hash(data: bytes) -> str:
    """SHA-256 of the bytes, what a sign-off names. [64 hex digits]"""
    return hashlib.sha256(data).hexdigest()


def read_report(data: bytes, expected_hash: str) -> DayReport:
    """Stored bytes back to a report, unless they are not the ones that were signed."""
    found = report_hash(data)
    if found != expected_hash:
        raise BrokenInvariant(f"report must have hash {expected_hash}, had {found}")
    return msgspec.json.decode(data, type=DayReport)


def render_html(report: DayReport, sign_offs: tuple[SignOff, ...] = ()) -> str:
    """One self-contained HTML file of the report: no script, no outside asset."""
    digest = report_hash(report_bytes(report))
    meta = report.meta
    mark = (
        (tag("div", meta.watermark, class_="mark", aria_hidden="true"),) if meta.watermark else ()
    )
    band = (tag("div", meta.watermark, class_="band"),) if meta.watermark else ()
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("title", f"TCA {meta.day} {meta.watermark}"),
        tag("style", STYLE),
    )
    body = tag(
        "body",
        *mark,
        *band,
        tag("h1", f"Transaction costs of {meta.day}"),
        _origin(report, digest),
        _tiles(report),
        tag("h2", f"Shortfall of the day, {report.basis} basis"),
        waterfall(report.total.cost, report.total.cost_bps),
        *(_groups(report, dimension) for dimension in DIMENSION_ORDER),
        _orders(report),
        _outliers(report),
        _quality(report),
        _notes(report),
        _sign_offs(report, digest, sign_offs),
        _formulas(report),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en")


def interval_text(ratio: Ratio) -> str:
    """``[+0.40, +2.10]``, or why there is no interval."""
    if ratio.bps is None:
        return ""
    if ratio.low is None or ratio.high is None:
        return f"n = {ratio.n}: not enough data"
    return f"[{signed(ratio.low)}, {signed(ratio.high)}]"


def _origin(report: DayReport, digest: str) -> Html:
    meta = report.meta
    least = f"at least {report.minimum_n}"
    local = instant(meta.as_of_ns, meta.utc_offset_ns)
    rows = (
        ("Data as of", f"{local} {meta.zone} ({instant(meta.as_of_ns)} UTC)"),
        ("Market", meta.source),
        ("Journal", f"entry {meta.journal_seq:,d}, {meta.journal_head}"),
        ("Report", f"{report.version}, SHA-256 {digest}"),
        ("Interval", f"95 %, {report.draws:,d} draws over {least} parents, seed {report.seed}"),
    )
    return tag("dl", *(join(tag("dt", name), tag("dd", tag("code", text))) for name, text in rows))


def _tiles(report: DayReport) -> Html:
    total = report.total
    tiles = (
        ("Shortfall, bp", signed(total.shortfall.bps), interval_text(total.shortfall)),
        ("vs arrival, bp", signed(total.arrival.bps), interval_text(total.arrival)),
        ("vs interval VWAP, bp", signed(total.vwap.bps), interval_text(total.vwap)),
        (f"Cost, {report.currency}", signed(total.cost.total), "positive = it cost us"),
        (f"Notional, {report.currency}", notional(total.shortfall.notional), "sum of X*P_d"),
        ("Parents", f"{total.n:,d}", f"{total.undefined:,d} undefined"),
        ("Filled", shares(total.filled), f"of {shares(total.quantity)} shares"),
        ("Passive fills", f"{total.passive:,d}", f"of {total.fills:,d}"),
    )
    return tag("div", *(_tile(*words) for words in tiles), class_="tiles")


def _tile(name: str, value: str, under: str) -> Html:
    dim = (tag("span", text, class_="dim") for text in (name, under))
    return tag("div", next(dim), tag("b", value), next(dim))


def _ratio_cell(ratio: Ratio, report: DayReport) -> Html:
    title = (
        f"sum of cost {signed(ratio.cost)} / sum of notional {signed(ratio.notional)} "
        f"{report.currency}, n = {ratio.n} parents"
    )
    if ratio.bps is None:
        return tag("td", UNDEFINED, title=title)
    under = tag("small", interval_text(ratio))
    return tag("td", signed(ratio.bps), under, title=title)


def _measure_cell(measure: Measure) -> Html:
    title = f"{signed(measure.cost)} / {signed(measure.notional)}, n = {measure.n}"
    return tag("td", signed(measure.bps), title=title)


def _groups(report: DayReport, dimension: str) -> Html:
    head = (
        dimension, "n", "undefined", "filled", "notional", f"cost {report.currency}",
        "shortfall bp [95 %]", "delay", "trading", "spread", "opp.", "fees",
        "vs arrival bp [95 %]", "vs VWAP bp [95 %]", "effective spread bp",
        *(f"markout {horizon(h)} bp" for h in report.horizons_ns), "passive fills",
    )  # fmt: skip
    rows = [_group_row(g, report) for g in report.groups if g.dimension == dimension]
    caption = "bp of the sum of X*P_d; undefined = a price that is needed is missing"
    if dimension == "venue":
        caption = (
            "fills at the venue, bp of the sum of Q*P_0; n = parents with fills there; "
            "delay, opportunity and fees belong to the order"
        )
    return join(tag("h2", f"By {dimension}"), table(*filled_columns(head, rows), caption))


def _group_row(group: GroupTca, report: DayReport) -> list[str]:
    bps = group.cost_bps
    worth = group.shortfall.notional if group.quantity is not None else group.arrival.notional
    return [
        group.key,
        f"{group.n:,d}",
        f"{group.undefined:,d}",
        shares(group.filled),
        notional(worth),
        signed(group.cost.total if group.quantity is not None else group.cost.trading),
        _ratio_cell(group.shortfall, report),
        *(signed(v) for v in (bps.delay, bps.trading, bps.spread, bps.opportunity, bps.fees)),
        _ratio_cell(group.arrival, report),
        _ratio_cell(group.vwap, report),
        _ratio_cell(group.effective, report),
        *(_ratio_cell(after.gain, report) for after in group.markouts),
        f"{group.passive:,d} / {group.fills:,d}",
    ]


def _orders(report: DayReport) -> Html:
    sources = sorted({order.untouched_from for order in report.orders if order.untouched_from})
    caption = f"{len(report.orders):,d} parents; parts in bp of X*P_d"
    if sources:
        caption += f"; mid without our order from: {', '.join(sources)}"
    costs = (
        "parent", "symbol", "side", "strategy", "trader", "state", "quantity", "filled",
        f"cost {report.currency}", "shortfall bp", "delay", "trading", "spread", "impact",
        "timing", "impact + timing", "trading not split", "opportunity", "fees",
    )  # fmt: skip
    fills = (
        "parent", "average", "decision", "arrival", "VWAP", "end", "vs arrival bp", "vs VWAP bp",
        "vs VWAP ex own bp", "vs end bp", *_pwp_names(report), "participation",
        "effective spread bp", *(f"markout {horizon(h)} bp" for h in report.horizons_ns),
        "passive fills",
    )  # fmt: skip
    return join(
        tag("h2", "Orders: shortfall"),
        table(*filled_columns(costs, [_cost_row(order) for order in report.orders]), caption),
        tag("h2", "Orders: prices, benchmarks, markouts"),
        table(*filled_columns(fills, [_fill_row(order) for order in report.orders])),
    )


def _pwp_names(report: DayReport) -> list[str]:
    marks = report.orders[0].benchmarks.pwp if report.orders else ()
    return [f"vs PWP {percent(mark.rate)} bp" for mark in marks]


def _cost_row(order: OrderTca) -> list[str]:
    bps = order.cost_bps
    parts = (
        bps.total, bps.delay, bps.trading, bps.spread, bps.impact, bps.timing,
        bps.impact_and_timing, bps.unsplit, bps.opportunity, bps.fees,
    )  # fmt: skip
    return [
        parent_text(ParentId(order.parent_id)),
        order.symbol,
        SIDES[order.side],
        order.strategy,
        order.trader,
        order.state,
        shares(order.quantity),
        shares(order.filled),
        signed(order.cost.total),
        *(signed(part) for part in parts),
    ]


def _fill_row(order: OrderTca) -> list[str]:
    marks, whole, tick = order.benchmarks, order.execution, order.tick_size
    slippages = (marks.arrival_bps, marks.vwap.bps, marks.vwap_ex_own_bps, marks.end_bps)
    return [
        parent_text(ParentId(order.parent_id)),
        price(marks.average_price, tick, 2),
        price(order.decision_price, tick, 1),
        price(order.arrival_price, tick, 1),
        price(marks.interval_vwap, tick, 2),
        price(order.end_price, tick, 1),
        *(signed(value) for value in slippages),
        *(signed(mark.slippage_bps) for mark in marks.pwp),
        percent(marks.participation),
        _measure_cell(whole.effective),
        *(_measure_cell(after.gain) for after in whole.markouts),
        f"{whole.passive:,d} / {whole.fills:,d}",
    ]


def _outliers(report: DayReport) -> Html:
    found = report.outliers
    rows = [
        [parent_text(ParentId(row.parent_id)), signed(row.bps), signed(row.score)]
        for row in found.rows
    ]
    summary = f"n = {found.n}, median {signed(found.median_bps)} bp, MAD {signed(found.mad_bps)} bp"
    answer = found.answer or ("" if rows else "none")
    body = table(("parent", "shortfall bp", "robust z"), rows) if rows else tag("p", answer)
    return join(
        tag("h2", "Outliers"),
        tag("p", f"Rule: {found.rule}", class_="dim"),
        tag("p", summary),
        body,
    )


def _quality(report: DayReport) -> Html:
    rows = [
        [
            parent_text(ParentId(row.parent_id)),
            row.kind,
            f"{row.count:,d}",
            tag("td", row.sentence, class_="t"),
        ]
        for order in report.orders
        for row in order.quality
    ]
    body = table(("parent", "what", "count", "effect"), rows) if rows else tag("p", "none")
    return join(tag("h2", "Data quality: what could not be known"), body)


def _notes(report: DayReport) -> Html:
    rows = [
        [
            f"{instant(note.at_ns)} UTC",
            note.who,
            "day" if note.parent_id is None else parent_text(ParentId(note.parent_id)),
            tag("td", note.text, class_="t"),
        ]
        for note in report.notes
    ]
    body = table(("at", "by", "about", "note"), rows) if rows else tag("p", "none")
    return join(tag("h2", "Notes (part of what is signed)"), body)


def _sign_offs(report: DayReport, digest: str, sign_offs: tuple[SignOff, ...]) -> Html:
    title = tag("h2", "Sign-off")
    if not sign_offs:
        return join(title, tag("p", f"Not signed off. Hash to sign: {digest}", class_="warn"))
    rows = [
        [
            sign.who,
            sign.role,
            f"{instant(sign.at_ns, report.meta.utc_offset_ns)} {report.meta.zone}",
            "fits this report"
            if sign.report_hash == digest
            else tag("td", "DOES NOT FIT: signed another version", class_="warn"),
            sign.report_hash,
            tag("td", sign.reason, class_="t"),
        ]
        for sign in sign_offs
    ]
    return join(title, table(("by", "role", "at", "signature", "hash", "reason"), rows))


def _formulas(report: DayReport) -> Html:
    terms = (join(tag("dt", name), tag("dd", text)) for name, text in FORMULAS.items())
    basis = tag("p", f"This report is on the {report.basis} basis.", class_="dim")
    return join(tag("h2", "Formulas"), basis, tag("dl", *terms))
