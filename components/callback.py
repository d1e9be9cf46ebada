"""The one way to register a callback or a page: permission first, work in a thread.

Pages stay plain, testable functions. What is registered with Dash is a coroutine that runs them in
a pool of eight threads: a plain function registered directly would stop the event loop, and with
it the stream, the kill route and everybody else's page. ``viewer()`` and ``dash.ctx`` carry over.
"""

import asyncio
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar, get_type_hints

import msgspec
from dash.dependencies import DashDependency, Input, Output, State
from starlette.exceptions import HTTPException

from engine.domain.errors import BrokenInvariant, Refused
from engine.gateway.grants import Check, check_rule

P = ParamSpec("P")
R = TypeVar("R")

THREADS: Final = 8
TEXT_MAX: Final = 20_000  # characters of one value of a callback
POOL: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
VARIABLE: Final = re.compile(r"<(\w+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A callback as a page declared it; ``site.mount`` gives it to Dash."""

    dependencies: tuple[DashDependency, ...]
    function: Callable[..., Any]
    permission: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One screen: where it lives, who may see it, where the navigation shows it."""

    path: str  # "/orders/<parent_id>"
    title: str
    permission: str
    layout: Callable[..., Any]
    nav: str = ""  # word in the navigation, "" = not there
    group: str = ""
    order: int = 100
    key: str = ""  # key after ``g``
    under: str = ""  # path of the page of the navigation that it belongs to, "" = none

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of this page; variables stay inside one segment."""
        return re.compile(VARIABLE.sub(r"(?P<\1>[^/]{1,80})", self.path))


CALLBACKS: Final[list[Registration]] = []
PAGES: Final[list[Page]] = []


def callback(
    *dependencies: DashDependency, permission: str, **options: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a callback for those with the permission; gives the plain function back."""
    check_rule(permission)
    if options.get("websocket"):
        raise BrokenInvariant("websocket callbacks queue commands and drop deltas: not used")

    def register(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            raise BrokenInvariant(f"{function.__name__} must be a plain function")
        CALLBACKS.append(
            Registration(
                dependencies=dependencies,
                function=function,
                permission=permission,
                options=options,
            )
        )
        return function

    return register


def page(
    path: str, *, title: str, permission: str, **more: Any
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a layout under a path. ``more``: nav, group, order, key, under.

    The layout is called with the variables of the path and those fields of the query string that
    it has parameters for, all of them text.
    """
    check_rule(permission)

    def register(layout: Callable[P, R]) -> Callable[P, R]:
        if any(known.path == path for known in PAGES):
            raise BrokenInvariant(f"two pages have the path {path}")
        PAGES.append(Page(path=path, title=title, permission=permission, layout=layout, **more))
        PAGES.sort(key=lambda known: (known.order, known.path))
        return layout

    return register


def find_page(path: str, pages: Iterable[Page] | None = None) -> tuple[Page, dict[str, str]] | None:
    """The page of a path and the values of its variables."""
    for known in PAGES if pages is None else pages:
        found = known.pattern.fullmatch(path)
        if found is not None:
            return known, found.groupdict()
    return None


async def in_thread(function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Run a plain function in the pool with this context (viewer, dash.ctx)."""
    work = functools.partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(POOL, work)


def as_coroutine(function: Callable[..., R]) -> Callable[..., Any]:
    """The coroutine function that Dash gets instead of the plain one."""

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> R:
        try:
            return await in_thread(function, *args, **kwargs)
        except Refused as refused:
            raise HTTPException(422, str(refused)) from refused

    return run


def checker(dependencies: Sequence[DashDependency], function: Callable[..., Any]) -> Check:
    """What a callback's body must be: Dash itself counts the values and looks at nothing else.

    The ids and properties are those that were declared, in order; every value fits the annotation
    of its parameter; no text is longer than TEXT_MAX.
    """
    outputs = [_place(d) for d in dependencies if isinstance(d, Output)]
    wanted = {
        "inputs": [_place(d) for d in dependencies if isinstance(d, Input)],
        "state": [_place(d) for d in dependencies if isinstance(d, State)],
    }
    hints = get_type_hints(function)
    types = [hints[name] for name in inspect.signature(function).parameters]

    def wrong(document: Mapping[str, Any]) -> str:
        given = document.get("outputs")
        if _places(given if isinstance(given, list) else [given]) != outputs:
            return "outputs must be those of the callback"
        values: list[Any] = []
        for part, places in wanted.items():
            rows = document.get(part) or []
            if not isinstance(rows, list) or _places(rows) != places:
                return f"{part} must be those of the callback"
            values += [row.get("value") for row in rows]
        changed = document.get("changedPropIds") or []
        known = {".".join(place) for places in wanted.values() for place in places}
        if not isinstance(changed, list) or not all(one in known for one in changed):
            return "changedPropIds must name inputs of the callback"
        return _misfit(values, types)

    return wrong


def _place(dependency: DashDependency) -> tuple[str, str]:
    """Id and property; ids that are patterns could not be compared."""
    name: Any = dependency.component_id
    if not isinstance(name, str):
        raise BrokenInvariant(f"the id of a callback must be text, was {name!r}")
    return name, dependency.component_property


def _places(rows: list[Any]) -> list[tuple[Any, Any]]:
    return [
        (row.get("id"), row.get("property")) if isinstance(row, dict) else (None, None)
        for row in rows
    ]


def _misfit(values: Sequence[Any], types: Sequence[Any]) -> str:
    """Which value does not fit its type, "" when all do."""
    for number, (value, kind) in enumerate(zip(values, types, strict=True), start=1):
        if isinstance(value, str) and len(value) > TEXT_MAX:
            return f"value {number} has more than {TEXT_MAX} characters"
        try:
            msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError as error:
            return f"value {number}: {error}"
    return ""
