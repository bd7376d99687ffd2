"""Nested grouped ridge beside scikit-learn: Ridge in a grid over GroupKFold, equal predictions.

One thread for both. The reference is as lean as scikit-learn allows: every fit serves all targets,
nothing is scored twice. With a penalty for each target it refits with all of them at once. Each
inner fold costs the reference its 20 fits, and TwinScope less than a tenth of them: the ratio is
the larger, the more inner folds there are; 10 is what TwinScope does unless told otherwise.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from measuring import Row, timed, told
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from twinscope.regression import ridge

ITEMS, FEATURES, TARGETS, GROUPS = 1000, 1024, 50, 25
WANTED = "20"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the median counts")
    parser.add_argument("--growth", type=int, nargs="*", default=[250, 500], help="items")
    told(measure(**vars(parser.parse_args())))


def measure(items: int = ITEMS, rounds: int = 3, growth=(250, 500)) -> Iterator[Row]:
    """Yield a row for 10 and for 5 inner folds, and for other numbers of items."""
    with threadpool_limits(1):
        for inner, shared, wanted in ((10, False, WANTED), (10, True, ""), (5, False, "")):
            yield compare(items, shared, inner, rounds, wanted)
        yield from (compare(other, False, 10, 1) for other in growth)


def compare(items: int, shared: bool, inner: int, rounds: int, wanted: str = "") -> Row:
    """Time a penalty for each target, or one for all, and assert that predictions are equal."""
    study = planted(items, FEATURES, TARGETS, GROUPS)
    fast, ours = timed(lambda: ridge.nested(*study, shared=shared, inner=inner), rounds)
    slow, (predictions, penalties) = timed(lambda: reference(*study, shared, inner))
    np.testing.assert_array_equal(ours.penalties, penalties)
    np.testing.assert_allclose(ours.predictions, predictions, rtol=0, atol=1e-8)
    apart = np.abs(ours.predictions - predictions).max()
    setting = (
        f"{FEATURES} features, {TARGETS} targets, {len(ridge.PENALTIES)} penalties, "
        f"{'one for all' if shared else 'each its own'}, {inner} inner folds"
    )
    note = f"{len(np.unique(penalties))} penalties chosen, all equal; "
    note += f"largest difference of predictions {apart:.0e}"
    return Row("ridge", "items", items, setting, fast, slow, wanted, note)


def planted(n: int, d: int, n_targets: int, n_groups: int) -> tuple:
    """Draw features, targets that hold signal and noise in differing parts, groups and folds."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 30))
    X = latent @ rng.normal(size=(30, d)) + rng.normal(size=(n, d))
    signal = latent @ rng.normal(size=(30, n_targets)) / np.sqrt(30)
    Y = 2 + signal + rng.normal(size=signal.shape) * rng.uniform(0.3, 5, n_targets)
    code = np.arange(n) % n_groups
    return X, Y, np.array([f"g{c:03d}" for c in code]), code % 5


def reference(X, Y, groups, folds, shared: bool, inner: int) -> tuple[np.ndarray, np.ndarray]:
    """Search the grid with scikit-learn."""
    predictions, chosen = np.empty_like(Y), []
    for number in np.unique(folds):
        train, test = folds != number, folds == number
        A, B = X[train], Y[train]
        losses = np.zeros((len(ridge.PENALTIES), Y.shape[1]))
        for rest, held in GroupKFold(inner).split(A, groups=groups[train]):
            for k, penalty in enumerate(ridge.PENALTIES):
                errors = Ridge(penalty).fit(A[rest], B[rest]).predict(A[held]) - B[held]
                losses[k] += (errors**2).sum(axis=0)
        if shared:
            losses = (losses / B.var(axis=0)).mean(axis=1, keepdims=True)
        best = np.array(ridge.PENALTIES)[losses.argmin(axis=0)]
        best = np.broadcast_to(best, Y.shape[1])
        penalty = float(best[0]) if shared else best
        predictions[test] = Ridge(penalty).fit(A, B).predict(X[test])
        chosen.append(best)
    return predictions, np.array(chosen)


if __name__ == "__main__":
    main()
