"""What each door asks for. Default deny: a door that is not in a table opens for nobody.

A rule is a permission of engine/domain/people.py, or one of the two words below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.domain.errors import BrokenInvariant
from engine.domain.people import PERMISSIONS

PUBLIC: Final = "public"  # no login
LOGIN: Final = "login"  # any login, whatever the roles

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


# what is wrong with the body of a callback, "" when nothing is
Check = Callable[[Mapping[str, Any]], str]


def unchecked(_document: Mapping[str, Any]) -> str:
    """The check of a callback that has none: nothing passes."""
    return "the values of this callback are checked by nobody"


def check_rule(rule: str) -> str:
    """Give the rule back, or fail at start-up when the permission table does not know it."""
    if rule in (PUBLIC, LOGIN) or rule in PERMISSIONS:
        return rule
    raise BrokenInvariant(f"the permission table has no entry for {rule!r}")


@dataclass(slots=True)
class Grants:
    """Routes by method and path (a path ending in ``/*`` is a prefix), callbacks by output id."""

    routes: dict[tuple[str, str], str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)

    def route(self, method: str, path: str, rule: str) -> None:
        """Open a route for those the rule names."""
        self.routes[method, path] = check_rule(rule)

    def output(self, output: str, rule: str, check: Check = unchecked) -> None:
        """Open a Dash callback for those the rule names, with what it checks of its values."""
        self.outputs[output] = check_rule(rule)
        self.checks[output] = check

    def rule_of(self, method: str, path: str) -> str | None:
        """The rule of a request; the longest prefix wins; None = closed."""
        method = "GET" if method == "HEAD" else method
        exact = self.routes.get((method, path))
        if exact is not None:
            return exact
        prefix = path
        while "/" in prefix:
            prefix = prefix.rsplit("/", 1)[0]
            found = self.routes.get((method, prefix + "/*"))
            if found is not None:
                return found
        return None
