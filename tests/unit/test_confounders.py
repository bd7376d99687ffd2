import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples as oracle_silhouettes
from sklearn.neighbors import NearestNeighbors

from twinscope.confounders import silhouettes
from twinscope.confounders.decodability import decode
from twinscope.confounders.diffusion import connectivities, diffusion
from twinscope.confounders.measures import CONFOUNDERS, measure
from twinscope.confounders.mixing import (
    graph_connectivity,
    kbet,
    lisi,
    principal_component_regression,
    robustness_index,
)
from twinscope.confounders.neighbours import Items
from twinscope.errors import InputError

MIXED = [name for name, metric in CONFOUNDERS.items() if metric.higher_is_mixed is not None]
# scib-metrics 0.5.10 on the golden data and on `overlapping`; 31 neighbours, self included
GOLDEN = {
    "ilisi": 0.062848,
    "clisi": 1.0,
    "silhouette_label": 0.757948,
    "silhouette_batch": 0.776571,
    "bras": 0.515136,
    "graph_connectivity": 1.0,
    "pcr_batch": 0.121969,
    "pcr_label": 0.734850,
    "kbet": 0.016667,
    "kbet_per_label": 0.006667,
    "robustness_index": 1.0,
}
OVERLAPPING = {
    "ilisi": 0.284721,
    "clisi": 0.821277,
    "silhouette_label": 0.558825,
    "silhouette_batch": 0.858359,
    "bras": 0.686988,
    "graph_connectivity": 0.988666,
    "pcr_batch": 0.141986,
    "pcr_label": 0.369496,
    "kbet": 0.361538,
    "kbet_per_label": 0.490863,
}


def golden():
    rng = np.random.default_rng(0)
    label, batch = np.repeat(np.arange(3), 100), np.tile(np.arange(4), 75)
    C, B = rng.normal(scale=3, size=(3, 10)), rng.normal(scale=1.0, size=(4, 10))
    X = (C[label] + B[batch] + rng.normal(size=(300, 10))).astype(np.float32)
    return X, label.astype(str), batch.astype(str)


def overlapping(seed=0, n=260, d=6, spread=1.0, shift=0.6):
    """Four labels that overlap, and three batches of unequal sizes."""
    rng = np.random.default_rng(seed)
    label, batch = rng.integers(0, 4, n), rng.choice(3, n, p=[0.5, 0.3, 0.2])
    X = rng.normal(0, spread, (4, d))[label] + rng.normal(0, shift, (3, d))[batch]
    return (X + rng.normal(size=(n, d))).astype(np.float32), label.astype(str), batch.astype(str)


def lattice(seed=0, n=120, d=2):
    """Whole numbers: many equal distances, and many items at the same point."""
    rng = np.random.default_rng(seed)
    label, batch = rng.integers(0, 2, n), rng.integers(0, 3, n)
    X = rng.integers(0, 5, (n, d)).astype(float) + label[:, None]
    return X, label.astype(str), batch.astype(str)


def nearest(X, k):
    """Distances and indices, the item itself first at exactly 0: rounding would be a neighbour."""
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X.astype(float))
    distances, indices = found.kneighbors(X.astype(float))
    assert (indices[:, 0] == np.arange(len(X))).all()
    distances[:, 0] = 0
    return distances, indices


def score(name, X, labels, batches, **options):
    """One metric, without its chance."""
    table, _ = measure(X, labels, batches, [name], draws=0, **options)
    return table.iloc[0]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name):
    # Six digits are given.
    assert score(name, *golden())["value"] == pytest.approx(GOLDEN[name], abs=5.1e-7)


