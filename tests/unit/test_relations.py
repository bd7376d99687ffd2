from importlib import resources
from io import StringIO
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from twinscope.errors import InputError
from twinscope.relations import maps, rewiring
from twinscope.relations.influence import influence
from twinscope.similarity import matrix
from twinscope.statistics import resamples

# Pairs of Reactome, as EFAAR_benchmarking 1.0 ships it (CC0), that fall into its golden map.
REACTOME = [
    *[(11, 348), (26, 509), (27, 325), (50, 224), (50, 504), (60, 406), (72, 75), (73, 261)],
    *[(80, 494), (108, 404), (121, 419), (131, 135), (154, 252), (161, 242), (167, 512)],
    *[(173, 306), (217, 220), (224, 494), (228, 447), (260, 494), (299, 465), (325, 504)],
    *[(344, 415), (355, 465), (362, 418), (362, 447), (390, 475)],
]
GOLDEN = {
    "CORUM": (37649, 0.153846, 39),
    "HuMAP": (58538, 0.085714, 70),
    "Reactome": (18565, 0.185185, 27),
    "SIGNOR": (11617, 0.095238, 21),
    "StringDB": (58059, 0.148649, 74),
}


def random_map():
    return np.random.default_rng(0).normal(size=(528, 16))


def named(n):
    return np.array([f"g{k:03d}" for k in range(n)])


def table(*pairs):
    return pd.DataFrame(pairs, columns=["entity1", "entity2"])


def complexes(n=160, d=16, strength=1.0, size=4, extra=60, seed=0):
    """Genes of one complex share a direction; annotated are the complexes, and pairs at random."""
    rng = np.random.default_rng(seed)
    code = np.arange(n) // size
    X = rng.normal(size=(n, d)) + strength * rng.normal(size=(n, d))[code]
    a, b = np.triu_indices(n, 1)
    same = code[a] == code[b]
    more = rng.choice(np.flatnonzero(~same), extra, replace=False)
    chosen = np.sort([*np.flatnonzero(same), *more])
    a, b = a[chosen], b[chosen]
    return X, maps.Pairs(a, b, {"genes": len(np.unique([a, b]))})


def scores(gene_map, pairs, n_draws=100):
    counts = resamples(gene_map.genes, n_draws)[1]
    return maps.summarise(gene_map, pairs, counts)[0].set_index("metric")


def test_the_tails_of_the_toy_are_golden():
    ordered, query = np.arange(1.0, 6.0), np.array([1.0, 5.0])
    # A tenth of 5 values is no whole value; a fifth is one.
    assert maps.tail_credit(ordered, query, 0.1).sum(axis=0).mean() == 0
    assert maps.tail_credit(ordered, query, 0.2).sum(axis=0).mean() == 1


def test_recall_of_a_random_map_is_golden():
    gene_map = maps.build(random_map(), named(528))
    assert len(gene_map.ordered) == 139128
    a, b = np.array(REACTOME).T
    found = scores(gene_map, maps.Pairs(a, b, {"genes": 45}))
    assert found.loc["recall", "value"] == pytest.approx(0.185185, abs=1e-6)
    assert found.loc["recall", ["pairs", "genes"]].tolist() == [27, 45]
    assert found.loc["recall", "chance"] == pytest.approx(2 * 6956 / 139128)


def test_pair_files_of_the_package_are_golden():
    pytest.importorskip("efaar_benchmarking")
    folder = resources.files("efaar_benchmarking") / "benchmark_annotations"
    tables = {name: pd.read_csv(StringIO((folder / f"{name}.txt").read_text())) for name in GOLDEN}
    union = np.unique(np.concatenate([t.to_numpy(str).ravel() for t in tables.values()]))
    assert len(union) == 13183
    gene_map = maps.build(random_map(), union[::25])
    for name, (n_pairs, recall, in_map) in GOLDEN.items():
        assert maps.locate(tables[name], union).counts["unique"] == n_pairs
        pairs = maps.locate(tables[name], gene_map.genes)
        assert len(pairs.a) == in_map
        values = maps.annotated(gene_map, pairs.a, pairs.b)
        assert values[:, 0].mean() == pytest.approx(recall, abs=1e-6)


