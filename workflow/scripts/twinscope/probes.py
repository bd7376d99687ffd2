"""Ask how well a simple classifier, tuned alike for all, reads labels from a representation."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from twinscope.classifiers import PROBES, SIMILARITIES, Probe
from twinscope.errors import InputError, one_of
from twinscope.metrics import METRICS
from twinscope.splits import assign

SAME_LOSS = 1e-6
# Values: of features that are looked at together, and beyond which standardised ones are kept in
# single precision.
BLOCK, LARGE = 2**24, 2**26


class Prediction(NamedTuple):
    """Out-of-fold predictions of one probe.

    `probabilities` (n, K), NaN throughout when undefined for the `reason` given; sorted `classes`
    (K,); C or k `chosen` in each fold, NaN where nothing could be fitted; `n_missing` or infinite
    values, imputed, of `n_values` in `n_features`; `n_fallback` folds too small to choose in,
    where C is 0.01, or k the largest up to 10 that fits; the candidate (layer) that was `taken` in
    each fold, where there were several.
    """

    probabilities: np.ndarray
    classes: np.ndarray
    chosen: list
    n_missing: int
    reason: str = ""
    n_fallback: int = 0
    n_values: int = 0
    n_features: int = 0
    taken: tuple[str, ...] = ()


# One thread: sums then have one order whatever the machine, and small matrices are no slower.
@threadpool_limits.wrap(limits=1, user_api="blas")
def cross_validate(
    X: np.ndarray | Callable[[np.ndarray], np.ndarray] | Mapping[str, np.ndarray | Callable],
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
        returns features that it learned from those; the inner folds share what was learned. A
        mapping holds several such candidates (the layers of a network): in each fold that of the
        least inner loss is taken, the first where there is nothing to choose in.
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
    given = X if isinstance(X, Mapping) else {"": X}
    given = {name: x if callable(x) else _numbers(x) for name, x in given.items()}
    y, groups, folds = np.asarray(y, dtype=str), np.asarray(groups, dtype=str), np.asarray(folds)
    classes, numbers = np.unique(y), np.unique(folds)
    p, chosen, taken, n_fallback = np.full((len(y), len(classes)), np.nan), [], [], 0
    for done, number in enumerate(numbers, start=1):
        train = folds != number
        X = {name: _numbers(x(train)) if callable(x) else x for name, x in given.items()}
        if done == 1:
            sizes = _sizes(next(iter(X.values())))
        inner = _inner_folds(y[train], groups[train], seed)
        name, best, p[~train] = _best(PROBES[probe], X, train, y[train], inner, similarity)
        if isinstance(best, str):
            lost = [np.nan] * len(numbers)
            return Prediction(p * np.nan, classes, lost, reason=best, **sizes)
        chosen.append(best)
        taken.append(name)
        n_fallback += inner is None
        if progress:
            progress(done, len(numbers))
    more = {"taken": tuple(taken) if len(given) > 1 else (), **sizes}
    return Prediction(p, classes, chosen, n_fallback=n_fallback, **more)


def _numbers(X: np.ndarray) -> np.ndarray:
    """Leave single precision as it is: of many items there is no room for a copy."""
    X = np.asarray(X)
    return X if X.dtype in (np.float32, np.float64) else X.astype(float)


def _sizes(X: np.ndarray) -> dict:
    step = max(1, BLOCK // max(1, X.shape[1]))
    present = sum(np.isfinite(X[at : at + step]).sum() for at in range(0, len(X), step))
    return {"n_values": X.size, "n_features": X.shape[1], "n_missing": int(X.size - present)}


def _inner_folds(y: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray | None:
    """Split the training items again, into as many folds up to 3 as their groups allow."""
    for folds in (3, 2):
        with suppress(InputError):
            return assign(np.arange(len(y)), y, groups, folds, seed)
    return None


def _best(probe: Probe, X: Mapping, train, y, inner, similarity: str) -> tuple:
    """Return the candidate taken, the value chosen or why there is none, and probabilities."""
    names = list(X) if inner is not None else list(X)[:1]
    kept = None
    for name in names:
        value, data, loss = _candidate(probe, X[name], train, y, inner, similarity)
        if kept is None or loss < kept[3]:
            kept = name, value, data, loss
        del data
    name, best, data, _ = kept
    if data is None:
        return name, best, np.nan
    if np.isnan(best):
        return name, best, 1 / len(np.unique(y))
    Z, Q = data
    return name, best, next(probe.path(Z, y, Q, [best], similarity))


def _candidate(probe: Probe, X, train, y, inner, similarity: str) -> tuple:
    """Return the value chosen or why there is none, data ready to fit or None, and the loss."""
    Z, Q = _prepare(X, train)
    if Z is None:
        return "no values: every feature is missing", None, np.inf
    if probe is not PROBES["logistic"] and similarity == "cosine" and Z.shape[1] < 2:
        what = "a single feature" if Z.shape[1] else "constant features"
        return f"cosine of {what} is all ties: use similarity euclidean", None, np.inf
    if Z.shape[1] == 0:
        return np.nan, (Z, Q), np.log(len(np.unique(y)))
    value, loss = (
        (probe.fallback, 0.0) if inner is None else _choose(probe, Z, y, inner, similarity)
    )
    return value, (Z, Q), loss


def _prepare(X: np.ndarray, train: np.ndarray) -> tuple:
    """Impute, drop constant features and standardise, as the training items say.

    Some features at a time. What would be large is kept in single precision.
    """
    kind = np.float32 if X.size > LARGE else float
    Z, Q = (np.empty((some.sum(), X.shape[1]), dtype=kind) for some in (train, ~train))
    step, seen, at = max(1, BLOCK // max(1, len(X))), False, 0
    for start in range(0, X.shape[1], step):
        own, other = (X[some, start : start + step].astype(float) for some in (train, ~train))
        for part in (own, other):
            part[~np.isfinite(part)] = np.nan
        known = ~np.isnan(own).all(axis=0)
        seen |= bool(known.any())
        own, other = own[:, known], other[:, known]
        gaps = np.isnan(own).any(axis=0) | np.isnan(other).any(axis=0)
        if gaps.any():
            middle = np.nanmedian(own[:, gaps], axis=0)
            for part in (own, other):
                part[:, gaps] = np.where(np.isnan(part[:, gaps]), middle, part[:, gaps])
        # Relative, so that the rounding of a constant is not blown up to unit variance.
        varied = np.ptp(own, axis=0) > 1e-12 * np.abs(own).max(axis=0)
        own, other = own[:, varied], other[:, varied]
        centre, spread = own.mean(axis=0), own.std(axis=0)
        here = slice(at, at := at + own.shape[1])
        Z[:, here], Q[:, here] = (own - centre) / spread, (other - centre) / spread
    return (Z[:, :at], Q[:, :at]) if seen else (None, None)


def _choose(probe: Probe, Z, y, inner, similarity: str) -> tuple[float, float]:
    """Walk up the grid until the inner loss has risen twice in a row; the best value, its loss."""
    tests = [inner == number for number in np.unique(inner)]
    paths = [_path(probe, Z, y, test, similarity) for test in tests]
    p, losses = np.empty((len(y), len(np.unique(y)))), []
    for predictions in zip(*paths, strict=False):
        for test, predicted in zip(tests, predictions, strict=True):
            p[test] = predicted
        losses.append(METRICS["log_loss"].function(y, p, np.unique(y)))
        if len(losses) > 2 and losses[-3] < losses[-2] < losses[-1]:
            break
    pairs = zip(probe.grid, losses, strict=False)
    return next((v, loss) for v, loss in pairs if loss <= min(losses) + SAME_LOSS)


def _path(probe: Probe, Z, y, test, similarity: str) -> Iterator[np.ndarray]:
    """Predict along the grid; the items of a fold are copied when it is its turn."""
    yield from probe.path(Z[~test], y[~test], Z[test], probe.grid, similarity)
