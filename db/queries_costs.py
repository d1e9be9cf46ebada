"""Questions about costs over many days."""

from typing import Any, Final

import msgspec
from sqlalchemy import select

from db.read import Found, Reader
from db.records import TcaParentRow, TrendRow
from db.tables import TCA_PARENTS
from engine.domain.units import ParentId, parent_text


class _Paid(msgspec.Struct, frozen=True, kw_only=True):
    """The one field of a stored order report that is no column."""

    paper_notional: float | None


PAID: Final = msgspec.json.Decoder(_Paid)


class Costs(Reader):
    """Lines of the day reports, many days at once."""

    def tca_range(self, since: str = "", until: str = "") -> tuple[TrendRow, ...]:
        """Lines of the reports from a day to a day, both included; "" = no bound. By day and id."""
        c = TCA_PARENTS.c
        statement = select(TCA_PARENTS).order_by(c.day, c.parent_id)
        if since:
            statement = statement.where(c.day >= since)
        if until:
            statement = statement.where(c.day <= until)
        return tuple(
            TrendRow(**_fields(row), notional=PAID.decode(row["body"]).paper_notional)
            for row in self.all(statement)
        )


def tca_row(row: Found) -> TcaParentRow:
    """A line of a day's report."""
    return TcaParentRow(**_fields(row))


def _fields(row: Found) -> dict[str, Any]:
    same = (
        "day", "origin", "symbol", "side", "strategy", "trader", "quantity", "filled", "cost",
        "cost_bps", "arrival_bps", "vwap_bps",
    )  # fmt: skip
    parent = row["parent_id"]
    return {
        **{name: row[name] for name in same},
        "parent": parent_text(ParentId(parent)),
        "number": parent,
    }
