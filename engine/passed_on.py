"""Verbs that have a command line of their own: where it is, and what `--help` says of it.

A module is imported when its verb is asked for: none of them is needed to start a process.
"""

import argparse
import signal
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

FAMILIES: Final = {  # verb -> what it does, and its members: one module of engine.VERB each
    "bench": (
        "Measure: book, sim, live, journal, inference, web, ticket.",
        ("book", "sim", "live", "journal", "inference", "web", "ticket"),
    ),
    "drill": (
        "Run a fault of the fault lab.",
        (
            "crash", "schedules", "kill", "hang", "version", "oversend", "incident", "badfeed",
            "restart", "soak", "browsers", "full",
        ),
    ),
}  # fmt: skip


class Passed(NamedTuple):
    """A verb whose module reads its arguments."""

    words: str
    module: str
    function: str = "main"
    is_dated: bool = False  # it is also told when it runs, for what it stores


PASSED_ON: Final = {
    "replay": Passed(
        "Check every transition of a recorded day.", "engine.runtime.feeds.lobster_check"
    ),
    "feed": Passed(
        "Check a recorded feed: feed check FILE --format F.", "engine.runtime.feeds.verb"
    ),
    "scenarios": Passed(
        "List the scenarios, or check a file of one.", "engine.lab.command", "scenarios"
    ),
    "simulate": Passed("What a strategy costs in a scenario.", "engine.lab.command", "simulate"),
    "compare": Passed(
        "Strategies against each other on the same simulated paths.",
        "engine.lab.command",
        "compare",
        is_dated=True,
    ),
    "learn": Passed(
        "Train a policy of RL or a direction model of ADAPTIVE, or search parameters, on paths.",
        "engine.learn.verb",
        is_dated=True,
    ),
    "stylised": Passed(
        "Measure whether the simulated market behaves like a market.",
        "engine.realism.report",
        is_dated=True,
    ),
    "calibrate": Passed(
        "Fit the simulated market to a recorded day.", "engine.realism.calibrate", is_dated=True
    ),
}


def leave(number: int, _frame: object) -> NoReturn:
    """Asked to end: by the road on which a desk that was started is stopped, too."""
    raise SystemExit(128 + number)


def member(options: argparse.Namespace) -> int:
    """Run one of a family; what it has started ends with it."""
    signal.signal(signal.SIGTERM, leave)
    module: Any = import_module(f"engine.{options.verb}.{options.what}")
    return int(module.main(options.rest))


def pass_on(options: argparse.Namespace) -> int:
    """Run a verb with the arguments that are its own."""
    from engine.runtime.clock import SystemClock

    to = PASSED_ON[options.verb]
    function = getattr(import_module(to.module), to.function)
    if to.is_dated:
        return int(function(options.rest, SystemClock().wall_ns()))
    return int(function(options.rest))
