"""The candidate of a strategy, and what a request asks for it, as screens show them."""

from typing import Any

from engine.core.rules.rollout import LEAST_COMPARED, LEAST_ORDERS
from engine.core.state import State
from engine.domain.rollout import CanaryLimits, Rollout, Stage


def limits_text(limits: CanaryLimits | None) -> str:
    """The four limits in words; "" without any."""
    if limits is None:
        return ""
    return (
        f"at most {limits.orders:,} orders of {limits.value:,.0f} in all, in "
        f"{', '.join(limits.instruments)} on {', '.join(limits.venues)}"
    )


def candidate_text(found: Rollout) -> str:
    """What it changes of the version in force."""
    parts = [f"{name.replace('_', ' ')} {value:g}" for name, value in sorted(found.values.items())]
    if found.model_id is not None:
        parts.append(f"model {found.model_id}" if found.model_id else "no model")
    return ", ".join(parts)


def next_step(found: Rollout) -> str:
    """What is still missing before it may go on."""
    if found.stage == Stage.CANARY:
        left = max(LEAST_ORDERS - found.orders, 0)
        return f"full: {left} more orders" if left else "full: may be proposed"
    left = max(LEAST_COMPARED - found.compared, 0)
    return f"canary: {left:,} more decisions beside" if left else "canary: may be proposed"


def rollout_cells(state: State, strategy: str) -> dict[str, Any]:
    """Fields of the strategy's row; {} leaves them at "none"."""
    found = state.rollouts.get(strategy)
    if found is None:
        return {}
    limits = found.limits or CanaryLimits()
    acts = found.stage == Stage.CANARY
    return {
        "stage": str(found.stage),
        "candidate": candidate_text(found),
        "staged_by": f"R-{found.change_id}",
        "staged_at": found.since,
        "compared": found.compared,
        "same": found.same / found.compared if found.compared else None,
        "sends": found.sends,
        "former_sends": found.former_sends,
        "shares": found.shares,
        "former_shares": found.former_shares,
        "canary": limits_text(found.limits) if acts else "",
        "canary_orders": f"{found.orders:,} of {limits.orders:,}" if acts else "",
        "canary_value": f"{found.value:,.0f} of {limits.value:,.0f}" if acts else "",
        "candidate_demoted": found.demoted,
        "next_step": next_step(found),
    }
