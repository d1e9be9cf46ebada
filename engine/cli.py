"""The command line of the desk: one function a verb, imports inside.

A command-line user is the user of the operating system: unmapped users may kill, hold and read.
"""

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.governance import DRILL_SCOPE, KILL_SCOPES
from engine.domain.incidents import INCIDENT_KINDS
from engine.passed_on import FAMILIES, PASSED_ON, member, pass_on

if TYPE_CHECKING:
    from engine.desk import SyncDesk
    from engine.settings import Settings

CONFIRM_S: Final = 10.0  # how long `kill` waits for every receipt before it reports what is open


def _settings(options: argparse.Namespace) -> "Settings":
    from engine.settings import resolve

    return resolve(vars(options), os.environ)


def _desk(settings: "Settings") -> "SyncDesk":
    from engine.desk import SyncDesk
    from engine.runtime.link import load_key
    from engine.settings import paths

    where = paths(settings)
    if not where.state.exists():
        raise Refused(f"there is no desk in {where.state}", field="state")
    return SyncDesk(f"ipc://{where.engine}", load_key(where.state / "link.key"))


def _show(options: argparse.Namespace, body: object, text: str) -> None:
    print(json.dumps(body, default=str) if options.json else text)


# --- processes ------------------------------------------------------------------------------
def run(_options: argparse.Namespace) -> int:
    """Run the engine process."""
    from engine.lifeline import watch_stdin

    watch_stdin()  # first: a supervisor may die while we import and compile
    from engine.compose import main as engine
    from engine.warm import ready

    ready()  # before the first heartbeat: compiling must not look like a hung engine
    return engine()


def venue(_options: argparse.Namespace) -> int:
    """Run the simulated or replayed exchange."""
    from engine.lifeline import watch_stdin

    watch_stdin()
    from engine.exchange.server import main as exchange
    from engine.warm import ready

    return int(exchange(warm_up=ready, prepare=_fit) or 0)


def _fit(settings: "Settings") -> None:
    """Have the state folder hold the market that was fitted to the recording, if it needs one."""
    from engine.settings import REACTIVE
    from engine.warm import ready

    if settings.mode != REACTIVE:
        return
    from engine.realism import reactive

    if settings.replay_messages is not None and not reactive.is_there(settings):
        name = settings.replay_messages.name
        print(f"quarterdeck: fitting a market to {name}, about half a minute", flush=True)
    ready()
    reactive.ready(settings)


# --- control --------------------------------------------------------------------------------
def kill(options: argparse.Namespace) -> int:
    """Kill everything in a scope: the flag first, then the receipts as the engine reports them."""
    from engine.runtime.clock import SystemClock
    from engine.runtime.kill_flag import KillFlag
    from engine.settings import paths

    settings = _settings(options)
    where = paths(settings)
    if not where.kill_flag.exists() and not where.journal.exists():
        raise Refused(f"there is no desk in {where.state}", field="state")
    if options.scope != "all" and not options.target:
        raise Refused(f"scope {options.scope} needs --target", field="target")
    clock = SystemClock.of(where.clock)
    flag = KillFlag.open(where.kill_flag)
    by = f"os:{getpass.getuser()}"
    asked_at = clock.wall_ns()
    generation = flag.request(options.scope, options.target, by, door="cli", now_ns=asked_at)
    receipt: dict[str, Any] = {"state": "REQUESTED", "generation": generation}
    if not options.json:
        print(f"REQUESTED  {options.scope} {options.target} by {by}")
    desk = _desk(settings)
    deadline = clock.mono_ns() + int(options.wait * 1e9)
    shown = "REQUESTED"
    while clock.mono_ns() < deadline:
        row = _kill_row(desk, asked_at)
        if row is not None:
            receipt = row
            if row["state"] != shown and not options.json:
                shown = row["state"]
                print(_kill_line(row))
            if row["state"] in ("CONFIRMED", "RELEASED"):  # a self-test releases itself
                break
        time.sleep(0.02)
    _show(options, receipt, "")
    return 0 if receipt["state"] in ("CONFIRMED", "RELEASED") else 1


