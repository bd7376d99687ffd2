from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from twinscope import similarity
from twinscope.retrieval import designs, permutation, pools, queries
from twinscope.retrieval.activity import activity
from twinscope.retrieval.annotations import consistency
from twinscope.retrieval.matching import nearest_match
from twinscope.retrieval.precision import average_precision, expected_average_precision
from twinscope.retrieval.queries import retrieve
from twinscope.similarity import levels, matrix
from twinscope.statistics import benjamini_hochberg


def study():
    """24 wells on 3 plates; `a` has two wells a plate and a signal in the first feature."""
    rng = np.random.default_rng(0)
    meta = pd.DataFrame({"item": [f"i{k:02d}" for k in range(24)]})
    meta["batch"] = np.repeat(["p0", "p1", "p2"], 8)
    meta["position"] = np.tile([f"w{k}" for k in range(8)], 3)
    meta["label"] = np.tile(["a", "a", "b", "b", "c", "d", "dmso", "dmso"], 3)
    meta["control"] = meta["label"] == "dmso"
    return rng.normal(size=(24, 5)) + np.outer(meta["label"] == "a", [1, 0, 0, 0, 0]), meta


def layout(plates, controls, perturbations, replicates=1):
    """Plates of controls and perturbations, each with its replicates at positions of their own."""
    wells = [("dmso", f"c{k:02d}") for k in range(controls)]
    wells += [(f"x{k:02d}", f"x{k}{r}") for k in range(perturbations) for r in range(replicates)]
    rows = [(f"p{p}", *well) for p in range(plates) for well in wells]
    meta = pd.DataFrame(rows, columns=["batch", "label", "position"])
    meta["control"] = meta["label"] == "dmso"
    return meta.assign(item=meta["batch"] + meta["position"])


@pytest.mark.parametrize(
    ("k", "n", "ap"), [(3, 20, 0.266215), (1, 17, 0.202327), (5, 29, 0.25995), (3, 67, 0.09962)]
)
def test_constant_scores_give_chance(k, n, ap):
    relevant = np.arange(n) < k
    assert average_precision(np.zeros(n), relevant) == pytest.approx(ap, abs=5e-7)
    assert expected_average_precision(k, n) == pytest.approx(ap, abs=5e-7)


def test_worked_examples():
    found = average_precision([0.9, 0.5, 0.5, 0.5, 0.1], [0, 1, 0, 1, 0])
    assert found == pytest.approx(0.5, abs=1e-12)
    # Relevant at ranks 1 and 3: (1 / 1 + 2 / 3) / 2. The same without the last two candidates.
    scores, relevant = [[4.0, 3, 2, 1, 0]], [[1, 0, 1, 0, 0]]
    assert average_precision(scores, relevant) == pytest.approx([5 / 6], abs=1e-12)
    some = np.array([[1, 1, 1, 0, 0]], dtype=bool)
    assert average_precision(scores, relevant, some) == pytest.approx([5 / 6], abs=1e-12)
    assert average_precision([1.0, 2.0], [1, 1]) == 1
    assert np.isnan(average_precision([1.0, 2.0], [0, 0]))
    assert np.isnan(average_precision([1.0, np.nan], [1, 0]))
    assert expected_average_precision([0, 1, 4], [5, 1, 4]) == pytest.approx(
        [np.nan, 1, 1], nan_ok=True
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6))
def test_ties_give_the_mean_over_all_orders(items):
    scores, relevant = (np.array(part) for part in zip(*items, strict=True))
    if not relevant.any():
        return
    orders = []
    for order in permutations(range(len(items))):
        if (np.diff(scores[list(order)]) <= 0).all():
            hits = relevant[list(order)]
            orders.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    assert average_precision(scores, relevant) == pytest.approx(np.mean(orders), abs=1e-12)
    # Rounding parts no ties.
    noise = np.random.default_rng(0).uniform(-1e-14, 1e-14, len(scores))
    assert average_precision(scores + noise, relevant) == average_precision(scores, relevant)


