"""Drills: each with its debrief, and who has last taken part in one. Derived from the journal."""

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from components import command, context, forms, live, shell, text
from components.callback import page
from components.context import person, queries
from components.rows import Cell, instant, number, table
from components.surface import surface
from db.records import DrillRecord
from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS, LEAST_SECONDS, MOST_SECONDS, MOST_TICKS
from engine.domain.people import Reach, may, reach
from engine.gateway.debrief import Debrief, Step, Touched, debrief, last_drills
from engine.gateway.judged import Judged
from engine.gateway.sessions import roles_of

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
JUDGED_WORDS: Final = (
    "Seconds on the desk clock from the moment the desk saw it. Only what this person did counts; "
    "what somebody else did before, or instead, is named and is not theirs."
)
EXERCISES: Final = {
    "outage": ("Outage", "a venue answers nothing: exclude it, or hold what is there"),
    "flash": ("Flash move", "the price jumps and comes back: hold, limit, or let it pass"),
    "kill": ("Kill call", "a trader must kill an own order there, anybody else the whole stock"),
    "drift": (
        "Model drift",
        "what the model learnt is turned around: decide for its orders, once the desk says it",
    ),
}  # fmt: skip


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
                    _start(),
                    live.panel("Drills", _list(found, shown), grow=True, about="drills-list",
                               tools=back),
                    live.panel("Who has taken part", _people(found), about="drills-people"),
                ],
                className="stack",
            ),
            live.panel(
                "Debrief" if shown is None else f"Debrief of {_title(shown.drill)}",
                shell.empty("No drill has been started yet.",
                            "The buttons are at the left.")
                if shown is None else html.Div(_debrief(shown), className="drill"),
                grow=True, about="drills-debrief",
            ),
        ],
        className="columns drills-page",
    )  # fmt: skip


def _start() -> Component:
    """A button an exercise; each asks for the trainee by name."""
    look = context.mounted("look")
    if look is not None and look.mode not in ("SIM", "REACTIVE"):
        body: Component = shell.empty(f"This desk runs {look.mode}: nothing may be made to happen "
                                      "there.", "Drills are of simulated desks.")  # fmt: skip
    else:
        body = html.Div(
            [
                *(surface("drill-options", topic, class_name="unseen")
                  for topic in ("venues", "quotes")),
                html.Div([_exercise(name) for name in EXERCISES], className="row"),
                html.P("A debrief judges what the trainee does: seen, acknowledged, first act, "
                       "closed. Others on the desk see the same market.", className="dim"),
            ],
            className="form-body",
        )  # fmt: skip
    return live.panel("Start a drill for a trainee", body, about="drills-start")


def _exercise(name: str) -> Component:
    title, words = EXERCISES[name]
    kind = INCIDENT_KINDS[name]
    inputs = [
        forms.field("trainee", "Trainee", kind="select", options=_trainees(), required=True),
        forms.field("venue", "Venue", kind="select", options=[("", "choose")], required=True)
        if kind.venues
        else forms.field("symbol", "Stock", kind="select", required=name == "kill",
                         options=[("", "choose" if name == "kill" else "all")]),
        forms.field("seconds", "Seconds of market time", kind="number", value=kind.usual_s,
                    limits=(LEAST_SECONDS, MOST_SECONDS), step=1.0, required=True),
    ]  # fmt: skip
    if kind.is_sized:
        inputs.append(forms.field("size", "Ticks, + up, - down", kind="number", value=40,
                                  limits=(-MOST_TICKS, MOST_TICKS), step=1.0))  # fmt: skip
    return command.button(
        title, "StartIncident", args={"kind": name}, typed="DRILL", reason="must",
        title=f"{kind.words}", fields=html.Div(inputs, className="edit-fields"),
        confirm=f"{title}: {words}. It happens at once, for everybody on this desk.",
    )  # fmt: skip


def _trainees() -> list[tuple[str, str]]:
    directory = context.mounted("directory")
    persons = {} if directory is None else directory.persons
    return [
        ("", "choose"),
        *(
            (row.person_id, f"{row.login} ({', '.join(row.roles)})")
            for row in persons.values()
            if row.active and may(roles_of(row), "alert.acknowledge")
        ),
    ]


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
        narrow=_is_narrow(drill.trainee),
    )


def _is_narrow(person_id: str) -> bool:
    """Whether somebody answers exceptions of own orders only."""
    directory = context.mounted("directory")
    row = None if directory is None else directory.persons.get(person_id)
    return row is not None and reach(roles_of(row), "alert.acknowledge") == Reach.OWN


def _title(drill: DrillRecord) -> str:
    words = INCIDENT_KINDS[drill.kind].words.partition(":")[0]
    trainee = f" for {person(drill.trainee)}" if drill.trainee else ""
    return f"{drill.id}, {words} {drill.venue or drill.symbol}".rstrip() + trainee


def _list(found: Sequence[Debrief], shown: Debrief | None) -> Component:
    titles = (("Begun", "num"), ("What", ""), ("Where", ""), ("Trainee", ""), ("Seen", "num"),
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
                Cell(text=person(drill.trainee) if drill.trainee else "-",
                     title=f"started by {person(drill.by)}"),
                *(
                    [Cell(text=drill.refused or "not begun", tone="dim"), "", "", "", ""]
                    if not drill.began_at
                    else [_after(by_name[name]) for name in named]
                ),
                number(_late(one)),
            ]
        )  # fmt: skip
    return table(titles, rows, empty="no drill has been started yet", id="drills-table")


def _goals(one: Debrief) -> list[bool]:
    """Of each goal of the trainee whether it was met."""
    return [row.is_met for row in one.judged if row.is_met is not None]


def _late(one: Debrief) -> str:
    """Targets that were missed: of the trainee where there is one, else of the desk."""
    if one.judged:
        goals = _goals(one)
        return f"{goals.count(False)} of {len(goals)}"
    return text.number(sum(step.is_late for step in one.steps))


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
        *_judgement(one),
        html.H3("What happened"),
        _timeline(one.steps),
        html.P(WORDS, className="dim"),
        html.H3("Orders that traded while it lasted"),
        _orders(one.orders),
        html.P(COST, className="dim"),
    ]


def _judgement(one: Debrief) -> list[Component]:
    """How the trainee did."""
    drill = one.drill
    if not drill.trainee:
        return []
    who = person(drill.trainee)
    if not one.judged:
        return [html.P(f"The desk has not seen it: there is nothing yet that {who} could answer.",
                       className="warn")]  # fmt: skip
    goals = _goals(one)
    titles = ((who, ""), ("Took", "num"), ("Goal", "num"), ("", ""), ("What", ""))
    return [
        html.H3(f"{who}: {goals.count(True)} of {len(goals)} goals met"),
        table(titles, [_judged(row) for row in one.judged], id="drill-judged"),
        html.P(JUDGED_WORDS, className="dim"),
    ]


def _judged(row: Judged) -> list[Cell | str]:
    verdict = {True: "✓", False: "✗ late" if row.took_s is not None else "✗ not done", None: ""}
    other = f"first {person(row.by_other)}" if row.by_other else ""
    return [
        Cell(text=row.name, head=True),
        number("-" if row.took_s is None else f"{text.number(row.took_s, 1)} s"),
        number("-" if row.goal_s is None else f"{text.number(row.goal_s)} s"),
        Cell(text=verdict[row.is_met], tone="gain" if row.is_met else "cost"),
        Cell(text=", ".join(filter(None, (other, row.what))), tone="wrap"),
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
