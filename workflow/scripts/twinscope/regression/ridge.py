"""Ridge regression of many targets, with penalties chosen inside the training groups."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh, lapack, solve
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from twinscope.errors import InputError

PENALTIES = tuple(10.0 ** (power / 2) for power in range(-4, 16))
SAME_LOSS, EPSILON = 1e-9, np.finfo(float).eps


class Fit(NamedTuple):
    """Out-of-fold `predictions` (n, G), `penalties` (F, G), and `n_fallback` folds not tuned.

    Penalties are NaN without features, and amid the grid where there is one training group.
    """

    predictions: np.ndarray
    penalties: np.ndarray
    n_fallback: int


# One thread: sums then have one order whatever the machine, and small matrices are no slower.
@threadpool_limits.wrap(limits=1, user_api="blas")
def nested(
    X: np.ndarray | Callable[[np.ndarray], np.ndarray],
    Y: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    penalties: Sequence[float] = PENALTIES,
    *,
    shared: bool = False,
    inner: int = 10,
) -> Fit:
    """Predict the targets of every item from the other folds by ridge with an intercept.

    In each fold the penalty is that of the least squared error in a cross-validation of the
    training items over their groups (ties, to 1e-9 of the error, go to the stronger), for each
    target by itself or, if `shared`, for all: errors are then in units of a target's variance.
    Equal to scikit-learn's `Ridge` in a grid search over `GroupKFold`, but one eigendecomposition
    serves all penalties and targets, and where features outnumber items, all inner folds too.

    Parameters
    ----------
    X : array of shape (n, d), or callable
        Features. A callable is given which items are for training, (n,) bool, and returns features
        of all items that it learned from those; the inner folds share them.
    Y : array of shape (n, G)
        Targets.
    groups, folds : arrays of shape (n,)
        The unit that must not straddle, and the fold in which an item is tested.
    penalties : sequence of float
        The grid.
    shared : bool
        Whether targets share a penalty.
    inner : int
        Number of inner folds; fewer where there are fewer groups.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        When a penalty is not above 0, a value is not finite, or a group straddles folds.
    """
    Y, groups, folds = np.asarray(Y, dtype=float), np.asarray(groups, dtype=str), np.asarray(folds)
    grid = np.unique(np.asarray(penalties, dtype=float))
    _check(Y, groups, folds, grid)
    given = None if callable(X) else _space(X)
    predictions, chosen, n_fallback = np.empty_like(Y), [], 0
    for number in np.unique(folds):
        train, test = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        space = given or _space(X(folds != number))
        predictions[test] = centre = Y[train].mean(axis=0)
        best = np.full(Y.shape[1], np.nan)
        if space.X.shape[1]:
            own, n_groups = Y[train] - centre, len(np.unique(groups[train]))
            M, R, E, A = space.system(own, train, test)
            values, vectors = axes = _axes(M)
            best[:] = grid[len(grid) // 2]
            n_fallback += n_groups < 2
            if n_groups > 1:
                splits = GroupKFold(min(inner, n_groups)).split(own, groups=groups[train])
                more = own, [held for _, held in splits], grid
                errors = _by_items(*axes, *more) if A is None else _by_features(M, R, A, *more)
                best[:] = _best(errors, own.var(axis=0), grid, shared)
            predictions[test] += E @ (vectors @ ((vectors.T @ R) / (values[:, None] + best)))
        chosen.append(best)
    return Fit(predictions, np.array(chosen), n_fallback)


@threadpool_limits.wrap(limits=1, user_api="blas")
def prepare(X: np.ndarray, train: np.ndarray, components: int | None = None) -> np.ndarray:
    """Impute medians, drop constant features, standardise and rotate, as training items say.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN and infinite values are missing.
    train : array of bool of shape (n,)
        What is learned from.
    components : int, optional
        Number of principal components kept; all features, as they are, where there are no more.

    Returns
    -------
    array of shape (n, k)
    """
    X = np.where(np.isfinite(X), np.asarray(X, dtype=float), np.nan)
    X = X[:, ~np.isnan(X[train]).all(axis=0)]
    X = np.where(np.isnan(X), np.nanmedian(X[train], axis=0) if X.size else 0.0, X)
    # Relative, so that the rounding of a constant is not blown up to unit variance.
    X = X[:, np.ptp(X[train], axis=0) > 1e-12 * np.abs(X[train]).max(axis=0)]
    Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
    if components is None or Z.shape[1] <= components:
        return Z
    # Not the randomised solver, the default for large data: its last axes are approximate.
    solver = "covariance_eigh" if train.sum() >= Z.shape[1] else "full"
    return PCA(min(components, train.sum() - 1), svd_solver=solver).fit(Z[train]).transform(Z)


@threadpool_limits.wrap(limits=1, user_api="blas")
def hest(
    X: np.ndarray, Y: np.ndarray, train: np.ndarray, components: int = 256, solver: str = "exact"
) -> tuple[np.ndarray, float]:
    """Predict as HEST-bench does: components, then ridge with no intercept and a set penalty.

    The penalty is 100 / (k G) (Jaume et al. 2024, HEST-1k, NeurIPS).

    Parameters
    ----------
    X, train, components
        As for `prepare`.
    Y : array of shape (n, G)
        Targets; those of items not in training are not looked at.
    solver : {"exact", "lsqr"}
        Or scikit-learn's iteration up to its tolerance, which HEST-bench uses.

    Returns
    -------
    predictions, penalty : array of shape (n, G), float
        0 and NaN where no feature varies.
    """
    Z, Y = prepare(X, train, components), np.asarray(Y, dtype=float)
    if Z.shape[1] == 0:
        return np.zeros(Y.shape), np.nan
    A, penalty = Z[train], 100 / (Z.shape[1] * Y.shape[1])
    if solver == "exact":
        W = solve(A.T @ A + penalty * np.eye(A.shape[1]), A.T @ Y[train], assume_a="pos")
        return Z @ W, penalty
    fitted = Ridge(penalty, solver=solver, fit_intercept=False, tol=1e-4, max_iter=1000)
    return fitted.fit(A, Y[train]).predict(Z).reshape(Y.shape), penalty


class _Space(NamedTuple):
    """Features, and products of all items (n, n) where there are more features than items."""

    X: np.ndarray
    K: np.ndarray | None

    def system(self, Y: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple:
        """Return M, R and E of predictions E (M + penalty)⁻¹ R, and centred features if used."""
        if self.K is None:
            middle = self.X[train].mean(axis=0)
            A = self.X[train] - middle
            return A.T @ A, A.T @ Y, self.X[test] - middle, A
        # Centred on the training items: the features of the others are measured from there too.
        M, E = self.K[np.ix_(train, train)], self.K[np.ix_(test, train)]
        middle = M.mean(axis=0)
        for products in (M, E):
            products -= middle
            products -= products.mean(axis=1, keepdims=True)
        return M, Y, E, None


def _space(X: np.ndarray) -> _Space:
    X = np.asarray(X, dtype=float)
    if not np.isfinite(X).all():
        raise InputError("a feature that is missing or infinite", "finite features")
    # A shift changes no prediction, and keeps products of items from losing digits.
    X = X - X.mean(axis=0)
    return _Space(X, X @ X.T if X.shape[1] > X.shape[0] else None)


def _axes(M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, 0 where they are rounding, and eigenvectors of a symmetric matrix."""
    values, vectors = eigh(M, driver="evd", check_finite=False)
    return np.where(values > len(M) * EPSILON * values[-1], values, 0), vectors