def test_recall_without_ties_is_that_of_efaar():
    benchmarking = pytest.importorskip("efaar_benchmarking.benchmarking")
    X, pairs = complexes()
    gene_map = maps.build(X, named(160))
    values = gene_map.similarity[pairs.a, pairs.b]
    for tail in (0.01, 0.05, 0.1):
        theirs = benchmarking.compute_recall(gene_map.ordered, values, [(tail, 1 - tail)])
        ours = maps.annotated(gene_map, pairs.a, pairs.b, tail)[:, 0].mean()
        assert ours == pytest.approx(theirs[f"recall_{tail}_{1 - tail}"])


def test_auroc_is_that_of_scikit_learn_with_ties():
    X, pairs = complexes()
    X = np.round(X[:, :2])
    gene_map = maps.build(X, named(160), "euclidean")
    a, b = np.triu_indices(160, 1)
    label = np.zeros((160, 160), dtype=bool)
    label[pairs.a, pairs.b] = True
    expected = roc_auc_score(label[a, b], gene_map.similarity[a, b])
    assert len(np.unique(gene_map.ordered)) < 100
    assert scores(gene_map, pairs).loc["auroc", "value"] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(0, 4), min_size=3, max_size=40), st.floats(0.01, 0.5))
def test_the_mean_credit_of_all_is_the_size_of_the_tail_whatever_the_ties(values, tail):
    ordered = np.sort(np.array(values, dtype=float))
    low, high = maps.tail_credit(ordered, np.array(values, dtype=float), tail)
    size = int(tail * len(values) + 1e-9)
    assert low.sum() == pytest.approx(size) and high.sum() == pytest.approx(size)
    assert (low >= 0).all() and (low <= 1).all()


def test_ties_across_the_edge_share_the_places_left():
    # Of 10 values a fifth is 2: the lowest, and one place for the three that follow.
    ordered = np.array([0, 1, 1, 1, 2, 3, 4, 5, 6, 7.0])
    low, high = maps.tail_credit(ordered, np.array([0.0, 1.0, 2.0, 6.0, 7.0]), 0.2)
    assert low.tolist() == pytest.approx([1, 1 / 3, 0, 0, 0])
    assert high.tolist() == [0, 0, 0, 1, 1]


def test_build_averages_by_gene_whatever_the_order_of_rows():
    X = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    genes = np.array(["b", "a", "b", "none", "c"])
    gene_map = maps.build(X, genes)
    assert gene_map.genes.tolist() == ["a", "b", "c"] and gene_map.left_out == ("none",)
    # a (0, 2), b (2, 0), c (1, 1)
    expected = [[1, 0, 0.5**0.5], [0, 1, 0.5**0.5], [0.5**0.5, 0.5**0.5, 1]]
    assert gene_map.similarity == pytest.approx(np.array(expected), abs=1e-9)
    assert gene_map.ordered == pytest.approx([0, 0.5**0.5, 0.5**0.5], abs=1e-9)
    X = np.random.default_rng(0).normal(size=(300, 20))
    genes, order = named(100)[np.arange(300) % 100], np.random.default_rng(1).permutation(300)
    one, other = maps.build(X, genes), maps.build(X[order], genes[order])
    assert np.array_equal(one.similarity, other.similarity)


def test_threads_change_nothing():
    X, pairs = complexes()
    runs = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            runs.append(scores(maps.build(X, named(160)), pairs))
    pd.testing.assert_frame_equal(*runs, check_exact=True)


