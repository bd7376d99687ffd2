import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from twinscope.errors import InputError
from twinscope.relations import compounds
from twinscope.statistics import resamples

GENES = np.array([f"g{k:03d}" for k in range(120)])
LEVELS = (0.1, 1.0, 10.0)


def activities(n_compounds=12, seed=0):
    """Each compound acts on a few genes and not on 50; others lie between, or were not measured."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(n_compounds):
        actives = rng.integers(1, 4)
        genes = rng.choice(GENES, actives + 60, replace=False)
        levels = [*rng.uniform(1, 1000, actives), *np.full(50, 2e4), *np.full(10, 5e3)]
        rows += [(f"c{k:02d}", gene, level) for gene, level in zip(genes, levels, strict=True)]
    return pd.DataFrame(rows, columns=["compound", "gene", "nanomolar"])


def wells(n_compounds=12):
    rows = [(f"c{k:02d}", level) for k in range(n_compounds) for level in LEVELS]
    return pd.DataFrame(rows, columns=["compound", "concentration"])


def screen(strength, seed=0):
    """Compounds look like their genes, or the opposite, at all but the lowest concentration."""
    rng, sampled = np.random.default_rng(seed), compounds.sample(activities(), GENES)
    genes, own = rng.normal(size=(120, 20)), wells()
    X = rng.normal(size=(len(own), 20))
    for row, (compound, level) in own.iterrows():
        acts = sampled.loc[(sampled["compound"] == compound) & sampled["active"], "gene"]
        sign = 1 if int(compound[1:]) % 2 else -1
        X[row] += strength * (level > 0.1) * sign * genes[np.isin(GENES, acts)].sum(axis=0)
    return X, own, genes, GENES, sampled


def counts(items, draws=400):
    return resamples(items["compound"].to_numpy(str), draws)[1]


def of_one(scores, active, reason="", seed=0):
    """Score one compound at one concentration: its row, and that of the maximum."""
    rng = np.random.default_rng(seed)
    return compounds._of_compound(np.array([scores]), np.array(active, dtype=bool), reason, rng)


def test_scores_and_chance_with_ties_are_golden():
    worked = of_one([0.9, 0.5, 0.5, 0.5, 0.1], [0, 1, 0, 1, 0])
    assert worked["ap"].tolist() == pytest.approx([0.5, 0.5])
    for k, n, golden in (
        (3, 20, 0.266215),
        (1, 17, 0.202327),
        (5, 29, 0.259950),
        (3, 67, 0.099620),
    ):
        found = of_one(np.arange(n) / n, np.arange(n) < k)
        assert found["chance"][0] == pytest.approx(golden, abs=1e-6)
        # But for one gene, in last place, all tie: next to a random order.
        tied = of_one(np.r_[np.full(n - 1, 0.5), 0.1], np.arange(n) < k)
        others = of_one(np.arange(n - 1) / n, np.arange(n - 1) < k)
        assert tied["ap"][0] == pytest.approx(others["chance"][0])


def test_a_score_without_ties_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, active = rng.normal(size=12), rng.random(12) < 0.3
        active[0] = True
        expected = average_precision_score(active, scores)
        assert of_one(scores, active)["ap"][0] == pytest.approx(expected, abs=1e-9)


def test_chance_of_the_maximum_is_the_mean_over_all_labels():
    scores, active = np.random.default_rng(0).normal(size=(2, 9)), np.arange(9) < 3
    labels, exact = compounds._labels(9, 3, None)
    assert exact and labels.shape == (84, 9) and (labels.sum(axis=1) == 3).all()
    assert len(np.unique(labels, axis=0)) == 84
    found = compounds._of_compound(scores, active, "", None)
    best = [max(average_precision_score(label, s) for s in scores) for label in labels]
    assert found["chance"][2] == pytest.approx(np.mean(best), abs=1e-12)
    # At one concentration the maximum is the score, and chance that of any order.
    alone = of_one(scores[0], active)["chance"]
    assert alone[1] == pytest.approx(alone[0], abs=1e-12)


def test_scores_that_differ_by_rounding_tie():
    # On two sides of a grid of nine digits, but 2e-16 apart.
    scores = [0.5e-9, 0.5e-9 + 2e-16, 1.0]
    assert of_one(scores, [1, 0, 0])["ap"][0] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert of_one([0.5, 0.5 + 1e-12], [1, 0])["reason"][0] == "all genes are equally similar"


def test_many_labels_are_drawn_alike_often():
    labels, exact = compounds._labels(40, 10, np.random.default_rng(0))
    assert not exact and (labels.sum(axis=1) == 10).all()
    assert labels.mean(axis=0) == pytest.approx(np.full(40, 0.25), abs=0.03)


def test_actives_all_and_inactives_sampled():
    rows = [("c1", f"g{k:03d}", 1000.0) for k in range(12)]
    rows += [("c1", f"g{k:03d}", 10001.0) for k in range(12, 52)]
    rows += [("c1", "g060", 10000.0), ("c1", "g061", 1000.1), ("c1", "gone", 5.0)]
    rows += [("c2", "g000", 10.0), ("c2", "g001", 2e4), ("c3", "g000", 2e4), ("c4", "g000", 10.0)]
    # 900 of 100, 900 and 50,000 is active; 1,732, on a log scale amid 100 and 30,000, is neither.
    rows += [("c2", "g002", level) for level in (100.0, 900.0, 5e4)]
    rows += [("c2", "g003", level) for level in (100.0, 3e4)] + [("c2", None, 1.0)]
    table = pd.DataFrame(rows, columns=["compound", "gene", "nanomolar"])
    found = compounds.sample(table, GENES)
    assert found["compound"].unique().tolist() == ["c1", "c2"]
    first = found[found["compound"] == "c1"]
    # 12 actives ask for 24 inactives.
    assert first["active"].sum() == 12 and len(first) == 36
    assert set(first.loc[~first["active"], "gene"]) <= {f"g{k:03d}" for k in range(12, 52)}
    assert found.loc[found["compound"] == "c2", ["gene", "active"]].to_numpy().tolist() == [
        *(["g000", True], ["g002", True], ["g001", False])
    ]


def test_the_sample_hangs_on_seed_and_names_alone():
    table = activities()
    found = compounds.sample(table, GENES)
    sizes = found.groupby("compound")["active"].agg(["sum", "size"])
    assert (sizes["size"] - sizes["sum"] == 20).all()
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(found, compounds.sample(shuffled, GENES[::-1]))
    some = compounds.sample(table[table["compound"] > "c05"], GENES)
    expected = found[found["compound"] > "c05"].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, expected)
    assert not found.equals(compounds.sample(table, GENES, seed=1))
    # Of the inactives of the first compound, as NumPy's generator and crc32 have it.
    first = found[(found["compound"] == "c00") & ~found["active"]]["gene"]
    assert first.is_monotonic_increasing and first.iloc[0] == FIRST


def test_planted_actions_are_found_in_either_direction_and_none_is_not():
    items = compounds.score(*screen(1.0))
    found = compounds.summarise(items, counts(items)).set_index("concentration")
    assert found.index.tolist() == ["0.1", "1", "10", "max"]
    assert found.loc["10", "lower"] > 0.6 and found.loc["max", "lower"] > found.loc["max", "chance"]
    low = found.loc["0.1"]
    assert low["lower"] < low["chance"] < low["upper"] and (found["compounds"] == 12).all()
    items = compounds.score(*screen(0.0))
    nothing = compounds.summarise(items, counts(items))
    assert ((nothing["lower"] < nothing["chance"]) & (nothing["chance"] < nothing["upper"])).all()


def test_the_best_of_several_concentrations_has_a_chance_of_its_own():
    items = compounds.score(*screen(0.0))
    by_level = items.pivot(index="compound", columns="concentration", values="ap")
    assert (by_level["max"] == by_level.drop(columns="max").max(axis=1)).all()
    expected = items.pivot(index="compound", columns="concentration", values="chance")
    assert (expected["max"] > expected["1"] + 0.03).all()
    ap = []
    for seed in range(20):
        items = compounds.score(*screen(0.0, seed))
        best = items[items["concentration"] == "max"]
        ap.append((best["ap"] - best["chance"]).mean())
    assert abs(np.mean(ap)) < 0.02
    # At one concentration alone, the best of it is it.
    X, own, *rest = screen(0.0)
    one = own["concentration"] == 1.0
    items = compounds.score(X[one], own[one].reset_index(drop=True), *rest)
    both = items.pivot(index="compound", columns="concentration", values="chance")
    small = items.loc[items["exact"] & (items["concentration"] == "max"), "compound"]
    np.testing.assert_allclose(both.loc[small, "max"], both.loc[small, "1"], atol=1e-12)


def test_score_by_hand():
    genes = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, -3.0]])
    names = np.array(["a", "b", "c", "d"])
    rows = [("x", "a", True), ("x", "b", False), ("x", "c", False), ("x", "d", False)]
    sampled = pd.DataFrame(rows, columns=["compound", "gene", "active"])
    own = pd.DataFrame({"compound": ["x", "x", "x"], "concentration": [5.0, 5.0, 1.0]})
    X = np.array([[-3.0, 0.5], [-1.0, 0.5], [0.0, 2.0]])
    found = compounds.score(X, own, genes, names, sampled)
    assert found["concentration"].tolist() == ["1", "5", "max"]
    # At 1: b and d at 1, c at .71, a last. At 5, the mean (-2, .5): a before all others.
    assert found["ap"].tolist() == pytest.approx([1 / 4, 1, 1])
    # One of four: (1 + 1/2 + 1/3 + 1/4) / 4.
    assert found["chance"].tolist()[:2] == pytest.approx([25 / 48] * 2)
    # b or d active: 3/4 at 1, tied for first; 7/24 at 5, tied for last. c active: 1/3 and 1/2.
    assert found["chance"][2] == pytest.approx((1 + 3 / 4 + 3 / 4 + 1 / 2) / 4)
    assert found[["actives", "inactives"]].iloc[0].tolist() == [1, 3]


def test_the_order_of_rows_changes_nothing():
    X, own, genes, names, sampled = screen(0.5)
    own = pd.concat([own, own.iloc[:9]], ignore_index=True)
    X = np.vstack([X, np.random.default_rng(3).normal(size=(9, 20))])
    row, column = (np.random.default_rng(1).permutation(n) for n in (len(X), 120))
    one = compounds.score(X, own, genes, names, sampled)
    shuffled = X[row], own.iloc[row].reset_index(drop=True), genes[column], names[column]
    other = compounds.score(*shuffled, sampled.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    # Ranks hide what a sum of several rows shows.
    thirds = np.resize(np.array(["a", "b", "c"]), len(X))
    averages = [compounds._averaged(X[k], thirds[k])[0] for k in (slice(None), row)]
    assert np.array_equal(*averages)


def test_drawn_labels_do_not_hang_on_the_order_of_genes():
    table = pd.DataFrame({"compound": "x", "gene": GENES, "nanomolar": 2e4})
    table.loc[:9, "nanomolar"] = 1.0
    sampled = compounds.sample(table, GENES)
    rng = np.random.default_rng(0)
    own = pd.DataFrame({"compound": "x", "concentration": LEVELS})
    rest = rng.normal(size=(3, 20)), own, rng.normal(size=(120, 20)), GENES
    one = compounds.score(*rest, sampled)
    other = compounds.score(*rest, sampled.sample(frac=1, random_state=0))
    assert not one["exact"].iloc[-1]
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_gaps_are_imputed():
    X, own, genes, names, sampled = screen(1.0)
    both = np.vstack([X, genes])
    both[3, 5], both[60, 2] = np.nan, np.inf
    filled = both.copy()
    filled[3, 5] = np.median(np.delete(both[:, 5], 3))
    filled[60, 2] = np.median(np.delete(both[:, 2], 60))
    one, other = (compounds.score(Z[:36], own, Z[36:], names, sampled) for Z in (both, filled))
    assert one["ap"].notna().all()
    pd.testing.assert_frame_equal(one, other)


def test_undefined_is_nan_with_a_reason_and_counted():
    X, own, genes, names, sampled = screen(1.0)
    sampled = sampled[sampled["compound"] != "c00"]
    X[own["compound"] == "c01"] = 0
    X[(own["compound"] == "c02") & (own["concentration"] == 1)] = np.nan
    items = compounds.score(X, own, genes, names, sampled)
    reasons = items.set_index(["compound", "concentration"])["reason"]
    assert (reasons["c00"] == "no active or no inactive gene").all()
    assert (reasons["c01"] == "no profile of the compound or of a gene").all()
    assert reasons["c02"].tolist() == ["", "no profile of the compound or of a gene", "", ""]
    assert (items["ap"].isna() == (items["reason"] != "")).all()
    found = compounds.summarise(items, counts(items)).set_index("concentration")
    assert found["undefined"].tolist() == [2, 3, 2, 2]
    assert found["compounds"].tolist() == [10, 9, 10, 10]
    first = sampled["gene"].iloc[0]
    left = names != first
    items = compounds.score(X, own, genes[left], names[left], sampled)
    assert (items["reason"] == f"no profile of gene '{first}'").any()


def test_features_that_say_nothing_are_undefined():
    X, own, genes, names, sampled = screen(1.0)
    one = compounds.score(X[:, :1], own, genes[:, :1], names, sampled)
    same = compounds.score(X * 0 + 1, own, genes * 0 + 1, names, sampled)
    line = compounds.score(X, own, np.outer(np.arange(1, 121), genes[0]), names, sampled)
    assert (one["reason"] == "cosine of a single feature is all ties").all()
    assert (same["reason"] == "cosine of constant features is all ties").all()
    assert (line["reason"] == "all genes are equally similar").all()
    assert all(items["ap"].isna().all() for items in (one, same, line))
    found = compounds.summarise(same, counts(same))
    assert found["value"].isna().all() and (found["reason"] == "the score is undefined").all()


def test_refusals_name_what_is_wrong():
    with pytest.raises(InputError, match="column nanomolar"):
        compounds.sample(activities().drop(columns="nanomolar"), GENES)
    with pytest.raises(InputError, match="found -1.0 nM"):
        compounds.sample(activities().replace({"nanomolar": {2e4: -1.0}}), GENES)
    X, own, *rest = screen(1.0)
    with pytest.raises(InputError, match="without compound or concentration"):
        compounds.score(X, own.replace({"concentration": {10.0: np.nan}}), *rest)
    items = compounds.score(X, own, *rest)
    with pytest.raises(ValueError, match="12 compounds but counts of 11"):
        compounds.summarise(items, counts(items)[:, :11])


# Read off a run: guards the draw against a change of seed, hash or order.
FIRST = "g001"
