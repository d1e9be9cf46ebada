"""Drills: each with its debrief, and who has last taken part in one. Derived from the journal."""

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from components import context, live, shell, text
from components.callback import page
from components.context import person, queries
from components.rows import Cell, instant, number, table
from db.records import DrillRecord
from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS
from engine.gateway.debrief import Debrief, Step, Touched, debrief, last_drills

ALERTS_MOST: Final = 5_000
WORDS: Final = (
    "Desk seconds are the wall's, counted from the begin of the incident; market seconds are the "
    "simulated market's. A target counts from the moment the desk saw it: the first screen within "
    "5 s, an acknowledgement within the alarm's time, closed within the time of the playbook's "
    "section. Acts are the first hold, exclusion, mode or kill by a person after the begin, "
    "whatever it was about."
)
COST: Final = (
    "side x (price - mid before the order's first fill in it) x shares, over the fills while the "
    "incident lasted; + = it cost us"
)


@page("/playbook/drills", title="Drills", permission="view.playbook", under="/playbook")
def drills(drill: str = "") -> Component:
    """All drills, the debrief of one (``?drill=live:42``), and the last one of each person."""
    found = [_debriefed(row) for row in queries().drills()]
    chosen = next((one for one in found if _name(one.drill) == drill), None)
    if drill and chosen is None:
        chosen = _older(drill)
    shown = chosen or next((one for one in found if one.drill.began_at), None)
    back = html.A("Playbook", href="/playbook", className="button")
    return html.Div(
        [
            html.Div(
                [
                    live.panel("Drills", _list(found, shown), grow=True, about="drills-list",
                               tools=back),
                    live.panel("Who has taken part", _people(found), about="drills-people"),
                ],
                className="stack",
            ),
            live.panel(
                "Debrief" if shown is None else f"Debrief of {_title(shown.drill)}",
                shell.empty("No drill has been started yet.",
                            "A section of the playbook has the button.")
                if shown is None else html.Div(_debrief(shown), className="drill"),
                grow=True, about="drills-debrief",
            ),
        ],
        className="columns drills-page",
    )  # fmt: skip


def _name(drill: DrillRecord) -> str:
    return f"{drill.source}:{drill.seq}"


def _older(name: str) -> Debrief:
    """A drill that the list does not reach any more."""
    source, _, seq = name.rpartition(":")
    found: DrillRecord | None = queries().drill(source, int(seq)) if seq.isdigit() else None
    if found is None:
        raise Refused(f"there is no drill {name!r}", field="drill")
    return _debriefed(found)


def _debriefed(drill: DrillRecord) -> Debrief:
    settings: Mapping[str, str] = context.mounted("settings") or {}
    if not drill.began_at:
        return debrief(drill, (), (), (), 0.0)
    return debrief(
        drill,
        queries().drill_entries(drill),
        queries().alerts(limit=ALERTS_MOST),
        queries().fills_between(drill.source, drill.market_at, drill.ends_at, drill.symbol),
        float(settings.get("alarm_s", "0")),
    )


def _title(drill: DrillRecord) -> str:
    words = INCIDENT_KINDS[drill.kind].words.partition(":")[0]
    return f"{drill.id}, {words} {drill.venue or drill.symbol}".rstrip()


def _list(found: Sequence[Debrief], shown: Debrief | None) -> Component:
    titles = (("Begun", "num"), ("What", ""), ("Where", ""), ("By", ""), ("Seen", "num"),
              ("Shown", "num"), ("Acknowledged", "num"), ("First act", "num"), ("Closed", "num"),
              ("Late", "num"))  # fmt: skip
    rows: list[list[Cell | str]] = []
    for one in found:
        drill = one.drill
        by_name = {step.name: step for step in one.steps}
        named = ("the desk saw it", "on the first screen", "acknowledged",
                 "first protective act", "closed")  # fmt: skip
        rows.append(
            [
                Cell(at=drill.began_at or drill.asked_at, text="-", tone="num",
                     href=f"/playbook/drills?drill={_name(drill)}",
                     current=shown is not None and shown.drill == drill),
                drill.kind.replace("_", " "),
                drill.venue or drill.symbol or "all",
                person(drill.by),
                *(
                    [Cell(text=drill.refused or "not begun", tone="dim"), "", "", "", ""]
                    if not drill.began_at
                    else [_after(by_name[name]) for name in named]
                ),
                number(text.number(sum(step.is_late for step in one.steps))),
            ]
        )  # fmt: skip
    return table(titles, rows, empty="no drill has been started yet", id="drills-table")


def _after(step: Step) -> Cell:
    """Desk seconds since the begin."""
    tone = "num cost" if step.is_late else "num"
    return Cell(text=text.number(step.desk_s, 1), tone=tone, title=step.what)


def _debrief(one: Debrief) -> list[Component]:
    drill = one.drill
    lines = [
        html.P(
            [f"{text.number(drill.seconds)} s of market time, started by {person(drill.by)}: ",
             drill.reason],
            className="words",
        ),
    ]  # fmt: skip
    if not drill.began_at:
        return [*lines, html.P(drill.refused or "the exchange has not begun it", className="warn")]
    return [
        *lines,
        _timeline(one.steps),
        html.P(WORDS, className="dim"),
        html.H3("Orders that traded while it lasted"),
        _orders(one.orders),
        html.P(COST, className="dim"),
    ]


def _timeline(steps: Sequence[Step]) -> Component:
    titles = (("Step", ""), ("Desk clock", "num"), ("Desk s", "num"), ("Market s", "num"),
              ("Goal", "num"), ("Took", "num"), ("", ""), ("Who", ""), ("What", ""))  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(text=step.name, head=True),
            instant(step.at, ms=True, clock=True) if step.at else number("not yet"),
            number(text.number(step.desk_s, 1)),
            number(text.number(step.market_s, 1)),
            number("-" if step.target_s is None else f"{text.number(step.target_s)} s"),
            number("-" if step.took_s is None else f"{text.number(step.took_s, 1)} s"),
            Cell(text=_verdict(step), tone="cost" if step.is_late else "gain"),
            person(step.who) if step.who else "the desk" if step.at else "-",
            Cell(text=step.what, tone="wrap"),
        ]
        for step in steps
    ]
    return table(titles, rows, id="drill-timeline")


def _verdict(step: Step) -> str:
    if step.target_s is None or step.took_s is None:
        return ""
    return "✗ late" if step.is_late else "✓"


def _orders(rows: Sequence[Touched]) -> Component:
    titles = (("Order", ""), ("Symbol", ""), ("Side", ""), ("Filled", "num"), ("Cost", "num"),
              ("bp", "num"))  # fmt: skip
    return table(
        titles,
        [
            [
                Cell(text=row.parent, href=f"/orders/{row.parent}"),
                row.symbol,
                Cell(text=text.side(row.side), tone="buy" if row.side > 0 else "sell"),
                number(text.number(row.filled)),
                number(text.signed(row.cost, 2)),
                number(text.bps(row.cost_bps)),
            ]
            for row in rows
        ],
        empty="no order traded while it lasted",
        id="drill-orders",
    )


def _people(found: Sequence[Debrief]) -> Component:
    titles = (("Person", ""), ("Last drill", ""), ("What", ""))
    rows: list[list[Cell | str]] = [
        [
            Cell(text=person(who), head=True),
            instant(drill.began_at),
            Cell(text=_title(drill), href=f"/playbook/drills?drill={_name(drill)}"),
        ]
        for who, drill in last_drills(found).items()
    ]
    return table(titles, rows, empty="nobody yet", id="drill-people")
