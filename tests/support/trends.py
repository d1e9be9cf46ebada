"""Lines of cost reports by hand, over several days."""

from typing import Any

from db.records import DataAge, TrendRow
from engine.domain.units import ParentId, parent_text


def a_line(number: int = 1, **changes: Any) -> TrendRow:
    """A bought parent of 10,000 paid, that cost 5 bp."""
    values: dict[str, Any] = {
        "parent": parent_text(ParentId(number)), "number": number, "day": "2026-11-26",
        "origin": "DEMO", "symbol": "MIDC", "side": 1, "strategy": "VWAP", "trader": "u1",
        "quantity": 200, "filled": 200, "cost": 5.0, "notional": 10_000.0, "cost_bps": 5.0,
        "arrival_bps": 4.0, "vwap_bps": 1.0,
    }  # fmt: skip
    return TrendRow(**(values | changes))


def three_days() -> tuple[TrendRow, ...]:
    """Ten orders on a demo day with costs 1..10, ten on the next, four on a live day."""
    demo = [a_line(n, day="2026-11-25", cost=float(n), arrival_bps=float(n)) for n in range(1, 11)]
    more = [a_line(10 + n, strategy="POV", symbol="SMLC", cost=-2.0) for n in range(1, 11)]
    live = [
        a_line(20 + n, day="2026-11-27", origin="LIVE", strategy="TWAP", trader="u2", side=-1)
        for n in range(1, 5)
    ]
    return (*demo, *more, *live)


class TrendQueries:
    """Answers as db.queries.Queries does, from memory."""

    def __init__(self, rows: tuple[TrendRow, ...] | None = None) -> None:
        self.rows = three_days() if rows is None else rows

    def tca_range(self, since: str = "", until: str = "") -> tuple[TrendRow, ...]:
        return tuple(row for row in self.rows if since <= row.day <= (until or "9999"))

    def data_as_of(self) -> DataAge | None:
        return DataAge(seq=1, market_at=1, desk_at=1, projected_at=1, day="2026-11-27")
