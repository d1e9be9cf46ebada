"""The people of simulated past days: ids and roles of the demo desk, no names."""

from typing import Final

from engine.domain.people import Person, Role
from engine.domain.units import PersonId

DESK: Final = "main"
SYSTEM: Final = PersonId("system")
TRADERS: Final = (PersonId("u1"), PersonId("u2"))
SUPERVISORS: Final = (PersonId("u3"), PersonId("u4"))
RISK: Final = PersonId("u5")
REVIEWER: Final = PersonId("u8")

PEOPLE: Final[tuple[Person, ...]] = tuple(
    Person(id=PersonId(f"u{number}"), roles=(role,), desk=DESK, max_notional=limit)
    for number, (role, limit) in enumerate(
        (
            (Role.TRADER, 30e6),
            (Role.TRADER, 10e6),
            (Role.SUPERVISOR, 0.0),
            (Role.SUPERVISOR, 0.0),
            (Role.RISK, 0.0),
            (Role.QUANT, 0.0),
            (Role.VALIDATOR, 0.0),
            (Role.REVIEWER, 0.0),
            (Role.COMPLIANCE, 0.0),
            (Role.ADMIN, 0.0),
        ),
        start=1,
    )
)
