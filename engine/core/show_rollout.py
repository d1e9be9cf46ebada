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
    same = f"{100 * found.same / found.compared:.1f} % the same" if found.compared else "-"
    return {
        "stage": str(found.stage),
        "candidate": f"{candidate_text(found)}, by R-{found.change_id}",
        "compared": found.compared,
        "same": found.same / found.compared if found.compared else None,
        "beside": f"{found.compared:,} decisions, {same}; {found.sends:,} orders of "
        f"{found.shares:,} shares, in force {found.former_sends:,} of {found.former_shares:,}",
        "canary": limits_text(found.limits) if acts else "",
        "used": f"{found.orders:,} of {limits.orders:,} orders, {found.value:,.0f} of "
        f"{limits.value:,.0f} in value"
        if acts
        else "",
        "candidate_demoted": found.demoted,
        "next_step": next_step(found),
    }
