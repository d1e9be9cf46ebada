"""``bench book``: nanoseconds per message of the matching core.

One kernel call plays the whole stream on a fresh book, one thread; reading, checking, allocation
and compilation are not timed. Exit 0 done, 2 bad usage or file, 3 results disagree.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from engine.bench.meta import load, meta
from engine.bench.peers.book_cpp import CppBook, compiler
from engine.bench.peers.book_python import PythonBook
from engine.bench.streams import RECIPES, BadStream, Stream, make, read
from engine.bench.streams import load as load_stream
from engine.kernels.book import FILL, OK, Book, Records, new_book
from engine.kernels.stream import RESTING, play, resting

DONE, USAGE, DISAGREE = 0, 2, 3


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


def measure(stream: Stream, repeat: int) -> dict[str, object]:
    """The benchmark without peers."""
    return _with_peers(stream, repeat, {})


def measure_with_peers(stream: Stream, repeat: int) -> dict[str, object]:
    """Ours, C++, Python, ours, ... in one run; a peer that is absent is left out."""
    python_run, python_outcome = _python_peer(stream)
    if compiler() is None:
        print("no g++ here: the C++ twin is left out", file=sys.stderr)
        return _with_peers(stream, repeat, {"python": (python_run, python_outcome)})
    with tempfile.TemporaryDirectory() as place:
        cpp = CppBook(stream, Path(place))
        try:
            peers: dict[str, Peer] = {
                "cpp": (cpp.run, lambda: Outcome(*cpp.outcome())),
                "python": (python_run, python_outcome),
            }
            return _with_peers(stream, repeat, peers)
        finally:
            cpp.close()


def _with_peers(stream: Stream, repeat: int, peers: dict[str, Peer]) -> dict[str, object]:
    """Repeats of all subjects interleaved; the results of all must be the same."""
    ours = Ours(stream)
    spent: list[int] = []
    theirs: dict[str, list[int]] = {name: [] for name in peers}
    first: Outcome | None = None
    for _ in range(repeat):
        spent.append(ours.run())
        outcome = ours.outcome()
        if first is not None and not outcome.same_as(first):
            raise Disagreement("two repeats gave different results")
        first = outcome
        for name, (run, _outcome) in peers.items():
            theirs[name].append(run())
    assert first is not None
    report = _summary(stream, first)
    report["ns_per_message_best"] = _per_message(stream, spent, min)
    report["ns_per_message_median"] = _per_message(stream, spent, statistics.median)
    if peers:
        report["peers"] = {
            name: {
                "ratio": round(min(theirs[name]) / max(min(spent), 1), 3),
                "identical": outcome_of().same_as(first),
                "ns_per_message_best": _per_message(stream, theirs[name], min),
            }
            for name, (_run, outcome_of) in peers.items()
        }
    return report


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine bench book", description=__doc__)
    parser.add_argument(
        "--stream", type=Path, help="file of int32 records; default: a stream of ours"
    )
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="A")
    parser.add_argument("--messages", type=int, help="cut the recipe short")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--save", type=Path, help="write the stream of the recipe to this file")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--peers", action="store_true", help="interleave the C++ and Python books")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.repeat < 1:
        parser.error(f"--repeat must be at least 1, was {arguments.repeat}")
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
        elif key != "meta":
            print(f"{key:>24}  {'none' if value is None else value}")


def _agree(report: dict[str, object]) -> bool:
    """True when every peer had our result."""
    peers = report.get("peers", {})
    return isinstance(peers, dict) and all(row["identical"] for row in peers.values())


def main(argv: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    load_before = load()
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        given = arguments.stream is not None
        raw = (
            read(arguments.stream)
            if given
            else make(arguments.recipe, arguments.seed, arguments.messages)
        )
        if arguments.save is not None:
            arguments.save.write_bytes(raw.tobytes())
        stream = load_stream(raw)
    except (BadStream, OSError) as error:
        print(f"bench book: {error}", file=sys.stderr)
        return USAGE
    try:
        work = measure_with_peers if arguments.peers else measure
        report = work(stream, arguments.repeat)
    except Disagreement as error:
        print(f"bench book: {error}", file=sys.stderr)
        return DISAGREE
    report["meta"] = meta(load_before)
    if arguments.json:
        print(json.dumps(report))
    else:
        _show(report)
    return DONE if _agree(report) else DISAGREE
