"""Feature rows with labels, and splits of them by time that let nothing of the future in."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import N_FEATURES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One instrument on one day, once a second, as the engine saw it.

    at_ns : shape (n,), rising. features : float32, shape (n, 16). mids : shape (n,), NaN where a
    side of the book was empty. [tick]
    """

    name: str  # "MIDC 2026-11-20"
    at_ns: Ints
    features: Features
    mids: Floats
    market: str = ""  # hash of the simulated market that it is of; "" = recorded, or not known

    def __post_init__(self) -> None:
        n = self.at_ns.size
        if self.features.shape != (n, N_FEATURES) or self.mids.shape != (n,):
            raise Refused(
                f"a recording of {n} seconds needs {n} x {N_FEATURES} features and {n} mids, "
                f"was {self.features.shape} and {self.mids.shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows in order of time. ``label_end_ns`` is when a row's label is known."""

    features: Features  # shape (n, 16), all finite
    ups: npt.NDArray[np.bool_]  # shape (n,): the mid moved up, given that it moved
    moves: Floats  # shape (n,): by how much, never 0. [tick]
    at_ns: Ints
    label_end_ns: Ints
    names: tuple[str, ...]  # the recordings it came from
    horizon_s: int

    def __len__(self) -> int:
        return int(self.ups.size)

    def take(self, rows: Ints) -> "Dataset":
        """These rows, in the given order."""
        return replace(
            self,
            features=self.features[rows],
            ups=self.ups[rows],
            moves=self.moves[rows],
            at_ns=self.at_ns[rows],
            label_end_ns=self.label_end_ns[rows],
        )

    def digest(self) -> str:
        """SHA-256 of everything that training sees."""
        out = hashlib.sha256(f"{self.horizon_s}|{'|'.join(self.names)}|".encode())
        for array in (self.features, self.ups, self.moves, self.at_ns, self.label_end_ns):
            out.update(f"{array.dtype.str}{array.shape}".encode())
            out.update(np.ascontiguousarray(array).tobytes())
        return out.hexdigest()


def labelled_rows(recording: Recording, horizon_s: int) -> tuple[Ints, Ints]:
    """Rows whose label exists, and the row each label is read from.

    One row every ``horizon_s`` seconds, so that no two labels of a recording overlap: overlapping
    labels repeat the same move and make a test look better than it is.
    """
    after = np.searchsorted(recording.at_ns, recording.at_ns + horizon_s * SECOND_NS)
    rows = np.arange(recording.at_ns.size)
    on_grid = recording.at_ns // SECOND_NS % horizon_s == 0
    inside = after < rows.size
    exact = np.zeros(rows.size, dtype=np.bool_)
    exact[inside] = (
        recording.at_ns[after[inside]] == recording.at_ns[inside] + horizon_s * SECOND_NS
    )
    keep = on_grid & exact
    return rows[keep].astype(np.int64), after[keep].astype(np.int64)


def build(recordings: Sequence[Recording], horizon_s: int, used: Sequence[int]) -> Dataset:
    """Rows with finite used features and a mid that moved within ``horizon_s`` seconds.

    The label is the sign of mid(t + h) - mid(t); rows whose mid did not move have no label.
    """
    if horizon_s < 1:
        raise Refused(f"horizon must be at least 1 s, was {horizon_s}")
    parts: list[tuple[Features, Floats, Ints]] = []
    for recording in recordings:
        now, then = labelled_rows(recording, horizon_s)
        move = recording.mids[then] - recording.mids[now]
        known = np.isfinite(recording.features[now][:, list(used)]).all(axis=1)
        keep = known & np.isfinite(move) & (move != 0.0)
        rows = now[keep]
        parts.append((recording.features[rows], move[keep], recording.at_ns[rows]))
    if not parts or sum(part[1].size for part in parts) == 0:
        raise Refused("no labelled row: recordings are empty or the mid never moved")
    at_ns = np.concatenate([part[2] for part in parts])
    order = np.argsort(at_ns, kind="stable")
    moves = np.concatenate([part[1] for part in parts])[order]
    return Dataset(
        features=np.concatenate([part[0] for part in parts])[order],
        ups=moves > 0.0,
        moves=moves,
        at_ns=at_ns[order],
        label_end_ns=at_ns[order] + horizon_s * SECOND_NS,
        names=tuple(sorted(recording.name for recording in recordings)),
        horizon_s=horizon_s,
    )


def walk_forward(
    data: Dataset, folds: int, embargo_ns: int = 60 * SECOND_NS
) -> Iterator[tuple[Ints, Ints]]:
    """(training rows, test rows), test blocks in order of time, training always before them.

    The rows are cut into folds + 1 blocks of equal size. Purged: a training label must be known
    ``embargo_ns`` before the test block starts.
    """
    if folds < 1 or len(data) < 2 * (folds + 1):
        raise Refused(f"{folds} folds need at least {2 * (folds + 1)} rows, were {len(data)}")
    edges = np.linspace(0, len(data), folds + 2).astype(np.int64)
    for k in range(1, folds + 1):
        test = np.arange(edges[k], edges[k + 1])
        known_by = data.at_ns[test[0]] - embargo_ns
        train = np.flatnonzero(data.label_end_ns[: edges[k]] <= known_by)
        yield train, test


def purged_folds(
    at_ns: Ints, label_end_ns: Ints, folds: int, embargo_ns: int = 0
) -> Iterator[tuple[Ints, Ints]]:
    """(training rows, test rows) of k contiguous folds; overlapping labels are dropped.

    A training row goes when its label interval [at, label_end) meets that of the test block, or
    when it starts within ``embargo_ns`` after the last test label. Source: DOMAIN.md KA-32.
    """
    rows = np.arange(at_ns.size)
    for test in np.array_split(rows, folds):
        start, end = at_ns[test[0]], label_end_ns[test].max()
        before = label_end_ns <= start
        after = at_ns >= end + embargo_ns
        outside = (rows < test[0]) | (rows > test[-1])
        yield np.flatnonzero(outside & (before | after)), test
