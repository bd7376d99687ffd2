"""Nested grouped ridge beside scikit-learn: Ridge in a grid over GroupKFold, equal predictions.

One thread for both. The reference is as lean as scikit-learn allows: every fit serves all targets,
nothing is scored twice. With a penalty for each target it refits with all of them at once.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope.regression import ridge

WANTED = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--groups", type=int, default=25)
    parser.add_argument("--inner", type=int, nargs="*", default=[10, 5], help="inner folds")
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the median counts")
    given = parser.parse_args()
    study = planted(given.items, given.features, given.targets, given.groups)
    with threadpool_limits(1):
        for inner in given.inner:
            for shared in (False, True):
                compare(study, shared, inner, given.rounds)


def compare(study: tuple, shared: bool, inner: int, rounds: int) -> None:
    """Print one line: a penalty for each target, or one for all."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        ours = ridge.nested(*study, shared=shared, inner=inner)
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    predictions, penalties = reference(*study, shared, inner)
    slow, fast = time.perf_counter() - began, float(np.median(seconds))
    np.testing.assert_array_equal(ours.penalties, penalties)
    np.testing.assert_allclose(ours.predictions, predictions, rtol=0, atol=1e-8)
    apart = np.abs(ours.predictions - predictions).max()
    n, d = study[0].shape
    print(
        f"ridge {n} x {d} -> {study[1].shape[1]} targets, {len(ridge.PENALTIES)} penalties, "
        f"{'one' if shared else 'each its own'}, {inner} inner folds: ours={fast:.2f}s "
        f"reference={slow:.2f}s ratio={slow / fast:.1f} wanted {WANTED:.0f} "
        f"(rounds {', '.join(f'{s:.2f}' for s in seconds)}; "
        f"{len(np.unique(penalties))} penalties chosen; largest difference {apart:.0e})",
        flush=True,
    )


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
