"""Probes and standardisation beside scikit-learn: seconds, ratio, growth with size.

Logistic regression: the grid of scikit-learn's LogisticRegression over the same folds and inner
folds, to a tolerance at which its probabilities agree with ours to 1e-4; the same C must be chosen
in every fold. TwinScope stops on its way up the grid where the inner loss has risen twice; the time
of a reference that stopped there, too, is in the note. k-nearest neighbours: scikit-learn's
NearestNeighbors by brute force, and the same votes; probabilities must be equal to 1e-9.
Standardisation on controls: a StandardScaler for each batch. One thread for all.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from measuring import Row, timed, told
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from twinscope import probes, splits
from twinscope.alignment import align
from twinscope.metrics import METRICS

ITEMS, FEATURES, CLASSES, GROUPS, BATCH = 1000, 1024, 10, 30, 1000
GRID, KS = (probes.PROBES[name].grid for name in ("logistic", "knn"))
TOLERANCE = 1e-8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the median counts")
    told(measure(**vars(parser.parse_args())))


def measure(rounds: int = 3) -> Iterator[Row]:
    """Yield a row for each probe, and for other numbers of items."""
    sizes = {logistic: (ITEMS, 250, 500, 2000), neighbours: (ITEMS, 4000, 12_000)}
    sizes[standardisation] = (10_000, 40_000, 160_000)
    with threadpool_limits(1):
        for question, numbers in sizes.items():
            for n in numbers:
                yield question(n, rounds if n == ITEMS else 1)


def logistic(n: int, rounds: int) -> Row:
    """Compare the way up the grid of C."""
    study = planted(n)
    fast, ours = timed(lambda: probes.cross_validate(*study, "logistic"), rounds)
    slow, (p, chosen, spared) = timed(lambda: searched(*study))
    apart = np.abs(ours.probabilities - p).max()
    if ours.chosen != chosen or apart > 1e-4:
        raise AssertionError(f"C {ours.chosen} and {chosen}, probabilities {apart} apart")
    setting = f"{FEATURES} features, {CLASSES} classes, {len(GRID)} values of C, 5 x 3 folds"
    note = f"C {min(chosen):g} to {max(chosen):g}, all equal; largest difference of probabilities "
    note += f"{apart:.0e}; stopped where ours stops, the reference takes {slow - spared:.2f} s"
    return Row("logistic probe", "items", n, setting, fast, slow, "", note)


def searched(X, y, groups, folds) -> tuple[np.ndarray, list, float]:
    """Search the grid with scikit-learn; and the seconds that stopping as we do would spare."""
    classes, chosen, spared = np.unique(y), [], 0.0
    p = np.empty((len(y), len(classes)))
    for number in np.unique(folds):
        train = folds != number
        Z, Q = scaled(X, train)
        inner = splits.assign(np.arange(train.sum()), y[train], groups[train], 3, 0)
        losses, seconds, held = [], [], np.empty((len(Z), len(classes)))
        for C in GRID:
            began = time.perf_counter()
            for part in range(3):
                rest = inner != part
                held[~rest] = fitted(Z[rest], y[train][rest], Z[~rest], C)
            seconds.append(time.perf_counter() - began)
            losses.append(METRICS["log_loss"].function(y[train], held, classes))
        chosen.append(GRID[np.flatnonzero(np.array(losses) <= min(losses) + 1e-6)[0]])
        rises = np.diff(losses) > 0
        twice = np.flatnonzero(rises[:-1] & rises[1:])
        spared += sum(seconds[twice[0] + 3 :]) if len(twice) else 0.0
        p[~train] = fitted(Z, y[train], Q, chosen[-1])
    return p, chosen, spared


def fitted(Z, y, Q, C: float) -> np.ndarray:
    options = {"class_weight": "balanced", "tol": TOLERANCE, "max_iter": 100_000}
    return LogisticRegression(C=C, **options).fit(Z, y).predict_proba(Q)


def scaled(X, train) -> tuple[np.ndarray, np.ndarray]:
    scaler = StandardScaler().fit(X[train])
    return scaler.transform(X[train]), scaler.transform(X[~train])


def neighbours(n: int, rounds: int) -> Row:
    """Compare the votes of neighbours, k chosen in inner folds."""
    study = planted(n)
    fast, ours = timed(lambda: probes.cross_validate(*study, "knn"), rounds)
    slow, (p, chosen) = timed(lambda: asked(*study))
    np.testing.assert_array_equal(ours.chosen, chosen)
    np.testing.assert_allclose(ours.probabilities, p, rtol=0, atol=1e-8)
    setting = f"{FEATURES} features, {CLASSES} classes, k of {', '.join(map(str, KS))}, 5 x 3 folds"
    note = f"k {min(chosen)} to {max(chosen)} and probabilities, all equal"
    return Row("kNN probe", "items", n, setting, fast, slow, "", note)


def asked(X, y, groups, folds) -> tuple[np.ndarray, list]:
    """Ask the neighbours that scikit-learn finds, where no two are equally near."""
    classes, code = np.unique(y, return_inverse=True)
    p, chosen = np.empty((len(y), len(classes))), []
    for number in np.unique(folds):
        train = folds != number
        (Z, Q), own = scaled(X, train), code[train]
        inner = splits.assign(np.arange(train.sum()), y[train], groups[train], 3, 0)
        ks = [k for k in KS if k <= min((inner != part).sum() for part in range(3))]
        held = np.empty((len(ks), len(Z), len(classes)))
        for part in range(3):
            rest = inner != part
            held[:, ~rest] = voted(Z[rest], own[rest], Z[~rest], ks)
        losses = [METRICS["log_loss"].function(y[train], one, classes) for one in held]
        chosen.append(ks[np.flatnonzero(np.array(losses) <= min(losses) + 1e-6)[0]])
        p[~train] = voted(Z, own, Q, [chosen[-1]])[0]
    return p, chosen


def voted(Z, code, Q, ks: list) -> np.ndarray:
    model = NearestNeighbors(n_neighbors=max(ks), metric="cosine", algorithm="brute").fit(Z)
    distance, where = model.kneighbors(Q)
    sizes = np.bincount(code)
    weight = np.exp((distance[:, :1] - distance) / 0.07) / sizes[code[where]]
    votes = weight[:, :, None] * np.eye(len(sizes))[code[where]]
    shares = [votes[:, :k].sum(axis=1) for k in ks]
    shares = [share / share.sum(axis=1, keepdims=True) for share in shares]
    return np.array([(k * s + 1 / len(sizes)) / (k + 1) for k, s in zip(ks, shares, strict=True)])


def standardisation(n: int, rounds: int) -> Row:
    """Compare the standardisation of batches on their controls."""
    X, batches, controls = plates(n)
    fast, ours = timed(lambda: align("standardize", X, batches, controls), rounds)
    slow, plain = timed(lambda: by_batch(X, batches, controls), rounds)
    apart = np.abs(ours.features - plain).max()
    if apart > 1e-9:
        raise AssertionError(f"features {apart} apart")
    setting = f"{FEATURES} features, batches of {BATCH:,}, a sixth of them controls"
    note = f"largest difference {apart:.0e}"
    return Row("standardisation", "items", n, setting, fast, slow, "", note)


def by_batch(X, batches, controls) -> np.ndarray:
    found = np.empty(X.shape)
    for batch in np.unique(batches):
        inside = batches == batch
        scaler = StandardScaler().fit(X[inside & controls].astype(float))
        found[inside] = scaler.transform(X[inside].astype(float))
    return found


def planted(n: int) -> tuple:
    """Draw features in which classes differ somewhat, labels, groups and folds."""
    rng = np.random.default_rng(0)
    code = rng.permutation(np.arange(n) % CLASSES)
    latent = rng.normal(size=(n, 30)) + 0.5 * rng.normal(size=(CLASSES, 30))[code]
    X = latent @ rng.normal(size=(30, FEATURES)) / 5 + rng.normal(size=(n, FEATURES))
    y = np.array([f"c{c:02d}" for c in code])
    groups = np.array([f"g{k % GROUPS:02d}" for k in range(n)])
    return X, y, groups, splits.assign(np.array([f"i{k:06d}" for k in range(n)]), y, groups, 5)


def plates(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features in single precision, batches that shift them, and which items are controls."""
    X = single(n)
    batches = np.array([f"b{k // BATCH:04d}" for k in range(n)])
    return X, batches, np.arange(n) % 6 == 0


def single(n: int) -> np.ndarray:
    rng, X = np.random.default_rng(0), np.empty((n, FEATURES), dtype=np.float32)
    for at in range(0, n, BATCH):
        part = X[at : at + BATCH]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32) + rng.standard_normal()
    return X


if __name__ == "__main__":
    main()
