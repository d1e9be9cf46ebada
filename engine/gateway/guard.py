"""The guard: every request passes here first, and nothing passes by default.

Order of questions: known host, size, method from our own page, login, rule of the door, for Dash
callbacks the rule of the OUTPUT. Websockets are closed. Pure ASGI, so streams are left alone.
"""

import asyncio
import hmac
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, quote

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.gateway import keys, plain
from engine.gateway.grants import LOGIN, PUBLIC, SAFE_METHODS, Grants
from engine.gateway.ports import Clock
from engine.gateway.problems import problem
from engine.gateway.sessions import Directory
from engine.gateway.viewer import Viewer, looking

COOKIE: Final = "qd_session"
CSRF_HEADER: Final = "x-qd-csrf"
CSRF_FIELD: Final = "csrf"
BODY_LIMIT: Final = 1_000_000  # [byte]
PUBLIC_LIMIT: Final = 8_000  # of a body at a door without a login [byte]
BODY_S: Final = 10.0  # a body that takes longer is given up
# two of one of these are two readings of one request: refused
SINGLE: Final = frozenset(
    {"host", "origin", "content-type", "content-length", "transfer-encoding", "x-qd-csrf",
     "sec-fetch-site", "authorization"}
)  # fmt: skip
KILL_PATH: Final = "/api/v1/kill"
ACCOUNT_PAGE: Final = "/password"
# what stays open to a person whose new password is due: that, stopping things, and leaving
WHILE_DUE: Final = frozenset(
    {ACCOUNT_PAGE, "/api/v1/password", "/api/v1/logout", "/kill", KILL_PATH}
)
CALLBACK_PATH: Final = "/_dash-update-component"
FORM: Final = "application/x-www-form-urlencoded"

HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def csp(script_hashes: Iterable[str] = ()) -> str:
    """The content security policy; styles need 'unsafe-inline' or the grid loses its own."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


@dataclass(slots=True, kw_only=True)
class Policy:
    """What the guard decides by; filled while the server is put together."""

    directory: Directory
    grants: Grants
    clock: Clock
    keys: keys.Keys
    origins: frozenset[str]  # scheme://host:port from which our own pages come
    script_hashes: list[str] = field(default_factory=list)

    @property
    def hosts(self) -> frozenset[str]:
        """Host headers that are ours: an unknown one is a rebinding attack or a wrong setting."""
        return frozenset(origin.split("://", 1)[1] for origin in self.origins)


class _TooLarge(Exception):
    """The body is beyond the limit."""


async def _read_body(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _body_of(receive: Receive, limit: int) -> bytes | Response:
    """The body, or why it is not taken."""
    try:
        async with asyncio.timeout(BODY_S):
            return await _read_body(receive, limit)
    except _TooLarge:
        return problem(413, f"a request must be at most {limit} bytes")
    except TimeoutError:
        return problem(408, f"a request must be here within {BODY_S:g} s")


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def session_cookies(headers: Headers) -> set[str]:
    """Every session id that a request carries."""
    found = set()
    for part in ";".join(headers.getlist("cookie")).split(";"):
        try:
            jar: SimpleCookie = SimpleCookie(part)
        except CookieError:
            continue
        if COOKIE in jar:
            found.add(jar[COOKIE].value)
    return found


def session_cookie(headers: Headers) -> str:
    """The session id a browser sent; "" when none, or more than one: one is planted."""
    found = session_cookies(headers)
    return found.pop() if len(found) == 1 else ""


class Guard:
    """The outermost ASGI layer."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not used"})
        else:
            await self._http(scope, receive, self._with_headers(scope["path"], send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        method: str = scope["method"]
        path: str = scope["path"]
        who = self._who(scope, headers)
        someone = who if isinstance(who, Viewer) else None
        refusal = self._foreign(method, headers)
        if refusal is None and isinstance(who, Response):
            refusal = who
        refusal = refusal or self._closed(method, path, headers, someone)
        if refusal is None and method not in SAFE_METHODS:
            limit = PUBLIC_LIMIT if someone is None else BODY_LIMIT
            body: bytes | Response = await _body_of(receive, limit)
            if isinstance(body, Response):
                refusal = body
            else:
                receive = _replay(body, receive)
                refusal = self._bad_content(path, headers, body, someone)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif someone is None:
            await self.app(scope, receive, send)
        else:
            with looking(someone, path):
                await self.app(scope, receive, send)

    def _who(self, scope: Scope, headers: Headers) -> Viewer | Response | None:
        """Whoever asks: by a key or by a login, never by both."""
        now = self.policy.clock.wall_ns()
        if keys.in_address(scope["path"], scope["query_string"]):
            return problem(400, "a key belongs in the header Authorization, never in an address: "
                           "revoke this one")  # fmt: skip
        if "authorization" not in headers:
            return self.policy.directory.viewer(session_cookie(headers), now)
        if session_cookies(headers):
            return problem(400, "a request comes with a key or with a login, not with both")
        client = scope.get("client")
        address = "key:" + (client[0] if client else "unknown")
        return self.policy.keys.caller(headers, scope["path"], address, now)

    def _foreign(self, method: str, headers: Headers) -> Response | None:
        """Refuse what does not come from our own pages, or can be read in two ways."""
        names = [name for name in headers.keys() if name in SINGLE]  # noqa: SIM118 (repeats)
        if len(set(names)) != len(names):
            return problem(400, "a header is given twice")
        if headers.get("transfer-encoding") is not None and "content-length" in headers:
            return problem(400, "a body has a length or comes in chunks, not both")
        if headers.get("host", "") not in self.policy.hosts:
            return problem(400, "this host name is not in the settings of the desk")
        if int_or_zero(headers.get("content-length")) > BODY_LIMIT:
            return problem(413, f"a request must be at most {BODY_LIMIT} bytes")
        site = headers.get("sec-fetch-site")
        if method in SAFE_METHODS:
            crossing = site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
            return problem(403, "reads must come from the desk's own pages") if crossing else None
        # a program has no page; a foreign page cannot send this header without asking first
        by_key = "authorization" in headers and "origin" not in headers
        if not by_key and headers.get("origin", "") not in self.policy.origins:
            return problem(403, "Origin must be the desk's own address")
        if site not in (None, "same-origin"):
            return problem(403, "Sec-Fetch-Site must be same-origin")
        return None

    def _closed(
        self, method: str, path: str, headers: Headers, someone: Viewer | None
    ) -> Response | None:
        """Refuse a door that is closed for this person."""
        rule = self.policy.grants.rule_of(method, path)
        if someone is not None and someone.key:
            return _closed_to_key(method, path, rule, someone)
        if rule == PUBLIC:
            return None
        if someone is None:
            return _log_in(method, path, headers)
        if rule is None and _wants_page(method, path, headers):
            return plain.missing_page(path)
        if rule is None:
            return problem(403, f"{method} {path} is open to nobody")
        if someone.must_change and path not in WHILE_DUE:
            return _password_due(method, path, headers)
        if rule != LOGIN and not someone.may(rule):
            return problem(403, f"this needs the permission {rule}", permission=rule)
        return None

    def _bad_content(
        self, path: str, headers: Headers, body: bytes, someone: Viewer | None
    ) -> Response | None:
        """Refuse a change without JSON, without its token, or to a closed output."""
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if someone is not None and someone.key:  # it has no cookie that a foreign page could use
            json = kind == "application/json"
            return None if json else problem(415, "Content-Type must be application/json")
        if path == KILL_PATH and kind == FORM:
            token = parse_qs(body.decode("utf-8", "replace")).get(CSRF_FIELD, [""])[0]
            return _csrf(token, someone)
        if kind != "application/json":
            return problem(415, "Content-Type must be application/json")
        if path.startswith("/api/v1/"):
            return _csrf(headers.get(CSRF_HEADER, ""), someone)
        if path == CALLBACK_PATH:
            return self._output(body, someone)
        return None

    def _output(self, body: bytes, someone: Viewer | None) -> Response | None:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return problem(400, "the body must be JSON")
        output = document.get("output") if isinstance(document, dict) else None
        rule = self.policy.grants.outputs.get(output) if isinstance(output, str) else None
        if rule is None:
            return problem(403, "this output is open to nobody")
        if rule not in (LOGIN, PUBLIC) and (someone is None or not someone.may(rule)):
            return problem(403, f"this needs the permission {rule}", permission=rule)
        wrong = self.policy.grants.checks[str(output)](document)
        return problem(400, wrong) if wrong else None

    def _with_headers(self, path: str, send: Send) -> Send:
        policy = csp(self.policy.script_hashes)
        keep = "no-cache" if path.startswith("/assets/") else "no-store"

        async def wrapped(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = policy
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["cache-control"] = keep
            await send(message)

        return wrapped


def int_or_zero(text: str | None) -> int:
    """A header's number; 0 when it is missing or no number (the body is counted anyway)."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _csrf(token: str, someone: Viewer | None) -> Response | None:
    if someone is not None and hmac.compare_digest(token.encode(), someone.csrf.encode()):
        return None
    return problem(403, "the token of this login is missing or old: load the page again")


def _wants_page(method: str, path: str, headers: Headers) -> bool:
    """Whether a person opened an address, rather than a script of ours."""
    return (
        method in SAFE_METHODS
        and "text/html" in headers.get("accept", "")
        and not path.startswith(("/_dash", "/api/", "/live"))
    )


def _password_due(method: str, path: str, headers: Headers) -> Response:
    """To the password page; nothing else while somebody else knows the password."""
    if _wants_page(method, path, headers):
        return RedirectResponse(ACCOUNT_PAGE, status_code=303)
    return problem(403, "choose a password of your own first", kind="password")


def _closed_to_key(method: str, path: str, rule: str | None, someone: Viewer) -> Response | None:
    """Refuse a door that a key does not open, or whose owner owes a new password."""
    why = keys.opens(method, path, rule, someone)
    if not why and someone.must_change and path not in WHILE_DUE:
        why = "the owner of this key must choose a new password first"
    return problem(403, why, kind="key") if why else None


def _log_in(method: str, path: str, headers: Headers) -> Response:
    """To the login page for a person who opens a page, 401 for everything else."""
    if _wants_page(method, path, headers):
        return RedirectResponse(f"/login?next={quote(path)}", status_code=303)
    return problem(401, "log in first")
