"""Day, commands, change requests, alerts, models and reports: events -> rows."""
# ruff: noqa: D103 -- one handler an event, named after it

from typing import Any, Final

import msgspec

from db.audit import dump, object_of_command
from db.fold import Fold
from db.tables import (
    ALERTS,
    CHANGES,
    COMMANDS,
    DAYS,
    INSTRUMENTS,
    MODELS,
    NOTES,
    PARAMETERS,
    REPORTS,
    SIGNATURES,
    TCA_PARENTS,
    VENUES,
)
from engine.domain import events as e
from engine.domain.governance import ChangeState
from engine.tca.results import DayReport, OrderTca


# --- the desk -------------------------------------------------------------------------------
def engine_started(f: Fold, event: e.EngineStarted) -> None:
    f.progress.update(epoch=event.epoch, code=event.code, mode=event.mode)


def desk_carried(f: Fold, event: e.DeskCarried) -> None:
    """Versions that an earlier segment did not tell; in the live book it told them all."""
    f.progress.update(epoch=event.epoch, code=event.code, mode=event.mode)
    for row in event.parameters:
        if f.rows.get(PARAMETERS, row.strategy, row.version) is None:
            _parameters(f, row.strategy, row.version, row.values, (row.change_id, row.by))


def session_opened(f: Fold, event: e.SessionOpened) -> None:
    session = event.session
    f.progress["day"] = session.day
    f.rows.put(
        DAYS, session.day, zone=session.zone, market=event.source, seed=event.seed,
        open_at=session.open_at, close_at=session.close_at, opened_seq=f.entry.seq,
    )  # fmt: skip
    for place, row in enumerate(event.instruments):
        f.rows.put(
            INSTRUMENTS, session.day, row.symbol, place=place, name=row.name,
            currency=row.currency, tick_size=row.tick_size, lot=row.lot, adv=row.adv,
            reference_price=row.reference_price, spread_ticks=row.spread_ticks,
            daily_volatility_bps=row.daily_volatility_bps,
        )  # fmt: skip


def venues_seen(f: Fold, event: e.VenuesSeen) -> None:
    for place, row in enumerate(event.venues):
        f.rows.put(
            VENUES, f.day, place, name=row.name, kind=row.kind, make_fee=row.make_fee,
            take_fee=row.take_fee, phone=row.phone,
        )  # fmt: skip


def session_closed(f: Fold, event: e.SessionClosed) -> None:
    f.rows.set(DAYS, event.day, closed=True, closed_seq=f.entry.seq, closed_desk_ns=f.desk_at)


# --- commands -------------------------------------------------------------------------------
def command_taken(f: Fold, event: e.CommandTaken) -> None:
    envelope = event.envelope
    f.progress["command_seq"] = f.entry.seq
    f.rows.add(
        COMMANDS, f.entry.seq, day=f.day, id=envelope.id, person=envelope.person,
        verb=type(envelope.command).__name__, object=object_of_command(envelope.command),
        door=envelope.door, reason=envelope.reason, outcome="done", market_ns=f.at,
        desk_ns=f.desk_at,
    )  # fmt: skip


def command_refused(f: Fold, event: e.CommandRefused) -> None:
    f.rows.set(
        COMMANDS, f.progress["command_seq"], outcome="refused", sentence=event.sentence
    )  # fmt: skip


# --- four eyes ------------------------------------------------------------------------------
def _parameters(
    f: Fold, strategy: str, version: int, values: dict[str, float], by: tuple[int, str]
) -> None:
    f.rows.put(
        PARAMETERS, strategy, version, values=dump(values), change_id=by[0], by=by[1],
        since=f.desk_at, seq=f.entry.seq,
    )  # fmt: skip


def _in_force(f: Fold, strategy: str, version: int) -> dict[str, float]:
    row = f.rows.get(PARAMETERS, strategy, version)
    if row is None:
        return {}
    return msgspec.json.decode(row["values"].encode(), type=dict[str, float])