@pytest.mark.parametrize("name", OVERLAPPING)
def test_values_that_scib_metrics_gave_where_nothing_is_clear_cut(name):
    assert score(name, *overlapping())["value"] == pytest.approx(OVERLAPPING[name], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_scib_metrics_agrees(seed):
    scib = pytest.importorskip("scib_metrics")
    from scib_metrics.nearest_neighbors import NeighborsResults

    X, y, b = overlapping(seed, spread=[0.3, 1, 5][seed], d=[4, 10, 80][seed])
    distances, indices = nearest(X, 31)
    graph = NeighborsResults(indices=indices, distances=distances.astype(np.float32))
    explained = scib.utils.principal_component_regression
    expected = {
        "ilisi": scib.ilisi_knn(graph, b),
        "clisi": scib.clisi_knn(graph, y),
        "kbet": scib.kbet(graph, b)[0],
        "kbet_per_label": scib.kbet_per_label(graph, b, y),
        "silhouette_label": scib.silhouette_label(X, y),
        "silhouette_batch": scib.silhouette_batch(X, y, b),
        "bras": scib.bras(X, y, b),
        "graph_connectivity": scib.graph_connectivity(graph, y),
        "pcr_batch": explained(X, b, categorical=True),
        "pcr_label": explained(X, y, categorical=True),
    }
    for name, value in expected.items():
        # Single precision there.
        assert score(name, X, y, b)["value"] == pytest.approx(float(value), abs=5e-6), name


def test_lisi_agrees_with_harmonypy():
    library = pytest.importorskip("harmonypy")
    X, y, _ = overlapping()
    expected = library.compute_lisi(X, pd.DataFrame({"y": y}), ["y"], perplexity=10)[:, 0]
    assert np.allclose(lisi(Items(X), y, 30), expected, atol=1e-6)


def test_lisi_of_equal_neighbours_by_hand():
    # The corners of a tetrahedron are equally far: of each corner's 3 neighbours the weights are
    # equal, whatever the entropy asked for.
    X, classes = np.eye(4), np.array(["a", "a", "b", "c"])
    # a: one each of a, b, c: 1 / (3 / 9); b: two of a, one of c: 1 / (5 / 9).
    assert lisi(Items(X), classes, 3) == pytest.approx([3, 3, 9 / 5, 9 / 5])


def test_lisi_weights_by_hand():
    # 2 neighbours at distances 1 and 2, entropy of (2 + 1) // 3 = 1 item: all weight on the nearer.
    X, classes = np.array([[0.0], [1.0], [-2.0]]), np.array(["x", "a", "b"])
    assert lisi(Items(X), classes, 2)[0] == pytest.approx(1, abs=1e-4)


def test_lisi_among_items_at_the_same_point_by_hand():
    # All alike but one that is far off: of the 3 others at its point an item of class a sees a, b
    # and b, one of class b sees a, a and b; the far one sees a, a, b and b tied for 3 places.
    X, classes = np.array([[0.0], [0], [0], [0], [9]]), np.array(["a", "a", "b", "b", "c"])
    expected = [1 / (1 / 9 + 4 / 9)] * 4 + [2]
    assert lisi(Items(X), classes, 3) == pytest.approx(expected)


def test_equal_items_are_one_point():
    items = Items(np.array([[0.0, 1], [2, 1], [-0.0, 1], [2, 1], [2, 3]]))
    assert sorted(items.size) == [1, 2, 2]
    assert items.point[0] == items.point[2] and items.point[1] == items.point[3]
    assert np.array_equal(items.values[items.point[4]], [2, 3])


def test_lisi_does_not_depend_on_the_unit_of_length():
    X, y, _ = overlapping()
    values = [lisi(Items(X.astype(float) * unit), y, 30) for unit in (1e-9, 1, 1e9)]
    assert np.allclose(values[0], values[1], atol=1e-4)
    assert np.allclose(values[2], values[1], atol=1e-4)


def test_kbet_by_hand():
    # Two pairs far apart, one neighbour each: counts (2, 0) or (0, 2) where (1, 1) is expected:
    # χ² = 1 + 1, one degree of freedom: p = 0.157.
    X, apart = np.array([[0.0], [1], [10], [11]]), np.array(["a", "a", "b", "b"])
    assert kbet(Items(X), apart, 1, alpha=0.15).value == 1
    assert kbet(Items(X), apart, 1, alpha=0.16).value == 0
    assert kbet(Items(X), np.array(["a", "b", "a", "b"]), 1, alpha=0.99).value == 1


def test_robustness_index_by_hand():
    # Neighbours of each: 0 -> 1, 1 -> 0, 3 -> 1, 7 -> 3 on a line, k = 1.
    X = np.array([[0.0], [1], [3], [7]])
    labels, batches = np.array(["u", "u", "v", "v"]), np.array(["a", "b", "b", "b"])
    # 0 and 1: other batch, same label: SO 2; 3 -> 1: same batch, other label: OS 1; 7 -> 3: same
    # both.
    found = robustness_index(Items(X), labels, batches, 1)
    assert found.value == pytest.approx(2 / 3)
    assert found.items[:3].tolist() == [1, 1, 0] and np.isnan(found.items[3])


def test_graph_connectivity_by_hand():
    # k = 1 on a line: 0 <-> 1, 5 <-> 6, 8 -> 6: strong components of two, two and one.
    X, labels = np.array([[0.0], [1], [5], [6], [8], [50], [51]]), np.array(list("uuuuuvv"))
    assert graph_connectivity(Items(X), labels, 1).value == pytest.approx((2 / 5 + 1) / 2)


def test_graph_connectivity_links_all_that_tie():
    # Of 0, 1, 2 the middle one has two nearest neighbours: both count, and the three hang together.
    X = np.array([[0.0], [1], [2], [90], [91]])
    found = graph_connectivity(Items(X), np.array(list("uuuvv")), 1)
    assert found.value == 1


def test_explained_variance_by_hand():
    # Means of classes 1 and 5, of all 3: between 4 * 4 = 16, within 1 * 4 = 4.
    items = Items(np.array([[0.0], [2], [4], [6]]))
    assert principal_component_regression(items, np.array(list("aabb"))).value == pytest.approx(0.8)
    # Numbers 0, 1, 0, 1: deviations ∓0.5, the sum with the features 2: 2² / 1 / 20.
    assert principal_component_regression(items, np.array([0, 1, 0, 1])).value == pytest.approx(0.2)


def test_explained_variance_is_that_of_principal_components():
    from sklearn.decomposition import PCA

    X, _, b = overlapping(d=8)
    number = np.random.default_rng(0).normal(size=len(X)) + X[:, 0]
    parts = PCA().fit_transform(X.astype(float))
    for covariate, design in ((b, pd.get_dummies(b).to_numpy(float)), (number, number[:, None])):
        design = np.column_stack([np.ones(len(X)), design])
        fitted = design @ np.linalg.lstsq(design, parts, rcond=None)[0]
        r2 = 1 - ((parts - fitted) ** 2).sum(axis=0) / (parts**2).sum(axis=0)
        expected = np.average(r2, weights=parts.var(axis=0))
        found = principal_component_regression(Items(X), covariate).value
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("make", [overlapping, lattice])
def test_silhouettes_agree_with_scikit_learn(metric, make):
    X, y, _ = make()
    X = X + 1.0
    expected = oracle_silhouettes(X, y, metric=metric)
    assert np.allclose(
        silhouettes.silhouette_samples(Items(X), y, metric=metric), expected, atol=1e-6
    )


def test_silhouettes_by_hand():
    X, classes = np.array([[0.0], [1], [4], [10]]), np.array(["a", "a", "b", "c"])
    # 0: a = 1, nearest other is b at 4: (4 - 1) / 4; all others at (4 + 10) / 2: (7 - 1) / 7.
    # 4 and 10 are alone in their class.
    nearest, mean = (
        silhouettes.silhouette_samples(Items(X), classes, other=other)
        for other in silhouettes.OTHERS
    )
    assert nearest == pytest.approx([3 / 4, 2 / 3, 0, 0])
    assert mean == pytest.approx([6 / 7, 5 / 6, 0, 0])
    with pytest.raises(InputError, match="did you mean 'nearest'"):
        silhouettes.silhouette_samples(Items(X), classes, other="nearst")


def test_bras_tells_nested_batches_that_silhouettes_forgive():
    rng = np.random.default_rng(0)
    batch, label = np.tile(np.arange(4), 100), np.repeat(["u", "v"], 200)
    # Batches overlap in pairs, and the pairs lie far apart.
    X = rng.normal(0, 0.2, (400, 3)) + np.array([[4, 0, 0], [0, 4, 0]])[batch // 2]
    forgiving, strict = (
        score(name, X, label, batch.astype(str))["value"] for name in ("silhouette_batch", "bras")
    )
    assert forgiving > 0.9 and strict < 0.5


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(1, 12))
def test_ties_share_the_last_places(seed, k):
    X, y, _ = lattice(seed, n=40)
    found, own = Items(X).tally(k, np.unique(y, return_inverse=True)[1])
    assert np.allclose(found.sum(axis=1), k)
    rng, draws = np.random.default_rng(seed), 300
    total = np.zeros(found.shape)
    for _ in range(draws):
        # The order of equal distances is left to chance.
        D = ((X[:, None] - X) ** 2).sum(axis=2) + rng.uniform(0, 1e-6, (40, 40))
        np.fill_diagonal(D, np.inf)
        nearest = D.argsort(axis=1)[:, :k]
        total += np.stack([(y[nearest] == c).sum(axis=1) for c in np.unique(y)], axis=1)
    # A share has at most variance k / 4 in one draw.
    assert np.abs(found - total / draws).max() < 6 * np.sqrt(k / 4 / draws)


def test_the_fuzzy_graph_agrees_with_umap():
    umap = pytest.importorskip("umap.umap_")
    X, _, _ = overlapping(n=100)
    distances, indices = nearest(X, 16)
    how = {"knn_indices": indices, "knn_dists": distances.astype(np.float32)}
    expected = umap.fuzzy_simplicial_set(X, 16, None, "euclidean", **how)[0].toarray()
    items = Items(X)
    found = connectivities(items, 15).toarray()[np.ix_(items.point, items.point)]
    assert np.allclose(found, expected, atol=1e-4)


def test_fuzzy_graph_by_hand():
    # The nearest is certain, 1 and log2(3) in all: w for the other. From 0, 1 and 3 the nearest are
    # 1, 0 and 1: (0, 1) is 1 + 1 - 1; (1, 3) is w + 1 - w; (0, 3) is w + w - w².
    items = Items(np.array([[0.0], [1.0], [3.0]]))
    A = connectivities(items, 2).toarray()[np.ix_(items.point, items.point)]
    w = np.log2(3) - 1
    expected = [[0, 1, 2 * w - w**2], [1, 0, 1], [2 * w - w**2, 1, 0]]
    assert np.allclose(A, expected, atol=1e-4)


def test_diffusion_by_hand():
    from scipy.sparse import csr_matrix

    # A path of three equal links. Degrees 1, 2, 1; K = 1 / (1 * 2); row sums 1/2, 1, 1/2;
    # T = [[0, r, 0], [r, 0, r], [0, r, 0]] with r = 1 / √2: eigenvalues -1, 0, 1, of which the two
    # largest are kept, with vectors (1, ∓√2, 1) / 2: -1 counts as -1 / 2, 1 as 1.
    found = diffusion(csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=float)))
    assert np.allclose(np.abs(found) * 2, [[0.5, 1], [0.5**0.5, 2**0.5], [0.5, 1]], atol=1e-9)


