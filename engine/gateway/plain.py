"""Pages that need no scripts: log-in, first start, kill. Every value is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from engine.gateway.credentials import PASSWORD_MIN

SCOPES: Final = (
    ("all", "ALL: everything on this desk"),
    ("trader", "trader (id)"),
    ("strategy", "strategy"),
    ("symbol", "symbol"),
    ("venue", "venue: children there; orders work on elsewhere"),
    ("desk", "desk"),
    ("client", "client"),
    ("model", "model version"),
    ("parent", "parent order (P-...)"),
    ("child", "child order (C-...)"),
)
RECEIPT_COLUMNS: Final = (
    "id", "scope", "target", "state", "by", "requested_at", "blocked_ms", "cancel_sent_ms",
    "children", "acked", "filled_in_flight", "unconfirmed", "confirmed_ms",
)  # fmt: skip


def page(
    title: str, body: str, *, scripts: Sequence[str] = (), theme: str = "dark", mark: str = ""
) -> HTMLResponse:
    """A small page in the desk's own look; ``body`` is already safe HTML, ``mark`` is not."""
    words = escape(mark)
    across = (
        f'<footer><div class="watermark" role="note" aria-label="{words}" data-text="{words}">'
        "</div></footer>"
        if mark
        else ""
    )
    sources = "".join(f'<script src="{escape(s)}" defer></script>' for s in scripts)
    return HTMLResponse(
        f'<!DOCTYPE html><html lang="en" data-theme="{escape(theme)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/assets/theme.css"><link rel="stylesheet" '
        f'href="/assets/desk.css">{sources}</head><body class="plain">{body}{across}</body></html>'
    )


def login_page(next_path: str, demo_file: str = "", mark: str = "") -> HTMLResponse:
    """The log-in form; ``assets/login.js`` posts it as JSON."""
    hint = (
        f'<p class="dim">Demo desk: names and passwords are in <code>{escape(demo_file)}</code> '
        "and on the terminal of the first start.</p>"
        if demo_file
        else ""
    )
    body = (
        '<main class="card"><h1>Quarterdeck</h1>'
        f'<form data-post="/login" data-next="{escape(next_path)}">'
        '<label>Login<input name="login" autocomplete="username" required autofocus></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" '
        'required></label><p role="alert" class="refusal" data-message></p>'
        f'<button type="submit" class="primary">Log in</button></form>{hint}'
        "<noscript><p>Logging in needs scripts; killing does not.</p></noscript></main>"
    )
    return page("Log in - Quarterdeck", body, scripts=("/assets/login.js",), mark=mark)


def missing_page(path: str) -> HTMLResponse:
    """There is no such address."""
    answer = page(
        "Not found - Quarterdeck",
        f'<main class="card"><h1>There is no page {escape(path[:80])}</h1>'
        '<p><a href="/">To the desk</a></p></main>',
    )
    answer.status_code = 404
    return answer


def first_admin_page() -> HTMLResponse:
    """The form of the very first start without demo people."""
    body = (
        '<main class="card"><h1>First administrator</h1>'
        '<p class="dim">The one-time token is on the terminal that started the desk.</p>'
        '<form data-post="/first-admin" data-next="/">'
        '<label>Token<input name="token" autocomplete="off" required autofocus></label>'
        '<label>Login<input name="login" autocomplete="username" required></label>'
        '<label>Name<input name="name" autocomplete="name" required></label>'
        f'<label>Password ({PASSWORD_MIN} characters or more)<input name="password" '
        f'type="password" minlength="{PASSWORD_MIN}" autocomplete="new-password" required></label>'
        '<p role="alert" class="refusal" data-message></p>'
        '<button type="submit" class="primary">Create the administrator</button></form></main>'
    )
    return page("First administrator - Quarterdeck", body, scripts=("/assets/login.js",))


def password_page(*, csrf: str, due: bool, keys: str = "") -> HTMLResponse:
    """The form for the own password; ``due``: somebody else knows the one in use.

    keys : the section of the person's keys, safe HTML.
    """
    why = (
        '<p role="status">Somebody else set your password: choose one that only you know. '
        "Until then nothing but the kill page is open.</p>"
        if due
        else ""
    )
    back = "" if due else '<a href="/" class="button">Back to the desk</a>'
    body = (
        f'<main class="card{" wide" if keys else ""}"><h1>Your password</h1>{why}'
        f'<form data-post="/api/v1/password" data-csrf="{escape(csrf)}" data-next="/">'
        '<label>Old password<input name="old" type="password" autocomplete="current-password" '
        "required autofocus></label>"
        f'<label>New password ({PASSWORD_MIN} characters or more)<input name="new" type="password" '
        f'minlength="{PASSWORD_MIN}" autocomplete="new-password" required></label>'
        '<label>New password again<input name="again" type="password" '
        'autocomplete="new-password" required></label>'
        '<p class="dim">Your other log-ins and your keys end.</p>'
        '<p role="alert" class="refusal" data-message></p>'
        f'<p class="row">{back}<button type="submit" class="primary">Change the password</button>'
        f"</p></form>{keys}</main>"
    )
    scripts = ("/assets/login.js", *(("/assets/keys.js",) if keys else ()))
    return page("Your password - Quarterdeck", body, scripts=scripts)


def kill_page(  # noqa: PLR0913 (each is one part of the page)
    *,
    csrf: str,
    scopes: Iterable[tuple[str, str]],
    target: str,
    rows: Iterable[Mapping[str, object]],
    written: Iterable[str],
    message: str = "",
    mark: str = "",
) -> HTMLResponse:
    """Kill without scripts: scope, target, one button, and the receipts."""
    options = "".join(f'<option value="{v}">{escape(text)}</option>' for v, text in scopes)
    notes = "".join(f"<li>{escape(line)}</li>" for line in written)
    said = f'<p role="status" class="receipt">{escape(message)}</p>' if message else ""
    body = (
        '<main class="card wide"><h1>Kill</h1>'
        "<p>Writes the kill flag directly: it works while the engine link, the stream or the "
        "database is down. Killed orders do not come back; a release needs two people.</p>"
        f'{said}<form method="post" action="/api/v1/kill">'
        f'<input type="hidden" name="csrf" value="{escape(csrf)}">'
        f'<label>Scope<select name="scope">{options}</select></label>'
        '<label>Target (empty for ALL)<input name="target" autocomplete="off" '
        f'value="{escape(target)}"></label>'
        '<label>Reason (can be given later)<input name="reason" autocomplete="off"></label>'
        '<p class="row"><a href="/" class="button">Back to the desk, kill nothing</a>'
        '<button type="submit" class="kill">KILL this scope now</button></p></form>'
        f"<h2>Receipts</h2>{receipts(rows)}<h2>Written by this web process</h2><ul>{notes}</ul>"
        "</main>"
    )
    return page("Kill - Quarterdeck", body, mark=mark)


def receipts(rows: Iterable[Mapping[str, object]]) -> str:
    """The receipts as a table; a dash where the engine has not said yet."""
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in RECEIPT_COLUMNS)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row, name))}</td>" for name in RECEIPT_COLUMNS)
        + "</tr>"
        for row in rows
    )  # fmt: skip
    empty = f'<tr><td colspan="{len(RECEIPT_COLUMNS)}">no kill has been reported</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines or empty}</tbody></table>"


def _cell(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    return "-" if value is None else str(value)
