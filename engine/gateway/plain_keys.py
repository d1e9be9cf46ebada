"""The keys of a person on the password page: the list, and the form of a new one, in plain HTML."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Final

from db.keys import KeyRow
from engine.domain.people import KEY_NEEDS, KEY_SCOPES
from engine.gateway.keys import DAYS, DAYS_MAX, state_of
from engine.gateway.viewer import Viewer

WORDS: Final = {
    "read": "read: look, change nothing",
    "stop": "stop: look, hold and kill",
    "trade": "trade: look, enter, amend, hold, resume and kill orders",
}
SHOWN: Final = 20  # keys that have ended are shown up to this many rows in all


def section(rows: Iterable[KeyRow], someone: Viewer, now: int) -> str:
    """All of it; ``assets/keys.js`` posts."""
    lines = sorted(rows, key=lambda row: state_of(row, now) != "active")[:SHOWN]
    body = "".join(_line(row, now) for row in lines)
    empty = '<tr><td colspan="8">you have no key</td></tr>'
    head = "".join(
        f"<th>{name}</th>"
        for name in ("Key", "Name", "May", "State", "Made", "Ends", "Last used", "Act")
    )
    options = "".join(
        f'<option value="{scope}">{escape(WORDS[scope])}</option>'
        for scope in KEY_SCOPES
        if someone.may(KEY_NEEDS[scope])
    )
    return (
        f'<section id="api-keys" data-csrf="{escape(someone.csrf)}"><h2>Keys for programs</h2>'
        "<p>A program sends <code>Authorization: Bearer qdk_...</code> to <code>/api/v1</code>. "
        "A key may never more than you may now, decides nothing, approves nothing, and ends with "
        "a new password or changed roles. What it does stands in the journal as yours, with its "
        "prefix.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body or empty}</tbody></table>"
        '<p role="alert" class="refusal" data-revoke-message></p>'
        '<form data-make-key><label>Name of the key<input name="name" maxlength="80" required '
        'autocomplete="off" placeholder="what uses it"></label>'
        f'<label>It may<select name="scope">{options}</select></label>'
        f'<label>Days it lives (1 to {DAYS_MAX})<input name="days" type="number" min="1" '
        f'max="{DAYS_MAX}" value="{DAYS}" required></label>'
        '<label>Your password<input name="password" type="password" '
        'autocomplete="current-password" required></label>'
        '<p role="alert" class="refusal" data-message></p>'
        '<output aria-live="polite" class="receipt" data-new-key></output>'
        '<p class="row"><button type="submit">Make the key</button></p></form></section>'
    )


def _line(row: KeyRow, now: int) -> str:
    state = state_of(row, now)
    act = (
        f'<button type="button" data-revoke="qdk_{row.prefix}">Revoke {escape(row.name)}</button>'
        if state == "active"
        else ""
    )
    cells = (
        f"qdk_{row.prefix}", row.name, row.scope, state, when(row.created_at),
        when(row.expires_at), when(row.last_used_at),
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{act}</td></tr>"


def when(at: int) -> str:
    """An instant to the minute; "never" for 0."""
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "never"