@pytest.mark.parametrize("make", [overlapping, lattice])
def test_the_order_of_rows_changes_not_one_bit(make):
    X, y, b = make()
    mixed = np.random.default_rng(5).permutation(len(X))
    one, each = measure(X, y, b, k=12, draws=2)
    other, mixed_each = measure(X[mixed], y[mixed], b[mixed], k=12, draws=2)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    expected = each.iloc[mixed].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, mixed_each, check_exact=True)
    assert one["value"].notna().all() and one["chance"].notna().all()


@pytest.mark.parametrize("name", CONFOUNDERS)
def test_what_cannot_be_measured_is_nan_with_a_reason(name):
    X, y, b = overlapping(n=60)
    needs, same = CONFOUNDERS[name].needs, np.full(60, "one")
    for what, labels, batches in (("batch", y, same), ("label", same, b)):
        row = score(name, X, labels, batches)
        pair = what + ("s" if what == "label" else "es")
        must = pair in needs and not (what == "label" and name.startswith(("kbet", "silh", "bras")))
        must |= what == "label" and name == "silhouette_label"
        assert np.isnan(row["value"]) == must and bool(row["reason"]) == must
        assert np.isnan(row["chance"])
    row = score(name, np.full((60, 3), 0.1), y, b)
    assert np.isnan(row["value"]) and row["reason"].startswith("constant features")
    row = score(name, np.full((60, 3), np.nan), y, b)
    assert np.isnan(row["value"]) and row["reason"] == "no values: every feature is missing"
    few = score(name, X[:20], y[:20], b[:20])
    if CONFOUNDERS[name].neighbours:
        k = 10 if name == "robustness_index" else 30
        assert (few["reason"] == f"20 items, fewer than {k} neighbours and the item itself") == (
            k > 19
        )
        assert np.isnan(few["value"]) == (k > 19)
    else:
        assert np.isfinite(few["value"])


