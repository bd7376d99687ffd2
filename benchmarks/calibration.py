"""Hold intervals, p values and verdicts against truth, on the simulated `calibration_studies`.

Every number is printed with its seeds, its count and its Monte Carlo error. A table at the end says
which lie where they should, and the exit status is 1 if one does not.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import calibration_studies as studies
import numpy as np

# A factor that parts the classes by so many standard deviations must be found nine times in ten.
STATED = 2.5
STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0, STATED, 3.0)
COVERAGE, LEVEL, RARELY = (0.92, 0.98), (0.03, 0.07), (0, 0.05)
# Without a factor, the model is one more draw of its twins.
WANTED = {0.0: RARELY, STATED: (0.9, 1)}


class Quantity(NamedTuple):
    """What was counted: share of `count` trials, its Monte Carlo error, and the range wanted."""

    what: str
    share: float
    error: float
    count: int
    wanted: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """Nothing where nothing is wanted."""
        if self.wanted is None:
            return ""
        return "ok" if self.wanted[0] <= self.share <= self.wanted[1] else "MISS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--figure", type=Path, help="draw the power curve into this file")
    given = parser.parse_args()
    began, n = time.monotonic(), given.trials
    with ProcessPoolExecutor(given.cores) as pool:
        found = list(quantities(lambda f, count: list(pool.map(f, range(count), chunksize=4)), n))
    width = max(len(one.what) for one in found)
    print(f"\n{'':{width}}  value  error  count  wanted")
    for one in found:
        wanted = f"{one.wanted[0]:g} to {one.wanted[1]:g}" if one.wanted else ""
        line = f"{one.what:{width}}  {one.share:.3f}  {one.error:.3f}  {one.count:5d}"
        print(f"{line}  {wanted:12} {one.verdict}".rstrip())
    if given.figure:
        draw(given.figure, [one for one in found if "factor" in one.what])
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(any(one.verdict == "MISS" for one in found))


def quantities(run, n: int) -> Iterator[Quantity]:
    """Yield what is counted in n studies, or a simple multiple or part of n, and print it.

    `run` takes a function of the number of a study, and how many to run.
    """
    for gap in (0.0, 1.0, 2.0):
        told = run(partial(studies.covered, gap), 2 * n)
        yield from inside(f"coverage, probe, classes {gap:g} sd apart", told, [""], 1)
    for strength in (0.0, 1.0):
        told = run(partial(studies.mapped, strength), 2 * n)
        what = f"coverage, gene map, complexes of strength {strength:g}"
        yield from inside(what, told, [", recall", ", AUROC"], 5)
    yield counted("P(p < .05), probe", run(studies.permuted, n), LEVEL, 2)
    for test in ("activity", "consistency", "replicates"):
        yield counted(f"P(p < .05), {test}", run(partial(studies.plates, test), n), LEVEL, 4)
    yield counted("P(p < .05), relations", run(studies.related, n), LEVEL, 5)
    for gap in (0.0, 1.0):
        told = run(partial(studies.against_equal, gap), n)
        for verdict in ("better", "worse"):
            what = f"'{verdict}' than its equal, classes {gap:g} sd apart"
            yield counted(what, [[one == verdict] for one in told], RARELY, 6)
    told = run(partial(studies.against_equal, 1.0, twice=True), n)
    yield counted("'equivalent' to itself", [[one == "equivalent"] for one in told], (1, 1), 6)
    for strength in STRENGTHS:
        told = run(partial(studies.against_twins, strength), n if strength in WANTED else n // 4)
        what = f"'better' than its twins, a factor of {strength:g} sd"
        yield counted(what, [[one == "better"] for one in told], WANTED.get(strength), 3)


def inside(what: str, told: list, names: list[str], stream: int) -> Iterator[Quantity]:
    """Count how often intervals hold the mean score of all studies, by metric."""
    value, low, high = np.moveaxis(np.array(told), -1, 0)
    truth = value.mean(axis=0)
    held = (low <= truth) & (truth <= high)
    for name, mean, column in zip(names, truth, held.T, strict=True):
        yield counted(f"{what}{name} ({mean:.2f})", column[:, None], COVERAGE, stream)


def counted(what: str, told, wanted: tuple[float, float] | None, stream: int) -> Quantity:
    """Take the share of what is true; studies are independent, what is told in one need not be."""
    share, n = float(np.mean(np.concatenate(list(told)))), len(told)
    error = max(np.std([np.mean(one) for one in told]) / np.sqrt(n), 1 / n / 2)
    found = Quantity(what, share, error, sum(map(len, told)), wanted)
    seeds = f"{n} studies, seeds [{stream}, 0] to [{stream}, {n - 1}]"
    print(f"{what}: {share:.3f} ± {error:.3f} of {found.count} ({seeds})", flush=True)
    return found


def draw(path: Path, power: list[Quantity]) -> None:
    """Draw how often a planted factor is found, with 95 % intervals (Wilson)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from scipy.stats import binomtest

    share = [one.share for one in power]
    tests = [binomtest(round(one.share * one.count), one.count) for one in power]
    bounds = np.array([test.proportion_ci(method="wilson") for test in tests])
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    last, at = STRENGTHS[-1], {"ha": "right", "va": "bottom", "color": "0.25", "fontsize": 9}
    axes.axhline(0.05, color="0.35", lw=0.9, ls="--", zorder=1)
    axes.text(last, 0.06, "5 %: at most, without a factor", **at)
    axes.axhline(0.9, color="0.35", lw=0.9, ls="--", zorder=1)
    axes.text(0, 0.91, "90 %: at least, at the stated strength", **at | {"ha": "left"})
    axes.axvline(STATED, color="#D55E00", lw=1.2, ls=":", zorder=1)
    axes.text(STATED + 0.05, 0.3, f"stated strength\n{STATED:g} sd", color="#A84800", fontsize=9)
    axes.errorbar(
        STRENGTHS, share, np.abs(bounds.T - share), fmt="o-", color="#0072B2", capsize=3, ms=5
    )
    axes.set(xlabel="planted factor (sd between classes)", ylim=(0, 1.03))
    axes.set_ylabel("called better than its twins")
    counts = sorted({one.count for one in power})
    each = " or ".join(f"{count}" for count in counts)
    title = f"{studies.GROUPS} groups of {studies.WELLS} wells, 5 twins, {each} studies a point"
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