def _kill_row(desk: "SyncDesk", asked_at: int) -> dict[str, Any] | None:
    """The receipt of the request made at this instant."""
    try:
        kills = desk.ask("status")["kills"]
    except (ConnectionError, TimeoutError, Refused) as silence:
        print(f"no receipt yet: {silence}", file=sys.stderr)
        return None
    return next((row for row in kills.values() if row["requested_at"] == asked_at), None)


def _kill_line(row: dict[str, Any]) -> str:
    marks = [
        f"{name} +{row[key]:.1f} ms"
        for name, key in (
            ("BLOCKED", "blocked_ms"),
            ("CANCEL_SENT", "cancel_sent_ms"),
            ("CONFIRMED", "confirmed_ms"),
        )
        if row[key] is not None
    ]
    counts = (
        f"{row['parents']} parents, {row['children']} children: {row['acked']} acked, "
        f"{row['filled_in_flight']} filled in flight, {row['unconfirmed']} unconfirmed"
    )
    line = f"{row['id']}  {' > '.join(marks)}  {counts}"
    if row["state"] in ("BLOCKED", "CANCEL_SENT") and row["waiting"]:
        from engine.runtime.clock import SystemClock

        age = (SystemClock().wall_ns() - row["requested_at"]) / 1e9
        line += f"; unconfirmed for {age:.0f} s: {', '.join(row['waiting'])}"
    return line


def status(options: argparse.Namespace) -> int:
    """What the engine says of itself."""
    body = _desk(_settings(options)).ask("status")
    desk = body["desk"]
    lines = [
        (
            f"{desk['mode']} {desk['day']} {desk['session']}  speed {desk['speed']:g} "
            f"(achieved {desk['achieved']:g})  epoch {desk['epoch']}  seq {desk['seq']}"
        ),
        f"mode: {desk['trading']} {desk['trading_why']}".rstrip(),
        f"new orders: {desk['gate'] or 'open'}",
        *(
            f"{name}  {state}  {filled:,} of {quantity:,}"
            for name, (state, filled, quantity) in body["parents"].items()
        ),
        *(_kill_line(row) for row in body["kills"].values()),
    ]
    _show(options, body, "\n".join(lines))
    return 0


def _person(settings: "Settings", *, or_system: bool) -> str:
    """The person behind the user of this machine; unmapped users act as the desk, if at all."""
    user = getpass.getuser()
    pairs = (pair.partition("=") for pair in settings.os_people.split(",") if pair)
    people = {name.strip(): person.strip() for name, _, person in pairs}
    if user in people:
        return people[user]
    if or_system:
        return "system"
    raise Refused(
        f"user {user!r} of this machine is nobody on the desk: map it with --os-people {user}=u1",
        field="os_people",
    )


def _order_verb(options: argparse.Namespace, command: Any, *, or_system: bool = False) -> int:
    from engine.domain.commands import Envelope
    from engine.domain.units import Nanos, PersonId
    from engine.runtime.clock import SystemClock
    from engine.settings import paths

    settings = _settings(options)
    clock = SystemClock.of(paths(settings).clock)
    envelope = Envelope(
        id=f"cli-{os.getpid()}-{clock.wall_ns()}",
        person=PersonId(_person(settings, or_system=or_system)),
        epoch=0,
        expires_at=Nanos(clock.wall_ns() + 5_000_000_000),
        command=command,
        reason=options.reason or f"os:{getpass.getuser()}",
        door="cli",
    )
    answer = _desk(settings).submit(envelope)
    _show(options, {"id": answer.id, "seq": answer.seq}, f"done, journal entry {answer.seq}")
    return 0


def hold(options: argparse.Namespace) -> int:
    """Hold a parent, or everything in a scope."""
    from engine.restraint import hold as command

    return _order_verb(options, command(options), or_system=True)


