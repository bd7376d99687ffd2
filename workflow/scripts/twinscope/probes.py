"""Ask how well a simple classifier, tuned alike for all, reads labels from a representation."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from twinscope.errors import InputError, one_of
from twinscope.metrics import METRICS
from twinscope.splits import assign

SAME_LOSS = 1e-6
TEMPERATURE = 0.07
DECIMALS = 9
PRECISION = {"gtol": 1e-6, "ftol": 1e-15, "maxiter": 5_000, "maxls": 50}


class Prediction(NamedTuple):
    """Out-of-fold predictions of one probe.

    `probabilities` (n, K), NaN throughout when undefined for the `reason` given; sorted `classes`
    (K,); C or k `chosen` in each fold, NaN where nothing could be fitted; `n_missing` or infinite
    values, imputed, of `n_values` in `n_features`; `n_fallback` folds too small to choose in,
    where C is 0.01, or k the largest up to 10 that fits.
    """

    probabilities: np.ndarray
    classes: np.ndarray
    chosen: list
    n_missing: int
    reason: str = ""
    n_fallback: int = 0
    n_values: int = 0
    n_features: int = 0


class Probe(NamedTuple):
    """A classifier: its grid, what to use unsearched, and predictions (n, K) along the grid."""

    grid: tuple
    fallback: float
    path: Callable[..., Iterator[np.ndarray]]


# One thread: sums then have one order whatever the machine, and small matrices are no slower.
@threadpool_limits.wrap(limits=1, user_api="blas")
def cross_validate(
    X: np.ndarray | Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    probe: str,
    similarity: str = "cosine",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Predict every item from the other folds.

    In each fold, on training items only: impute medians, drop constant features, standardise, and
    choose C or k by the class-balanced log-loss of an inner, grouped cross-validation of up to 3
    folds (ties go to the smaller). Where every feature is constant, each class is given 1 / K.

    Parameters
    ----------
    X : array of shape (n, d), or callable
        Features; NaN is missing. A callable is given which items are for training, (n,) bool, and
        returns features that it learned from those; the inner folds share what was learned.
    y, groups : arrays of str of shape (n,)
        Labels, and the unit that must not straddle.
    folds : array of int of shape (n,)
        As from `twinscope.splits.assign`.
    probe : str
        A key of `PROBES`.
    similarity : {"cosine", "euclidean"}
        For k-nearest neighbours.
    seed : int
        Seed of the inner splits.
    progress : callable (done, total), optional
        Called after each fold.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        When the probe or the similarity is unknown.
    """
    for name, known in ((probe, PROBES), (similarity, SIMILARITIES)):
        if name not in known:
            raise InputError(repr(name), one_of(known, name))
    given = X if callable(X) else _finite(X)
    y, groups, folds = np.asarray(y, dtype=str), np.asarray(groups, dtype=str), np.asarray(folds)
    classes, numbers = np.unique(y), np.unique(folds)
    p, chosen, n_fallback = np.full((len(y), len(classes)), np.nan), [], 0
    for done, number in enumerate(numbers, start=1):
        test, train = folds == number, folds != number
        X = _finite(given(train)) if callable(given) else given
        if done == 1:
            sizes = {"n_values": X.size, "n_features": X.shape[1]}
            n_missing = int(np.isnan(X).sum())
        inner = _inner_folds(y[train], groups[train], seed)
        best, p[test] = _predict(PROBES[probe], X[train], y[train], X[test], inner, similarity)
        if isinstance(best, str):
            lost = [np.nan] * len(numbers)
            return Prediction(p * np.nan, classes, lost, n_missing, best, **sizes)
        chosen.append(best)
        n_fallback += inner is None
        if progress:
            progress(done, len(numbers))
    return Prediction(p, classes, chosen, n_missing, "", n_fallback, **sizes)


def _finite(X: np.ndarray) -> np.ndarray:
    X = np.array(X, dtype=float)
    X[~np.isfinite(X)] = np.nan
    return X


