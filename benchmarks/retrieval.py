"""Retrieval with permutation tests beside copairs: seconds, ratio, growth with size.

Two questions on plates of 384 wells with 600 features and 10,000 permutations: replicates of 384
compounds against all other wells, and replicates of 320 compounds against 64 controls of their
plate. Average precision and its means must be equal to 1e-9, where no two similarities lie so close
that the single precision of copairs takes them for equal. The p values are not the same: copairs
draws random ranks once for each number of positives and candidates, TwinScope permutes labels
within plates, against controls for every compound anew; that is more work than the reference does.
Each runs in turns, one thread here, as many as it likes there; the median of the rounds counts.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope.retrieval.activity import activity
from twinscope.retrieval.annotations import consistency
from twinscope.similarity import matrix

WELLS, FEATURES, CONTROLS = 384, 600, 64
PERMUTATIONS = 10_000
SINGLE = 2e-7
LIMIT = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plates", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="*", default=[2, 8, 16], help="plates")
    parser.add_argument("--widest", type=int, default=8, help="most plates given to copairs")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before")
    for question in QUESTIONS:
        compare(question, given.plates, given.rounds)
        for plates in given.growth:
            compare(question, plates, 1, plates <= given.widest)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"peak memory, the reference included, {peak:.0f} MB; load {os.getloadavg()[0]:.1f} after"
    )


def compare(question: str, plates: int, rounds: int, beside: bool = True) -> None:
    """Print one line: seconds of both, and what was found to be equal."""
    X, meta = study(plates, QUESTIONS[question][0])
    ask, declared = QUESTIONS[question][1:]
    seconds, theirs = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        ours = ask(X, meta)
        between = time.perf_counter()
        theirs = reference(X, meta, declared) if beside else None
        seconds.append((between - began, time.perf_counter() - between))
    own, other = np.median(seconds, axis=0)
    line = f"retrieval {question}, {plates} x {WELLS} wells: ours={own:.2f}s"
    if theirs is None:
        print(line, flush=True)
        return
    line += f" reference={other:.2f}s ratio={other / own:.1f}"
    line += f" wanted {LIMIT}" if rounds > 1 and not QUESTIONS[question][0] else ""
    print(f"{line} ({equal(X, meta, declared, ours, *theirs)})", flush=True)


def study(plates: int, controls: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw plates of controls and of compounds, one well each, half of which do something."""
    rng = np.random.default_rng(0)
    well = np.tile(np.arange(WELLS), plates)
    meta = pd.DataFrame({"plate": np.repeat(np.arange(plates), WELLS), "well": well})
    meta["control"] = well < controls
    meta["compound"] = np.where(meta["control"], "dmso", np.char.mod("c%03d", well))
    meta["item"] = [f"p{p:02d}w{w:03d}" for p, w in zip(meta["plate"], well, strict=True)]
    # Reference of copairs: controls are no positives of each other, nor treated wells negatives.
    meta["reference"] = np.where(meta["control"], np.arange(len(meta)), -1)
    effect = rng.normal(size=(WELLS, FEATURES)) * (np.arange(WELLS) % 2)[:, None]
    effect[:controls] = 0
    return rng.normal(size=(len(meta), FEATURES)) + 0.3 * effect[well], meta


def replicates(X: np.ndarray, meta: pd.DataFrame):
    return consistency(X, meta, "compound", within=["plate"], permutations=PERMUTATIONS)


def against_controls(X: np.ndarray, meta: pd.DataFrame):
    where = {"plate": "plate", "batch": "plate", "position": "well"}
    return activity(X, meta, perturbation="compound", **where, permutations=PERMUTATIONS)


def reference(X: np.ndarray, meta: pd.DataFrame, declared: tuple):
    """Ask copairs, its store of null distributions being empty; nothing where it is missing."""
    try:
        from copairs.map import average_precision, mean_average_precision
    except ImportError:
        print("no reference: pip install copairs==0.5.5", file=sys.stderr)
        return None
    items = average_precision(meta, X, *declared, progress_bar=False)
    items = items[items["compound"] != "dmso"]
    with tempfile.TemporaryDirectory() as cache:
        options = {"progress_bar": False, "cache_dir": cache}
        groups = mean_average_precision(items, ["compound"], PERMUTATIONS, 0.05, 0, **options)
    return items, groups


def equal(X, meta, declared, ours, items: pd.DataFrame, groups: pd.DataFrame) -> str:
    """Assert that values are equal where single precision sees no ties, and say how many are."""
    clear = pd.Series(apart(matrix(X, "cosine"), meta, declared), index=meta["item"])
    own, other = (table.set_index("item")["average_precision"] for table in (ours.items, items))
    own, clear = own[other.index], clear[other.index]
    np.testing.assert_allclose(own[clear], other[clear], rtol=0, atol=1e-9)
    whole = clear.groupby(items["compound"].to_numpy()).all()
    own = ours.groups.set_index("group")["mean_average_precision"][groups["compound"]]
    other = groups.set_index("compound")["mean_average_precision"]
    np.testing.assert_allclose(own[whole], other[whole], rtol=0, atol=1e-9)
    if clear.mean() < 0.8:
        raise AssertionError("too few values to compare")
    return f"{clear.sum()} of {len(clear)} queries without near ties, all equal"


def apart(S: np.ndarray, meta: pd.DataFrame, declared: tuple) -> np.ndarray:
    """Which queries have no positive and negative that single precision might not tell apart."""
    columns = {c: pd.factorize(meta[c])[0] for part in declared for c in part}
    found = np.empty(len(S), dtype=bool)
    for row, scores in enumerate(S):
        positive, negative = np.ones((2, len(S)), dtype=bool)
        for mask, same, differ in ((positive, *declared[:2]), (negative, *declared[2:])):
            for c in (*same, *differ):
                mask &= (columns[c] == columns[c][row]) == (c in same)
        positive[row] = False
        here, there = scores[positive], np.sort(scores[negative])
        place = np.searchsorted(there, here)
        padded = np.concatenate([[-np.inf], there, [np.inf]])
        gaps = np.minimum(here - padded[place], padded[place + 1] - here)
        found[row] = gaps.min(initial=np.inf) > SINGLE
    return found


QUESTIONS = {
    "of replicates": (0, replicates, (["compound"], [], [], ["compound"])),
    "against controls": (
        CONTROLS,
        against_controls,
        (["compound", "reference"], ["plate"], ["plate"], ["compound", "reference"]),
    ),
}

if __name__ == "__main__":
    main()
