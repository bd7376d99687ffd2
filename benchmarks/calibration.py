"""Hold intervals, p values and verdicts against truth: simulated wells, their networks and labels.

Wells lie in groups that share a nuisance, classes differ along one direction, and a network is a
random layer over what is seen of them, with noise of its own. Every number is printed with its
seed and its count, and with what PROTOCOL asks of it.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope import comparison, detection, evaluation, splits
from twinscope.retrieval import activity, annotations, permutation, replicates

GROUPS, WELLS, SEEN = 24, 4, 12
# A factor so strong must be found nine times in ten.
STATED = 1.5
TWINS = [f"twin{seed}" for seed in range(5)]
TASK = {
    **{"task": "t", "kind": "classification", "alignments": ["none"], "probes": ["logistic"]},
    **{"metrics": ["balanced_accuracy"]},
}
SETTINGS = {"seed": 0, "draws": 1000, "margin": 0.1, "least_margin": 0.01}


def wells(rng: np.random.Generator, gap: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw what is seen of wells (n, SEEN), half of each group in either class, and their index."""
    group = np.repeat(np.arange(GROUPS), WELLS)
    label = np.tile([0, 1], GROUPS * WELLS // 2)
    seen = rng.standard_normal((GROUPS, SEEN))[group] + rng.standard_normal((len(group), SEEN))
    seen[:, 0] += gap * (label - 0.5)
    index = pd.DataFrame({"item": [f"w{k:03d}" for k in range(len(group))]})
    index["label"] = np.where(label, "treated", "control")
    index["group"] = [f"g{k:02d}" for k in group]
    return seen, index


def network(rng: np.random.Generator, seen: np.ndarray, planted=None) -> np.ndarray:
    """Pass wells through a random layer with noise; a planted factor is one feature more."""
    features = np.tanh(seen @ rng.standard_normal((SEEN, 16)) / np.sqrt(SEEN))
    features = features + 0.3 * rng.standard_normal(features.shape)
    return features if planted is None else np.column_stack([features, planted])


def scored(features: np.ndarray, index: pd.DataFrame, seed: int, name="r", role="baseline"):
    """Score one representation as the rule evaluate does."""
    items = index["item"].to_numpy(str)
    fold = splits.assign(items, *index[["label", "group"]].to_numpy(str).T, 5, seed)
    folds = index.assign(key=index["item"], fold=fold)
    standing = {"representation": name, "role": role, "family": "structure", "of": "model"}
    standing |= {"similarity": "cosine"}
    profiles = {"none": (features, index[["item"]])}
    return evaluation.evaluate(profiles, folds, TASK, standing, seed=seed, draws=SETTINGS["draws"])


def covered(trial: int, gap: float) -> tuple[float, float, float]:
    """Score, and its interval, of one study of many."""
    rng = np.random.default_rng([1, trial])
    seen, index = wells(rng, gap)
    row = scored(seen, index, trial)[0].iloc[0]
    return row["value"], row["lower"], row["upper"]


def permuted(trial: int) -> bool:
    """Tell whether a probe is said to tell classes whose labels are shuffled within groups."""
    rng = np.random.default_rng([2, trial])
    seen, index = wells(rng, 0.0)
    shuffled = index.groupby("group")["label"].transform(lambda column: rng.permutation(column))
    items = {"r": scored(seen, index.assign(label=shuffled), trial)[1]}
    standings = {"r": {"role": "baseline", "family": "structure", "of": ""}}
    task = TASK | {"reference": "control"}
    return detection.detect(items, standings, task, seed=0, draws=SETTINGS["draws"])["p"][0] < 0.05


def shuffled_plates(trial: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw wells of four plates, heavy-tailed and shifted by plate, whose labels mean nothing."""
    rng = np.random.default_rng([4, trial])
    plate = np.repeat(np.arange(4), 24)
    index = pd.DataFrame({"item": np.arange(len(plate)), "batch": plate, "position": ""})
    treated = [f"c{k}" for k in range(8) for _ in range(2)]
    label = np.tile(["dmso"] * 8 + treated, 4)
    index["label"] = permutation.shuffled(label, plate, trial)
    index["control"] = index["label"] == "dmso"
    index["moa"] = permutation.shuffled(np.tile(np.repeat(list("abcdef"), 4), 4), plate, trial)
    X = rng.standard_t(4, (len(plate), 10)) + rng.standard_normal((4, 10))[plate]
    return X, index


def small(test: str, trial: int) -> list[bool]:
    """Tell which groups of shuffled plates have a p value under .05."""
    X, index = shuffled_plates(trial)
    if test == "activity":
        found = activity.activity(X, index, permutations=500, seed=trial)
    elif test == "consistency":
        more = {"within": ["batch"], "permutations": 500, "seed": trial}
        found = annotations.consistency(X, index, "moa", **more)
    else:
        found = replicates.replicate_consistency(X, index, draws=500, seed=trial)
    return (found.groups["p"].dropna() < 0.05).tolist()


def judged(trial: int, strength: float, twice: bool = False) -> str:
    """Verdict on a network against its twins: one more draw of them with a factor planted in it.

    A factor of strength s separates the classes by s standard deviations in one feature.
    """
    rng = np.random.default_rng([3, trial])
    seen, index = wells(rng, 1.0)
    label = (index["label"] == "treated").to_numpy()
    planted = strength * (label - 0.5) + rng.standard_normal(len(label)) if strength else None
    features = {"model": network(rng, seen, planted)}
    features |= {name: network(rng, seen) for name in TWINS}
    features["count"] = features["model"] if twice else seen[:, 1:3]
    items, standings = {}, {}
    for name, values in features.items():
        role = {"model": "model", "count": "baseline"}.get(name, "twin")
        family = {"twin": "twin", "model": ""}.get(role, "structure")
        standings[name] = {"role": role, "family": family, "of": "model"}
        items[name] = scored(values, index, trial, name, role)[1]
    table = comparison.compare(items, standings, TASK, **SETTINGS)
    asked = ("one", "count") if twice else ("one", "twins")
    return table.set_index(["scope", "against"]).loc[asked, "verdict"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--figure", type=Path, help="draw the power curve into this file")
    given = parser.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(given.cores) as pool:

        def run(function, *arguments, trials=given.trials):
            return list(pool.map(function, range(trials), *map(repeat, arguments), chunksize=4))

        for gap in (0.0, 1.0, 2.0):
            told = np.array(run(covered, gap, trials=2 * given.trials))
            truth, (low, high) = told[:, 0].mean(), told[:, 1:].T
            share = np.mean((low <= truth) & (truth <= high))
            what = f"probe, classes {gap:g} sd apart (mean score {truth:.3f})"
            say(f"coverage of 95 % intervals, {what}", share, "[.92, .98]", len(told))
        say("P(p < .05), probe, labels permuted", np.mean(run(permuted)), "[.03, .07]", given)
        for test in ("activity", "consistency", "replicates"):
            found = np.concatenate(list(pool.map(small, repeat(test), range(given.trials))))
            say(f"P(p < .05), {test}, labels permuted", found.mean(), "[.03, .07]", len(found))
        found = run(judged, 0.0)
        say("'better' for a twin drawn anew", share_of("better", found), "at most .05", given)
        found = run(judged, 0.0, True)
        say("'equivalent' to itself", share_of("equivalent", found), "1", given)
        strengths = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
        power = [share_of("better", run(judged, s, trials=given.trials // 4)) for s in strengths]
        for strength, share in zip(strengths, power, strict=True):
            wanted = "at least .90" if strength >= STATED else ""
            say(f"'better' with a factor of {strength:g} sd", share, wanted, given.trials // 4)
    if given.figure:
        draw(given.figure, strengths, power, given.trials // 4)
    print(f"{time.monotonic() - began:.0f} s")


def draw(path: Path, strengths, power, count: int) -> None:
    """Draw how often a planted factor is found, with 95 % intervals (Wilson)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from scipy.stats import binomtest

    figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
    bounds = [binomtest(round(p * count), count).proportion_ci(method="wilson") for p in power]
    low, high = np.array([(b.low, b.high) for b in bounds]).T
    axes.fill_between(strengths, low, high, color="#56B4E9", alpha=0.3, lw=0)
    axes.plot(strengths, power, "o-", color="#0072B2")
    for level, what in ((0.05, "5 %"), (0.9, "90 %")):
        axes.axhline(level, color="0.4", lw=0.8, ls="--")
        axes.text(max(strengths), level + 0.015, what, ha="right", color="0.3", fontsize=8)
    axes.set(xlabel="planted factor (sd between classes)", ylim=(0, 1.05))
    axes.set_ylabel("called better than its twins")
    axes.set_title(f"{GROUPS} groups of {WELLS} wells, {count} studies each", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def share_of(verdict: str, found: list[str]) -> float:
    return found.count(verdict) / len(found)


def say(what: str, share: float, wanted: str, trials) -> None:
    count = trials if isinstance(trials, int) else trials.trials
    error = np.sqrt(max(share * (1 - share), 1 / count) / count)
    asked = f", wanted {wanted}" if wanted else ""
    print(
        f"{what}: {share:.3f} ± {error:.3f} of {count} trials (seeds 0 to {count - 1}){asked}",
        flush=True,
    )


if __name__ == "__main__":
    main()
