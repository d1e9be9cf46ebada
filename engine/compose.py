"""The engine process: wire journal, flag, link, venue and loop; recover; run until told to stop."""

import contextlib
import gc
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from db.journal import SqliteJournal, is_writable, read_tail
from engine.core.evolve import evolve
from engine.core.ready import load_kernels
from engine.core.rules.approval import asking
from engine.core.rules.desk import first_parameters
from engine.core.sight import LoadedModel
from engine.core.state import State
from engine.core.turn import Desk
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant, JournalUnwritable, Refused
from engine.exchange.days import RecordedDays, SimulatedDays, first_day
from engine.exchange.presets import PRESETS
from engine.lifeline import watch_stdin
from engine.logs import as_wanted
from engine.realism.reactive import ready
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.code import trading_hash
from engine.runtime.crash import crash_hook
from engine.runtime.disk import MEGABYTE, Disk, Reserve, free_bytes
from engine.runtime.gate import Gate
from engine.runtime.give_back import give_back
from engine.runtime.halted import Halted
from engine.runtime.judge import judge
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import EngineLink, load_key
from engine.runtime.loop import Loop, Parts
from engine.runtime.models import load_model
from engine.runtime.rounds import Watch
from engine.runtime.tape import Tape
from engine.runtime.venues.exchange import ExchangeVenue
from engine.settings import REACTIVE, Paths, Settings, from_environment, make_folders, paths

ROOT: Final = Path(__file__).resolve().parent


class ModelFolder:
    """Models by id from one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, model_id: str) -> LoadedModel:
        """Raises Refused when it is missing or damaged."""
        return load_model(self._folder, model_id)


def fold_journal(folder: Path) -> State:
    """The state as the newest segment tells it; BrokenInvariant names a bad entry."""
    state = State()
    with no_collector():
        for entry in read_tail(folder):
            if not state.seq:
                state.seq = entry.seq - 1  # the first entry of a segment carries what went before
            evolve(state, entry)
    return state


@contextlib.contextmanager
def no_collector() -> Iterator[None]:
    """A fold makes a day's objects and no cycles: looking for cycles only costs a long start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def days_of(settings: Settings, clock: Clock) -> SimulatedDays | RecordedDays:
    """Simulated weekdays, days generated like a recorded one, or the one recorded day."""
    if settings.mode == REACTIVE:
        market = ready(settings)
        return SimulatedDays(
            seed=settings.seed,
            first=market.day,
            instruments=(market.instrument,),
            words=market.source,
        )
    if settings.replay_messages is not None and settings.replay_orderbook is not None:
        return RecordedDays(messages=settings.replay_messages, orderbook=settings.replay_orderbook)
    return SimulatedDays(
        seed=settings.seed,
        first=first_day(clock.wall_ns()),
        instruments=tuple(preset.instrument for preset in PRESETS),
    )


def build(settings: Settings, clock: Clock) -> Loop:
    """Recover and wire; nothing has been sent yet."""
    where = paths(settings)
    make_folders(where)
    crash = crash_hook(settings.crash_at, settings.mode)
    days = days_of(settings, clock)  # before anybody can ask: a market may have to be fitted first
    flag = KillFlag.open(where.kill_flag)  # before the journal: without one this start is the first
    journal = SqliteJournal(where.journal)
    state = fold_journal(where.journal)
    Reserve(where.reserve)  # while there is room for it
    gate = Gate(
        flag,
        clock,
        lease_ns=settings.lease_ms * 1_000_000,
        disk=Disk(where.state, least=settings.least_free_mb * MEGABYTE),
    )
    link = EngineLink(
        f"ipc://{where.engine}", f"ipc://{where.live}", load_key(where.state / "link.key")
    )
    parts = Parts(
        clock=clock,
        journal=journal,
        link=link,
        gate=gate,
        venue=ExchangeVenue(
            where.venue,
            timeout_ms=2_000,
            hello_timeout_ms=200,
            crash=crash,
            alive=lambda: gate.beat(state),
        ),
        days=days,
        models=ModelFolder(where.models),
        tapes=lambda day: Tape(where.state / "market", day),
        watch=Watch(
            unattended_ns=settings.unattended_s * 1_000_000_000,
            attendance_ns=settings.attendance_s * 1_000_000_000,
            alarm_ns=settings.alarm_s * 1_000_000_000,
        ),
        crash=crash,
        give_back=give_back,
    )
    loop = Loop(parts=parts, desk=Desk(state))
    start(loop, settings, epoch=max(state.epoch, flag.epoch) + 1)
    return loop


