"""Models on disk: arrays and a card, named by the hash of both. Loading needs no scikit-learn.

``<directory>/<id>/arrays.npz`` holds the fields of a MODEL row and the arrays beside it that are
not empty, ``card.json`` what a person must know. The id is the card's kind of model and twelve
digits of its SHA-256, "lr-0123456789ab"; the card holds the arrays' SHA-256. A byte changed in
either makes the model unknown: it is refused, never used. So is one whose arrays lead outside of
themselves: compiled code does not look.
"""

import hashlib
import io
import math
import zipfile
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.core.sight import LoadedModel
from engine.domain.errors import Refused
from engine.domain.units import Nanos
from engine.kernels.inference import MODEL, Model, linear_model
from engine.runtime.model_shape import check_shape

ARRAYS = "arrays.npz"
CARD = "card.json"
ID_DIGITS = 12
SIDE = ("nodes", "values", "plan")  # the arrays beside the row
# fields that the first versions did not have: while zero they are neither stored nor hashed
LATER = ("link", "output", "activation", "factor", "gamma", "full_at")
DEFAULT_SHORT = "lr"
POLICY_SHORT = "rl"  # the id of a policy begins with it
Z = 1.96  # standard errors either side, 95 %


class PathRange(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated paths that a model or its tuning has seen."""

    purpose: str
    seed: int
    first: int
    days: int


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a learning curve: what a policy learnt from so many paths saves. [bp]"""

    days: int
    saved_bps: float
    error: float  # standard error


class NamedGain(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy saves in a regime, or what one that lacks an input saves. [bp]"""

    name: str
    saved_bps: float
    error: float


class PartGain(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy saves on one order of the mixture that it has learnt. [bp]"""

    name: str
    quantity: int
    cap: float  # of volume
    saved_bps: float
    error: float
    n: int  # paths that both finished
    unfinished: int  # paths that it did not finish
    base_unfinished: int

    @property
    def dearer(self) -> bool:
        """Whether the whole 95 % interval says that it costs more than its base."""
        return self.saved_bps + Z * self.error < 0.0


class CardBin(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of the calibration table."""

    n: int
    forecast: float
    observed: float


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """One walk-forward step: trained on what came before, tested on this block."""

    n_train: int
    n_test: int
    auc: float
    accuracy: float


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is, what it was trained on, how good it was and how far it may be trusted.

    Figures are of rows the tested model had not seen (walk-forward); intervals are 95 %.
    """

    type: str  # "logistic regression"
    short: str = DEFAULT_SHORT  # begins the id
    problem: str
    objective: str
    success: str
    limits: str
    words: str  # what a trader reads
    horizon_s: int
    features: tuple[str, ...]
    recordings: tuple[str, ...]  # instrument and day of each
    data_sha256: str
    arrays_sha256: str
    n_train: int
    minimum_n: int  # labelled rows without which no version is made
    n: int  # rows tested
    base_rate: float
    accuracy: float
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    brier_skill: float
    log_loss: float
    calibration: tuple[CardBin, ...]
    folds: tuple[Fold, ...]
    shuffled_auc: float  # trained on shuffled labels: about .5, or something leaks
    red_flag: str  # why the figures must not be believed; "" = none
    compiled_difference: float
    trained_at: int  # UTC ns
    expires_at: int  # market clock, UTC ns
    market_hash: str = ""  # of the simulated market it was trained in, "" = recorded, or not known
    paths: tuple[PathRange, ...] = ()  # of that market that it has seen


class PolicyCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a learnt policy is. Figures are paired with its base schedule on validation paths."""

    type: str
    short: str = POLICY_SHORT
    problem: str
    objective: str
    success: str
    limits: str
    words: str  # what a trader reads
    horizon_s: int  # of one choice in training
    features: tuple[str, ...]
    scenario: str
    base: str  # schedule that it leaves, and falls back to
    data_sha256: str
    arrays_sha256: str
    n_train: int  # slots
    minimum_n: int  # validation paths without which no version is made
    curve: tuple[CurvePoint, ...]  # learning curve
    n: int  # validation paths
    saved_bps: float  # total cost saved against the base, positive = cheaper
    saved_low: float  # 95 % interval
    saved_high: float
    red_flag: str  # why it may not be installed; "" = none
    compiled_difference: float
    trained_at: int
    expires_at: int
    market_hash: str
    paths: tuple[PathRange, ...]
    by_regime: tuple[NamedGain, ...] = ()
    ablation: tuple[NamedGain, ...] = ()  # by the input that was left out
    against_twap: str = ""  # the verdict on the same validation paths
    by_part: tuple[PartGain, ...] = ()  # orders of the mixture; () = one order, the scenario's


C = TypeVar("C", Card, PolicyCard)


def arrays_of(model: Model) -> dict[str, NDArray[np.generic]]:
    """What is stored and hashed of a model, by name."""
    names = [name for name in MODEL.names or () if name not in LATER or model.row[name].any()]
    fields = {name: np.ascontiguousarray(model.row[name]) for name in names}
    side = {name: getattr(model, name) for name in SIDE}
    return fields | {name: array for name, array in side.items() if array.size}


def arrays_digest(model: Model) -> str:
    """SHA-256 of the arrays: name, type, shape, bytes; independent of the file format."""
    out = hashlib.sha256()
    for name, array in sorted(arrays_of(model).items()):
        kind = str(array.dtype.descr) if array.dtype.names else array.dtype.str
        out.update(f"{name} {kind} {array.shape}\0".encode())
        out.update(array.tobytes())
    return out.hexdigest()


def is_policy(model_id: str) -> bool:
    """Whether a model is a policy of RL, by its id."""
    return model_id.startswith(f"{POLICY_SHORT}-")


def encode_card(card: Card | PolicyCard) -> bytes:
    """The one spelling of a card that is hashed and stored."""
    return msgspec.json.encode(card, order="deterministic")


def model_id_of(card: bytes, short: str) -> str:
    """Id of the model of this kind with this stored card."""
    return f"{short}-{hashlib.sha256(card).hexdigest()[:ID_DIGITS]}"


def _read(path: Path, model_id: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Refused(
            f"model {model_id} must be on disk, {path.name} cannot be read", rule="model.file"
        ) from problem


def read_card(directory: Path, model_id: str) -> Card:
    """The card of a price-direction model; refused when it is not the one the id names."""
    return _card(directory, model_id, Card)


def read_policy_card(directory: Path, model_id: str) -> PolicyCard:
    """The card of a policy; refused when it is not the one the id names."""
    return _card(directory, model_id, PolicyCard)


def _card(directory: Path, model_id: str, kind: type[C]) -> C:
    content = _read(directory / model_id / CARD, model_id)
    found = model_id_of(content, model_id.partition("-")[0])
    if found != model_id:
        raise Refused(
            f"the card of model {model_id} has been changed: its hash is {found}",
            rule="model.hash",
        )
    try:
        card = msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as problem:
        raise Refused(f"the card of model {model_id} is not readable: {problem}") from problem
    if not model_id.startswith(f"{card.short}-"):
        raise Refused(f"the card of model {model_id} is that of a {card.type}", rule="model.hash")
    return card


def _read_arrays(directory: Path, model_id: str) -> Model:
    """The arrays as kernels take them: contiguous, writable, of the exact types."""
    content = io.BytesIO(_read(directory / model_id / ARRAYS, model_id))
    row = np.zeros(1, dtype=MODEL)
    model = linear_model(row)
    try:
        with np.load(content, allow_pickle=False) as stored:
            for name in MODEL.names or ():
                if name not in LATER or name in stored:
                    row[name] = stored[name]
            side = {name: stored[name] for name in SIDE if name in stored}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as problem:
        raise Refused(
            f"the arrays of model {model_id} are not readable: {problem}", rule="model.file"
        ) from problem
    for name, array in side.items():
        wanted = getattr(model, name).dtype
        if array.dtype != wanted or array.ndim != 1:
            raise Refused(
                f"{name} of model {model_id} must be a row of {wanted}, was {array.dtype}",
                rule="model.shape",
            )
    return model._replace(**{name: np.array(array, order="C") for name, array in side.items()})


def load_model(directory: Path, model_id: str) -> LoadedModel:
    """Arrays and promises of a model, both hashes checked; refused when either is not right."""
    policy = is_policy(model_id)
    card = read_policy_card(directory, model_id) if policy else read_card(directory, model_id)
    model = _read_arrays(directory, model_id)
    found = arrays_digest(model)
    if found != card.arrays_sha256:
        raise Refused(
            f"the arrays of model {model_id} have been changed: SHA-256 must be "
            f"{card.arrays_sha256}, was {found}",
            rule="model.hash",
        )
    check_shape(model, model_id)
    return LoadedModel(
        id=model_id,
        model=model,
        horizon_s=card.horizon_s,
        expires_at=Nanos(card.expires_at),
        words=card.words,
        trained_auc=card.auc if isinstance(card, Card) else math.nan,
        trained_n=card.n,
        red_flag=card.red_flag,
        policy=policy,
    )