def parameters_set(f: Fold, event: e.ParametersSet) -> None:
    before = _in_force(f, event.strategy, event.version - 1)
    if event.change_id:
        changed = {k: v for k, v in event.values.items() if before.get(k) != v}
        f.tell(before={k: before.get(k) for k in changed}, after=changed)
    _parameters(f, event.strategy, event.version, event.values, (event.change_id, event.by))


def model_set(f: Fold, event: e.ModelSet) -> None:
    f.rows.add(
        MODELS, f.entry.seq, strategy=event.strategy, model_id=event.model_id,
        change_id=event.change_id, card=event.card, by=event.by, since=f.desk_at,
    )  # fmt: skip
    f.tell(after={"model": event.model_id})


def _newest(f: Fold, strategy: str) -> dict[str, float]:
    """The values in force: versions rise by one."""
    version = 1
    while f.rows.get(PARAMETERS, strategy, version + 1) is not None:
        version += 1
    return _in_force(f, strategy, version)


def change_proposed(f: Fold, event: e.ChangeProposed) -> None:
    now = _newest(f, event.strategy)
    f.rows.put(
        CHANGES, event.change_id, day=f.day, strategy=event.strategy, state=str(ChangeState.OPEN),
        material=event.material, values=dump(event.values),
        before=dump({k: now[k] for k in event.values if k in now}), model_id=event.model_id,
        content_hash=event.content_hash, authors=dump([event.by]), reason=event.reason,
        proposed_at=f.desk_at, expires_at=event.expires_at, seq=f.entry.seq,
    )  # fmt: skip
    f.tell(about=f"R-{event.change_id}", after=event.values)


def change_edited(f: Fold, event: e.ChangeEdited) -> None:
    row = f.rows.need(CHANGES, event.change_id)
    authors = msgspec.json.decode(row["authors"].encode(), type=list[str])
    if event.by not in authors:
        authors.append(event.by)
    now = _newest(f, row["strategy"])
    f.tell(before=msgspec.Raw(row["values"].encode()), after=event.values)
    f.rows.set(
        CHANGES, event.change_id, values=dump(event.values), model_id=event.model_id,
        before=dump({k: now[k] for k in event.values if k in now}),
        content_hash=event.content_hash, authors=dump(authors),
        reason=event.reason or row["reason"], material=event.material, edits=row["edits"] + 1,
    )  # fmt: skip


def _decided(f: Fold, change_id: int, to: ChangeState, by: str = "", reason: str = "") -> None:
    f.rows.set(
        CHANGES, change_id, state=str(to), decided_by=by, decided_at=f.desk_at,
        decision_reason=reason,
    )  # fmt: skip


def change_approved(f: Fold, event: e.ChangeApproved) -> None:
    _decided(f, event.change_id, ChangeState.APPROVED, event.by, event.reason)


def change_refused(f: Fold, event: e.ChangeRefused) -> None:
    _decided(f, event.change_id, ChangeState.REFUSED, event.by, event.reason)


def change_withdrawn(f: Fold, event: e.ChangeWithdrawn) -> None:
    _decided(f, event.change_id, ChangeState.WITHDRAWN, event.by)


def change_expired(f: Fold, event: e.ChangeExpired) -> None:
    _decided(f, event.change_id, ChangeState.EXPIRED)


# --- oversight ------------------------------------------------------------------------------
def alert_raised(f: Fold, event: e.AlertRaised) -> None:
    known = f.rows.get(ALERTS, event.alert_id)
    if known is not None and known["severity"] == "critical":  # somebody must see it again
        again = {"escalated_at": 0} if known["acknowledged_by"] else {}
        f.rows.set(ALERTS, event.alert_id, acknowledged_by="", acknowledged_at=0, **again)
    f.rows.put(
        ALERTS, event.alert_id, day=f.day if known is None else known["day"],
        severity=event.severity if known is None else known["severity"], kind=event.kind,
        object=event.object, sentence=event.sentence, raised_at=f.desk_at,
        times=1 if known is None else known["times"] + 1, seq=f.entry.seq,
        first_at=f.desk_at if known is None else known["first_at"],
    )  # fmt: skip