def _by_items(values, vectors, Y, blocks: list, grid: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the errors (P, n_b, G) on each block of items by the fit to all others.

    (I - H)_bb⁻¹ (Y - HY)_b, H being the hat matrix of all (Golub, Heath and Wahba 1979,
    Technometrics 21:215, for one item).
    """
    left = grid[:, None] / (values + grid[:, None])
    misfit = vectors @ (left[:, :, None] * (vectors.T @ Y))
    for block in blocks:
        own, errors = vectors[block], misfit[:, block]
        for root, wrong in zip(np.sqrt(left), errors, strict=True):
            part = own * root
            # What the intercept takes up is left by no penalty; one lost to rounding is no choice.
            *_, solved, failed = lapack.dposv(part @ part.T - 1 / len(Y), wrong)
            wrong[:] = np.inf if failed else solved
        yield errors


def _by_features(M, R, A, Y, blocks: list, grid: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the errors (P, n_b, G) on each block of items by the fit to all others."""
    for block in blocks:
        own, targets, rest = A[block], Y[block], len(Y) - len(block)
        # Means of the others, as those of all items are 0.
        middle, centre = -own.sum(axis=0) / rest, -targets.sum(axis=0) / rest
        values, vectors = _axes(M - own.T @ own - rest * np.outer(middle, middle))
        turned = vectors.T @ (R - own.T @ targets - rest * np.outer(middle, centre))
        path = turned / (values + grid[:, None])[:, :, None]
        yield ((own - middle) @ vectors) @ path + (centre - targets)


def _best(errors: Iterable, spread: np.ndarray, grid: np.ndarray, shared: bool) -> np.ndarray:
    """Return the penalty of the least squared error for each target, the strongest of equals."""
    losses = sum(np.einsum("pvg,pvg->pg", block, block) for block in errors)
    if shared:
        losses = (losses / np.where(spread > 0, spread, 1)).mean(axis=1, keepdims=True)
    good = losses <= losses.min(axis=0) * (1 + SAME_LOSS)
    return grid[len(grid) - 1 - good[::-1].argmax(axis=0)]


def _check(Y: np.ndarray, groups: np.ndarray, folds: np.ndarray, grid: np.ndarray) -> None:
    if not len(grid) or grid[0] <= 0:
        raise InputError(f"penalties {grid}", "numbers above 0")
    if not np.isfinite(Y).all():
        raise InputError("a target that is missing or infinite", "finite targets")
    if len(np.unique(folds)) < 2:
        raise InputError("a single fold", "at least 2")
    names, homes = np.unique(groups, return_inverse=True)
    apart = np.unique([homes, np.unique(folds, return_inverse=True)[1]], axis=1)[0]
    if len(apart) > len(names):
        twice = names[np.bincount(apart) > 1][0]
        raise InputError(f"group '{twice}' in several folds", "each group in one fold")
