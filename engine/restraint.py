"""Hold, resume and mode as the command line says them: flags in, commands out."""

import argparse
from collections.abc import Callable

from engine.domain.commands import (
    HoldParent,
    HoldScope,
    RelaxMode,
    ReleaseHold,
    ResumeParent,
    SetMode,
)
from engine.domain.errors import Refused
from engine.domain.orders import HoldChildren
from engine.domain.safety import HOLD_SCOPES, MODE_ORDER, TradingMode
from engine.domain.units import ParentId

Verb = Callable[[argparse.Namespace], int]


def hold(options: argparse.Namespace) -> HoldParent | HoldScope:
    """One parent, or a scope."""
    children = HoldChildren(options.children)
    if options.scope:
        return HoldScope(
            scope=options.scope, target=options.target, children=children, seconds=options.seconds
        )
    return HoldParent(parent_id=ParentId(number(options.parent, "P-")), children=children)


def resume(options: argparse.Namespace) -> ResumeParent | ReleaseHold:
    """A parent, or (H-3) a hold by scope."""
    if options.parent.startswith("H-"):
        return ReleaseHold(hold_id=number(options.parent, "H-"))
    return ResumeParent(parent_id=ParentId(number(options.parent, "P-")))


def mode(options: argparse.Namespace, now: str) -> SetMode | RelaxMode:
    """Further than ``now``, the mode as people set it: at once; back: one of two people."""
    wanted = TradingMode(options.wanted)
    tighter = MODE_ORDER.index(wanted) > MODE_ORDER.index(TradingMode(now))
    return SetMode(mode=wanted) if tighter else RelaxMode(mode=wanted)


def number(text: str, prefix: str) -> int:
    """``P-42`` as 42."""
    digits = text.removeprefix(prefix)
    if not (digits.isascii() and digits.isdigit()):
        raise Refused(f"must be like {prefix}3, was {text!r}")
    return int(digits)


def add_restraint(
    verb: Callable[[str, Verb], argparse.ArgumentParser],
    hold_verb: Verb,
    resume_verb: Verb,
    mode_verb: Verb,
) -> None:
    """Their flags."""
    one = verb("hold", hold_verb)
    one.add_argument("parent", nargs="?", default="", help="P-42")
    one.add_argument("--children", choices=("cancel", "leave"), default="cancel")
    one.add_argument("--scope", choices=HOLD_SCOPES, help="instead of one parent")
    one.add_argument("--target", default="", help="of the scope, as for kill")
    one.add_argument("--seconds", type=float, help="of market time, then it ends")
    one.add_argument("--reason", default="")
    one = verb("resume", resume_verb)
    one.add_argument("parent", help="P-42, or H-3 for a hold by scope")
    one.add_argument("--reason", default="")
    # options.mode is the setting that says SIM or REPLAY
    one = verb("mode", mode_verb)
    one.add_argument("wanted", choices=MODE_ORDER, metavar="|".join(MODE_ORDER))
    one.add_argument("--reason", default="")
