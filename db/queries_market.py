"""What the realism report of the simulated market says; a file of the state directory."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReport:
    """The newest realism report: two parts, either may be missing."""

    market_hash: str
    stylised: dict[str, Any] | None
    own_impact: dict[str, Any] | None


def market_report(state: Path) -> MarketReport | None:
    """The report written last; None while there is none."""
    found = sorted(
        (state / FOLDER).glob("market-*.json"), key=lambda path: (path.stat().st_mtime_ns, path)
    )
    if not found:
        return None
    body: dict[str, Any] = json.loads(found[-1].read_text())
    return MarketReport(
        market_hash=body["market_hash"],
        stylised=body.get("stylised"),
        own_impact=body.get("own_impact"),
    )
