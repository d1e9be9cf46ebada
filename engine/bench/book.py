"""``bench book``: nanoseconds per message of the matching core.

One kernel call plays the whole stream on a fresh book, one thread; reading, checking, allocation
and compilation are not timed. ``--recipe ALL`` runs our three streams in turns, one report each,
and compares the worst case with the typical stream. Exit 0 done, 2 bad usage or file, 3 results
disagree.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from engine.bench.meta import load, meta
from engine.bench.peers.book_cpp import CppBook, compiler
from engine.bench.peers.book_cpptrader import cpptrader, matcher_sources
from engine.bench.peers.book_python import PythonBook
from engine.bench.streams import RECIPES, BadStream, Stream, make, read
from engine.bench.streams import load as load_stream
from engine.kernels.book import FILL, OK, Book, Records, new_book
from engine.kernels.stream import RESTING, play, resting

DONE, USAGE, DISAGREE = 0, 2, 3
ALL: Final = "ALL"  # all our streams in one run


class Disagreement(Exception):
    """Two runs of the same stream gave different results."""


class Outcome(NamedTuple):
    """What a run produced; runs agree when these are equal."""

    tape: Records  # FILL, with ids and levels of the dense stream
    final: Records  # RESTING

    def same_as(self, other: "Outcome") -> bool:
        """Same fills in the same order, same final book."""
        names = ("maker", "taker", "price", "quantity")
        return all(np.array_equal(self.tape[n], other.tape[n]) for n in names) and np.array_equal(
            self.final, other.final
        )


class Ours:
    """The kernel; the tape is touched before, so that no page fault is timed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._tape = np.ones(stream.fills, FILL)
        self._slots = np.ones(stream.n_ids, np.uint32)
        self._book = self._fresh()
        self._played = 0
        play(self._book, stream.messages[:0], self._slots, self._tape, 0)  # compile or load

    def _fresh(self) -> Book:
        return new_book(self._stream.n_ticks, 1, self._stream.live)

    def run(self) -> int:
        """One run on a fresh book. [ns]"""
        self._book = self._fresh()
        self._slots[:] = 0
        book, messages, slots, tape = self._book, self._stream.messages, self._slots, self._tape
        start = time.perf_counter_ns()
        done, self._played, status = play(book, messages, slots, tape, 0)
        stop = time.perf_counter_ns()
        if status != OK or done != messages.size:
            raise Disagreement(f"stopped at message {done} of {messages.size} with status {status}")
        return stop - start

    def outcome(self) -> Outcome:
        """Tape and final book of the last run, copied."""
        final = np.zeros(self._stream.live, RESTING)
        count = resting(self._book, final)
        return Outcome(tape=self._tape[: self._played].copy(), final=final[:count])


Peer: TypeAlias = tuple[Callable[[], int], Callable[[], Outcome]]  # one timed run; its result


def _python_peer(stream: Stream) -> Peer:
    """The Python book on the same dense stream."""
    messages = list(map(tuple, stream.messages.tolist()))
    books = [PythonBook()]

    def run() -> int:
        books[0] = PythonBook()
        start = time.perf_counter_ns()
        books[0].play(messages)
        return time.perf_counter_ns() - start

    def outcome() -> Outcome:
        fills = np.array(books[0].fills, np.int64).reshape(-1, 4)
        tape = np.zeros(len(fills), FILL)
        for column, name in enumerate(("maker", "taker", "price", "quantity")):
            tape[name] = fills[:, column]
        return Outcome(tape=tape, final=np.array(books[0].resting(), RESTING))

    return run, outcome


def _summary(stream: Stream, outcome: Outcome) -> dict[str, object]:
    """Results in the units of the stream: ticks and ids as they came."""
    prices = stream.price_of[outcome.tape["price"]]
    quantities = outcome.tape["quantity"]
    levels, sides = outcome.final["level"], outcome.final["side"]
    bids, asks = levels[sides > 0], levels[sides < 0]
    return {
        "messages": int(stream.messages.size),
        "fills": int(outcome.tape.size),
        "volume": int(quantities.sum()),
        "notional": int((prices * quantities).sum()),
        "best_bid": int(stream.price_of[bids.max()]) if bids.size else None,
        "best_ask": int(stream.price_of[asks.min()]) if asks.size else None,
    }


def _per_message(
    stream: Stream, spent: Sequence[int], pick: Callable[[Sequence[int]], float]
) -> float:
    """Nanoseconds per message; 0 for an empty stream. [ns]"""
    return round(pick(spent) / stream.messages.size, 3) if stream.messages.size else 0.0


def _cpp_peer(book: CppBook) -> Peer:
    """A child process as a peer."""
    return book.run, lambda: Outcome(*book.outcome())


class Race:
    """One stream on our book and its peers, a turn each; the results of all must be the same."""

    def __init__(self, stream: Stream, peers: dict[str, Peer]) -> None:
        self._stream, self._peers = stream, peers
        self._ours = Ours(stream)
        self._spent: list[int] = []
        self._theirs: dict[str, list[int]] = {name: [] for name in peers}
        self._first: Outcome | None = None

    def turn(self) -> None:
        """One run of everybody; raises Disagreement when ours differs from the turn before."""
        self._spent.append(self._ours.run())
        outcome = self._ours.outcome()
        if self._first is not None and not outcome.same_as(self._first):
            raise Disagreement("two repeats gave different results")
        self._first = outcome
        for name, (run, _outcome) in self._peers.items():
            self._theirs[name].append(run())

    def report(self) -> dict[str, object]:
        """Results and times after at least one turn; ends the peers."""
        assert self._first is not None
        report = _summary(self._stream, self._first)
        report["ns_per_message_best"] = _per_message(self._stream, self._spent, min)
        report["ns_per_message_median"] = _per_message(self._stream, self._spent, statistics.median)
        if self._peers:
            report["peers"] = {name: self._compared(name) for name in self._peers}
        return report

    def _compared(self, name: str) -> dict[str, object]:
        """How a peer did: its best time over ours, and whether its result is ours."""
        assert self._first is not None
        spent = self._theirs[name]
        return {
            "ratio": round(min(spent) / max(min(self._spent), 1), 3),
            "identical": self._peers[name][1]().same_as(self._first),
            "ns_per_message_best": _per_message(self._stream, spent, min),
        }


