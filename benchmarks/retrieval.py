"""Retrieval with permutation tests beside copairs: seconds, ratio, growth with size.

Three questions on plates of 384 wells with 600 features and 10,000 permutations. Replicates of 384
compounds against all other wells. Replicates of 320 compounds against 64 controls of their plate,
where copairs does less: it draws random ranks once for each number of positives and candidates,
which all 320 compounds share, while TwinScope permutes for each compound anew which of its own
wells and the controls are its own. And this same test by copairs, as far as it goes: labels put
anew on one compound's wells and controls, average precision asked for again; a few times, and the
time multiplied.

Average precision and its means must be equal to 1e-9, where no two similarities lie so close that
the single precision of copairs takes them for equal; in the third question the null too. Other p
values differ, as the nulls do. Each runs in turns, one thread here, as many as it likes there; the
median of the rounds counts.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator

import numpy as np
import pandas as pd
from measuring import Row, timed, told

from twinscope import similarity
from twinscope.retrieval import activity as active
from twinscope.retrieval import designs, pools, queries
from twinscope.retrieval.activity import activity
from twinscope.retrieval.annotations import consistency
from twinscope.similarity import matrix

WELLS, FEATURES, CONTROLS = 384, 600, 64
PERMUTATIONS = 10_000
SINGLE = 2e-7
WANTED = "20"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plates", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="*", default=[2, 8], help="plates")
    told(measure(**vars(parser.parse_args())))


def measure(plates: int = 4, rounds: int = 3, growth=(2, 8)) -> Iterator[Row]:
    """Yield a row for each question, and for other numbers of plates."""
    for question in QUESTIONS:
        yield compare(question, plates, rounds, WANTED)
        yield from (compare(question, other, 1) for other in growth)
    yield same_test(plates)


def compare(question: str, plates: int, rounds: int, wanted: str = "") -> Row:
    """Time both, and assert what must be equal."""
    X, meta = study(plates, QUESTIONS[question][0])
    ask, declared = QUESTIONS[question][1:]
    seconds = []
    for _ in range(rounds):
        own, ours = timed(lambda: ask(X, meta))
        other, theirs = timed(lambda: reference(X, meta, declared))
        seconds.append((own, other if theirs else np.nan))
    note = equal(X, meta, declared, ours, *theirs) if theirs else "no reference"
    setting = f"{plates} plates x {WELLS} x {FEATURES}, {PERMUTATIONS:,} permutations"
    name = f"retrieval {question}"
    return Row(name, "wells", plates * WELLS, setting, *np.median(seconds, axis=0), wanted, note)


def same_test(plates: int, draws: int = 5) -> Row:
    """Hold the test of activity beside the same permutations by calls of copairs."""
    X, meta = study(plates, CONTROLS)
    seconds, _ = timed(lambda: against_controls(X, meta))
    meta, order = queries.ordered(meta, len(X), {"compound"})
    where, slots, null = drawn(X[order], meta, draws)
    X, meta = X[order][where], meta.iloc[where].reset_index(drop=True)
    declared, each, clear = QUESTIONS["against controls"][2], [], []
    for placed, expected in zip(slots.T, null, strict=True):
        meta["control"] = ~np.isin(np.arange(len(meta)), placed)
        meta["compound"] = np.where(meta["control"], "dmso", "own")
        meta["reference"] = np.where(meta["control"], np.arange(len(meta)), -1)
        one, theirs = timed(lambda: reference(X, meta, declared, 0))
        each.append(one if theirs else np.nan)
        clear.append(bool(apart(matrix(X, "cosine"), meta, declared)[placed].all()))
        if theirs and clear[-1]:
            found = theirs[0]["average_precision"].mean()
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    whole = float(np.median(each)) * PERMUTATIONS * (WELLS - CONTROLS)
    setting = f"{plates} plates x {WELLS} x {FEATURES}, {PERMUTATIONS:,} permutations of each"
    note = f"reference multiplied from {draws} permutations of one compound, {sum(clear)} without "
    note += "near ties, whose values are equal"
    name = "the same test by copairs"
    return Row(name, "wells", plates * WELLS, setting, seconds, whole, WANTED, note)


def drawn(X: np.ndarray, meta: pd.DataFrame, draws: int):
    """Return the wells of a compound and its controls, and some placements with their values."""
    space, _ = similarity.compared(X, "cosine")
    design = designs.read(meta, "compound", "control", "plate", "plate", "well")
    wells = next(designs.compositions(design, space.present))
    wells = wells._replace(own=wells.own[:1])
    where = np.append(wells.controls, wells.own[0])
    near = design.plate[wells.own[0], None] == design.plate[where]
    near[:, len(wells.controls) :] = False
    slots = active._placements(design.plate, wells, PERMUTATIONS, 0, False).slots[:, :draws]
    pool = next(active._pools(active._levels(space, wells), near, design, wells))
    positive = active._positives(design, wells.own[0])
    return where, slots, pools.mean_average_precision(pool, slots, positive)


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


def reference(X: np.ndarray, meta: pd.DataFrame, declared: tuple, permutations=PERMUTATIONS):
    """Ask copairs, its store of null distributions being empty; nothing where it is missing."""
    try:
        from copairs.map import average_precision, mean_average_precision
    except ImportError:
        print("no reference: pip install copairs==0.5.5", file=sys.stderr)
        return None
    items = average_precision(meta, X, *declared, progress_bar=False)
    items = items[items["compound"] != "dmso"]
    if not permutations:
        return items, None
    with tempfile.TemporaryDirectory() as cache:
        options = {"progress_bar": False, "cache_dir": cache}
        groups = mean_average_precision(items, ["compound"], permutations, 0.05, 0, **options)
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
