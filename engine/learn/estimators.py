"""The kinds of model there are: what scikit-learn fits, and how it becomes flat arrays."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.kernels.inference import Model
from engine.learn import compile as c

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

SEED: Final = 1  # of forests and networks: the same data give the same model
TREES: Final = 100
DEPTH: Final = 8
LEAF_ROWS: Final = 20  # training rows a leaf must hold, but in a full tree

Make = Callable[[bool], Any]  # directions (or moves) -> an unfitted scikit-learn model


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of model. ``words`` is what its card says."""

    words: str
    short: str  # begins the id of a version
    make: Make
    compile: Callable[[Rows, Any], Model]
    standard: bool  # wants standardised features; trees take them as they are
    rows: int = 0  # at most so many training rows; 0 = all


def _linear(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.linear_model import LinearRegression, LogisticRegression

    return LogisticRegression(C=1.0, tol=1e-8, max_iter=2_000) if ups else LinearRegression()


def _tree(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if ups else DecisionTreeRegressor
    return kind(max_depth=DEPTH, min_samples_leaf=LEAF_ROWS, random_state=SEED)


def _forest(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if ups else RandomForestRegressor
    return kind(
        n_estimators=TREES, max_depth=DEPTH, min_samples_leaf=LEAF_ROWS, random_state=SEED, n_jobs=1
    )


def _full_forest(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if ups else RandomForestRegressor
    return kind(n_estimators=TREES, random_state=SEED, n_jobs=1)


def _boosting(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    kind = GradientBoostingClassifier if ups else GradientBoostingRegressor
    return kind(n_estimators=TREES, max_depth=3, random_state=SEED)


def _hist_boosting(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if ups else HistGradientBoostingRegressor
    return kind(max_iter=TREES, early_stopping=False, random_state=SEED)


def _perceptron(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if ups else MLPRegressor
    return kind(hidden_layer_sizes=(64, 64), alpha=1e-2, max_iter=30, random_state=SEED)


def _machine(ups: bool) -> Any:  # noqa: FBT001
    from sklearn.svm import SVC, SVR

    return SVC(kernel="rbf") if ups else SVR(kernel="rbf")


def _compile_machine(row: Rows, fitted: Any) -> Model:
    slope, offset = getattr(fitted, "platt", (1.0, 0.0))
    return c.compile_machine(row, fitted, slope, offset)


KINDS: Final[dict[str, Kind]] = {
    "logistic": Kind(
        words="logistic regression", short="lr", make=_linear, compile=c.compile_linear,
        standard=True,
    ),
    "tree": Kind(
        words=f"decision tree, depth {DEPTH}", short="dt", make=_tree, compile=c.compile_forest,
        standard=False,
    ),
    "forest": Kind(
        words=f"random forest, {TREES} trees, depth {DEPTH}", short="rf", make=_forest,
        compile=c.compile_forest, standard=False,
    ),
    "forest_full": Kind(
        words=f"random forest, {TREES} trees, full depth", short="ff", make=_full_forest,
        compile=c.compile_forest, standard=False,
    ),
    "gradient_boosting": Kind(
        words=f"gradient boosting, {TREES} trees, depth 3", short="gb", make=_boosting,
        compile=c.compile_boosting, standard=False,
    ),
    "hist_gradient_boosting": Kind(
        words=f"histogram gradient boosting, {TREES} trees", short="hg", make=_hist_boosting,
        compile=c.compile_hist_boosting, standard=False,
    ),
    "mlp": Kind(
        words="multilayer perceptron, 64 and 64 units", short="nn", make=_perceptron,
        compile=c.compile_perceptron, standard=True,
    ),
    "svm": Kind(
        words="support vector machine, radial basis", short="sv", make=_machine,
        compile=_compile_machine, standard=True, rows=2_000,
    ),
    "linear": Kind(
        words="linear regression", short="ls", make=_linear, compile=c.compile_linear,
        standard=True,
    ),
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of this name."""
    if name not in KINDS:
        raise Refused(f"kind of model must be one of {', '.join(KINDS)}, was {name}")
    return KINDS[name]


def fit_estimator(kind: Kind, x: Floats, target: npt.NDArray[Any]) -> Any:
    """What scikit-learn learns from standardised or plain features; bool target = directions.

    A network stops after its epochs, converged or not: its figures on later days decide.
    """
    ups = target.dtype == np.bool_
    made = kind.make(ups)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not converged is an error, not a log line
        if kind.short == "nn":
            from sklearn.exceptions import ConvergenceWarning

            warnings.simplefilter("ignore", ConvergenceWarning)
        if not kind.rows:
            return made.fit(x, target)
        return _fit_thinned(kind, made, x, target)


def _fit_thinned(kind: Kind, made: Any, x: Floats, target: npt.NDArray[Any]) -> Any:
    """Fit on every n-th row; the decision of a classifier becomes log-odds on rows in between."""
    from sklearn.linear_model import LogisticRegression

    every = max(2, -(-len(x) // kind.rows))
    made.fit(x[::every], target[::every])
    if target.dtype == np.bool_:
        decision = made.decision_function(x[1::every])[:, None]
        platt = LogisticRegression(C=1e6, tol=1e-8, max_iter=2_000).fit(decision, target[1::every])
        made.platt = (float(platt.coef_[0, 0]), float(platt.intercept_[0]))
    return made


def expected(fitted: Any, x: Floats) -> Floats:
    """What scikit-learn says about these rows: P(up) or the move."""
    if not hasattr(fitted, "classes_"):
        found: Floats = fitted.predict(x)
    elif hasattr(fitted, "platt"):
        slope, offset = fitted.platt
        found = 1.0 / (1.0 + np.exp(-(slope * fitted.decision_function(x) + offset)))
    else:
        found = fitted.predict_proba(x)[:, 1]
    return np.asarray(found, dtype=np.float64)
