"""A million items of 1,024 features: the kNN probe and standardisation, seconds and peak memory.

Each runs in a process of its own, which is given the features in single precision. All pairs of so
many items are days of arithmetic: the folds of the probe are lopsided, some hundred items against
all others and the other way round, so that the whole protocol, inner folds too, runs on matrices as
large as those of even folds. How long even folds would take is multiplied from it. The limit holds
for the address space of the process: it fails rather than take more.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from measuring import Row, timed, told
from probes import CLASSES, FEATURES, by_batch, plates, single
from threadpoolctl import threadpool_limits

from twinscope import probes
from twinscope.alignment import align

ITEMS, FEW, LIMIT = 1_000_000, 250, 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--only", choices=QUESTIONS, nargs="*", default=list(QUESTIONS))
    parser.add_argument("--child", choices=QUESTIONS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.child:
        told(measure(given.items, given.only))
        return
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT * 2**30, LIMIT * 2**30))
    with threadpool_limits(1):
        print(json.dumps(QUESTIONS[given.child](given.items)))


def measure(items: int = ITEMS, only=None) -> Iterator[Row]:
    """Yield what so many items cost."""
    for question in only or QUESTIONS:
        command = [sys.executable, __file__, "--child", question, "--items", str(items)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        yield Row(**json.loads(said.splitlines()[-1]))


def neighbours(n: int) -> dict:
    """Give every item the votes of its neighbours, in lopsided folds."""
    y = np.array([f"c{k % CLASSES}" for k in range(n)])
    # Two small groups beside a large one in either fold, so that there are inner folds.
    names = np.array(["b0", "b1", "b2", "a1", "a2", "a0"])
    groups = np.repeat(names, [FEW, FEW, FEW, FEW, FEW, n - 5 * FEW])
    folds = np.char.startswith(groups, "a").astype(int)
    X = single(n)
    for k in range(CLASSES):
        X[k::CLASSES, 32 * k : 32 * (k + 1)] += 3
    seconds, found = timed(lambda: probes.cross_validate(X, y, groups, folds, "knn"))
    right = float((found.classes[found.probabilities.argmax(axis=1)] == y).mean())
    if right < 1.5 / CLASSES or found.n_fallback:
        raise AssertionError(f"{right:.0%} right, {found.n_fallback} folds not tuned")
    looked_at = similarities(groups, folds)
    # Four fifths against one, and in each of these five again two thirds against one.
    even = (0.8 + 0.8**2 * 2 / 3 * 5) * n**2
    hours = even / looked_at * seconds / 3600
    note = f"{looked_at:.1e} similarities; five even folds have {even:.1e}, {hours:.0f} hours"
    return row("kNN probe, lopsided folds", n, seconds, X, f"{right:.0%} right; {note}")


def similarities(groups: np.ndarray, folds: np.ndarray) -> float:
    """Count the pairs whose similarity is asked for, each group being an inner fold."""
    total = 0.0
    for number in np.unique(folds):
        train = folds != number
        sizes = np.unique(groups[train], return_counts=True)[1].astype(float)
        total += float(train.sum()) * float((~train).sum()) + (sizes * (sizes.sum() - sizes)).sum()
    return total


def standardisation(n: int) -> dict:
    """Standardise batches on their controls."""
    X, batches, controls = plates(n)
    seconds, found = timed(lambda: align("standardize", X, batches, controls))
    some = batches == batches[-1]
    expected = by_batch(X[some], batches[some], controls[some])
    np.testing.assert_allclose(found.features[some], expected, rtol=0, atol=1e-5)
    return row("standardisation", n, seconds, X, "the last batch equal to scikit-learn's")


def row(name: str, n: int, seconds: float, X: np.ndarray, note: str) -> dict:
    """Return the fields of a row, with the peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if peak > LIMIT:
        raise AssertionError(f"{peak:.1f} GiB")
    setting = f"{FEATURES} features, peak memory {peak:.1f} GiB"
    note = f"features as given {X.nbytes / 2**30:.1f} GiB; {note}"
    return Row(name, "items", n, setting, seconds, float("nan"), f"{LIMIT} GiB", note)._asdict()


QUESTIONS = {"neighbours": neighbours, "standardisation": standardisation}

if __name__ == "__main__":
    main()