def alert_acknowledged(f: Fold, event: e.AlertAcknowledged) -> None:
    f.rows.set(ALERTS, event.alert_id, acknowledged_by=event.by, acknowledged_at=f.desk_at)


def alert_shown(f: Fold, event: e.AlertShown) -> None:
    f.rows.set(ALERTS, event.alert_id, shown_by=event.by, shown_at=f.desk_at)


def alert_assigned(f: Fold, event: e.AlertAssigned) -> None:
    f.rows.set(ALERTS, event.alert_id, assigned_to=event.to)


def alert_escalated(f: Fold, event: e.AlertEscalated) -> None:
    f.rows.set(ALERTS, event.alert_id, escalated_at=f.desk_at)


def alert_resolved(f: Fold, event: e.AlertResolved) -> None:
    f.rows.set(
        ALERTS, event.alert_id, cause=event.cause, resolution=event.reason,
        resolved_by=event.by, resolved_at=f.desk_at,
    )  # fmt: skip


# --- after the close ------------------------------------------------------------------------
def tca_reported(f: Fold, event: e.TcaReported) -> None:
    body = f.reports(event.report_hash)
    f.rows.put(
        REPORTS, event.day, report_hash=event.report_hash, parents=event.parents,
        shortfall_bps=event.shortfall_bps, body=None if body is None else body.decode(),
        reported_at=f.desk_at, seq=f.entry.seq,
    )  # fmt: skip
    f.rows.clear(TCA_PARENTS, event.day)
    if body is not None:
        for order in msgspec.json.decode(body, type=DayReport).orders:
            _tca_parent(f, event, order)


def _tca_parent(f: Fold, event: e.TcaReported, order: OrderTca) -> None:
    f.rows.add(
        TCA_PARENTS, event.day, order.parent_id, report_hash=event.report_hash,
        symbol=order.symbol, side=order.side, strategy=order.strategy, trader=order.trader,
        quantity=order.quantity, filled=order.filled, cost=order.cost.total,
        cost_bps=order.cost_bps.total, arrival_bps=order.benchmarks.arrival_bps,
        vwap_bps=order.benchmarks.vwap.bps, body=dump(order),
    )  # fmt: skip


def tca_annotated(f: Fold, event: e.TcaAnnotated) -> None:
    f.rows.add(
        NOTES, f.entry.seq, day=event.day, parent_id=event.parent_id, text=event.text,
        by=event.by, at=f.desk_at,
    )  # fmt: skip


def day_signed(f: Fold, event: e.DaySigned) -> None:
    f.rows.put(
        SIGNATURES, event.day, report_hash=event.report_hash, by=event.by, at=f.desk_at,
        seq=f.entry.seq,
    )  # fmt: skip


RULES: Final[dict[type[Any], Any]] = {
    e.EngineStarted: engine_started,
    e.DeskCarried: desk_carried,
    e.SessionOpened: session_opened,
    e.VenuesSeen: venues_seen,
    e.SessionClosed: session_closed,
    e.CommandTaken: command_taken,
    e.CommandRefused: command_refused,
    e.ParametersSet: parameters_set,
    e.ModelSet: model_set,
    e.ChangeProposed: change_proposed,
    e.ChangeEdited: change_edited,
    e.ChangeApproved: change_approved,
    e.ChangeRefused: change_refused,
    e.ChangeWithdrawn: change_withdrawn,
    e.ChangeExpired: change_expired,
    e.AlertRaised: alert_raised,
    e.AlertAcknowledged: alert_acknowledged,
    e.AlertShown: alert_shown,
    e.AlertAssigned: alert_assigned,
    e.AlertEscalated: alert_escalated,
    e.AlertResolved: alert_resolved,
    e.TcaReported: tca_reported,
    e.TcaAnnotated: tca_annotated,
    e.DaySigned: day_signed,
}