@pytest.mark.parametrize(
    ("X", "similarity", "reason"),
    [
        (np.ones((30, 4)), "cosine", "cosine of constant features is all ties"),
        (np.ones((30, 4)), "euclidean", "all pairs are equally similar"),
        (np.outer(np.arange(1, 31), [1.0, 2]), "cosine", "all pairs are equally similar"),
        (np.linspace(1, 2, 30)[:, None], "cosine", "cosine of a single feature is all ties"),
        (np.linspace(-1, 2, 30)[:, None], "cosine", "cosine of a single feature is all ties"),
        (np.column_stack([np.arange(30.0), np.ones(30)]), "cosine", "cosine of a single feature"),
        (np.zeros((30, 4)), "cosine", "no pairs of genes with a profile"),
        (np.full((30, 4), np.nan), "cosine", "no pairs of genes with a profile"),
    ],
)
def test_features_that_say_nothing_are_undefined_with_a_reason(X, similarity, reason):
    gene_map = maps.build(X, named(30), similarity)
    pairs = maps.locate(table(("g000", "g001"), ("g002", "g003")), gene_map.genes)
    found = scores(gene_map, pairs, 10)
    assert found["value"].isna().all() and found["lower"].isna().all()
    assert found["reason"].str.contains(reason).all()
    assert np.isnan(rewiring.null(gene_map, pairs, "rewired", 3)).all()
    for part in maps.strata(gene_map, pairs, named(30), np.repeat(["x", "y"], 15)).values():
        assert scores(*part, 10)["value"].isna().all()


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_likeness_is_that_of_all_tasks(name):
    X = np.random.default_rng(0).normal(size=(30, 5))
    X[3, 1] = np.nan
    gene_map = maps.build(np.vstack([X, np.full(5, np.nan)]), named(31), name)
    np.testing.assert_allclose(gene_map.similarity, matrix(X, name), atol=1e-9)
    # A gene with a gap is compared by what it has; one without a feature is not.
    assert (gene_map.left_out, gene_map.n_missing) == (("g030",), 1)


def test_equal_steps_of_single_precision_tie():
    # Counts 5, 7 and 9 standardised and stored: both steps are 2, but not to the last digit.
    counts = np.array([5.0, 7, 9, 14, 3, 8])
    stored = ((counts - 7.3) / 1.7).astype(np.float32)[:, None]
    steps = maps.build(stored, named(6), "euclidean").similarity
    assert steps[0, 1] == steps[1, 2]
    assert len(np.unique(np.diff(stored[:3, 0]))) == 2


def test_a_count_is_compared_by_distance():
    X = np.repeat([1.0, 5.0, 50.0], 10)[:, None] + np.random.default_rng(0).normal(size=(30, 1))
    gene_map = maps.build(np.column_stack([X, np.ones(30)]), named(30), "euclidean")
    a, b = np.triu_indices(10, 1)
    found = scores(gene_map, maps.Pairs(a, b, {"genes": 10}))
    assert found.loc["auroc", "value"] > 0.7 and found.loc["recall_lower", "value"] == 0


def test_pairs_are_counted():
    rows = [("b", "a"), ("a", "b"), ("a", "a"), ("c", "d"), ("a", "x"), ("a", "b"), (None, "a")]
    found = maps.locate(table(*rows), np.array(["a", "b", "c", "d"]))
    assert (found.a.tolist(), found.b.tolist()) == ([0, 2], [1, 3])
    assert found.counts == {
        **{"rows": 7, "missing": 1, "self": 1, "duplicates": 2, "unique": 3},
        **{"in_map": 2, "genes": 4},
    }
    nothing = maps.locate(table(), np.array(["a", "b"]))
    assert len(nothing.a) == 0 and nothing.counts["unique"] == 0
    with pytest.raises(InputError, match="found 1 columns; expected two columns"):
        maps.locate(pd.DataFrame({"gene": ["a"]}), np.array(["a"]))


def test_planted_complexes_are_found_and_chance_is_not():
    X, pairs = complexes()
    found = scores(maps.build(X, named(160)), pairs, 1000)
    assert found.loc["recall", "lower"] > 0.15 > 0.1 > found.loc["recall_lower", "value"]
    assert found.loc["auroc", "lower"] > 0.55
    X, pairs = complexes(strength=0)
    found = scores(maps.build(X, named(160)), pairs, 1000)
    two = found.loc[["recall", "auroc"]]
    assert ((two["lower"] < two["chance"]) & (two["chance"] < two["upper"])).all()
    assert found["chance"].tolist() == pytest.approx([0.1, 0.05, 0.05, 0.5], abs=1e-3)


def test_opposite_genes_are_found_in_the_lower_tail():
    X, pairs = complexes(strength=0, extra=0, size=2)
    X[1::2] = -X[::2] + 0.5 * np.random.default_rng(1).normal(size=X[::2].shape)
    found = scores(maps.build(X, named(160)), pairs)["value"]
    assert found["recall"] == found["recall_lower"] > 0.9 and found["auroc"] < 0.1