def start(loop: Loop, settings: Settings, *, epoch: int) -> None:
    """A new epoch, models in memory, the day open; the venue is found by the loop."""
    state = loop.desk.state
    was_running = state.session is not None
    if was_running and state.mode != settings.mode:
        raise Refused(
            f"the state folder {settings.state} holds a {state.mode} desk ({state.source}): a "
            f"{settings.mode} desk needs a folder of its own, choose one with --state",
            field="state",
        )
    began = e.EngineStarted(epoch=epoch, code=trading_hash(), mode=settings.mode)
    facts: list[e.AnyEvent] = [began]
    if was_running:
        facts += first_parameters(state)  # of strategies that are new in this version
    else:
        facts.append(e.SpeedSet(speed=settings.speed))
    loop.facts(tuple(facts))
    loop.parts.gate.settle(state)
    loop.load_models()
    named = (state.changes[number].model_id or "" for number in asking(state))
    judge(loop.desk, loop.parts.models, loop.facts, named)
    if was_running:
        loop.resume_day()
    else:
        loop.open_day()


def halt(settings: Settings, clock: Clock, broken: BrokenInvariant) -> Halted:
    """Nothing is decided, cancels stay possible, the cause is named.

    A journal that cannot be written heals: then the process ends and is started anew.
    """
    where: Paths = paths(settings)
    link = EngineLink(
        f"ipc://{where.engine}", f"ipc://{where.live}", load_key(where.state / "link.key")
    )

    def is_writable_again() -> bool:
        least = settings.least_free_mb * MEGABYTE
        return free_bytes(where.state) >= least and is_writable(where.journal)

    heals = isinstance(broken, JournalUnwritable)
    return Halted(
        link=link,
        flag=KillFlag.open(where.kill_flag),
        clock=clock,
        cancel=where.cancel,
        sentence=str(broken),
        reserve=Reserve(where.reserve),
        is_over=is_writable_again if heals else lambda: False,
    )


def say(text: str) -> None:
    """A line of the process log, unless the disk is full; "quarterdeck: " reaches the console."""
    with contextlib.suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def main() -> int:
    """Run the engine process; exit code 0, 2 for a refused start, 3 for a broken invariant."""
    sys.setswitchinterval(0.0005)  # the flag is seen quickly beside a thread that holds the GIL
    settings = from_environment()
    clock = SystemClock()
    watch_stdin()
    load_kernels()
    newest: list[Loop] = []  # whose journal the lines of the log are beside
    as_wanted(
        "engine", settings.log_format, clock.wall_ns, least=settings.log_level,
        seq=lambda: newest[0].desk.state.seq if newest else 0,
    )  # fmt: skip
    try:
        runner: Loop | Halted = build(settings, clock)
    except Refused as refusal:
        say(f"quarterdeck: engine refused to start: {refusal}")
        return 2
    except BrokenInvariant as broken:
        say(f"quarterdeck: engine HALTED: {broken}")
        runner = halt(settings, clock, broken)

    if isinstance(runner, Loop):
        newest.append(runner)
    with_signals(runner)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it for cycles would hold up a turn
    say(f"engine ready: epoch {runner.epoch}")
    try:
        runner.run()
    except JournalUnwritable as broken:
        assert isinstance(runner, Loop)
        say(f"quarterdeck: engine HALTED: {broken}")
        runner.parts.link.close()
        runner = halt(settings, clock, broken)
        with_signals(runner)
        runner.run()
    return 0


def with_signals(runner: Loop | Halted) -> None:
    """SIGTERM and SIGINT stop the runner, SIGUSR1 is a kill of all trading."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.stopping = True

    flag = runner.flag if isinstance(runner, Halted) else runner.parts.gate.flag
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, lambda _signal, _frame: flag.set_all())
