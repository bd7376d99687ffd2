"""Every kind of task from features to scores: what is planted is found, nothing is not."""

import numpy as np
import pandas as pd
import pytest

from twinscope import comparison, evaluation, tasks
from twinscope.kinds import KINDS, aligns_within, defaults
from twinscope.kinds import rows as questions
from twinscope.measures import MEASURES
from twinscope.retrieval.activity import activity
from twinscope.retrieval.replicates import replicate_consistency

WHO = {"representation": "r", "role": "model", "family": "pretrained", "of": "r"}
WHO |= {"similarity": "cosine"}
BY_KIND = {"activity": activity, "replicates": replicate_consistency}
ROLES = {"control": "control", "batch": "plate"}


def row(kind, **changes):
    """Complete a row of tasks.tsv."""
    known = {"task": "t", "dataset": "d", "kind": kind, "level": "item", "split": "group"}
    known |= {"folds": 4, "alignments": ["none"], **changes}
    return questions.completed({"t": known}, {"d": ROLES}, "tasks.tsv")["t"]


def plates(strength, seed=0, n_plates=4, n=12, d=24, controls=16):
    """Wells of perturbations, one on each plate, and controls; each perturbation has a direction.

    Mechanisms are shared by 3 perturbations each, whose directions are alike.
    """
    rng = np.random.default_rng(seed)
    mechanism = rng.standard_normal((n // 3, d))
    own = mechanism[np.arange(n) // 3] + 0.7 * rng.standard_normal((n, d))
    rows, X = [], []
    for plate in range(n_plates):
        shift = rng.standard_normal(d)
        for k in range(n + controls):
            treated = k < n
            effect = strength * own[k] if treated else 0
            X.append(shift * 0.3 + effect + rng.standard_normal(d))
            rows.append(
                {
                    "item": f"p{plate}w{k:02d}",
                    "image": f"p{plate}w{k:02d}",
                    "label": f"drug{k:02d}" if treated else "dmso",
                    "moa": f"m{k // 3}" if treated else "",
                    "control": not treated,
                    "batch": f"p{plate}",
                    "group": "",
                    "position": f"{'ABCD'[(k + plate) % 4]}{k + plate:02d}",
                }
            )
    return np.array(X), pd.DataFrame(rows)


def asked(X, index, task, more=None, draws=400, made=None, who=WHO):
    folds, flags = tasks.split(index, task, 0)
    within = aligns_within(task)
    given = (X, index, [f"f{k}" for k in range(X.shape[1])], made or {})
    found = [given] * (1 if within else len(task["alignments"]))
    profiles = evaluation.profiles(found, task)
    result = evaluation.evaluate(profiles, folds, task, who, more=more, seed=0, draws=draws)
    return result, flags


def of(result, metric, probe=None):
    rows = result.scores[result.scores["metric"] == metric]
    rows = rows if probe is None else rows[rows["probe"] == probe]
    return rows.iloc[0]


def test_every_kind_knows_its_metrics_and_module():
    from twinscope import kinds

    for name, kind in KINDS.items():
        assert callable(kinds.module(name).evaluate)
        assert set(kind.metrics) <= set(MEASURES)
        assert set(defaults(name)["metrics"]) <= set(kind.metrics)


@pytest.mark.parametrize("kind", ["activity", "replicates"])
def test_active_perturbations_are_told_from_controls_and_idle_ones_are_not(kind):
    task, metric = row(kind), {"activity": "active", "replicates": "consistent"}[kind]
    first = task["metrics"][0]
    strong, _ = asked(*plates(1.0), task)
    nothing, _ = asked(*plates(0.0), task)
    assert of(strong, metric)["value"] > 0.9 and of(strong, metric)["groups"] == 12
    assert of(nothing, metric)["value"] <= 1 / 12
    good, null = of(strong, first), of(nothing, first)
    assert good["lower"] > good["chance"]
    assert null["lower"] <= null["chance"] + 0.08 and null["upper"] >= null["chance"] - 0.08
    assert sorted(strong.items["key"]) == [f"drug{k:02d}" for k in range(12)]


def test_percentiles_of_nothing_have_their_mean_at_chance():
    task = row("replicates")
    values = [of(asked(*plates(0.0, seed), task)[0], "percentile")["value"] for seed in range(20)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("kind", ["activity", "replicates"])
def test_controls_that_an_alignment_was_fitted_on_take_no_part(kind):
    # Whitened on few controls of many features, those controls look alike and all else far away.
    task, seen, held = row(kind, alignments=["none", "sphering"]), [], []
    for seed in range(4):
        X, index = plates(0.0, seed, d=40, controls=24)
        result, _ = asked(X, index, task)
        held += result.items.query("alignment == 'sphering'")["p"].tolist()
        groups = BY_KIND[kind](leaked(X, index), index, name="cosine").groups
        seen += groups["p"].tolist()
    assert set(result.items["alignment"]) == {"none", "sphering"}
    assert np.mean(np.array(held) < 0.05) < 0.15 < np.mean(np.array(seen) < 0.05)


def leaked(X, index):
    from twinscope.alignment import align

    control = index["control"].to_numpy(bool)
    return align("sphering", X, index["batch"].to_numpy(str), control).features


def test_a_perturbation_in_one_well_position_is_flagged():
    X, index = plates(1.0)
    index["position"] = [item[2:] for item in index["item"]]
    _, flags = asked(X, index, row("activity"))
    (detail,) = flags.loc[flags["flag"] == "position-confounded", "detail"]
    assert detail.startswith("100 % of perturbations occupy one well position")
    _, flags = asked(*plates(1.0), row("activity"))
    assert "position-confounded" not in set(flags["flag"])


def test_mechanisms_are_found_by_their_perturbations():
    task = row("retrieval", level="label", target="moa", split="label")
    X, index = plates(1.0)
    result, _ = asked(X, index, task)
    assert of(result, "map")["lower"] > of(result, "map")["chance"] + 0.2
    assert sorted(result.items["key"]) == [f"m{k}" for k in range(4)]
    nothing, _ = asked(*plates(0.0), task)
    assert nothing.scores["value"][0] == pytest.approx(nothing.scores["chance"][0], abs=0.2)


def test_nearest_neighbours_of_other_compounds_share_the_mechanism():
    X, index = plates(1.5)
    index["compound"] = index["label"]
    metrics = ["map", "nsc", "nscb"]
    task = row("retrieval", target="moa", compound="compound", metrics=metrics)
    result, _ = asked(X, index, task)
    for name in ("nsc", "nscb"):
        found = of(result, name)
        assert found["value"] > 0.9 and found["groups"] == 12
        assert 0.1 < found["chance"] < 0.3


def test_a_compound_is_not_its_own_neighbour():
    # Wells of a compound lie together and mechanisms mean nothing: other compounds do not help.
    X, index = plates(0.0)
    rng = np.random.default_rng(1)
    own = 8 * rng.standard_normal((12, X.shape[1]))
    treated = ~index["control"].to_numpy()
    X[treated] += own[index["label"][treated].str[4:].astype(int)]
    index["compound"] = index["label"]
    task = row("retrieval", target="moa", compound="compound", metrics=["nsc", "map"])
    result, _ = asked(X, index, task)
    assert of(result, "nsc")["value"] < of(result, "nsc")["chance"] + 0.25
    # Were wells of one compound let find each other, nothing would seem a lot.
    assert of(result, "map")["value"] > 0.45


def test_active_ones_are_looked_at_by_themselves():
    X, index = plates(1.0)
    task = row("retrieval", level="label", target="moa", split="label")
    task |= {"probes": ["all", "active"], "active": "act"}
    active = pd.DataFrame({"alignment": "none", "key": [f"drug{k:02d}" for k in range(6)]})
    result, _ = asked(X, index, task, {"active": active.assign(active=1.0)})
    assert set(result.items.query("probe == 'active'")["key"]) == {"m0", "m1"}
    assert len(result.items.query("probe == 'all'")) == 4


def genes(strength, seed=0, n=60, wells=3, d=16):
    rng = np.random.default_rng(seed)
    complexes = rng.standard_normal((n // 4, d))
    own = strength * complexes[np.arange(n) // 4] + rng.standard_normal((n, d))
    X = np.repeat(own, wells, axis=0) + 0.5 * rng.standard_normal((n * wells, d))
    names = [f"g{k:02d}" for k in range(n)]
    index = pd.DataFrame({"item": [f"{g}-{w}" for g in names for w in range(wells)]})
    index = index.assign(image=index["item"], label=np.repeat(names, wells), control=False)
    index = index.assign(batch=np.tile(["a", "b", "c"], n), group="", position="")
    index["run"] = np.repeat(np.arange(n) % 2, wells).astype(str)
    pairs = [(names[a], names[b]) for a in range(n) for b in range(a) if a // 4 == b // 4]
    return X, index, pd.DataFrame(pairs, columns=["one", "other"])


def test_known_relations_are_recalled_and_others_are_not():
    X, index, pairs = genes(1.5)
    task = row("relations", pairs=["data/known.csv"], experiments="run")
    result, _ = asked(X, index, task, {"known": pairs})
    found = of(result, "recall", "known")
    assert found["lower"] > 0.5 and found["chance"] == pytest.approx(0.1, abs=0.01)
    assert found["p"] < 0.01 and found["p_rewired"] < 0.01
    assert of(result, "recall_lower", "known")["value"] < 0.05
    assert set(result.scores["probe"]) == {"known", "known, within", "known, between"}
    parts = [of(result, "recall", f"known, {part}")["items"] for part in ("within", "between")]
    assert sum(parts) == found["items"] == len(pairs)
    X, index, pairs = genes(0.0)
    nothing = of(asked(X, index, task, {"known": pairs})[0], "recall", "known")
    assert nothing["lower"] <= 0.1 <= nothing["upper"] and nothing["p"] > 0.01


def test_relations_within_experiments_do_not_feed_on_what_experiments_share():
    # Pairs of one experiment are annotated more often, and experiments differ: a map of these
    # alone recalls pairs until each is held against its own kind.
    rng = np.random.default_rng(0)
    X, index, _ = genes(0.0)
    run = index["run"].to_numpy() == "0"
    X = X + np.where(run, 1.5, -1.5)[:, None] * rng.standard_normal(X.shape[1])
    names = [f"g{k:02d}" for k in range(60)]
    pairs = pd.DataFrame([(names[a], names[a + 2]) for a in range(58)])
    task = row("relations", pairs=["known.csv"], experiments="run", metrics=["auroc"])
    result, _ = asked(X, index, task, {"known": pairs})
    assert of(result, "auroc", "known")["value"] > 0.65
    assert of(result, "auroc", "known, within")["value"] == pytest.approx(0.5, abs=0.12)


def test_compounds_lie_near_the_genes_they_act_on():
    rng = np.random.default_rng(0)
    own = rng.standard_normal((40, 24))
    names, target = [f"g{k:02d}" for k in range(40)], np.arange(10)
    X = np.vstack([own, *(own[target] * dose + rng.standard_normal((10, 24)) for dose in (0.2, 2))])
    index = pd.DataFrame({"item": [f"i{k:02d}" for k in range(60)], "label": names + [""] * 20})
    index["label"] = index["label"].where(index["label"] != "", "compound")
    drugs = [f"c{k}" for k in target]
    index["drug"] = [""] * 40 + drugs * 2
    index["dose"] = [""] * 40 + ["0.2"] * 10 + ["2"] * 10
    index = index.assign(image=index["item"], control=False, batch="b", group="", position="")
    known = [(c, f"g{k:02d}", 10.0) for k, c in enumerate(drugs)]
    known += [(c, g, 5e4) for k, c in enumerate(drugs) for j, g in enumerate(names) if j != k]
    table = pd.DataFrame(known, columns=["compound", "gene", "nanomolar"]).astype(str)
    extra = {"pairs": ["act.csv"], "compound": "drug", "concentration": "dose"}
    result, _ = asked(X, index, row("compound-gene", **extra), {"activities": table})
    best = of(result, "average_precision", "max")
    assert best["lower"] > best["chance"] and best["groups"] == 10
    assert set(result.scores["probe"]) == {"max", "at 0.2", "at 2"}
    low, high = (of(result, "average_precision", f"at {dose}")["value"] for dose in ("0.2", "2"))
    assert high > low


def slides(strength, seed=0, n=200):
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n, 3))
    X = latent @ rng.standard_normal((3, 12)) + 0.5 * rng.standard_normal((n, 12))
    totals = rng.poisson(4000, n)
    counts = rng.poisson(4 * np.exp(strength * latent @ rng.standard_normal((3, 5))))
    index = pd.DataFrame({"item": [f"s{k:03d}" for k in range(n)]})
    index = index.assign(image=index["item"], label="", control=False, position="", batch="")
    index = index.assign(group=[f"g{k % 8}" for k in range(n)], n_counts=totals)
    names = [f"gene{k}" for k in range(5)]
    table = pd.DataFrame(counts, columns=names).astype(str)
    table.insert(0, "spot", index["item"])
    return X, index, table


def test_expression_is_read_up_to_what_counting_allows():
    extra = {"targets": "counts.csv.gz", "totals": "n_counts", "genes": 4}
    task = row("regression", **extra)
    X, index, table = slides(0.5)
    result, _ = asked(X, index, task, {"targets": table})
    found = of(result, "pearson", "corrected-cp10k")
    assert found["lower"] > 0.3
    # Features that hold all there is to know come as near as counts allow.
    assert found["value"] == pytest.approx(found["ceiling"], abs=0.05)
    assert len(result.items.query("probe == 'hest-compat'")) == 4 * 4
    assert np.isnan(of(result, "r2")["lower"]) and of(result, "r2")["reason"]
    X, index, table = slides(0.0)
    nothing = of(asked(X, index, task, {"targets": table})[0], "pearson", "corrected-cp10k")
    assert nothing["lower"] <= 0 <= nothing["upper"]


def test_what_is_wrong_with_targets_is_named(refused):
    X, index, table = slides(0.5)
    task = row("regression", targets="counts.csv", totals="n_counts")
    with refused("no row for 's003'", file="counts.csv", column="spot"):
        asked(X, index, task, {"targets": table.drop(index=3)})
    with refused("'s004' twice", file="counts.csv"):
        asked(X, index, task, {"targets": pd.concat([table, table.iloc[4:5]])})
    bad = table.copy()
    bad.loc[7, "gene2"] = "many"
    with refused("'many'", file="counts.csv", row="s007", column="gene2"):
        asked(X, index, task, {"targets": bad})
    with refused("'counts'", row="t", column="totals"):
        asked(X, index, task | {"totals": "counts"}, {"targets": table})


def test_batches_that_mix_and_batches_that_do_not():
    X, index = plates(1.0)
    index = index[~index["control"]].reset_index(drop=True)
    X = X[: len(X)][[int(k) for k in np.flatnonzero(~plates(1.0)[1]["control"])]]
    index["label"] = index["moa"]
    index["group"], index["cells"] = index["label"], (X[:, 0] * 3 + 10).round(3).astype(str)
    task = row("confounders", decode=["batch", "position", "cells"])
    apart = (
        X
        + 4
        * np.random.default_rng(1).standard_normal((4, X.shape[1]))[
            index["batch"].str[1:].astype(int)
        ]
    )
    mixed, separate = asked(X, index, task)[0], asked(apart, index, task)[0]
    for metric in ("ilisi", "bras"):
        assert of(separate, metric)["value"] < of(mixed, metric)["value"] - 0.1
    assert of(separate, "balanced_accuracy", "decode batch")["value"] > 0.9
    assert of(mixed, "r2", "decode cells")["value"] > 0.6
    assert {"decode row", "decode column"} <= set(mixed.scores["probe"])
    known = of(mixed, "balanced_accuracy", "decode batch")
    assert known["chance"] == pytest.approx(0.25) and known["lower"] < known["value"]
    none = comparison.compare({"r": mixed}, {"r": WHO}, task, margin=0.1, least_margin=0.01)
    assert none.empty


def several(strength, seed=0, n=160):
    rng = np.random.default_rng(seed)
    has = rng.random((n, 3)) < [0.5, 0.4, 0.02]
    X = rng.standard_normal((n, 8))
    X[:, :3] += strength * has
    names = np.array(["golgi", "nucleus", "rare"])
    index = pd.DataFrame({"item": [f"i{k:03d}" for k in range(n)]})
    index["label"] = ["|".join(names[row]) or "none" for row in has]
    index = index.assign(image=index["item"], control=False, batch="b", position="")
    return X, index.assign(group=[f"g{k % 16:02d}" for k in range(n)])


def test_several_labels_are_read_each_for_itself():
    task = row("multilabel", probes=["logistic"])
    result, _ = asked(*several(3.0), task)
    assert of(result, "auroc")["lower"] > 0.8 and of(result, "auroc")["chance"] == 0.5
    names = result.items.groupby("name")["has"].apply(lambda has: (has == "1").sum())
    assert set(names.index) == {"golgi", "none", "nucleus", "rare"}
    nothing = [of(asked(*several(0.0, k), task)[0], "auroc")["value"] for k in range(4)]
    assert np.mean(nothing) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("kind", ["activity", "replicates", "retrieval", "multilabel"])
def test_row_order_changes_nothing_to_the_byte(kind):
    extra = {"target": "moa", "level": "label", "split": "label"} if kind == "retrieval" else {}
    X, index = several(1.0) if kind == "multilabel" else plates(0.5)
    task = row(kind, **extra)
    order = np.random.default_rng(3).permutation(len(X))
    shuffled = X[order], index.iloc[order].reset_index(drop=True)
    one, two = asked(X, index, task)[0], asked(*shuffled, task)[0]
    for first, second in zip(one, two, strict=True):
        assert first.to_csv() == second.to_csv()


def test_models_are_held_against_others_on_the_same_draws():
    task = row("activity", metrics=["map"])
    X, index = plates(0.8)
    weak = X + 3 * np.random.default_rng(5).standard_normal(X.shape)
    standings = {"net": WHO | {"of": "net"}}
    standings |= {f"net-twin{k}": {"role": "twin", "family": "twin", "of": "net"} for k in range(3)}
    standings |= {"count": {"role": "baseline", "family": "count", "of": ""}}
    results = {name: asked(weak, index, task)[0] for name in standings}
    results["net"] = asked(X, index, task)[0]
    table = comparison.compare(results, standings, task, margin=0.1, least_margin=0.01)
    overall = table[table["scope"] == "overall"].iloc[0]
    assert overall["verdict"] == "better" and overall["n_groups"] == 12
    assert 0 < overall["gain"] < 1 and 0 < overall["detectable"] < 1
    same = dict.fromkeys(standings, results["net"])
    table = comparison.compare(same, standings, task, margin=0.1, least_margin=0.01)
    assert set(table["verdict"]) == {"equivalent"}


@pytest.mark.parametrize(
    ("kind", "changes", "words", "column"),
    [
        ("relations", {}, "what kind relations needs", "pairs"),
        ("classification", {"pairs": ["corum"]}, "belongs to relations", "pairs"),
        ("activity", {"probes": ["logistic"]}, "for kind activity", "probes"),
        ("activity", {"metrics": ["maps"]}, "did you mean 'map'", "metrics"),
        ("retrieval", {"probes": ["active"]}, "a task of kind activity", "active"),
        ("regression", {"targets": "a.csv"}, "what kind regression needs", "totals"),
    ],
)
def test_rows_that_do_not_fit_their_kind_are_refused(refused, kind, changes, words, column):
    with refused(words, file="tasks.tsv", row="t", column=column):
        row(kind, **changes)


def test_a_kind_that_needs_controls_is_refused_without(refused):
    known = {"task": "t", "dataset": "d", "kind": "activity", "level": "item", "split": "group"}
    known |= {"folds": 4, "alignments": ["none"]}
    with refused("names no control column", row="t", column="kind"):
        questions.completed({"t": known}, {"d": {"batch": "plate"}}, "tasks.tsv")
