"""What every projection rule works with: the rows, the entry, and how far its source has come."""

from collections.abc import Callable
from typing import Any

from db.audit import dump
from db.rows import Row, Rows
from db.tables import COMMANDS, VENUES
from engine.domain.events import Entry

ReportOf = Callable[[str], bytes | None]  # report hash -> its stored bytes, None when not at hand


class Fold:
    """One transaction of the projection of one source."""

    def __init__(self, rows: Rows, progress: Row, reports: ReportOf) -> None:
        self.rows = rows
        self.progress = progress
        self.reports = reports
        self.entry: Entry = None  # type: ignore[assignment]  # set before any rule runs

    @property
    def day(self) -> str:
        """The trading day of the entry."""
        return str(self.progress["day"])

    @property
    def at(self) -> int:
        """Market clock of the entry."""
        return self.entry.market_ns

    @property
    def desk_at(self) -> int:
        """Desk clock of the entry."""
        return self.entry.desk_ns

    def venue(self, place: int) -> str:
        """Name of a venue of the day by its place, "" when the day has none there."""
        row = self.rows.get(VENUES, self.day, place)
        return "" if row is None else str(row["name"])

    def tell(self, *, about: str = "", before: object = None, after: object = None) -> None:
        """Note on the command under way what it changed; outside a command nothing is noted."""
        if not self.progress["command_seq"] or self.progress["turn"] != self.entry.turn:
            return
        changes: dict[str, Any] = {}
        if about:
            changes["object"] = about
        if before is not None:
            changes["before"] = dump(before)
        if after is not None:
            changes["after"] = dump(after)
        self.rows.set(COMMANDS, self.progress["command_seq"], **changes)
