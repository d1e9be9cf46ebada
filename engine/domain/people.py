"""Who may do what: one table for navigation, callbacks, REST, the command line and the engine.

The engine is the place that decides; everywhere else the table is courtesy. Default deny: a verb
that is not in the table is allowed to nobody.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from engine.domain.units import PersonId


class Role(StrEnum):
    """What a person is on the desk. One person may hold several roles."""

    TRADER = "trader"
    SUPERVISOR = "supervisor"
    RISK = "risk"
    QUANT = "quant"
    VALIDATOR = "validator"
    REVIEWER = "reviewer"
    COMPLIANCE = "compliance"
    ADMIN = "admin"
    SYSTEM = "system"  # the worker and the command line of the desk itself; never a login


class Reach(IntEnum):
    """How far a right goes. A higher reach includes the lower ones."""

    NONE = 0
    OWN = 1  # objects this person entered
    DESK = 2  # objects of this person's desk
    ALL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person as the journal knows one: an id, never a name."""

    id: PersonId
    roles: tuple[Role, ...]
    desk: str
    active: bool = True
    max_notional: float = (
        0.0  # personal size limit of one parent [currency]; above it: a second person
    )


EVERYONE: Final = dict.fromkeys(Role, Reach.ALL)
WATCHERS: Final = {**EVERYONE, Role.TRADER: Reach.DESK}
# those whose opinion about a request or a decision is kept
READERS: Final[dict[Role, Reach]] = {
    role: reach for role, reach in WATCHERS.items() if role not in (Role.ADMIN, Role.SYSTEM)
}

PERMISSIONS: Final[dict[str, dict[Role, Reach]]] = {
    # looking
    "view.desk": WATCHERS,
    "view.exceptions": WATCHERS,
    "view.playbook": WATCHERS,
    "view.approvals": WATCHERS,
    "view.strategies": WATCHERS,
    "view.models": WATCHERS,
    "view.system": WATCHERS,
    "view.tca": WATCHERS,
    "view.audit": {
        Role.COMPLIANCE: Reach.ALL,
        Role.SUPERVISOR: Reach.ALL,
        Role.RISK: Reach.ALL,
        Role.REVIEWER: Reach.ALL,
        Role.ADMIN: Reach.ALL,
        Role.SYSTEM: Reach.ALL,
    },
    # orders
    "order.submit": {Role.TRADER: Reach.OWN},
    "order.amend": {Role.TRADER: Reach.OWN, Role.SUPERVISOR: Reach.DESK},
    "order.approve": {Role.SUPERVISOR: Reach.DESK},
    "order.hold": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
        Role.SYSTEM: Reach.ALL,
    },
    "order.resume": {Role.TRADER: Reach.OWN, Role.SUPERVISOR: Reach.DESK},
    "hold.release": {Role.TRADER: Reach.OWN, Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    "order.kill": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
        Role.SYSTEM: Reach.ALL,
    },
    "kill.release": {Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    # parameters and models
    "parameter.move": {Role.TRADER: Reach.OWN},
    "change.propose": {
        Role.TRADER: Reach.DESK,
        Role.SUPERVISOR: Reach.DESK,
        Role.QUANT: Reach.ALL,
        Role.SYSTEM: Reach.ALL,
    },
    "change.decide": {Role.SUPERVISOR: Reach.DESK},
    "change.comment": READERS,
    "decision.comment": {**READERS, Role.TRADER: Reach.OWN, Role.SUPERVISOR: Reach.DESK},
    # limits
    "view.limits": WATCHERS,
    "limit.propose": {Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    "limit.decide": {Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    "override.confirm": {Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    "strategy.enable": {Role.RISK: Reach.ALL},
    # the day
    "market.speed": {Role.TRADER: Reach.ALL, Role.SUPERVISOR: Reach.ALL, Role.ADMIN: Reach.ALL},
    "drill.incident": {
        Role.SUPERVISOR: Reach.ALL,
        Role.RISK: Reach.ALL,
        Role.ADMIN: Reach.ALL,
    },
    "alert.acknowledge": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
    },
    "alert.assign": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
    },
    "alert.note": WATCHERS,
    "alert.resolve": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
    },
    "playbook.tick": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.DESK,
        Role.RISK: Reach.ALL,
    },
    "playbook.edit": {
        Role.SUPERVISOR: Reach.ALL,
        Role.RISK: Reach.ALL,
        Role.QUANT: Reach.ALL,
        Role.COMPLIANCE: Reach.ALL,
    },
    "mode.set": {Role.SUPERVISOR: Reach.ALL, Role.RISK: Reach.ALL},
    "reconciliation.accept": {Role.SUPERVISOR: Reach.DESK, Role.RISK: Reach.ALL},
    "tca.note": {Role.REVIEWER: Reach.ALL, Role.TRADER: Reach.OWN, Role.SUPERVISOR: Reach.DESK},
    "tca.sign": {Role.REVIEWER: Reach.ALL},
    # simulation: asking for a comparison, and ending one
    "comparison.ask": {
        Role.TRADER: Reach.OWN,
        Role.SUPERVISOR: Reach.ALL,
        Role.RISK: Reach.ALL,
        Role.QUANT: Reach.ALL,
        Role.VALIDATOR: Reach.ALL,
        Role.REVIEWER: Reach.ALL,
    },
    # the desk itself
    "people.manage": {Role.ADMIN: Reach.ALL, Role.SYSTEM: Reach.ALL},
    "desk.configure": {Role.SYSTEM: Reach.ALL},
    "evidence.attach": {Role.SYSTEM: Reach.ALL},
    "tca.report": {Role.SYSTEM: Reach.ALL},
}

# --- keys for programs: what a key may at most; the roles of its owner cut it further -------------
READING: Final = frozenset(name for name in PERMISSIONS if name.startswith("view."))
KEY_SCOPES: Final[dict[str, frozenset[str]]] = {
    "read": READING,
    "stop": READING | {"order.hold", "order.kill"},
    "trade": READING
    | {
        "order.submit", "order.amend", "order.hold", "order.resume", "order.kill",
        "parameter.move",
    },
}  # fmt: skip
# what the owner's roles must give, or the scope would be a promise that is not kept
KEY_NEEDS: Final = {"read": "view.desk", "stop": "order.kill", "trade": "order.submit"}


def reach(roles: tuple[Role, ...], permission: str) -> Reach:
    """How far these roles go for this permission; ``Reach.NONE`` when the table has no entry."""
    row = PERMISSIONS.get(permission, {})
    return max((row.get(role, Reach.NONE) for role in roles), default=Reach.NONE)


def may(roles: tuple[Role, ...], permission: str) -> bool:
    """Whether these roles have the permission for at least their own objects."""
    return reach(roles, permission) > Reach.NONE


def covers(person: Person, permission: str, *, owner: PersonId, desk: str) -> bool:
    """Whether the person may act on an object of this owner and desk."""
    how_far = reach(person.roles, permission)
    if how_far == Reach.ALL:
        return True
    if how_far == Reach.DESK:
        return desk == person.desk or owner == person.id
    return how_far == Reach.OWN and owner == person.id
