"""State -> rows of exceptions, for screens. Pure."""

from engine.core.rules.alerts import parent_of, stands
from engine.core.state import State
from engine.domain import views as v
from engine.domain.governance import Alert
from engine.domain.playbook import section_of
from engine.domain.units import parent_text


def alert_row(state: State, alert: Alert) -> v.AlertRow:
    """One exception with everything that people did about it."""
    parent, bound = parent_of(state, alert.object), section_of(alert.kind)
    return v.AlertRow(
        id=f"A-{alert.id}",
        severity=alert.severity,
        kind=alert.kind,
        object=alert.object,
        sentence=alert.sentence,
        raised_at=alert.raised_at,
        times=alert.times,
        acknowledged_by=alert.acknowledged_by,
        event_at=alert.event_at,
        seen_at=alert.seen_at,
        state=state_word(alert),
        first_at=alert.first_at,
        delay_s=alert.delay_ns / 1e9 if alert.first_at else None,
        shown_at=alert.shown_at,
        shown_by=alert.shown_by,
        shown_s=(alert.shown_at - alert.first_at) / 1e9 if alert.shown_at else None,
        acknowledged_at=alert.acknowledged_at,
        assigned_to=alert.assigned_to,
        escalated_at=alert.escalated_at,
        stands=stands_word(state, alert),
        cause=alert.cause,
        resolution=alert.resolution,
        resolved_by=alert.resolved_by,
        resolved_at=alert.resolved_at,
        notes=[[note.at, note.by, note.text] for note in alert.notes],
        order="" if parent is None else parent_text(parent.id),
        section="" if bound is None else bound.id,
        ticks=[[tick.step, tick.version, tick.at, tick.by, tick.text] for tick in alert.ticks],
    )


def state_word(alert: Alert) -> str:
    """Where it is in its life: open, acknowledged, resolved."""
    if alert.is_closed:
        return "resolved"
    return "acknowledged" if alert.acknowledged_by else "open"


def stands_word(state: State, alert: Alert) -> str:
    """Whether the desk still sees the cause: yes, over; "" = it does not look for that."""
    if alert.is_closed:
        return ""
    return {True: "yes", False: "over", None: ""}[stands(state, alert)]


def unresolved(state: State) -> tuple[int, ...]:
    """Open exceptions whose cause may end without a word about them."""
    return tuple(
        alert.id
        for alert in state.alerts.values()
        if not alert.is_closed and stands(state, alert) is not None
    )
