"""The one way to register a callback or a page: permission first, work in a thread.

Pages stay plain, testable functions. What is registered with Dash is a coroutine that runs them in
a pool of eight threads: a plain function registered directly would stop the event loop, and with
it the stream, the kill route and everybody else's page. ``viewer()`` and ``dash.ctx`` carry over.
"""

import asyncio
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

from dash.dependencies import DashDependency

from engine.domain.errors import BrokenInvariant
from engine.gateway.grants import check_rule

P = ParamSpec("P")
R = TypeVar("R")

THREADS: Final = 8
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
    """Register a layout under a path. ``more``: nav, group, order, key.

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
        return await in_thread(function, *args, **kwargs)

    return run