def test_bootstrap_is_the_list_of_pairs_of_the_genes_drawn():
    X, pairs = complexes(n=40, extra=20)
    gene_map = maps.build(X, named(40))
    values = maps.annotated(gene_map, pairs.a, pairs.b)
    counts = resamples(gene_map.genes, 5)[1]
    found = maps.node_bootstrap(values, pairs.a, pairs.b, counts, dyadic=False)
    known = {
        pair: v for *pair, v in zip(pairs.a, pairs.b, values, strict=True) for pair in [tuple(pair)]
    }
    for draw, count in zip(found, counts, strict=True):
        drawn = np.repeat(np.arange(40), count)
        # A gene and its copy are no pair, so only pairs of two genes are looked up.
        both = [known.get((i, j)) for k, i in enumerate(drawn) for j in drawn[k + 1 :]]
        np.testing.assert_allclose(draw, np.mean([v for v in both if v is not None], axis=0))


def test_a_gene_moves_the_pairs_that_others_are_held_against():
    """The AUROC by hand, where one gene counts a little more among all other pairs."""
    X, pairs = complexes(n=30, extra=20)
    found = maps.build(X, named(30))
    moved = influence(found.similarity, None, found.ordered, pairs.a, pairs.b)[:, 3]
    i, j = np.triu_indices(30, 1)
    other = ~np.isin(i * 30 + j, pairs.a * 30 + pairs.b)
    below = (found.similarity[i, j][:, None] < found.similarity[pairs.a, pairs.b]).mean(axis=1)
    for gene in range(30):
        up, down = (
            np.average(below[other], weights=np.where((i == gene) | (j == gene), w, 1)[other])
            for w in (1.001, 0.999)
        )
        assert (up - down) / 0.002 == pytest.approx(moved[gene], rel=1e-4)


def test_where_every_pair_is_annotated_no_gene_changes_the_recall():
    """What is found at a gene and what the gene does to the tails then cancel."""
    X, _ = complexes(n=40)
    X[:, 0] += 3 * np.random.default_rng(3).gamma(0.5, 2, 40)
    found = maps.build(X, named(40))
    a, b = np.triu_indices(40, 1)
    errors = maps.annotated(found, a, b)[:, :3] - [0.1, 0.05, 0.05]
    at_genes = np.array([errors[(a == gene) | (b == gene)].sum(axis=0) for gene in range(40)])
    moved = len(a) * influence(found.similarity, None, found.ordered, a, b)[:, :3]
    assert (np.abs(at_genes).max(axis=0) > 3).all()
    # A tail of 39 and tails of 19 and 58 pairs: the recall grows by whole pairs.
    np.testing.assert_allclose(moved, -at_genes, atol=0.02)


def test_draws_have_the_dyadic_variance():
    X, pairs = complexes(n=300, extra=400)
    gene_map = maps.build(X, named(300))
    values = maps.annotated(gene_map, pairs.a, pairs.b)[:, :1]
    counts = resamples(gene_map.genes, 4000)[1]
    plain = maps.node_bootstrap(values, pairs.a, pairs.b, counts, dyadic=False)
    drawn_in = maps.node_bootstrap(values, pairs.a, pairs.b, counts)
    e = values[:, 0] - values.mean()
    ends = np.column_stack([pairs.a, pairs.b])
    share = (ends[:, None, :, None] == ends[None, :, None, :]).any(axis=(2, 3))
    assert drawn_in.std() == pytest.approx(np.sqrt(e @ share @ e) / len(e), rel=0.1)
    assert drawn_in.std() < 0.8 * plain.std()
    alone = maps.node_bootstrap(values * np.nan, pairs.a, pairs.b, counts[:5])
    assert np.isnan(alone).all()


def test_intervals_know_what_genes_do_to_the_distribution():
    """The variance by hand: of what each gene adds to the score, both ways taken together."""
    X, pairs = complexes(n=200, strength=0, extra=300)
    X[:, 0] += 3 * np.random.default_rng(3).gamma(0.5, 2, 200)
    found = maps.build(X, named(200))
    table, draws = maps.summarise(found, pairs, resamples(found.genes, 4000)[1])
    values = maps.annotated(found, pairs.a, pairs.b)
    errors, n = values - values.mean(axis=0), len(values)
    adds = n * influence(found.similarity, None, found.ordered, pairs.a, pairs.b)
    for a, b, e in zip(pairs.a, pairs.b, errors, strict=True):
        adds[[a, b]] += e
    alone = (errors**2).sum(axis=0)
    expected = np.sqrt(np.maximum((adds**2).sum(axis=0) - alone, alone)) / n
    np.testing.assert_allclose(draws.std(axis=0), expected, rtol=0.1)
    np.testing.assert_allclose(table["error"], draws.std(axis=0) * np.sqrt(200 / 199), rtol=0.01)
    plain = maps.node_bootstrap(values, pairs.a, pairs.b, resamples(found.genes, 4000)[1])
    assert draws.std(axis=0)[3] < 0.9 * plain.std(axis=0)[3]


