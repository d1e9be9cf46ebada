"""HTML by construction: text is escaped unless it is ``Html`` that this module made."""

from collections.abc import Sequence
from html import escape

from engine.tca.results import Parts
from engine.tca.text import UNDEFINED, signed


class Html(str):
    """Text that is already markup."""

    __slots__ = ()


VOID = frozenset({"meta", "br", "rect", "line"})


def tag(name: str, *inside: str, **attributes: str) -> Html:
    """An element. A trailing underscore is dropped from attribute names, others become hyphens."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
    )
    if name in VOID:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{join(*inside)}</{name}>")


def join(*pieces: str) -> Html:
    """Pieces one after the other, plain text escaped."""
    return Html("".join(p if isinstance(p, Html) else escape(p, quote=True) for p in pieces))


def filled_columns(
    head: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """The table without the columns that are undefined ("-") in every row."""
    kept = [i for i in range(len(head)) if any(_shown(row[i]) != UNDEFINED for row in rows)]
    return [head[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _shown(cell: str) -> str:
    """Text of a cell that holds only text."""
    return cell[cell.index(">") + 1 : -len("</td>")] if isinstance(cell, Html) else cell


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> Html:
    """A table; a cell is text or a ``td`` element."""
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = [
        tag(
            "tr", *(c if isinstance(c, Html) and c.startswith("<td") else tag("td", c) for c in row)
        )
        for row in rows
    ]
    title = (tag("caption", caption),) if caption else ()
    return tag("div", tag("table", *title, top, tag("tbody", *body)), class_="wide")


BAR_NAMES = (
    ("delay", "delay"),
    ("spread", "spread"),
    ("impact", "impact"),
    ("timing", "timing"),
    ("impact_and_timing", "impact + timing"),
    ("unsplit", "trading, not split"),
    ("opportunity", "opportunity"),
    ("fees", "fees"),
)
LABEL, WIDTH, ROW = 150.0, 420.0, 24.0


def waterfall(cost: Parts, cost_bps: Parts) -> Html:
    """Parts of the shortfall from 0 to the total, one bar under the other."""
    if cost.total is None:
        return tag("p", "No order with a defined shortfall: no waterfall.")
    steps: list[tuple[str, float, float, str]] = []
    at = 0.0
    for name, label in BAR_NAMES:
        part = getattr(cost, name)
        if part is not None:
            steps.append((label, at, at + part, _amount(part, getattr(cost_bps, name))))
            at += part
    steps.append(("total", 0.0, cost.total, _amount(cost.total, cost_bps.total)))
    low = min(0.0, *(min(a, b) for _, a, b, _ in steps))
    high = max(0.0, *(max(a, b) for _, a, b, _ in steps))
    scale = WIDTH / (high - low) if high > low else 0.0
    bars = [_bar(i, step, low, scale) for i, step in enumerate(steps)]
    zero = LABEL - low * scale
    height = ROW * len(steps)
    axis = tag(
        "line", x1=f"{zero:.1f}", x2=f"{zero:.1f}", y1="0", y2=f"{height:.0f}", class_="axis"
    )
    view = f"0 0 760 {height:.0f}"
    return tag("svg", axis, *bars, viewBox=view, role="img", aria_label="Shortfall waterfall")


def _bar(index: int, step: tuple[str, float, float, str], low: float, scale: float) -> Html:
    label, start, end, amount = step
    top = index * ROW
    left = LABEL + (min(start, end) - low) * scale
    shade = "total" if label == "total" else ("bad" if end >= start else "good")
    baseline = f"{top + 16:.0f}"
    return join(
        tag("text", label, x="0", y=baseline),
        tag(
            "rect",
            x=f"{left:.1f}",
            y=f"{top + 4:.0f}",
            width=f"{max(abs(end - start) * scale, 1.0):.1f}",
            height=f"{ROW - 8:.0f}",
            class_=shade,
        ),
        tag("text", amount, x=f"{LABEL + WIDTH + 10:.0f}", y=baseline),
    )


def _amount(money: float, bps: float | None) -> str:
    return f"{signed(money)}  ({signed(bps)} bp)"


STYLE = Html("""
:root{--bg:#0F131A;--panel:#141821;--line:#2B3240;--text:#D6DDE6;--dim:#9AA5B1;
--bad:#FF9B85;--good:#6FD6A8;--warn:#FFD166}
*{box-sizing:border-box}
body{margin:0;padding:24px;background:var(--bg);color:var(--text);
font:12px/1.45 Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:20px;margin:0 0 4px}h2{font-size:14px;margin:24px 0 8px}
p,dl{margin:4px 0}.dim,dt{color:var(--dim)}.warn{color:var(--warn)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px}dd{margin:0}
code{overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:8px;margin:12px 0}
.tiles div{background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:8px 12px}
.tiles b{display:block;font-size:20px}
td small{display:block;color:var(--dim);font-size:11px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;background:var(--panel)}
caption{text-align:left;color:var(--dim);padding:4px 0}
th,td{padding:4px 8px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child,td.t{text-align:left}td.t{white-space:normal}th{color:var(--dim)}
svg{width:760px;max-width:100%}svg text{fill:var(--text);font-size:12px}
svg .axis{stroke:var(--dim)}svg .bad{fill:var(--bad)}svg .good{fill:var(--good)}
svg .total{fill:var(--dim)}
.band{background:var(--warn);color:#0F131A;font-weight:700;padding:4px 12px;margin:-24px -24px 16px}
.mark{position:fixed;inset:0;display:flex;align-items:center;justify-content:center;
font-size:140px;font-weight:700;opacity:.07;transform:rotate(-30deg);pointer-events:none;
white-space:nowrap}
@page{size:A3 landscape;margin:10mm}
@media print{:root{--bg:#fff;--panel:#fff;--line:#bbb;--text:#111;--dim:#555;--bad:#b3261e;
--good:#1b7a4b;--warn:#8a5a00}body{padding:0;font-size:9px}.band{margin:0 0 8px;color:#fff}
tr,svg{break-inside:avoid}thead{display:table-header-group}.wide{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""")