def resume(options: argparse.Namespace) -> int:
    """Resume a held parent, or end a hold by scope."""
    from engine.restraint import resume as command

    return _order_verb(options, command(options))


def mode(options: argparse.Namespace) -> int:
    """Allow less (REDUCING, HALTED) at once, or as one of two people more again."""
    from engine.restraint import mode as command

    now = _desk(_settings(options)).ask("status")["desk"]["trading_set"]
    return _order_verb(options, command(options, now))


def next_day(options: argparse.Namespace) -> int:
    """Open the next simulated day after the close."""
    from engine.domain.commands import OpenNextDay

    return _order_verb(options, OpenNextDay())


def incident(options: argparse.Namespace) -> int:
    """Let something happen to the simulated market of a running desk: a drill."""
    from engine.domain.commands import StartIncident
    from engine.domain.units import PersonId, Symbol

    command = StartIncident(
        kind=options.kind,
        venue=options.venue,
        symbol=Symbol(options.symbol),
        seconds=options.seconds,
        size=options.size,
        child=options.child,
        trainee=PersonId(options.trainee),
    )
    return _order_verb(options, command)


def _market_again(settings: "Settings") -> Any:
    """How a day is opened again: by its seed, as it was fitted, or from the recording given."""
    from engine.exchange.generated import FILE
    from engine.exchange.server import generated_opener, market_opener
    from engine.redecide import simulated

    kept = (settings.state / FILE).exists()
    if settings.replay_messages is None and not kept:
        return simulated
    opener = generated_opener(settings.state) if kept else market_opener(settings)
    return lambda session, seed, _count: opener(session, seed)


# --- truth ----------------------------------------------------------------------------------
def verify(options: argparse.Namespace) -> int:
    """Walk the journal and its witness; ``--decisions`` decides again and compares every byte."""
    from db.journal import verify as walk
    from engine.settings import paths

    settings = _settings(options)
    where = paths(settings)
    verdict = walk(where.journal, where.witness)
    body: dict[str, Any] = {
        "entries": verdict.entries,
        "witnessed": verdict.witnessed,
        "head": verdict.head,
        "first_bad": verdict.first_bad or None,
        "reason": verdict.reason,
    }
    text = (
        f"{verdict.entries:,} entries, {verdict.witnessed:,} of them in the witness, "
        f"head {verdict.head[:12]}: "
    ) + (f"FIRST BAD ENTRY {verdict.first_bad}: {verdict.reason}" if verdict.first_bad else "sound")
    bad = bool(verdict.first_bad)
    if options.decisions and not bad:
        from engine.redecide import redecide

        again = redecide(where.journal, where.exchange, where.models, _market_again(settings))
        body["decisions"] = again
        text += f"; {again['decided']:,} entries decided again, " + (
            f"FIRST DIFFERENCE at {again['first_difference']}"
            if again["first_difference"]
            else "all equal"
        )
        bad = again["first_difference"] is not None
    _show(options, body, text)
    return 3 if bad else 0


def explain(options: argparse.Namespace) -> int:
    """The decision record of a child in words, recomputed in this process."""
    from engine.redecide import explain_child
    from engine.settings import paths

    where = paths(_settings(options))
    body = explain_child(where.journal, where.models, options.child)
    lines = [f"{key}: {value}" for key, value in body.items()]
    _show(options, body, "\n".join(lines))
    return 0 if body["same"] else 3


def limits(options: argparse.Namespace) -> int:
    """How far every limit in force was used on the newest trading days."""
    import msgspec

    from db.queries import Queries, database_url
    from engine.gateway.limits import lines as table
    from engine.settings import paths

    settings = _settings(options)
    where = paths(settings)
    queries = Queries.open(database_url(settings.database_url, where.desk_db), where.state)
    try:
        rows = queries.limit_use(options.days)
    finally:
        queries.close()
    if options.csv:
        print(table(rows), end="")
        return 0
    lines = [
        f"{row.key}  highest {row.share:.0%} ({row.highest:g} of {row.value:g} {row.unit}) "
        f"{row.highest_day or 'never'}  refused {row.refused}" + ("  FAR" if row.far else "")
        for row in rows
    ]
    _show(options, {"items": msgspec.to_builtins(rows)}, "\n".join(lines))
    return 0