def _peers(stream: Stream, checkout: Path | None, stack: ExitStack) -> dict[str, Peer]:
    """Every peer that is here: C++, CppTrader where its checkout is named, Python."""
    peers: dict[str, Peer] = {}
    if compiler() is None:
        print("no g++ here: the peers in C++ are left out", file=sys.stderr)
    else:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        books = {"cpp": CppBook(stream, place)}
        stack.callback(books["cpp"].close)
        if checkout is not None and matcher_sources(checkout):
            books["cpptrader"] = cpptrader(stream, place, checkout)
            stack.callback(books["cpptrader"].close)
        else:
            print("no checkout of CppTrader named: it is left out", file=sys.stderr)
        peers = {name: _cpp_peer(book) for name, book in books.items()}
    return {**peers, "python": _python_peer(stream)}


def measure(
    streams: dict[str, Stream], repeat: int, *, peers: bool = False, checkout: Path | None = None
) -> dict[str, dict[str, object]]:
    """A report for each stream, all of them and their peers interleaved in one run."""
    with ExitStack() as stack:
        races = {
            name: Race(stream, _peers(stream, checkout, stack) if peers else {})
            for name, stream in streams.items()
        }
        for _ in range(repeat):
            for race in races.values():
                race.turn()
        return {name: race.report() for name, race in races.items()}


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine bench book", description=__doc__)
    parser.add_argument(
        "--stream", type=Path, help="file of int32 records; default: a stream of ours"
    )
    parser.add_argument("--recipe", choices=[*sorted(RECIPES), ALL], default="A")
    parser.add_argument("--messages", type=int, help="cut the recipe short")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--save", type=Path, help="write the stream of the recipe to this file")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--peers", action="store_true", help="interleave the C++ and Python books")
    parser.add_argument(
        "--cpptrader", type=Path, help="checkout of CppTrader, a peer; default: CPPTRADER"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.repeat < 1:
        parser.error(f"--repeat must be at least 1, was {arguments.repeat}")
    if arguments.recipe == ALL and (arguments.stream is not None or arguments.save is not None):
        parser.error("--recipe ALL takes neither --stream nor --save")
    if arguments.cpptrader is None and os.environ.get("CPPTRADER"):
        arguments.cpptrader = Path(os.environ["CPPTRADER"])
    elif arguments.cpptrader is not None and not matcher_sources(arguments.cpptrader):
        parser.error(f"--cpptrader must be a checkout of CppTrader, was {arguments.cpptrader}")
    if arguments.messages is not None and arguments.messages < 1:
        parser.error(f"--messages must be at least 1, was {arguments.messages}")
    return arguments


def _show(report: dict[str, object]) -> None:
    """A table for people."""
    for key, value in report.items():
        if key == "peers" and isinstance(value, dict):
            for name, row in value.items():
                same = "same result" if row["identical"] else "OTHER RESULT"
                print(f"{name:>24}  {row['ratio']:.2f} x our time, {same}")
        elif isinstance(value, dict) and key != "meta":
            print(key)
            _show(value)
        elif key != "meta":
            print(f"{key:>24}  {'none' if value is None else value}")


def _agree(report: dict[str, object]) -> bool:
    """True when every peer had our result."""
    peers = report.get("peers", {})
    return isinstance(peers, dict) and all(row["identical"] for row in peers.values())


def _streams(arguments: argparse.Namespace) -> dict[str, Stream]:
    """The streams to run, checked; saves the one that was asked for."""
    if arguments.recipe == ALL:
        made = {name: make(name, arguments.seed, arguments.messages) for name in RECIPES}
        return {name: load_stream(raw) for name, raw in made.items()}
    given = arguments.stream is not None
    raw = (
        read(arguments.stream)
        if given
        else make(arguments.recipe, arguments.seed, arguments.messages)
    )
    if arguments.save is not None:
        arguments.save.write_bytes(raw.tobytes())
    return {arguments.recipe: load_stream(raw)}


def _worst_over_typical(reports: dict[str, dict[str, object]]) -> float:
    """Time per message of the sparse book over that of stream A."""
    sparse, typical = (reports[name]["ns_per_message_best"] for name in ("SPARSE", "A"))
    assert isinstance(sparse, float)
    assert isinstance(typical, float)
    return round(sparse / max(typical, 0.001), 3)


def main(argv: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    load_before = load()
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        streams = _streams(arguments)
    except (BadStream, OSError) as error:
        print(f"bench book: {error}", file=sys.stderr)
        return USAGE
    try:
        reports = measure(
            streams, arguments.repeat, peers=arguments.peers, checkout=arguments.cpptrader
        )
    except Disagreement as error:
        print(f"bench book: {error}", file=sys.stderr)
        return DISAGREE
    report: dict[str, object] = dict(reports)
    if arguments.recipe == ALL:
        report["sparse_over_a"] = _worst_over_typical(reports)
    else:
        report = reports[arguments.recipe]
    report["meta"] = meta(load_before)
    print(json.dumps(report)) if arguments.json else _show(report)
    return DONE if all(map(_agree, reports.values())) else DISAGREE