def test_without_ties_it_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, relevant = (
        rng.permuted(np.tile(np.arange(300.0), (40, 1)), axis=1),
        rng.random((40, 300)),
    )
    relevant = relevant < rng.uniform(0.01, 0.9, 40)[:, None]
    expected = [average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(average_precision(scores, relevant), expected, atol=1e-9)


def test_declared_pairs_give_what_copairs_gives():
    X, meta = study()
    found = retrieve(X, meta, ["label"], [], ["batch"], ["label"])
    # copairs 0.5.5
    first = [1, 1, 0.622619047619, 0.38126984127, 0.611111111111, 0.277777777778]
    np.testing.assert_allclose(found["average_precision"][:6], first, atol=1e-9)
    assert found["average_precision"].mean() == pytest.approx(0.6231095177970177, abs=1e-9)
    assert found["n_pos_pairs"].tolist()[:6] == [5, 5, 5, 5, 2, 2]
    assert found["n_total_pairs"].tolist()[:6] == [11, 11, 11, 11, 9, 9]
    assert found["chance"][0] == expected_average_precision(5, 11)
    found = retrieve(X, meta, ["label"], ["batch"], [], ["label"])
    first = [0.568253968254, 0.398611111111, 0.483333333333, 0.133035714286, 0.170454545455]
    np.testing.assert_allclose(found["average_precision"][:5], first, atol=1e-9)
    assert found["average_precision"].mean() == pytest.approx(0.33520803795271886, abs=1e-9)


def test_declared_pairs_beside_copairs():
    copairs = pytest.importorskip("copairs.map")
    X, meta = study()
    for declared in (
        (["label"], [], ["batch"], ["label"]),
        (["label"], ["batch", "position"], [], ["label"]),
        (["label", "batch"], [], [], ["label", "position"]),
    ):
        theirs = copairs.average_precision(meta, X, *declared, progress_bar=False)
        ours = retrieve(X, meta, *declared)
        np.testing.assert_allclose(
            ours["average_precision"], theirs["average_precision"], atol=1e-9
        )
        assert (ours["n_total_pairs"] == theirs["n_total_pairs"]).all()


def test_undefined_queries_are_told_why(refused):
    X, meta = study()
    meta.loc[0, "label"] = "once"
    meta.loc[1, "label"] = None
    X[2] = np.nan
    found = retrieve(X, meta, ["label"], [], ["batch"], ["label"]).set_index("item")
    assert found["reason"][["i00", "i01", "i02", "i03"]].tolist() == [
        *("no positive", "no positive", "every feature is missing", "")
    ]
    assert found["average_precision"].isna().sum() == 3
    # An unknown label is neither the same nor another: i03 loses i00's plate mates i01 and i02.
    assert found.loc["i03", ["n_pos_pairs", "n_total_pairs"]].tolist() == [4, 4 + 5]
    none = retrieve(X[:, :1], meta, ["label"], [], ["batch"], ["label"])
    assert none["average_precision"].isna().all()
    assert set(none["reason"]) == {
        "cosine of a single feature is all ties: use similarity euclidean"
    }
    alone = retrieve(X[:2], meta[:2].assign(label="a"), ["label"], [], ["batch"], ["label"])
    assert alone["reason"].tolist() == ["no negative"] * 2
    with refused("a pair that is positive and negative"):
        retrieve(X, meta, ["label"], [], ["batch"], [])
    with refused("same by ['label'], different by ['label']"):
        retrieve(X, meta, ["label"], ["label"], ["batch"], ["label"])
    with refused("no column 'plate'"):
        retrieve(X, meta, ["label"], [], ["plate"], ["label"])
    with refused("item 'i00' twice"):
        retrieve(X, meta.assign(item="i00"), ["label"], [], ["batch"], ["label"])
    with refused("24 rows of metadata"):
        retrieve(X[:3], meta, ["label"], [], ["batch"], ["label"])


def test_constant_features_under_euclidean_distance_score_chance():
    _, meta = study()
    found = retrieve(np.ones((24, 1)), meta, ["label"], [], ["batch"], ["label"], "euclidean")
    np.testing.assert_allclose(found["average_precision"], found["chance"], atol=1e-12)
    told = activity(np.ones((24, 1)), meta, name="euclidean", permutations=100)
    assert (told.groups["p"].dropna() == 1).all() and told.groups["p"].notna().any()


def by_hand(S, placed, near, positive):
    """Mean average precision of wells placed in slots, negatives being near and not placed."""
    scores = []
    for k, query in enumerate(placed):
        relevant = np.zeros(len(S), dtype=bool)
        relevant[[p for p, yes in zip(placed, positive[k], strict=True) if yes]] = True
        others = near[query].copy()
        others[list(placed)] = False
        if relevant.any() and others.any():
            scores.append(average_precision(S[query], relevant, relevant | others))
    return np.mean(scores) if scores else np.nan


@pytest.mark.parametrize("replicates", [1, 2])
@pytest.mark.parametrize("rounded", [False, True])
def test_p_of_activity_is_that_of_all_permutations(replicates, rounded):
    meta = layout(2 if replicates == 2 else 3, 3, 2, replicates)
    X = np.random.default_rng(replicates).normal(size=(len(meta), 2))
    X = np.round(X) if rounded else X
    found = activity(X, meta, name="euclidean")
    S = matrix(X, "euclidean")
    plate = meta["batch"].to_numpy()
    for _, group in found.groups.iterrows():
        own = np.flatnonzero(meta["label"] == group["group"])
        own = own[np.argsort(plate[own], kind="stable")]
        wells = np.append(np.flatnonzero(meta["control"]), own)
        positive = plate[own, None] != plate[own]
        if replicates == 2:
            positive &= meta["position"].to_numpy()[own, None] != meta["position"].to_numpy()[own]
        near = (plate[:, None] == plate) & ~np.eye(len(meta), dtype=bool)
        near[:, np.setdiff1d(np.arange(len(meta)), wells)] = False
        ways = [permutations(wells[plate[wells] == p], replicates) for p in np.unique(plate)]
        null = [by_hand(S, np.concatenate(way), near, positive) for way in product(*ways)]
        observed = by_hand(S, own, near, positive)
        assert group["mean_average_precision"] == pytest.approx(observed, abs=1e-12)
        assert group["exact"] and group["p"] == pytest.approx(
            np.mean(np.array(null) >= observed - 1e-9), abs=1e-12
        )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_placements_are_scored_as_if_each_were_sorted_by_itself(seed):
    rng = np.random.default_rng(seed)
    K, extras = rng.choice([2, 3, 4, 11]), rng.integers(0, 3)
    m = K + extras + rng.integers(4, 9)
    S = rng.normal(size=(m, m))
    S = np.round(S) if rng.random() < 0.5 else S
    near = (rng.random((m, m)) < 0.7) & ~np.eye(m, dtype=bool)
    positive = (rng.random((K, K)) < 0.8) & ~np.eye(K, dtype=bool)
    slots = rng.permuted(np.tile(np.arange(m), (30, 1)), axis=1)[:, : K + extras].T
    kin = [np.flatnonzero(rng.random(extras) < 0.5) + K for _ in range(K)]
    level = levels(np.where(np.eye(m, dtype=bool), -np.inf, S))
    found = pools.mean_average_precision(pools.pool(level, near), slots, positive, kin)
    expected = []
    for placed in slots.T:
        scores = []
        for k in range(K):
            relevant, others = np.zeros(m, dtype=bool), near[placed[k]].copy()
            relevant[placed[:K][positive[k]]] = True
            others[placed[:K]], others[placed[kin[k]]] = False, False
            if relevant.any() and others.any():
                scores.append(average_precision(S[placed[k]], relevant, relevant | others))
        expected.append(np.mean(scores) if scores else np.nan)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_placements_are_all_ways_or_even_draws():
    few = permutation.assignments([np.array([4, 7, 9]), np.array([1, 2])], [2, 1], 6, 0)
    assert few.exact
    ways = {tuple(column) for column in few.slots.T}
    assert ways == {(a, b, c) for a, b in combinations([4, 7, 9], 2) for c in (1, 2)}
    assert permutation.assignments([np.arange(4)], [2], 12, 0, in_order=True).slots.shape == (2, 12)
    for count in (4, 9):
        drawn = permutation.assignments([np.arange(20)], [count], 4000, 1)
        assert not drawn.exact and drawn.slots.shape == (count, 4000)
        assert (np.diff(np.sort(drawn.slots, axis=0), axis=0) > 0).all()
        for slot in drawn.slots:
            # A share of 1 / 20 has a standard error of 0.0034.
            share = np.bincount(slot, minlength=20) / 4000
            assert share == pytest.approx(np.full(20, 0.05), abs=0.014)
    again = permutation.assignments([np.arange(20)], [9], 4000, 1)
    assert (again.slots == drawn.slots).all()


def test_p_values():
    null = np.array([0.1, 0.2, 0.3, np.nan])
    assert permutation.p_value(0.2, null) == 3 / 4
    assert permutation.p_value(0.2, null, exact=True) == 2 / 3
    assert permutation.p_value(0.2 + 1e-12, null) == 3 / 4
    assert np.isnan(permutation.p_value(np.nan, null)) and np.isnan(
        permutation.p_value(1, null[3:])
    )


def test_activity_finds_what_was_planted_and_nothing_else():
    meta = layout(4, 12, 20)
    rng = np.random.default_rng(0)
    X = (
        rng.normal(size=(len(meta), 30))
        + rng.normal(size=(4, 30))[meta["batch"].factorize()[0]] / 4
    )
    active = meta["label"].isin([f"x{k:02d}" for k in range(10)])
    X += 1.5 * rng.normal(size=(40, 30))[meta["label"].factorize()[0]] * active.to_numpy()[:, None]
    found = activity(X, meta, permutations=2000)
    groups = found.groups.set_index("group")
    assert groups.index.tolist() == [f"x{k:02d}" for k in range(20)]
    assert (groups["p_adjusted"][:10] < 0.05).all()
    assert (groups["p_adjusted"][10:] >= 0.05).all()
    np.testing.assert_allclose(groups["p_adjusted"], benjamini_hochberg(groups["p"]))
    assert (groups["n_null"] == 2000).all() and not groups["exact"].any()
    items = found.items
    assert len(items) == 80 and items["item"].tolist() == sorted(items["item"])
    means = items.groupby("group")["average_precision"].mean()
    np.testing.assert_allclose(means, groups["mean_average_precision"], atol=1e-12)
    assert (items["n_pos_pairs"] == 3).all() and (items["n_total_pairs"] == 15).all()
    assert found.notes == ("position-confounded: 100 % of perturbations occupy one well position",)
    assert groups["one_position"].all()


def test_activity_is_what_copairs_calls_so():
    X, meta = study()
    found = activity(X, meta).items
    # Same declarations in copairs' words: controls are each other's kin, and so are the treated.
    meta["reference"] = np.where(meta["control"], np.arange(24), -1)
    declared = retrieve(
        X, meta, ["label", "reference"], ["batch", "position"], ["batch"], ["label", "reference"]
    )
    both = found.merge(declared, on="item", suffixes=("", "_declared"))
    b = both[both["group"].isin(["a", "b"])]
    assert len(both) == 18 and len(b) == 12
    np.testing.assert_allclose(b["average_precision"], b["average_precision_declared"], atol=1e-12)
    assert (b["n_total_pairs"] == 2 + 2).all()
    # c and d keep to one position, so that it cannot be asked to differ: half of four.
    c = both[both["group"].isin(["c", "d"])]
    assert (c["n_pos_pairs"] == 2).all() and (c["n_pos_pairs_declared"] == 0).all()
    assert activity(X, meta).notes == (
        "position-confounded: 50 % of perturbations occupy one well position",
    )
    unknown = activity(X, meta.drop(columns="position"))
    assert unknown.notes == ("well positions are not known",)
    assert (unknown.items["n_total_pairs"][unknown.items["group"] == "a"] == 4 + 2).all()


def test_activity_says_why_it_cannot_tell(refused):
    X, meta = study()
    told = activity(X[:8], meta[:8]).groups.set_index("group")
    assert set(told["reason"]) == {"no replicate in another batch"}
    assert told[["mean_average_precision", "p", "p_adjusted"]].isna().all(axis=None)
    some = ~(meta["control"] & (meta["batch"] != "p0")).to_numpy()
    told = activity(X[some], meta[some]).items
    assert set(told["reason"][told["item"] > "i07"]) == {"no negative"}
    assert told["average_precision"][told["item"] <= "i07"].notna().all()
    gap = X.copy()
    gap[4] = np.nan
    told = activity(gap, meta).items.set_index("item")
    assert told.loc["i04", "reason"] == "every feature is missing"
    assert told.loc["i12", "n_pos_pairs"] == 1
    told = activity(X[:, :1], meta)
    assert told.groups["p"].isna().all()
    assert "cosine of a single feature" in told.groups["reason"][0]
    with refused("neither true nor false", column="control"):
        activity(X, meta.assign(control="no"))
    with refused("nothing for item 'i03'", column="batch"):
        activity(X, meta.assign(batch=meta["batch"].where(meta["item"] != "i03")))


def test_nothing_depends_on_the_order_of_rows():
    meta = layout(3, 6, 8, 2)
    X = np.random.default_rng(3).normal(size=(len(meta), 6))
    meta["moa"] = np.where(meta["control"], None, "m" + (meta["label"].str[1:] > "03").astype(str))
    order = np.random.default_rng(4).permutation(len(meta))
    for ask in (
        lambda X, meta: activity(X, meta, permutations=200),
        lambda X, meta: consistency(X, meta, "moa", within=["batch"], permutations=200),
    ):
        for ours, theirs in zip(ask(X, meta)[:2], ask(X[order], meta.iloc[order])[:2], strict=True):
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    other = activity(X, meta, permutations=200, seed=1).groups
    assert (other["p"] != activity(X, meta, permutations=200).groups["p"]).any()


def test_nothing_depends_on_what_fits_in_memory(monkeypatch):
    X, meta = study()
    twice = {"pos_diffby": ["batch"], "within": ["batch"], "permutations": 70}
    asked = (
        lambda: activity(X, meta, permutations=70),
        lambda: consistency(X, meta, "label", **twice),
        lambda: [retrieve(X, meta, ["label"], [], ["batch"], ["label"])],
        lambda: [nearest_match(X, meta, "label", ["batch"])],
    )
    before = [ask() for ask in asked]
    for where, name in (
        *((queries, "BLOCK"), (similarity, "CACHED"), (designs, "WIDEST")),
        *((pools, "CHUNK"), (permutation, "CHUNK")),
    ):
        monkeypatch.setattr(where, name, 60)
    for ask, found in zip(asked, before, strict=True):
        for ours, theirs in zip(ask()[:2], found[:2], strict=True):
            pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("kind", ["activity", "consistency", "many labels"])
def test_p_is_calibrated_where_there_is_nothing_to_find(kind):
    # 1,200 tests, of which 5 % is 60 with a standard error of 7.5 if they were independent.
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        if kind == "activity":
            meta = layout(3, 12, 8)
            X = rng.normal(size=(len(meta), 10))
            p.append(activity(X, meta, permutations=200, seed=seed).groups["p"])
            continue
        meta = pd.DataFrame({"item": np.arange(48), "batch": np.arange(48) % 3})
        label = np.arange(48) // 3 % 8
        if kind == "many labels":
            other = (label + 1 + rng.integers(7, size=48)) % 8
            label = [f"{a}|{b}" for a, b in zip(label, other, strict=True)]
        strata = meta["batch"].to_numpy()
        meta["moa"] = permutation.shuffled(label, strata, seed)
        X = rng.normal(size=(48, 10)) + rng.normal(size=(3, 10))[strata]
        told = consistency(X, meta, "moa", within=["batch"], permutations=200, seed=seed)
        p.append(told.groups["p"])
    p = np.concatenate(p)
    assert len(p) == 1200
    assert 0.03 <= (p < 0.05).mean() <= 0.07
    assert 0.44 <= (p < 0.5).mean() <= 0.56


def test_several_annotations_give_what_copairs_gives():
    X, _ = study()
    moa = ["x", "x|y", "y", "z", "x|z", "z", "y", "x", "w", "w", "y|w", "z"]
    meta = pd.DataFrame({"item": [f"i{k:02d}" for k in range(12)], "moa": moa})
    found = consistency(X[:12], meta, "moa", permutations=300)
    # copairs 0.5.5, map.multilabel
    expected = {
        **{("w", "i08"): (0.6111111111111112, 2, 11), ("w", "i10"): (0.22619047619047616, 2, 8)},
        **{("x", "i01"): (0.44285714285714284, 3, 8), ("y", "i01"): (0.3595238095238095, 3, 8)},
        **{("y", "i10"): (0.5333333333333333, 3, 9), ("z", "i11"): (0.22186147186147184, 3, 11)},
    }
    items = found.items.set_index(["group", "item"])
    assert len(items) == 15
    for key, row in expected.items():
        told = items.loc[key, ["average_precision", "n_pos_pairs", "n_total_pairs"]]
        assert tuple(told) == pytest.approx(row, abs=1e-9)
    lists = meta.assign(moa=[cell.split("|") for cell in moa])
    pd.testing.assert_frame_equal(
        found.groups, consistency(X[:12], lists, "moa", permutations=300).groups
    )
    # With none beside them, members are placed in C(12, 4) ways; with others, in order.
    assert not found.groups["exact"].any()
    one = consistency(X[:12], meta.assign(moa=[cell[0] for cell in moa]), "moa")
    assert one.groups["exact"].all() and one.groups["n_null"].tolist() == [66, 495, 220, 220]


def test_annotations_that_share_a_mechanism_are_found():
    rng = np.random.default_rng(1)
    meta = pd.DataFrame({"item": [f"c{k:02d}" for k in range(60)]})
    meta["moa"] = [f"m{k % 12:02d}" if k < 48 else ["", None, np.nan][k % 3] for k in range(60)]
    X = rng.normal(size=(60, 40))
    X[:48] += (
        1.2 * rng.normal(size=(12, 40))[np.arange(48) % 12] * (np.arange(48) % 12 < 6)[:, None]
    )
    active = np.arange(60) % 12 < 7
    found = consistency(X, meta, "moa", active=active, permutations=2000)
    groups = found.groups.set_index(["set", "group"])
    assert (groups.loc["all"]["p_adjusted"][:6] < 0.05).all()
    assert (groups.loc["all"]["p_adjusted"][6:] > 0.05).all()
    assert groups.loc["active"].index.tolist() == [f"m{k:02d}" for k in range(7)]
    items = found.items[found.items["set"] == "all"]
    # Without annotation an item is neither a query nor a candidate.
    assert len(items) == 48 and (items["n_total_pairs"] == 47).all()
    lonely = consistency(
        X, meta.assign(moa=np.where(np.arange(60) < 3, ["a", "b", "b"] * 20, "")), "moa"
    )
    told = lonely.groups.set_index("group")
    assert told.loc["a", "reason"] == "no positive" and np.isnan(told.loc["a", "p"])
    # b: two of three items are placed in 3 ways.
    assert told.loc["b", "n_null"] == 3 and told.loc["b", "exact"]


def test_conditions_on_annotated_pairs():
    X, meta = study()
    found = consistency(
        X,
        meta,
        "label",
        pos_diffby=["batch"],
        neg_sameby=["batch"],
        within=["batch"],
        permutations=50,
    )
    declared = retrieve(X, meta, ["label"], ["batch"], ["batch"], ["label"])
    both = found.items.merge(declared, on="item")
    np.testing.assert_allclose(both["average_precision_x"], both["average_precision_y"], atol=1e-12)


def test_groups_that_differ_in_how_members_pair_do_not_share_a_null():
    # Both have three members on one stratum; those of b are of two compounds.
    meta = pd.DataFrame({"item": np.arange(9), "moa": list("aaabbbccc")})
    meta["compound"] = [0, 1, 2, 3, 3, 4, 5, 6, 7]
    X = np.random.default_rng(5).normal(size=(9, 4))
    found = consistency(X, meta, "moa", pos_diffby=["compound"], permutations=1000).groups
    # C(9, 3) placements of alike members; 9 x 8 x 7 where it matters who is who.
    assert found["n_null"].tolist() == [84, 504, 84] and found["exact"].all()


def test_nearest_match_by_hand():
    # On a line: a1 0, a2 1, a1 again 1.5, b1 3, b2 5 and 5; nearest of another compound.
    meta = pd.DataFrame(
        {
            "item": [*"stuvwx"],
            "moa": [*"aaabbb"],
            "compound": ["a1", "a2", "a1", "b1", "b2", "b2"],
            "batch": [1, 1, 2, 2, 1, 2],
        }
    )
    X = np.array([[0.0], [1], [1.5], [3], [5], [5]])
    found = nearest_match(X, meta, "moa", ["compound"], name="euclidean").set_index("item")
    # s: t hits; t: u hits; u: t hits; v: u (1.5) is of a; w, x: v hits.
    assert found["hit"].tolist() == [1, 1, 1, 0, 1, 1]
    # s: matches t of t, v, w, x; t: s, u of five; v: w, x of five; w: v of s, t, u, v.
    assert found["chance"].tolist() == [1 / 4, 2 / 5, 1 / 4, 2 / 5, 1 / 4, 1 / 4]
    both = nearest_match(X, meta, "moa", ["compound", "batch"], name="euclidean").set_index("item")
    # s may match v, x only, none of a; w: t, u are far and v near.
    assert both["reason"].tolist() == [
        *[
            "no candidate of the same annotation",
            "",
            "",
            "",
            "",
            "no candidate of the same annotation",
        ]
    ]
    # v lies midway between t and w.
    assert both["hit"].dropna().tolist() == [1, 1, 0.5, 1]
    assert both["n_candidates"].tolist() == [2, 3, 2, 3, 2, 2]


def test_nearest_matches_that_tie_share_the_credit():
    meta = pd.DataFrame({"item": [*"pqrs"], "moa": ["a", "a|b", "b", None], "compound": [*"1234"]})
    found = nearest_match([[0.0], [1], [-1], [0]], meta, "moa", ["compound"], name="euclidean")
    # p lies midway between q, which shares a, and r; s has no annotation and is no candidate.
    assert found["hit"].tolist() == [0.5, 1, 0]
    assert found["group"].tolist() == ["a", "a|b", "b"]
    assert found["n_candidates"].tolist() == [2, 2, 2]
    told = nearest_match([[0.0], [1], [-1], [0]], meta, "moa", ["compound"])
    assert told["hit"].isna().all() and "single feature" in told["reason"][0]
    alone = nearest_match(
        [[0.0], [1]], meta[:2].assign(compound="1"), "moa", ["compound"], name="euclidean"
    )
    assert alone["reason"].tolist() == ["no candidate"] * 2


def test_two_items():
    meta = pd.DataFrame(
        {"item": ["a", "b"], "label": ["x", "x"], "control": False, "batch": [1, 2]}
    )
    X = np.array([[1.0, 2], [3, 1]])
    assert retrieve(X, meta, ["label"], [], [], ["label"])["reason"].tolist() == ["no negative"] * 2
    assert activity(X, meta).groups["reason"].tolist() == ["no negative"]
    assert consistency(X, meta, "label").groups["reason"].tolist() == ["no negative"]
    assert activity(X, meta.assign(control=True)).groups.empty
    assert consistency(X, meta.assign(label=""), "label").groups.empty


def test_duplicated_items_tie():
    X, meta = study()
    twice = pd.concat([meta, meta.assign(item=meta["item"] + "x", label="copy")])
    found = retrieve(np.vstack([X, X]), twice, ["label"], [], [], ["label"]).set_index("item")
    scores = matrix(np.vstack([X, X]), "cosine")
    # i00 ties with its copy for the first place, and each of its five positives with theirs.
    relevant = np.append(meta["label"] == "a", np.zeros(24, dtype=bool))
    relevant[0] = False
    others = np.append(meta["label"] != "a", np.ones(24, dtype=bool))
    assert found.loc["i00", "average_precision"] == pytest.approx(
        average_precision(scores[0], relevant, relevant | others), abs=1e-12
    )
    ranks = np.sort([(scores[0] > s + 1e-9).sum() for s in scores[0][relevant]])
    # Of a positive with c others before it and its copy beside it, i - 1 positives found.
    half = [(i / c + i / (c + 1)) / 2 for i, c in enumerate(ranks, start=1)]
    assert found.loc["i00", "average_precision"] == pytest.approx(np.mean(half), abs=1e-12)


def test_p_of_several_is_that_of_each():
    null = np.array([0.5, 0.2, np.nan, 0.5, 0.9])
    observed = np.array([0.1, 0.5, 0.5 + 5e-10, 0.95, np.nan])
    for exact, expected in ((False, [1, 4 / 5, 4 / 5, 1 / 5]), (True, [1, 3 / 4, 3 / 4, 0])):
        found = permutation.p_values(observed, null, exact)
        np.testing.assert_allclose(found, [*expected, np.nan])
        np.testing.assert_array_equal(
            found, [permutation.p_value(one, null, exact) for one in observed]
        )
