"""Simulated studies whose truth is known, for `calibration`: one function a question.

Wells lie in groups that share a nuisance, classes differ along one direction, and a network is a
random layer over what is seen of them, with noise of its own. Genes of a map lie in complexes,
held by each as firmly as it happens to be.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope import comparison, detection, evaluation, splits, statistics
from twinscope.relations import maps, rewiring
from twinscope.retrieval import activity, annotations, permutation, replicates

GROUPS, WELLS, SEEN = 24, 4, 12
GENES, COMPLEXES, SMALLEST, LARGEST = 400, 40, 2, 8
TWINS = [f"twin{seed}" for seed in range(5)]
TASK = {
    **{"task": "t", "kind": "classification", "alignments": ["none"], "probes": ["logistic"]},
    **{"metrics": ["balanced_accuracy"]},
}
DRAWS, MARGINS = 1000, {"margin": 0.1, "least_margin": 0.01}


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
    return evaluation.evaluate(profiles, folds, TASK, standing, seed=seed, draws=DRAWS)


def covered(gap: float, trial: int) -> np.ndarray:
    """Score, and its interval, of one study of many."""
    seen, index = wells(np.random.default_rng([1, trial]), gap)
    return scored(seen, index, trial).scores[["value", "lower", "upper"]].to_numpy(float)


def permuted(trial: int) -> list[bool]:
    """Tell whether a probe is said to tell classes whose labels are shuffled within groups."""
    rng = np.random.default_rng([2, trial])
    seen, index = wells(rng, 0.0)
    shuffled = index.groupby("group")["label"].transform(lambda column: rng.permutation(column))
    items = {"r": scored(seen, index.assign(label=shuffled), trial).items}
    standings = {"r": {"role": "baseline", "family": "structure", "of": ""}}
    task = TASK | {"reference": "control"}
    found = detection.detect(items, standings, task, seed=0, draws=DRAWS)
    return (found["p"] < 0.05).tolist()


def plates(test: str, trial: int) -> list[bool]:
    """Tell which groups of wells have a p value under .05 where labels mean nothing.

    Four plates, heavy-tailed and shifted, on which labels are shuffled.
    """
    rng = np.random.default_rng([4, trial])
    plate = np.repeat(np.arange(4), 24)
    index = pd.DataFrame({"item": np.arange(len(plate)), "batch": plate, "position": ""})
    treated = [f"c{k}" for k in range(8) for _ in range(2)]
    label = np.tile(["dmso"] * 8 + treated, 4)
    index["label"] = permutation.shuffled(label, plate, trial)
    index["control"] = index["label"] == "dmso"
    index["moa"] = permutation.shuffled(np.tile(np.repeat(list("abcdef"), 4), 4), plate, trial)
    X = rng.standard_t(4, (len(plate), 10)) + rng.standard_normal((4, 10))[plate]
    if test == "activity":
        found = activity.activity(X, index, permutations=500, seed=trial)
    elif test == "consistency":
        more = {"within": ["batch"], "permutations": 500, "seed": trial}
        found = annotations.consistency(X, index, "moa", **more)
    else:
        found = replicates.replicate_consistency(X, index, draws=500, seed=trial)
    return (found.groups["p"].dropna() < 0.05).tolist()


def gene_map(trial: int, strength: float, shuffled: bool) -> tuple[maps.GeneMap, maps.Pairs]:
    """Draw a map of genes, half of them in complexes, and pairs: those of complexes and 100 more.

    Hubs lie near each other for the sake of a feature of which most genes have little.
    """
    rng = np.random.default_rng([5, trial])
    genes = np.array([f"g{k:03d}" for k in range(GENES)])
    sizes = rng.integers(SMALLEST, LARGEST + 1, COMPLEXES)
    home = np.repeat(np.arange(GENES), np.append(sizes, [1] * (GENES - COMPLEXES)))[:GENES]
    held = strength * rng.gamma(2, 0.5, (GENES, 1))
    X = rng.standard_normal((GENES, 20)) + held * rng.standard_normal((GENES, 20))[home]
    X[:, 0] += 2 * rng.gamma(0.5, 2, GENES)
    a, b = np.triu_indices(GENES, 1)
    chosen = home[a] == home[b]
    chosen[rng.choice(len(a), 100, replace=False)] = True
    names = rng.permutation(genes) if shuffled else genes
    table = pd.DataFrame({"a": names[a[chosen]], "b": names[b[chosen]]})
    return maps.build(X, genes), maps.locate(table, genes)


def mapped(strength: float, trial: int) -> np.ndarray:
    """Recall and AUROC of a gene map with their intervals, (2, 3)."""
    whole, pairs = gene_map(trial, strength, shuffled=False)
    counts = statistics.resamples(whole.genes, DRAWS, trial)[1]
    found = maps.summarise(whole, pairs, counts)[0].set_index("metric")
    return found.loc[["recall", "auroc"], ["value", "lower", "upper"]].to_numpy(float)


def related(trial: int) -> list[bool]:
    """Tell whether recall and AUROC have a p value under .05 where genes are dealt anew."""
    whole, pairs = gene_map(trial, 1.0, shuffled=True)
    value = maps.annotated(whole, pairs.a, pairs.b).mean(axis=0)
    null = rewiring.null(whole, pairs, "permuted", draws=100, seed=trial)
    tested = [maps.METRICS.index(name) for name in ("recall", "auroc")]
    return [permutation.p_value(value[k], null[:, k]) < 0.05 for k in tested]


def verdict(features: dict, index: pd.DataFrame, seed: int, against: str) -> str:
    """Judge "model" against a baseline, or against its twins."""
    results, standings = {}, {}
    for name, values in features.items():
        role = {"model": "model", "baseline": "baseline"}.get(name, "twin")
        family = {"twin": "twin", "model": ""}.get(role, "structure")
        standings[name] = {"role": role, "family": family, "of": "model"}
        results[name] = scored(values, index, seed, name, role)
    table = comparison.compare(results, standings, TASK, **MARGINS)
    return table.set_index(["scope", "against"]).loc[("one", against), "verdict"]


def against_twins(strength: float, trial: int) -> str:
    """Judge one more draw of the twins, with a factor of so many sd between classes planted."""
    rng = np.random.default_rng([3, trial])
    seen, index = wells(rng, 1.0)
    label = (index["label"] == "treated").to_numpy()
    planted = strength * (label - 0.5) + rng.standard_normal(len(label)) if strength else None
    features = {"model": network(rng, seen, planted)}
    return verdict(features | {name: network(rng, seen) for name in TWINS}, index, trial, "twins")


def against_equal(gap: float, trial: int, twice: bool = False) -> str:
    """Judge wells against themselves, or against others of their kind: the same information."""
    rng = np.random.default_rng([6, trial])
    model, index = wells(rng, gap)
    other = model if twice else wells(rng, gap)[0]
    return verdict({"model": model, "baseline": other}, index, trial, "baseline")