def test_labels_that_cannot_take_part_are_left_out_and_counted():
    X, y, b = overlapping(n=200)
    lonely = y == "0"
    b = np.where(lonely, "0", b)
    for name in ("silhouette_batch", "bras", "kbet_per_label"):
        row = score(name, X, y, b)
        assert row["left_out"] == 1 and np.isfinite(row["value"])
        _, each = measure(X, y, b, [name], draws=0)
        assert each.loc[lonely, name].isna().all() and each.loc[~lonely, name].notna().all()
    row = score("bras", X, y, y)
    assert row["reason"] == "no label with 2 batches, and more items than batches"


def test_graphs_in_pieces_are_left_out_and_not_taken_for_rejected():
    rng = np.random.default_rng(0)
    y, b = np.repeat(["u", "v"], 120), np.tile(["a", "b"], 120)
    X = rng.normal(size=(240, 2))
    # Label v lies in eight places that no link joins.
    X[120:] = X[120:] / 100 + 50 * (1 + np.arange(120) // 15)[:, None]
    row = score("kbet_per_label", X, y, b, k=10)
    assert row["left_out"] == 1 and row["value"] > 0.8


def test_cosine_of_a_single_feature_is_refused():
    X, y, b = overlapping(d=1)
    assert score("bras", X, y, b)["reason"] == "cosine of a single feature is all ties"
    table, _ = measure(X, y, b, closeness="cosine", draws=0)
    assert table["reason"].str.startswith("cosine of a single feature is all ties").all()
    assert table["value"].isna().all()


def test_closeness_scales_features_or_items():
    X, y, b = overlapping()
    uneven = X * np.array([1, 1e3, 1, 1, 1, 1])
    as_they_are, scaled, plain = (
        score("clisi", values, y, b, closeness=how)["value"]
        for values, how in ((uneven, None), (uneven, "euclidean"), (X, "euclidean"))
    )
    assert scaled == pytest.approx(plain, abs=1e-6)
    assert as_they_are < plain - 0.1
    longer = X * np.random.default_rng(0).uniform(1, 9, (len(X), 1))
    one, other = (score("ilisi", v, y, b, closeness="cosine")["value"] for v in (X, longer))
    assert one == pytest.approx(other, abs=1e-6)


def test_gaps_become_medians_and_items_without_features_are_left_out():
    X, y, b = overlapping()
    full = X.astype(float)
    full[3, 2] = np.median(np.delete(full[:, 2], [3, 9]))
    X = full.copy()
    X[3, 2], X[9] = np.nan, np.nan
    found, each = measure(X, y, b, draws=1)
    expected, _ = measure(*(np.delete(part, 9, axis=0) for part in (full, y, b)), draws=1)
    pd.testing.assert_frame_equal(found, expected)
    assert each.loc[9].isna().all() and len(each) == len(X)


@pytest.mark.parametrize("name", MIXED)
def test_a_planted_batch_is_found_and_an_absent_one_is_not(name):
    metric = CONFOUNDERS[name]
    rows = {}
    for shift in (0, 4):
        X, y, b = overlapping(seed=1, n=400, shift=shift)
        rows[shift] = measure(X, y, b, [name], draws=10)[0].iloc[0]
    absent, planted = rows[0], rows[4]
    up = 1 if metric.higher_is_mixed else -1
    if name != "robustness_index":
        assert absent["value"] == pytest.approx(absent["chance"], abs=0.05)
    else:
        # Labels are told, a batch is not.
        assert absent["value"] > absent["chance"] + 0.2
    assert up * (planted["value"] - planted["chance"]) < -0.2
    assert metric.higher_is_better == (up == 1)


def test_chance_within_labels_keeps_what_labels_tell_of_batches():
    # Label u is of batch a but for one item, v of b but for one: dealt anew, iLISI would rise.
    rng = np.random.default_rng(0)
    y, b = np.repeat(["u", "v"], 40), np.repeat(["a", "b"], 40)
    b[0], b[79] = "b", "a"
    X = rng.normal(size=(80, 3)) + 9 * (y == "u")[:, None]
    table = measure(X, y, b, k=10, draws=20)[0].set_index("metric")
    assert table["chance"]["ilisi"] > 0.3 > 0.1 > table["value"]["ilisi"]
    for name in ("kbet_per_label", "silhouette_batch", "bras"):
        assert table["chance"][name] == pytest.approx(table["value"][name], abs=0.15)


@pytest.mark.parametrize("name", sorted(set(CONFOUNDERS) - set(MIXED)))
def test_labels_that_hold_together_are_told_from_labels_that_do_not(name):
    rows = {}
    for spread in (0, 5):
        X, y, b = overlapping(seed=1, n=400, spread=spread, shift=0)
        rows[spread] = measure(X, y, b, [name], draws=10)[0].iloc[0]
    assert rows[0]["value"] == pytest.approx(rows[0]["chance"], abs=0.06)
    assert rows[5]["value"] > rows[5]["chance"] + 0.2
    assert CONFOUNDERS[name].higher_is_better


def test_chance_levels_that_are_known():
    X, y, b = overlapping(n=300)
    table = measure(X, y, b, draws=40)[0].set_index("metric")["chance"]
    # Of B - 1 degrees of freedom in n - 1.
    assert table["pcr_batch"] == pytest.approx(2 / 299, abs=0.002)
    assert table["pcr_label"] == pytest.approx(3 / 299, abs=0.003)
    # The level of the test is 0.05.
    assert table["kbet"] == pytest.approx(0.95, abs=0.03)
    # Of pairs drawn at random.
    label, batch = y[:, None] == y, b[:, None] == b
    only_label, only_batch = (label & ~batch).sum(), (batch & ~label).sum()
    expected = only_label / (only_label + only_batch)
    assert table["robustness_index"] == pytest.approx(expected, abs=0.02)
    # Silhouettes of classes that mean nothing are about 0.
    assert table["silhouette_label"] == pytest.approx(0.5, abs=0.02)


def test_items_give_the_value_back():
    X, y, b = overlapping()
    table, each = measure(X, y, b, draws=0)
    value = table.set_index("metric")["value"]
    for name in ("ilisi", "clisi"):
        assert each[name].median() == value[name]
    for name in ("kbet", "silhouette_label"):
        assert each[name].mean() == pytest.approx(value[name], abs=1e-12)
    for name in ("silhouette_batch", "bras", "kbet_per_label"):
        assert each[name].groupby(y).mean().mean() == pytest.approx(value[name], abs=1e-12)


def test_what_is_not_finite_or_not_known_is_refused():
    with pytest.raises(InputError, match="not finite"):
        Items(np.array([[1.0, np.nan]]))
    with pytest.raises(InputError, match="no items"):
        Items(np.empty((0, 3)))
    X, y, b = overlapping(n=60)
    with pytest.raises(InputError, match="did you mean 'ilisi'"):
        measure(X, y, b, ["ilisy"])


def plate(seed=0, strength=0.0):
    """Wells of 6 batches with a compound each, and features that tell of position and of cells."""
    rng = np.random.default_rng(seed)
    n = 360
    batch, compound = np.repeat(np.arange(6), 60), np.tile(np.arange(60), 6)
    row, cells = rng.integers(0, 4, n), rng.poisson(100, n).astype(float)
    X = rng.normal(size=(n, 12))
    X[:, 0] += strength * (batch - 2.5)
    X[:, 1] += strength * 2 * (row == 0)
    X[:, 2] += strength * (cells - 100) / 10
    targets = {
        "batch": np.array([f"b{i}" for i in batch]),
        "row": np.array(list("ABCD"))[row],
        "cells": cells,
    }
    items = np.array([f"w{i:03d}" for i in range(n)])
    return X, targets, items, np.array([f"c{i:02d}" for i in compound])


def test_planted_confounders_are_read_and_absent_ones_are_not():
    read, _ = decode(*plate(strength=3))
    absent, _ = decode(*plate(strength=0))
    assert read["metric"].tolist() == ["balanced_accuracy", "balanced_accuracy", "r2"]
    assert read["chance"].tolist() == [1 / 6, 1 / 4, 0]
    assert absent["ideal"].tolist() == absent["chance"].tolist()
    assert not read["higher_is_mixed"].any() and (read["reason"] == "").all()
    assert read["value"][0] > 0.7
    # Row A is told from the rest, which are alike.
    assert 0.4 < read["value"][1] < 0.6
    # Signal 9 in units of the noise: 9 / (9 + 1).
    assert read["value"][2] == pytest.approx(0.9, abs=0.03)
    assert absent["value"].to_numpy() == pytest.approx(absent["chance"], abs=0.08)
    assert absent["value"][2] < 0.02


def test_r2_by_hand_of_a_target_that_is_a_feature():
    X = np.arange(12.0)[:, None]
    groups = np.repeat(["a", "b", "c", "d"], 3)
    table, predicted = decode(
        X, {"y": 3 * X[:, 0] + 1}, np.char.add("i", groups + list("xyz") * 4), groups
    )
    assert table["value"][0] == pytest.approx(1, abs=1e-3)
    assert predicted["y"].to_numpy() == pytest.approx(3 * X[:, 0] + 1, abs=0.5)
    constant, _ = decode(np.ones((12, 1)), {"y": X[:, 0]}, [f"i{n:02d}" for n in range(12)], groups)
    # The mean of the training items is what R² is measured against.
    assert constant["value"][0] == pytest.approx(0, abs=1e-12)


def test_a_fingerprint_of_the_group_is_not_read_across_groups():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 6)
    # What each group amounts to is told by its own fingerprint only.
    amount, kind = rng.normal(size=40)[group], rng.integers(0, 2, 40)[group].astype(str)
    X = rng.normal(size=(40, 60))[group] + rng.normal(0, 0.1, (240, 60))
    targets, items = {"amount": amount, "kind": kind}, np.array([f"i{n:03d}" for n in range(240)])
    kept_whole, _ = decode(X, targets, items, group.astype(str))
    torn, _ = decode(X, targets, items, items)
    assert kept_whole["value"][0] < 0.1 and kept_whole["value"][1] < 0.7
    assert torn["value"][0] > 0.8 and torn["value"][1] > 0.9


