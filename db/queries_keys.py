"""Questions of whoever answers for the desk: what happened on each day, counted."""

from typing import Any, Final

import msgspec
from sqlalchemy import Select, and_, case, func, select

from db.read import Reader
from db.tables import (
    ALERTS,
    CHILDREN,
    COMMANDS,
    DAYS,
    ENTRIES,
    INSTRUMENTS,
    KILLS,
    LIMIT_USE,
    PARENTS,
    REPORTS,
    SIGNATURES,
)
from engine.domain.governance import DRILL_SCOPE
from engine.domain.kinds import MODEL_LIVE, MODEL_UNSURE
from engine.domain.strategy import STRATEGIES

# what people do to an order that works: each done command is one intervention
INTERVENTIONS: Final = (
    "AmendParent", "MoveParameter", "HoldParent", "ResumeParent", "HoldScope", "ReleaseHold",
    "SetMode", "RelaxMode",
)  # fmt: skip
SLOW_NS: Final = 5_000_000_000  # an alert is on a screen within this
OF_MODELS: Final = tuple(name for name, row in STRATEGIES.items() if row.uses_model)


class DeskDay(msgspec.Struct, frozen=True, kw_only=True):
    """One trading day in counts. Shown and acknowledged times are on the desk clock."""

    day: str
    origin: str
    currencies: tuple[str, ...] = ()  # of its instruments, sorted
    critical: int = 0  # exceptions first raised that day
    warn: int = 0
    unattended: int = 0  # critical ones that nobody had acknowledged in time
    unresolved: int = 0  # critical and warn ones that nobody has closed yet
    shown: int = 0  # that stood on a screen
    slow: int = 0  # of these, later than 5 s
    kills: int = 0  # without self-tests
    automatic: int = 0  # of these, by a trip
    interventions: int = 0
    overrides: int = 0  # orders that passed a soft limit
    refused: int = 0  # by limits
    by_model: int = 0  # children of model strategies decided with a model that was believed
    of_models: int = 0  # children of model strategies
    reported: int = 0  # 1 = its costs are reported
    signed: int = 0  # 1 = and signed off


class KeyFigures(Reader):
    """Counts by day; LIVE and DEMO days are never added up."""

    def desk_days(self, since: str = "") -> tuple[DeskDay, ...]:
        """Every trading day from ``since`` on, oldest first; "" = all."""
        found: dict[tuple[str, str], dict[str, Any]] = {
            (row["day"], row["origin"]): {}
            for row in self.all(
                select(DAYS.c.day, DAYS.c.origin).where(DAYS.c.day >= since).order_by(DAYS.c.day)
            )
        }
        for statement in _counts():
            for row in self.all(statement):
                counted = found.get((row["day"], row["origin"]))
                if counted is not None:
                    counted.update(
                        {k: int(v or 0) for k, v in row.items() if k not in ("day", "origin")}
                    )
        names: dict[tuple[str, str], set[str]] = {}
        t = INSTRUMENTS.c
        for row in self.all(select(t.day, t.origin, t.currency).distinct()):
            names.setdefault((row["day"], row["origin"]), set()).add(row["currency"])
        for key, counted in found.items():
            counted["currencies"] = tuple(sorted(names.get(key, ())))
        return tuple(
            DeskDay(day=day, origin=origin, **counted)
            for (day, origin), counted in found.items()
        )  # fmt: skip


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _by_day(table: Any, *columns: Any) -> Select[Any]:
    return select(table.c.day, table.c.origin, *columns).group_by(table.c.day, table.c.origin)


def _counts() -> tuple[Select[Any], ...]:
    """One statement a table; the names of its columns are fields of ``DeskDay``."""
    a, k = ALERTS.c, KILLS.c
    serious = a.severity.in_(("critical", "warn"))
    late = and_(a.shown_at > 0, a.shown_at - a.first_at > SLOW_NS)
    believed = CHILDREN.c.model_state.in_((MODEL_LIVE, MODEL_UNSURE))
    return (
        _by_day(
            ALERTS,
            _sum(a.severity == "critical").label("critical"),
            _sum(a.severity == "warn").label("warn"),
            _sum(a.escalated_at > 0).label("unattended"),
            _sum(and_(serious, a.resolved_by == "")).label("unresolved"),
            _sum(a.shown_at > 0).label("shown"),
            _sum(late).label("slow"),
        ),
        _by_day(
            KILLS, func.count().label("kills"), _sum(k.by.like("trip:%")).label("automatic")
        ).where(k.scope != DRILL_SCOPE),
        _by_day(COMMANDS, func.count().label("interventions")).where(
            COMMANDS.c.verb.in_(INTERVENTIONS), COMMANDS.c.outcome == "done",
            COMMANDS.c.person != "system",
        ),
        _by_day(ENTRIES, func.count().label("overrides")).where(ENTRIES.c.event == "OverrideUsed"),
        _by_day(LIMIT_USE, func.sum(LIMIT_USE.c.refused).label("refused")),
        _by_day(
            CHILDREN, func.count().label("of_models"), _sum(believed).label("by_model")
        )
        .join(
            PARENTS,
            and_(PARENTS.c.source == CHILDREN.c.source, PARENTS.c.id == CHILDREN.c.parent_id),
        )
        .where(PARENTS.c.strategy.in_(OF_MODELS)),
        _by_day(REPORTS, func.count().label("reported")),
        _by_day(SIGNATURES, func.count().label("signed")),
    )  # fmt: skip
