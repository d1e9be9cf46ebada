"""From recorded days to a model version with its card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import FEATURE_NAMES
from engine.domain.units import Nanos
from engine.exchange.presets import market_hash
from engine.lab.market import SeedRange
from engine.learn import registry
from engine.learn.dataset import Dataset, Recording, build, walk_forward
from engine.learn.estimators import kind_of
from engine.learn.evaluate import Evaluation, auc_interval, evaluate
from engine.learn.fit import LEAST_ROWS, Fitted, all_features, fit, scores, shuffled
from engine.runtime.models import Card, CardBin, Fold, PathRange, arrays_digest

Floats = npt.NDArray[np.float64]

HORIZON_S = 5
FOLDS = 4
SEED = 1  # of the shuffle
LEAK_TOLERANCE = 0.03  # shuffled labels may score this far from a coin toss, or its noise if larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """Walk-forward results: every row scored by a model trained before it."""

    evaluation: Evaluation
    folds: tuple[Fold, ...]
    shuffled_auc: float
    red_flag: str


def train_default(
    directory: Path,
    recordings: Sequence[Recording],
    *,
    now_ns: Nanos,
    expires_at: Nanos,
    kind: str = "logistic",
    paths: SeedRange | None = None,
) -> str:
    """Train, test and store a price-direction model of ADAPTIVE; the id of the version.

    kind : of ``estimators.KINDS``, but no linear regression: the figures of a card are of
    probabilities. recordings : past days, each second's features and mid. now_ns : when it is
    trained, for the card. expires_at : market clock; from then on ADAPTIVE runs as its base
    schedule. paths : where simulated recordings come from.
    The version is only stored: whether it may trade is an approval. Refused when there is
    too little to learn.
    """
    if kind == "linear":
        raise Refused("a version must say P(up), a linear regression predicts the move")
    wanted = all_features()
    data = build(recordings, HORIZON_S, wanted)
    need = LEAST_ROWS * (FOLDS + 1)
    if len(data) < need:
        raise Refused(f"a first version needs at least {need} labelled rows, were {len(data)}")
    tested = walk(data, wanted, kind=kind)
    *_, (_, last) = walk_forward(data, FOLDS)
    final = fit(kind, data, data.take(last), wanted)
    card = write_card(data, final, tested, now_ns, expires_at)
    card = msgspec.structs.replace(card, type=kind_of(kind).words, short=kind_of(kind).short)
    markets = {recording.market for recording in recordings}
    if len(markets) == 1:
        card = msgspec.structs.replace(card, market_hash=markets.pop())
    if paths is not None:
        seen = (PathRange(**paths._asdict()),)
        card = msgspec.structs.replace(card, market_hash=market_hash(), paths=seen)
    return registry.save(directory, final.model, card)


def walk(data: Dataset, wanted: Sequence[int], seed: int = SEED, kind: str = "logistic") -> Tested:
    """Train on the past, test on the next block, four times over; then once on shuffled labels."""
    folds: list[Fold] = []
    p: list[Floats] = []
    ups: list[npt.NDArray[np.bool_]] = []
    for train_rows, test_rows in walk_forward(data, FOLDS):
        train, test = data.take(train_rows), data.take(test_rows)
        found = scores(fit(kind, train, test, wanted).model, test)
        result = evaluate(found, test.ups)
        folds.append(
            Fold(n_train=len(train), n_test=len(test), auc=result.auc, accuracy=result.accuracy)
        )
        p.append(found)
        ups.append(test.ups)
    evaluation = evaluate(np.concatenate(p), np.concatenate(ups))
    null, noise = shuffled_auc(data, wanted, seed, kind)
    return Tested(
        evaluation=evaluation,
        folds=tuple(folds),
        shuffled_auc=null,
        red_flag=evaluation.red_flag or leak(null, noise),
    )


def shuffled_auc(
    data: Dataset, wanted: Sequence[int], seed: int = SEED, kind: str = "logistic"
) -> tuple[float, float]:
    """AUC of the last step when all labels were shuffled first, and four of its standard errors.

    Nothing is left to learn, so whatever is above .5 came through a leak from test to training.
    """
    null = shuffled(data, seed)
    *_, (train_rows, test_rows) = walk_forward(null, FOLDS)
    train, test = null.take(train_rows), null.take(test_rows)
    auc, low, high = auc_interval(scores(fit(kind, train, test, wanted).model, test), test.ups)
    return auc, high - low


def leak(shuffled_auc: float, noise: float) -> str:
    """Why a result on shuffled labels says that the test rows leak into training; "" if not."""
    if abs(shuffled_auc - 0.5) <= max(LEAK_TOLERANCE, noise):
        return ""
    return f"trained on shuffled labels the AUC is {shuffled_auc:.3f}, must be about .5: a leak"


def write_card(
    data: Dataset, final: Fitted, tested: Tested, now_ns: Nanos, expires_at: Nanos
) -> Card:
    """The card of a version."""
    e = tested.evaluation
    names = tuple(FEATURE_NAMES[index] for index in final.used)
    return Card(
        type="logistic regression",
        problem="optimise execution: when to trade inside the band of a schedule",
        objective=f"P(mid moves up within {data.horizon_s} s, given that it moves)",
        success="the whole interval of the AUC above .5 on later days; cheaper than its base "
        "schedule on matched paths",
        limits="one-second view of one book; knows no news and no other venue; outside the "
        "training range, after expiry, or with a missing feature it is not used",
        words=f"Guesses the next {data.horizon_s} s from {len(names)} features: right for "
        f"{100 * e.accuracy:.1f} % of moves where a constant guess gets {100 * e.base_rate:.1f} % "
        f"(n {e.n:,}), AUC {e.auc:.3f} [{e.auc_low:.3f}, {e.auc_high:.3f}].",
        horizon_s=data.horizon_s,
        features=names,
        recordings=data.names,
        data_sha256=data.digest(),
        arrays_sha256=arrays_digest(final.model),
        n_train=len(data),
        minimum_n=LEAST_ROWS,
        n=e.n,
        base_rate=e.base_rate,
        accuracy=e.accuracy,
        auc=e.auc,
        auc_low=e.auc_low,
        auc_high=e.auc_high,
        brier=e.brier,
        brier_skill=e.brier_skill,
        log_loss=e.log_loss,
        calibration=tuple(
            CardBin(n=b.n, forecast=b.forecast, observed=b.observed) for b in e.calibration
        ),
        folds=tested.folds,
        shuffled_auc=tested.shuffled_auc,
        red_flag=tested.red_flag,
        compiled_difference=final.compiled_difference,
        trained_at=now_ns,
        expires_at=expires_at,
    )
