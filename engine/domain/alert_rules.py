"""How each alert rule alarms; its threshold and its words are a limit of the same name."""

from dataclasses import dataclass
from typing import Final

SLIPPAGE: Final = "alert_slippage"
BEHIND: Final = "alert_behind"
PARTICIPATION: Final = "alert_participation"
DOUBT: Final = "alert_doubt"
REJECTS: Final = "alert_rejects"
MOVE: Final = "alert_move"
STALE: Final = "alert_stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """How a rule alarms; its threshold and its words are a limit of this kind."""

    kind: str
    alert: str  # kind of the exception
    trouble: str = ""  # what stands while it alarms; "" = each time is one for itself
    severity: str = "warn"
    back: float = 0.8  # it is over below this part of the threshold

    @property
    def is_of_order(self) -> bool:
        return self.alert.startswith("order.")


_RULES: Final = (
    AlertRule(kind=SLIPPAGE, alert="order.slippage", trouble="slippage"),
    AlertRule(kind=BEHIND, alert="order.behind", trouble="behind"),
    AlertRule(kind=PARTICIPATION, alert="order.participation", trouble="participation"),
    AlertRule(kind=DOUBT, alert="order.doubt", trouble="doubt"),
    AlertRule(kind=REJECTS, alert="reject"),
    AlertRule(kind=MOVE, alert="market.move", trouble="move", severity="critical", back=7 / 15),
    AlertRule(kind=STALE, alert="market.feed", trouble="feed", severity="critical", back=1.0),
)
RULES: Final[dict[str, AlertRule]] = {rule.kind: rule for rule in _RULES}
OF_ORDERS: Final = tuple(rule for rule in _RULES if rule.is_of_order)
ORDER_TROUBLES: Final = frozenset(rule.trouble for rule in OF_ORDERS)