def rebuild(options: argparse.Namespace) -> int:
    """Drop the read tables and project the journal anew."""
    from engine.worker.rebuild import main as again

    return again(_settings(options))


def warm(options: argparse.Namespace) -> int:
    """Compile every hot kernel once."""
    from engine.warm import everything, ready

    (everything if options.all else ready)()
    return 0


def parser() -> argparse.ArgumentParser:
    """Every verb with its flags."""
    from engine.restraint import add_restraint
    from engine.settings import add_flags

    top = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="verb")

    def verb(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=(function.__doc__ or "").split("\n")[0])
        sub.set_defaults(function=function)
        sub.add_argument("--json", action="store_true", help="one JSON object for machines")
        add_flags(sub)
        return sub

    for name, function in (("run", run), ("venue", venue), ("status", status)):
        verb(name, function)
    verb("warm", warm).add_argument(
        "--all", action="store_true", help="also what only the lab and the tests use"
    )
    one = verb("kill", kill)
    one.add_argument("--scope", required=True, choices=(*KILL_SCOPES, DRILL_SCOPE))
    one.add_argument(
        "--target",
        default="",
        help="P-42, C-3-17, u1, MIDC, TWAP, SIM-B, a desk, a client, a model id; none for all",
    )
    one.add_argument("--wait", type=float, default=CONFIRM_S, help="seconds to wait for receipts")
    add_restraint(verb, hold, resume, mode)
    one = verb("incident", incident)
    one.add_argument("--kind", required=True, choices=tuple(INCIDENT_KINDS))
    one.add_argument("--venue", default="", help="of outage, crossed, stuck_dark")
    one.add_argument("--symbol", default="", help="of the others; none = all")
    one.add_argument("--seconds", type=float, default=60.0, help="market time")
    one.add_argument(
        "--size", type=int, default=0, help="ticks, of flash and news, negative = down; or shares"
    )
    one.add_argument("--child", default="", help="C-3-17, of what befalls an order; none = newest")
    one.add_argument("--trainee", default="", help="u2: whose acts the debrief judges")
    one.add_argument("--reason", default="")
    verb("next-day", next_day).add_argument("--reason", default="")
    verb("verify", verify).add_argument(
        "--decisions", action="store_true", help="decide everything again from recorded inputs"
    )
    verb("explain", explain).add_argument("child", help="C-3-17")
    verb("rebuild", rebuild)
    wanted = verb("limits", limits)
    wanted.add_argument("--days", type=int, default=20, help="trading days looked at")
    wanted.add_argument("--csv", action="store_true", help="one line a limit and day")
    for name, (words, choices) in FAMILIES.items():
        sub = verbs.add_parser(name, help=words, add_help=False)
        sub.add_argument("what", choices=choices)
        sub.set_defaults(function=member)
    for name, passed in PASSED_ON.items():
        sub = verbs.add_parser(name, help=passed.words, add_help=False)
        sub.set_defaults(function=pass_on)
    return top


def main(argv: list[str]) -> int:
    """Dispatch; 0 done, 1 not (yet) confirmed, 2 refused, 3 the evidence disagrees."""
    options, rest = parser().parse_known_args(argv)
    options.rest = rest
    if rest and options.verb not in {*FAMILIES, *PASSED_ON}:
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return int(options.function(options))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 2
    except (ConnectionError, TimeoutError) as silence:
        print(f"{silence}", file=sys.stderr)
        return 2
    except BrokenInvariant as broken:
        print(f"broken: {broken}", file=sys.stderr)
        return 3