def test_differences_of_two_maps_are_drawn_together():
    X, pairs = complexes()
    counts = resamples(named(160), 500)[1]
    one, other = (
        maps.annotated(maps.build(x, named(160)), pairs.a, pairs.b)
        for x in (X, X + 0.1 * np.random.default_rng(5).normal(size=X.shape))
    )
    paired = maps.node_bootstrap(one - other, pairs.a, pairs.b, counts).std(axis=0)
    alone = maps.node_bootstrap(one, pairs.a, pairs.b, counts).std(axis=0)
    # Recall and AUROC: next to no pair of these is in the lower tail.
    assert (paired < 0.3 * alone)[[0, 3]].all()
    assert (maps.node_bootstrap(one - one, pairs.a, pairs.b, counts) == 0).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Chance under no signal, genes of differing strength among them; the mean under signal."""
    for strength in (0.0, 1.0):
        rows, values = [], []
        for seed in range(100):
            X, pairs = complexes(strength=strength, extra=100, seed=seed)
            X[:, 0] += 2 * np.random.default_rng(seed).gamma(0.5, 2, 160)
            found = scores(maps.build(X, named(160)), pairs, 200)
            values.append(found["value"])
            rows.append(found[["lower", "upper"]].to_numpy())
        truth = np.mean(values, axis=0)
        bounds = np.array(rows)
        inside = ((bounds[..., 0] <= truth) & (truth <= bounds[..., 1])).mean(axis=0)
        assert (inside[[0, 1, 3]] >= 0.88).all(), inside


def test_rewiring_keeps_degrees_and_makes_all_graphs_alike_often():
    # Degrees 2, 2, 2, 1, 1 on five labelled genes: 7 graphs.
    a, b = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 4])
    seen = {}
    graphs = rewiring._rewired(a, b, 5, np.random.default_rng(0))
    for x, y in islice(graphs, 0, 20_000, 5):
        assert (np.bincount([*x, *y], minlength=5) == [2, 2, 2, 1, 1]).all()
        assert (x < y).all() and len(set(zip(x, y, strict=True))) == 4
        key = tuple(sorted(zip(x.tolist(), y.tolist(), strict=True)))
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 7
    assert stats.chisquare(list(seen.values())).pvalue > 1e-3


def test_an_odd_pair_out_is_not_doubled():
    _, pairs = complexes(n=20, size=5, extra=1)
    assert len(pairs.a) == 41
    for x, y in islice(rewiring._rewired(pairs.a, pairs.b, 20, np.random.default_rng(0)), 100):
        assert len(set(zip(x, y, strict=True))) == 41 and (x < y).all()


def test_pairs_that_cannot_be_rewired_stay():
    a, b = np.triu_indices(4, 1)
    x, y = next(rewiring._rewired(a, b, 4, np.random.default_rng(0)))
    assert set(zip(x, y, strict=True)) == set(zip(a, b, strict=True))


@pytest.mark.parametrize("kind", rewiring.NULLS)
def test_nulls_are_calibrated_and_find_what_is_planted(kind):
    p = []
    for seed in range(120):
        X, pairs = complexes(n=80, seed=seed)
        names = named(80)[np.random.default_rng(seed).permutation(80)]
        gene_map = maps.build(X, names)
        value = maps.annotated(gene_map, pairs.a, pairs.b).mean(axis=0)
        null = rewiring.null(gene_map, pairs, kind, 39, seed)
        p.append((1 + (null >= value - 1e-12).sum(axis=0)) / 40)
    rejected = (np.array(p) <= 0.1)[:, [0, 3]].mean(axis=0)
    assert (rejected >= 0.03).all() and (rejected <= 0.18).all()
    gene_map = maps.build(X, named(80))
    null = rewiring.null(gene_map, pairs, kind, 39)
    assert (null[:, 0] < maps.annotated(gene_map, pairs.a, pairs.b)[:, 0].mean()).all()
    assert np.array_equal(null, rewiring.null(gene_map, pairs, kind, 39))


def test_hubs_that_tell_by_their_degree_are_seen_through_by_rewiring():
    """Genes that are strong and well annotated raise the recall of any pairs between them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 16))
    X[:40, 0] += 4
    first, second = rng.integers(40, size=(2, 150)), rng.integers(200, size=(2, 150))
    ends = np.unique(np.sort(np.hstack([first, second]), axis=0), axis=1)
    a, b = ends[:, ends[0] != ends[1]]
    gene_map, pairs = maps.build(X, named(200)), maps.Pairs(a, b, {"genes": 200})
    value = maps.annotated(gene_map, a, b)[:, 0].mean()
    p = {
        kind: (1 + (rewiring.null(gene_map, pairs, kind, 99)[:, 0] >= value).sum()) / 100
        for kind in rewiring.NULLS
    }
    assert p["permuted"] == 0.01
    rewired = rewiring.null(gene_map, pairs, "rewired", 99)[:, 0].mean()
    assert value - rewired < 0.5 * (value - 0.1)


