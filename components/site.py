"""The pages mounted on the web process: one Dash app, one router, one frame."""

import importlib
import inspect
import itertools
import pkgutil
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

import dash
from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component
from dash.exceptions import DependencyException
from starlette.requests import Request
from starlette.responses import Response

from components import callback as registry
from components import context, ids, shell
from components.callback import PAGES, as_coroutine, find_page, in_thread
from components.theme import ASSETS
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.people import PERMISSIONS, Reach
from engine.gateway.grants import LOGIN, PUBLIC, Grants, unchecked
from engine.gateway.problems import problem
from engine.gateway.server import Web
from engine.gateway.viewer import here, looking, viewer

SAFE_DASH: Final = (4, 4, 1)
DEV_TOOLS: Final = ("ui", "props_check", "serve_dev_bundles", "hot_reload")
ROUTER: Final = f"{ids.PAGE}.children"
ERRORS: Final = itertools.count(1)


class DeskDash(Dash):
    """Dash with our frame as its index page."""

    web: Web

    def _config(self) -> dict[str, Any]:
        """Dash's settings for the browser, without its websocket: it opens one unasked."""
        settings: dict[str, Any] = super()._config()  # type: ignore[no-untyped-call]
        settings.pop("websocket", None)
        return settings

    def interpolate_index(self, *_: Any, **parts: Any) -> str:
        """The document: our frame, Dash's scripts."""
        names = {p.person_id: p.login for p in self.web.directory.persons.values()}
        strings = {name: str(part) for name, part in parts.items()}
        return shell.document(self.web.parts.look, viewer(), PAGES, here(), names, strings)


class Site:
    """What the server needs of the mounted pages."""

    def __init__(self, app: DeskDash) -> None:
        self.app = app

    def before_request_functions(self) -> list[Callable[[], Any]]:
        """Dash's private list; its absence stops the start (a Dash update moved it)."""
        backend: Any = self.app.backend
        functions: list[Callable[[], Any]] = backend._before_request_funcs
        return functions

    def script_hashes(self) -> list[str]:
        """Hashes of Dash's inline scripts; every callback is known by now and is checked."""
        check_callbacks(self.app, self.app.web.grants)
        return list(self.app.csp_hashes())


def check_dash(version: str) -> None:
    """Stop the start on a Dash that lets anybody end a process by a request."""
    if tuple(int(part) for part in version.split(".")[:3]) < SAFE_DASH:
        raise BrokenInvariant(f"dash must be at least 4.4.1, was {version}")


def load_pages() -> None:
    """Import every module of pages/: each registers itself."""
    import pages

    for module in sorted(pkgutil.iter_modules(pages.__path__), key=lambda found: found.name):
        importlib.import_module(f"pages.{module.name}")


def mount(web: Web) -> Site:
    """Build the Dash app on the web's server and give each of its doors a rule."""
    server: Any = web.server  # Dash's annotation knows Flask only
    check_dash(dash.__version__)

    @web.server.exception_handler(DependencyException)
    async def no_such_file(_request: Request, _error: Exception) -> Response:
        return problem(404, "there is no such file")

    app = DeskDash(
        "quarterdeck",
        server=server,
        assets_folder=str(ASSETS),
        assets_ignore=r"^login\.js$|^fonts/.*",
        suppress_callback_exceptions=True,
        update_title="",
        title="Quarterdeck",
        use_pages=False,
        include_pages_meta=False,
    )
    app.web = web
    debugs = web.server.debug or any(app._dev_tools[name] for name in DEV_TOOLS)
    if debugs or app._enable_mcp or app.backend.server_type != "fastapi":
        raise BrokenInvariant("Dash must run on FastAPI, without MCP and without debug tools")
    context.mount_queries(web.parts.queries)
    clock = web.parts.clock
    context.mount_desk(web.parts.look, web.grants, web.parts.settings, web.directory, clock.wall_ns)
    app.layout = html.Div(
        [dcc.Location(id=ids.LOCATION, refresh=False), html.Main(shell.skeleton(), id=ids.PAGE)],
        id="desk-root",
    )
    load_pages()
    _routes(web)
    _callbacks(app, web)
    return Site(app)


def _routes(web: Web) -> None:
    grants = web.grants
    grants.route("GET", "/_dash-layout", LOGIN)
    grants.route("GET", "/_dash-dependencies", LOGIN)
    grants.route("GET", "/_dash-component-suites/*", LOGIN)
    grants.route("POST", "/_dash-update-component", LOGIN)
    grants.route("GET", "/assets/*", PUBLIC)
    grants.route("GET", "/_favicon.ico", PUBLIC)
    grants.route("GET", "/", LOGIN)
    for page in PAGES:
        # the document holds no data: the router asks for the page's permission
        head, _, variable = page.path.partition("<")
        grants.route("GET", f"{head.rstrip('/')}/*" if variable else page.path, LOGIN)


def _callbacks(app: DeskDash, web: Web) -> None:
    for known in registry.CALLBACKS:
        before = set(app.callback_map)
        app.callback(*known.dependencies, **known.options)(as_coroutine(known.function))
        (output,) = set(app.callback_map) - before
        check = registry.checker(known.dependencies, known.function)
        web.grants.output(output, known.permission, check)
    where = (
        Output(ids.PAGE, "children"), Input(ids.LOCATION, "pathname"),
        Input(ids.LOCATION, "search"),
    )  # fmt: skip
    app.callback(*where)(draw)
    web.grants.output(ROUTER, LOGIN, registry.checker(where, draw))


def check_callbacks(app: Dash, grants: Grants) -> None:
    """Stop the start when a callback has no permission or would block everybody."""
    for output, entry in app.callback_map.items():
        if output not in grants.outputs:
            raise BrokenInvariant(f"the callback of {output} has no permission")
        if not inspect.iscoroutinefunction(entry.get("callback")):
            raise BrokenInvariant(f"the callback of {output} would stop the event loop")
        if grants.checks[output] is unchecked:
            raise BrokenInvariant(f"nobody checks the values of the callback of {output}")


async def draw(path: str | None, search: str | None) -> Component:
    """The page of a path in one of its states: drawn, refused, not allowed, failed."""
    found = find_page(path or "/")
    if found is None:
        return shell.empty(f"there is no page {path}", html.A("To the blotter", href="/"))
    page, variables = found
    if not viewer().may(page.permission):
        row = PERMISSIONS.get(page.permission, {})
        return shell.not_allowed(
            page.permission, [role for role, reach in row.items() if reach > Reach.NONE]
        )
    arguments = {**query_fields(search or "", page.layout), **variables}
    with looking(viewer(), path or "/"):
        return await _guarded(page.title, page.layout, arguments)


async def _guarded(title: str, layout: Callable[..., Any], arguments: dict[str, str]) -> Component:
    """Draw a page; the outermost loop of a page, so nothing escapes it unseen."""
    try:
        drawn: Component = await in_thread(layout, **arguments)
    except Refused as refused:
        return shell.refused(str(refused))
    except Exception:  # noqa: BLE001 (outermost: the log has the trace, the person its number)
        number = f"E-{next(ERRORS)}"
        sys.stderr.write(f"{number} page {title}\n{traceback.format_exc()}")
        sys.stderr.flush()
        return shell.failed(f"{title} could not be drawn.", number)
    return drawn


def query_fields(search: str, layout: Callable[..., Any]) -> dict[str, str]:
    """Those fields of the query string that the layout has parameters for."""
    wanted = inspect.signature(layout).parameters
    given = parse_qs(search.removeprefix("?"))
    return {name: values[0][:400] for name, values in given.items() if name in wanted}
