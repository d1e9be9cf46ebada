"""Buttons that ``assets/live.js`` makes commands; state changes only by the engine's answer."""

import json
from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from components.markup import attrs
from engine.domain.commands import PERMISSION
from engine.domain.errors import BrokenInvariant
from engine.gateway.viewer import viewer


def button(  # noqa: PLR0913 (each is one attribute of the button)
    text: str,
    verb: str,
    target: str = "",
    *,
    args: Mapping[str, object] | None = None,
    confirm: str = "",
    hold_ms: int = 0,
    typed: str = "",
    reason: str = "",
    version: str = "",
    key: str = "",
    tone: str = "",
    title: str = "",
    fields: Component | None = None,
    undo: tuple[str, str] | None = None,
) -> Component:
    """A command button; the text names verb, object and count.

    confirm : sentence of a dialog that must be answered first, focus on the safe button.
    hold_ms : the button in the dialog must be pressed this long.
    typed   : word that must be typed in the dialog.
    reason  : "ask" or "must": the dialog has a reason field.
    version : ``topic:key:field`` of the live cell that holds the object's version.
    key     : keyboard key (``h``, ``Shift+K``), shown in the tooltip.
    tone    : "", "primary", "kill" or "quiet".
    fields  : more inputs inside the dialog (forms.field), sent as args.
    undo    : text and verb of a button offered for 10 s after DONE, for the same target.
    """
    if verb not in PERMISSION:
        raise BrokenInvariant(f"there is no command {verb}")
    data: dict[str, Any] = {"data-verb": verb, "data-target": target}
    optional = {
        "data-args": json.dumps(dict(args)) if args else "",
        "data-confirm": confirm,
        "data-hold": str(hold_ms) if hold_ms else "",
        "data-typed": typed,
        "data-reason": reason,
        "data-version": version,
        "data-key": key,
        "data-undo": json.dumps(undo) if undo else "",
    }
    data.update({name: value for name, value in optional.items() if value})
    allowed = viewer().may(PERMISSION[verb])
    hint = title or text
    hint = f"{hint} [{key}]" if key else hint
    control = html.Button(
        text,
        className=f"command {tone}".strip(),
        title=hint if allowed else f"needs the permission {PERMISSION[verb]}",
        disabled=not allowed,
        type="button",
        **data,
    )
    chip = html.Output(className="chip-state", **attrs({"aria-live": "polite"}))
    more = [html.Div(fields, className="dialog-fields", hidden=True)] if fields is not None else []
    return html.Span([control, chip, *more], className="command-slot")
