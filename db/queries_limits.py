"""Questions about limits: their versions, and how far each was used on past days."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import select

from db.read import Found, Reader
from db.tables import DAYS, LIMIT_USE, LIMITS, LIVE_SOURCE
from engine.domain.limits import ALERTS, EACH, KINDS, RESTRICTED, TRIPS, Key, key_text

HALF: Final = 0.5  # of a limit: one that never came within it may be far too wide


class LimitVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a limit; version 0 = as delivered."""

    key: str
    kind: str
    level: str
    subject: str
    unit: str
    version: int
    value: float
    soft: float | None
    window_s: float
    symbols: str
    derivation: str
    owner: str
    review: str
    change: int
    by: str
    approved_by: str
    since: int
    gone: bool


class DayUse(msgspec.Struct, frozen=True, kw_only=True):
    """The highest use of one limit on one day."""

    day: str
    origin: str
    used: float
    share: float  # of the limit of that moment
    refused: int
    subject: str  # whose, where the limit is for each


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    """One limit in force over the days looked at."""

    key: str
    kind: str
    words: str
    unit: str
    level: str
    subject: str
    value: float
    version: int
    owner: str
    review: str
    days: int  # trading days looked at
    used_days: int  # of these, days with any use
    highest: float  # [unit]
    share: float  # highest share of the limit of its moment
    highest_day: str
    refused: int
    far: bool  # never came within half of the limit
    by_day: list[DayUse]


class LimitUse(Reader):
    """Versions and use of limits."""

    def limit_versions(self, key: Key | None = None) -> tuple[LimitVersion, ...]:
        """Versions of one limit or of all in the live book, newest first."""
        c = LIMITS.c
        statement = select(LIMITS).where(c.source == LIVE_SOURCE)
        if key is not None:
            statement = statement.where(c.kind == key[0], c.level == key[1], c.subject == key[2])
        rows = self.all(statement.order_by(c.since.desc(), c.version.desc()))
        return tuple(_version(row) for row in rows)

    def limit_use(self, days: int = 20) -> tuple[Utilisation, ...]:
        """Every limit in force with its use on the newest trading days, the tightest used first."""
        looked = self._newest(days)
        uses = self.all(select(LIMIT_USE).where(LIMIT_USE.c.day.in_(sorted(looked))))
        force: dict[tuple[str, str, str], LimitVersion] = {}
        for row in reversed(self.limit_versions()):
            force[row.kind, row.level, row.subject] = row
        rows = [
            _utilisation(limit, looked, uses, force)
            for limit in force.values()
            if not limit.gone and limit.kind not in ALERTS
        ]
        return tuple(sorted(rows, key=lambda row: (-row.share, row.key)))

    def _newest(self, days: int) -> tuple[str, ...]:
        found = self.all(select(DAYS.c.day).distinct().order_by(DAYS.c.day.desc()).limit(days))
        return tuple(row["day"] for row in found)


def _version(row: Found) -> LimitVersion:
    same = (
        "kind", "level", "subject", "version", "value", "soft", "window_s", "symbols",
        "derivation", "owner", "review", "by", "approved_by", "since", "gone",
    )  # fmt: skip
    return LimitVersion(
        **{name: row[name] for name in same},
        key=key_text((row["kind"], row["level"], row["subject"])),
        unit=KINDS[row["kind"]].unit,
        change=row["change_id"],
    )


def _utilisation(
    limit: LimitVersion,
    looked: tuple[str, ...],
    uses: Iterable[Found],
    force: dict[tuple[str, str, str], Any],
) -> Utilisation:
    mine = [row for row in uses if _counts(limit, row, force)]
    best = max(mine, key=lambda row: row["share"], default=None)
    share = 0.0 if best is None else best["share"]
    by_day = [
        DayUse(
            day=row["day"],
            origin=row["origin"],
            used=row["used"],
            share=row["share"],
            refused=row["refused"],
            subject=row["subject"] if limit.subject == EACH else "",
        )
        for row in sorted(mine, key=lambda row: (row["day"], row["subject"]))
    ]
    return Utilisation(
        key=limit.key,
        kind=limit.kind,
        words=KINDS[limit.kind].words,
        unit=limit.unit,
        level=limit.level,
        subject=limit.subject,
        value=limit.value,
        version=limit.version,
        owner=limit.owner,
        review=limit.review,
        days=len(looked),
        used_days=len({row.day for row in by_day if row.used > 0}),
        highest=0.0 if best is None else best["used"],
        share=share,
        highest_day="" if best is None else best["day"],
        refused=sum(row.refused for row in by_day),
        far=share < HALF and limit.kind not in (RESTRICTED, *TRIPS, *ALERTS),
        by_day=by_day,
    )


def _counts(limit: LimitVersion, row: Found, force: dict[tuple[str, str, str], Any]) -> bool:
    """Whether a use is of this limit; one for each takes those that have none of their own."""
    if (row["kind"], row["level"]) != (limit.kind, limit.level):
        return False
    if limit.subject != EACH:
        return bool(row["subject"] == limit.subject)
    own = force.get((row["kind"], row["level"], row["subject"]))
    return row["subject"] == EACH or own is None or own.gone