def test_decoding_does_not_depend_on_the_order_of_rows():
    X, targets, items, groups = plate(strength=0.5)
    X[7, 3], targets["cells"][5], targets["row"][6] = np.nan, np.nan, ""
    mixed = np.random.default_rng(3).permutation(len(X))
    one, predicted = decode(X, targets, items, groups)
    shuffled = {name: values[mixed] for name, values in targets.items()}
    other, again = decode(X[mixed], shuffled, items[mixed], groups[mixed])
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    expected = predicted.iloc[mixed].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, again, check_exact=True)
    assert one["items"].tolist() == [360, 359, 359]
    assert predicted["cells"].isna().sum() == 1


def test_what_cannot_be_read_is_nan_with_a_reason():
    X, targets, items, groups = plate()
    by_batch, _ = decode(X, {"batch": targets["batch"]}, items, targets["batch"])
    assert np.isnan(by_batch["value"][0])
    assert by_batch["reason"][0] == "all items of class 'b0' in group 'b0'"
    one_group, _ = decode(X, {"cells": targets["cells"]}, items, np.full(360, "g"))
    assert one_group["reason"][0] == "1 groups" and np.isnan(one_group["value"][0])
    odd = {"same": np.ones(360), "none": np.full(360, np.nan), "blank": np.full(360, "")}
    table, _ = decode(X, odd, items, groups)
    assert table["reason"].tolist() == [
        "a target that is the same for all items",
        "no item with a known value",
        "no item with a known value",
    ]
    empty, _ = decode(np.full_like(X, np.nan), targets, items, groups)
    assert (empty["reason"] == "no values: every feature is missing").all()
    assert table["value"].isna().all() and empty["value"].isna().all()
    with pytest.raises(InputError, match="an item twice"):
        decode(X, targets, np.full(360, "w"), groups)