def _inner_folds(y: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray | None:
    """Split the training items again, into as many folds up to 3 as their groups allow."""
    for folds in (3, 2):
        with suppress(InputError):
            return assign(np.arange(len(y)), y, groups, folds, seed)
    return None


def _predict(probe: Probe, X, y, unseen, inner, similarity: str) -> tuple:
    """Return the value chosen, or why there is none, and probabilities for the unseen."""
    Z, Q = _prepare(X, unseen)
    if Z is None:
        return "no values: every feature is missing", np.nan
    if probe is PROBES["knn"] and similarity == "cosine" and Z.shape[1] < 2:
        what = "a single feature" if Z.shape[1] else "constant features"
        return f"cosine of {what} is all ties: use similarity euclidean", np.nan
    if Z.shape[1] == 0:
        return np.nan, 1 / len(np.unique(y))
    if probe is PROBES["logistic"]:
        # L2 does not see rotations; principal axes are fewer, and quicker to descend on.
        axes = np.linalg.svd(Z, full_matrices=False)[2]
        Z, Q = Z @ axes.T, Q @ axes.T
    best = probe.fallback if inner is None else _choose(probe, Z, y, inner, similarity)
    # Walking up to the best is quicker than a cold start when the penalty is weak.
    path = probe.path(Z, y, Q, [value for value in probe.grid if value <= best], similarity)
    *_, found = zip(probe.grid, path, strict=False)
    return found


def _prepare(train: np.ndarray, test: np.ndarray) -> tuple:
    """Impute, drop constant features and standardise, as the training items say."""
    seen = ~np.isnan(train).all(axis=0)
    if not seen.any():
        return None, None
    train, test = train[:, seen], test[:, seen]
    middle = np.nanmedian(train, axis=0)
    train, test = (np.where(np.isnan(part), middle, part) for part in (train, test))
    # Relative, so that the rounding of a constant is not blown up to unit variance.
    varied = np.ptp(train, axis=0) > 1e-12 * np.abs(train).max(axis=0)
    train, test = train[:, varied], test[:, varied]
    centre, spread = train.mean(axis=0), train.std(axis=0)
    return (train - centre) / spread, (test - centre) / spread


def _choose(probe: Probe, Z, y, inner, similarity: str) -> float:
    """Walk up the grid until the inner loss has risen twice in a row; return the best value."""
    parts = [(inner != number, inner == number) for number in np.unique(inner)]
    paths = [probe.path(Z[t], y[t], Z[v], probe.grid, similarity) for t, v in parts]
    p, losses = np.empty((len(y), len(np.unique(y)))), []
    for predictions in zip(*paths, strict=False):
        for (_, test), predicted in zip(parts, predictions, strict=True):
            p[test] = predicted
        losses.append(METRICS["log_loss"].function(y, p, np.unique(y)))
        if len(losses) > 2 and losses[-3] < losses[-2] < losses[-1]:
            break
    return next(
        v for v, loss in zip(probe.grid, losses, strict=False) if loss <= min(losses) + SAME_LOSS
    )


def _balance(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-hot labels (n, K), and weights (n,) that give each class the same total."""
    _, code, sizes = np.unique(y, return_inverse=True, return_counts=True)
    return np.eye(len(sizes))[code], (len(y) / (len(sizes) * sizes))[code]


def _logistic(Z, y, Q, penalties, similarity) -> Iterator[np.ndarray]:
    """L2-penalised multinomial logistic regression, each fit started from the one before."""
    truth, weight = _balance(y)
    Z, Q = (np.column_stack([part, np.ones(len(part))]) for part in (Z, Q))
    W = np.zeros((Z.shape[1], truth.shape[1]))
    for C in penalties:
        W = _descend(Z, truth, weight, C, W)
        yield softmax(Q @ W, axis=1)


def _descend(Z, truth, weight, C: float, start: np.ndarray) -> np.ndarray:
    """Minimise weighted log-loss + |W|² / 2C by L-BFGS; the last feature is the intercept."""
    # One score a class, so two classes carry the slope of scikit-learn's single score in halves.
    penalty = np.full((Z.shape[1], 1), (2 if truth.shape[1] == 2 else 1) / C)
    penalty[-1] = 0
    p = softmax(Z @ start, axis=1)
    # Principal axes, each scaled by its curvature, need tens of steps instead of hundreds.
    curvature = (Z**2).T @ (weight[:, None] * p * (1 - p)).mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(np.maximum(curvature + penalty, 1e-12))

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        W = flat.reshape(start.shape) * scale
        scores = Z @ W
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(axis=1)
        loss = weight @ (np.log(total) - (truth * scores).sum(axis=1))
        error = weight[:, None] * (p / total[:, None] - truth)
        slope = (Z.T @ error + penalty * W) * scale
        return loss + (penalty * W * W).sum() / 2, slope.ravel()

    begin = (start / scale).ravel()
    end = minimize(objective, begin, jac=True, method="L-BFGS-B", options=PRECISION).x
    return end.reshape(start.shape) * scale


def _neighbours(Z, y, Q, ks, similarity: str) -> Iterator[np.ndarray]:
    """Votes of the k nearest, balanced so that rare classes are not outvoted.

    One further vote, shared by all classes, keeps the log-loss finite.
    """
    truth, weight = _balance(y)
    closeness, weigh = SIMILARITIES[similarity]
    # Rounded, because equal neighbours differ in the last digits with the order of a sum.
    s = np.round(closeness(Q, Z), DECIMALS)
    descending, votes = -np.sort(-s, axis=1), weigh(s)
    for k in (k for k in ks if k <= len(Z)):
        last = descending[:, k - 1, None]
        nearer, level = s > last, s == last
        # Ties for the last places share them equally.
        share = (k - nearer.sum(axis=1, keepdims=True)) / level.sum(axis=1, keepdims=True)
        counted = ((nearer + level * share) * votes) @ (truth * weight[:, None])
        counted *= k / counted.sum(axis=1, keepdims=True)
        yield (counted + 1 / truth.shape[1]) / (k + 1)


def _cosine(Q: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Cosine; 0 to everything for an item that lies at the centre."""
    Q, Z = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (Q, Z))
    return Q @ Z.T


SIMILARITIES = {
    "cosine": (_cosine, lambda s: np.exp((s - s.max(axis=1, keepdims=True)) / TEMPERATURE)),
    "euclidean": (lambda Q, Z: -cdist(Q, Z), np.ones_like),
}
PROBES = {
    "logistic": Probe(tuple(10.0**power for power in range(-4, 3)), 0.01, _logistic),
    "knn": Probe((1, 10, 20, 100, 200), 10, _neighbours),
}