def test_what_all_genes_of_an_experiment_share_counts_for_nothing_within():
    rng = np.random.default_rng(0)
    experiment = np.repeat(np.arange(8), 20)
    X = rng.normal(size=(160, 16)) + 2 * rng.normal(size=(8, 16))[experiment]
    a, b = np.triu_indices(160, 1)
    within = np.flatnonzero(experiment[a] == experiment[b])
    chosen = np.sort([*rng.choice(within, 300, replace=False), *rng.integers(len(a), size=20)])
    a, b = a[np.unique(chosen)], b[np.unique(chosen)]
    gene_map, pairs = maps.build(X, named(160)), maps.Pairs(a, b, {"genes": 160})
    assert scores(gene_map, pairs).loc["recall", "value"] > 0.3
    names = np.array([f"e{e}" for e in experiment])
    parts = maps.strata(gene_map, pairs, named(160), names)
    assert len(parts["within"][0].ordered) == 8 * 190
    assert len(parts["between"][0].ordered) == 160 * 159 // 2 - 8 * 190
    assert sum(len(part[1].a) for part in parts.values()) == len(a)
    found = scores(*parts["within"]).loc["recall"]
    assert found["lower"] < 0.1 < found["upper"] and found["value"] < 0.16
    # A gene seen in several experiments has each of them in common with others.
    both = np.append(named(160), "g000"), np.append(names, "e1")
    assert len(maps.strata(gene_map, pairs, *both)["within"][0].ordered) == 8 * 190 + 20
    alone = maps.strata(gene_map, pairs, named(160), named(160))["within"]
    assert scores(*alone)["reason"].eq("no pairs of genes with a profile").all()


def test_too_little_to_tell_is_nan_with_a_reason():
    X, _ = complexes(n=40)
    gene_map = maps.build(X, named(40))
    none = maps.Pairs(np.array([], dtype=int), np.array([], dtype=int), {"genes": 0})
    assert (scores(gene_map, none)["reason"] == "no annotated pair is in the map").all()
    six = maps.build(X[:6], named(6))
    found = scores(six, maps.Pairs(np.array([0, 1]), np.array([1, 2]), {"genes": 3}))
    assert found["reason"]["recall"] == "no whole pair of 15 in a tail of 0.05"
    assert np.isnan(found["value"]["recall"]) and np.isfinite(found["value"]["auroc"])
    a, b = np.triu_indices(6, 1)
    found = scores(six, maps.Pairs(a, b, {"genes": 6}))
    assert found["reason"]["auroc"] == "every pair is annotated" and np.isnan(
        found["value"]["auroc"]
    )
    # No pair in the tail: 0, but not 0 for sure.
    worst = np.argsort(np.abs(gene_map.similarity[np.triu_indices(40, 1)]))[:30]
    a, b = (ends[worst] for ends in np.triu_indices(40, 1))
    found = scores(gene_map, maps.Pairs(a, b, {"genes": 30})).loc["recall"]
    assert found["value"] == 0 and np.isnan(found["upper"]) and "score alike" in found["reason"]


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        maps.build(random_map(), named(528), "cosin")
    X, pairs = complexes()
    with pytest.raises(InputError, match="did you mean 'rewired'"):
        rewiring.null(maps.build(X, named(160)), pairs, "rewire")
