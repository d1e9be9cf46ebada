"""Past days of a demo desk, as sealed segments that the projector reads: whole days or nothing.

A day is made in a hidden folder beside the others and renamed when it is complete, so a crash
leaves nothing half. Everything in it is marked DEMO; the live engine never folds it.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from db.facts import Facts
from db.journal import verify
from db.market import Market, pack
from db.project import catch_up, day_source
from db.schema import open_tables
from db.seal import seal
from engine.domain import commands as c
from engine.domain.errors import BrokenInvariant
from engine.domain.instrument import Session
from engine.domain.units import ParentId
from engine.exchange.presets import PRESETS, Preset, market_hash
from engine.exchange.simulated import day_number
from engine.runtime.tape import BAR, POINT
from engine.worker.past import PastDay
from engine.worker.people import REVIEWER, SYSTEM
from engine.worker.script import write
from engine.worker.tca import Built, build, store

SEALED: Final = "sealed.json"
FEATURES: Final = "features.npz"
PART: Final = ".part-"
FAR_BPS: Final = 15.0  # a parent that cost more is worth a note


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealed day says about itself."""

    day: str
    seed: int
    code: str
    entries: int
    head: str
    report_hash: str
    files: dict[str, str]  # name -> SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which day to make, and how."""

    session: Session
    seed: int
    code: str
    signed: bool  # whether the reviewer has signed it off
    presets: tuple[Preset, ...] = PRESETS


def sealed_days(history: Path) -> tuple[str, ...]:
    """Days that are complete, oldest first."""
    return tuple(sorted(path.parent.name for path in history.glob(f"[0-9]*/{SEALED}")))


def sweep(history: Path) -> None:
    """Remove what an interrupted run left."""
    for part in history.glob(f"{PART}*"):
        shutil.rmtree(part)


def make_day(history: Path, order: Order, going_on: Callable[[float], bool]) -> Sealed:
    """Make one past day; raises Stopped when it may not go on, and then nothing of it stays."""
    day = order.session.day
    folder = history / f"{PART}{day}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        report = _live(folder, order, going_on)
        sealed = _seal(folder, order, report)
        folder.replace(history / day)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return sealed


def _live(folder: Path, order: Order, going_on: Callable[[float], bool]) -> Built:
    """The day itself, its report and the evening's review."""
    session = order.session
    past = PastDay(folder, session, order.presets, seed=order.seed, code=order.code)
    try:
        instruments = tuple(preset.instrument for preset in order.presets)
        length = (session.close_at - session.open_at) // 1_000_000_000
        past.run(write(order.seed, day_number(session.day), instruments, length), going_on)
        past.journal.flush()
        report = report_of(folder, session.day)
        store(folder / "reports", report)
        _evening(past, report, signed=order.signed)
    finally:
        past.close()
    seen = past.seen
    with (folder / FEATURES).open("wb") as file:
        np.savez_compressed(
            file,
            at_ns=np.array(seen.at_ns, dtype=np.int64),
            features=np.array(seen.features, dtype=np.float32),
            mids=np.array(seen.mids, dtype=np.float64),
            symbols=np.array([preset.instrument.symbol for preset in order.presets]),
            market=np.array(market_hash()),
        )
    return report


def report_of(folder: Path, day: str) -> Built:
    """The report of a day whose folder is not sealed yet, by way of tables of its own."""
    source = day_source(folder)
    path = folder / "tables.db"
    tables = open_tables(f"sqlite:///{path}")
    try:
        catch_up(tables, source, 0)
        facts = Facts(tables, source.name).of_day(day)
        if facts is None:
            raise BrokenInvariant(f"{day} has no facts to report: it is not closed")
        return build(facts, Market(folder), source)
    finally:
        tables.dispose()
        for left in folder.glob("tables.db*"):
            left.unlink()


def _evening(past: PastDay, built: Built, *, signed: bool) -> None:
    report, day = built.report, past.session.day
    past.later(30)
    past.ask(
        SYSTEM,
        c.ReportTca(
            day=day,
            report_hash=built.digest,
            parents=len(report.orders),
            shortfall_bps=report.total.shortfall.bps,
        ),
    )
    past.loop.turn()
    if not signed:
        return
    past.later(40)
    for order in report.orders:
        cost = order.cost_bps.total
        if cost is not None and cost > FAR_BPS:
            text = f"{cost:+.1f} bp against arrival: the price ran away while it traded"
            note = c.AnnotateTca(day=day, parent_id=ParentId(order.parent_id), text=text)
            past.ask(REVIEWER, note)
    past.ask(REVIEWER, c.AnnotateTca(day=day, text="costs within the usual range of the desk"))
    past.loop.turn()
    past.later(5)
    past.ask(REVIEWER, c.SignDay(day=day, report_hash=built.digest), "reviewed")
    past.loop.turn()


def _seal(folder: Path, order: Order, report: Built) -> Sealed:
    day = order.session.day
    tape = folder / "market"
    bars, points = tape / f"{day}.bars", tape / f"{day}.points"
    pack(tape / f"{day}.npz", np.fromfile(bars, BAR), np.fromfile(points, POINT))
    bars.unlink()
    points.unlink()
    verdict = verify(folder)
    if verdict.first_bad:
        raise BrokenInvariant(f"past day {day}: {verdict.reason}")
    seal(folder)
    sealed = Sealed(
        day=day,
        seed=order.seed,
        code=order.code,
        entries=verdict.entries,
        head=verdict.head,
        report_hash=report.digest,
        files={
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    )
    (folder / SEALED).write_bytes(msgspec.json.format(msgspec.json.encode(sealed)))
    return sealed


def read_sealed(history: Path, day: str) -> Sealed:
    """What a sealed day says about itself."""
    return msgspec.json.decode((history / day / SEALED).read_bytes(), type=Sealed)


def changed_files(history: Path, day: str) -> tuple[str, ...]:
    """Files of a sealed day that are not what they were when it was sealed."""
    folder = history / day
    return tuple(
        name
        for name, digest in read_sealed(history, day).files.items()
        if not (folder / name).is_file()
        or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    )
