import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinscope.alignment import ALIGNMENTS, TRANSDUCTIVE, aggregate, align
from twinscope.alignment.rows import fill, order
from twinscope.alignment.whitening import inverse_root, mean_and_sd, principal_axes, whiten
from twinscope.errors import InputError

FITTED = sorted(set(ALIGNMENTS) - {"none", "harmony"})
WHITENED = ["tvn", "tvn-shrink", "sphering"]


def plates(seed=0, d=4):
    rng = np.random.default_rng(seed)
    batches = np.repeat(["p1", "p2", "p3"], 12)
    controls = np.tile([True] * 5 + [False] * 7, 3)
    shift = np.repeat(rng.normal(0, 10, (3, d)), 12, axis=0)
    return rng.normal(3, 2, (36, d)) + shift, batches, controls


def study(seed=0, d=6, batches=3, controls=20, treated=15):
    """Correlated features, a shift and a scale of each batch, and treatments."""
    rng = np.random.default_rng(seed)
    n = batches * (controls + treated)
    batch = np.repeat([f"p{i}" for i in range(batches)], controls + treated)
    control = np.tile([True] * controls + [False] * treated, batches)
    each = np.repeat(np.arange(batches), controls + treated)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * rng.uniform(0.5, 2, batches)[each, None]
    X += rng.normal(0, 3, (batches, d))[each] + 7
    X[~control] += rng.normal(0, 2, d)
    return X, batch, control


def harmonypy():
    return pytest.importorskip("harmonypy")


def test_none_changes_nothing():
    X, batches, controls = plates()
    aligned = align("none", X, batches, None)
    assert np.array_equal(aligned.features, X)
    assert aligned.n_constant == 0


def test_standardize_by_hand():
    X = np.array([[1.0], [3.0], [10.0], [100.0], [102.0], [98.0]])
    batches = np.repeat(["a", "b"], 3)
    controls = np.array([True, True, False, True, True, False])
    # a: mean 2, sd 1; b: mean 101, sd 1
    expected = [[-1], [1], [8], [-1], [1], [-3]]
    assert align("standardize", X, batches, controls).features.tolist() == expected


@given(st.integers(0, 1000))
def test_controls_have_mean_0_and_sd_1_in_every_batch(seed):
    X, batches, controls = plates(seed)
    Z = align("standardize", X, batches, controls).features
    for batch in np.unique(batches):
        own = Z[(batches == batch) & controls]
        assert np.abs(own.mean(axis=0)).max() < 1e-9
        assert np.abs(own.std(axis=0) - 1).max() < 1e-9


def test_treated_wells_do_not_change_the_fit():
    X, batches, controls = plates()
    changed = X.copy()
    changed[~controls] = 1e6
    one, other = (align("standardize", v, batches, controls).features for v in (X, changed))
    assert np.array_equal(one[controls], other[controls])
    assert not np.array_equal(one[~controls], other[~controls])


def test_constant_controls_are_centred_divided_by_1_and_counted():
    X, batches, controls = plates()
    X[(batches == "p2") & controls, 1] = 0.1
    aligned = align("standardize", X, batches, controls)
    assert aligned.n_constant == 1
    inside = (batches == "p2") & ~controls
    assert np.allclose(aligned.features[inside, 1], X[inside, 1] - 0.1)
    assert (aligned.features[(batches == "p2") & controls, 1] == 0).all()


def test_missing_values_stay_missing_and_do_not_spread():
    X, batches, controls = plates()
    X[0, 0] = np.nan
    X[(batches == "p1") & controls, 2] = np.nan
    Z = align("standardize", X, batches, controls).features
    assert np.isnan(Z[0, 0]) and np.isfinite(Z[1:12, 0]).all()
    assert np.isnan(Z[:12, 2]).all() and np.isfinite(Z[12:]).all()
    own = Z[1:5, 0]
    assert np.isclose(own.mean(), 0) and np.isclose(own.std(), 1)


def test_refusals_name_what_is_missing():
    X, batches, controls = plates()
    with pytest.raises(InputError, match="fitted on negative controls"):
        align("standardize", X, batches, None)
    controls[(batches == "p3").nonzero()[0][1:]] = False
    with pytest.raises(InputError, match="1 negative controls in batch 'p3'"):
        align("standardize", X, batches, controls)
    with pytest.raises(InputError, match="did you mean 'standardize'"):
        align("standardise", X, batches, controls)


def test_aggregate_averages_by_key():
    X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0], [7.0, np.nan]])
    means, order = aggregate(X, np.array(["w2", "w1", "w2", "w1"]))
    assert order.tolist() == ["w1", "w2"]
    assert np.array_equal(means, [[5.0, np.nan], [3.0, 4.0]], equal_nan=True)


def test_center_scale_of_the_golden_values():
    X = np.arange(1.0, 10.0).reshape(3, 3)
    aligned = align("center-scale", X, np.array(["a", "a", "b"]), np.ones(3, dtype=bool))
    # The one control of batch b has no spread: centred, and divided by 1 in all three features.
    assert aligned.features[:, 0].tolist() == [-1, 1, 0]
    assert aligned.n_constant == 3


def test_center_scale_is_standardize_where_controls_suffice():
    X, batches, controls = plates()
    one, other = (align(n, X, batches, controls) for n in ("standardize", "center-scale"))
    assert np.array_equal(one.features, other.features)


def test_robust_mad_by_hand():
    X = np.array([[1.0], [2.0], [4.0], [100.0], [5.0]])
    controls = np.array([True, True, True, True, False])
    # Median 3; deviations 2, 1, 1, 97, of median 1.5; the 100 has no weight beyond its rank.
    expected = (X - 3) / (1.4826 * 1.5)
    aligned = align("robust-mad", X, np.full(5, "a"), controls)
    assert np.allclose(aligned.features, expected, rtol=0, atol=1e-12)
    assert aligned.n_constant == 0


def test_robust_mad_keeps_gaps_and_counts_features_of_which_most_are_alike():
    X = np.array([[7.0, 1], [7, 2], [7, np.nan], [9, 4], [8, np.inf]])
    controls = np.array([True, True, True, True, False])
    aligned = align("robust-mad", X, np.full(5, "a"), controls)
    assert aligned.features[:, 0].tolist() == [0, 0, 0, 2, 1]
    assert aligned.n_constant == 1
    # Of 1, 2, 4: median 2, deviations 1, 0, 2.
    assert np.allclose(aligned.features[:2, 1], [-1 / 1.4826, 0])
    assert np.isnan(aligned.features[2, 1])


def test_one_value_has_no_spread_to_measure():
    X, controls = np.array([[1.0, np.nan], [2, 5], [4, np.nan]]), np.array([True, True, False])
    for name in ("standardize", "robust-mad"):
        aligned = align(name, X, np.full(3, "a"), controls)
        assert np.isnan(aligned.features[:, 1]).all() and aligned.n_constant == 0
    # center-scale centres on it, and counts it.
    aligned = align("center-scale", X, np.full(3, "a"), controls)
    assert aligned.features[1, 1] == 0 and aligned.n_constant == 1


def test_a_spread_of_rounding_errors_is_none():
    reference = np.array([[1.0, 1], [1 + 1e-12, 3]])
    centre, spread, constant = mean_and_sd(reference, floor=1e-10)
    assert constant.tolist() == [True, False] and spread.tolist() == [1, 1]
    assert centre == pytest.approx([1, 2])
    assert not mean_and_sd(reference)[2].any()


def test_robust_mad_of_normal_controls_is_a_standard_deviation():
    X = np.random.default_rng(0).normal(5, 3, (20_000, 1))
    aligned = align("robust-mad", X, np.full(len(X), "a"), np.ones(len(X), dtype=bool))
    assert aligned.features.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitening_of_data_that_are_not_centred(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5)) + [10, -20, 30, 0, 5]
    centre, W, rank = whiten(X, kind)
    assert rank == 5
    assert np.abs(np.cov((X - centre) @ W, rowvar=False) - np.eye(5)).max() < 1e-6
    assert np.allclose(W, W.T) == (kind == "zca")
    assert np.abs(((X - centre) @ W).mean(axis=0)).max() < 1e-9


def test_sphering_whitens_controls_of_data_that_are_not_centred():
    X, batches, controls = study()
    Z = align("sphering", X * [1, 1e3, 1, 1e-3, 1, 1] + 50, batches, controls).features
    assert np.abs(np.cov(Z[controls], rowvar=False) - np.eye(6)).max() < 1e-6
    # Back to the features: each column stays closest to its own feature.
    correlation = np.corrcoef(Z[controls], X[controls], rowvar=False)[:6, 6:]
    assert (np.abs(correlation).argmax(axis=1) == np.arange(6)).all()


@pytest.mark.parametrize("controls", [20, 3])
def test_sphering_agrees_with_pycytominer(controls):
    transform = pytest.importorskip("pycytominer.operations.transform")
    pandas = pytest.importorskip("pandas")
    X, batches, known = study(d=12, controls=controls)
    oracle = transform.Spherize(epsilon=1e-12, method="ZCA-cor", return_numpy=True)
    oracle.fit(pandas.DataFrame(X[known]))
    expected = oracle.transform(pandas.DataFrame(X))
    aligned = align("sphering", X, batches, known)
    assert np.allclose(aligned.features, expected, atol=1e-6)
    spans = "9 controls span 8 of 12 dimensions: the others are scaled like the least of these"
    assert aligned.notes == ((spans,) if controls == 3 else ())
    assert not aligned.components


def test_sphering_leaves_constant_features_out():
    X, batches, controls = study()
    with_constant = np.column_stack([X, np.where(controls, 4.0, 6.0)])
    aligned = align("sphering", with_constant, batches, controls)
    assert aligned.n_constant == 1 and aligned.notes == ()
    assert np.array_equal(aligned.features[:, 6], np.where(controls, 0.0, 2.0))
    assert np.allclose(aligned.features[:, :6], align("sphering", X, batches, controls).features)


def test_pca_cs_gives_controls_mean_0_and_sd_1_in_every_batch():
    X, batches, controls = study(d=140, controls=60)
    aligned = align("pca-cs", X, batches, controls)
    assert aligned.features.shape == (len(X), 128)
    assert aligned.components and aligned.notes == ()
    for batch in np.unique(batches):
        own = aligned.features[(batches == batch) & controls]
        assert np.abs(own.mean(axis=0)).max() < 1e-9
        assert np.abs(own.std(axis=0) - 1).max() < 1e-9


def test_pca_cs_agrees_with_scikit_learn():
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    X, batches, controls = study(d=140, controls=60)
    expected = PCA(128, svd_solver="full").fit(X[controls]).transform(X)
    for batch in np.unique(batches):
        own = batches == batch
        expected[own] = StandardScaler().fit(expected[own & controls]).transform(expected[own])
    assert np.allclose(align("pca-cs", X, batches, controls).features, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("d", "controls", "found"), [(6, 60, "6 dimensions"), (140, 30, "90 items to fit to")]
)
def test_principal_components_are_skipped_where_there_are_not_enough(d, controls, found):
    X, batches, known = study(d=d, controls=controls)
    aligned = align("pca-cs", X, batches, known)
    assert aligned.notes == (f"principal components skipped: {found}, 128 asked for",)
    assert not aligned.components
    assert np.array_equal(aligned.features, align("standardize", X, batches, known).features)


def test_equal_controls_of_a_batch_are_constant_after_a_turn():
    X, batches, controls = study(d=140, controls=80)
    some = (batches == "p1") & controls
    X[some] = X[some][:1]
    aligned = align("pca-cs", X, batches, controls)
    assert aligned.n_constant == 128
    assert np.abs(aligned.features[some]).max() < 1e-9
    assert np.abs(aligned.features).max() < 1e4


def efaar(X, batches, controls):
    """TVN as its authors write it: nothing shared with the product but numpy."""
    from scipy.linalg import fractional_matrix_power
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    Z = StandardScaler().fit(X[controls]).transform(X)
    Z = PCA().fit(Z[controls]).transform(Z)
    Z = StandardScaler().fit(Z[controls]).transform(Z)
    for batch in np.unique(batches):
        own = batches == batch
        target = np.cov(Z[own & controls], rowvar=False, ddof=1) + 0.5 * np.eye(Z.shape[1])
        Z[own] = Z[own] @ fractional_matrix_power(target, -0.5).real
    return Z


@pytest.mark.parametrize("d", [1, 3, 6, 40])
def test_tvn_agrees_with_its_authors(d):
    X, batches, controls = study(d=d, controls=25)
    aligned = align("tvn", X, batches, controls)
    assert aligned.components and aligned.notes == ()
    expected = X if d == 1 else efaar(X, batches, controls)
    if d == 1:
        # (x - mean) / sd of all controls, then / sqrt(variance of the batch + 0.5)
        expected = (X - X[controls].mean()) / X[controls].std()
        for batch in np.unique(batches):
            own = batches == batch
            expected[own] /= np.sqrt(expected[own & controls].var(ddof=1) + 0.5)
    assert np.allclose(aligned.features, expected, atol=1e-8)


def test_tvn_of_values_that_efaar_benchmarking_gave():
    X, batches, controls = study(d=6, controls=25)
    # tvn_on_controls of efaar_benchmarking 1.0 on the same input
    expected = [0.31166335, 0.80778862, -0.8109564, 0.54545689, -0.05598388, 0.34743899]
    assert align("tvn", X, batches, controls).features[0] == pytest.approx(expected, abs=1e-7)


def test_tvn_shrink_centres_each_batch_and_measures_its_ridge_by_the_trace():
    from scipy.linalg import fractional_matrix_power

    X, batches, controls = study()
    Z = align("tvn-shrink", X, batches, controls).features
    Y = (X - X[controls].mean(axis=0)) / X[controls].std(axis=0)
    axes = principal_axes(Y[controls])
    Y = (Y - axes.centre) @ axes.axes
    Y /= Y[controls].std(axis=0)
    for batch in np.unique(batches):
        own = batches == batch
        assert np.abs(Z[own & controls].mean(axis=0)).max() < 1e-9
        covariance = np.cov(Y[own & controls], rowvar=False)
        root = fractional_matrix_power(
            covariance + 0.5 * np.trace(covariance) / 6 * np.eye(6), -0.5
        )
        assert np.allclose(Z[own], (Y[own] - Y[own & controls].mean(axis=0)) @ root, atol=1e-8)


def test_tvn_says_what_few_controls_do_not_span():
    X, batches, controls = study(d=30, controls=4)
    aligned = align("tvn", X, batches, controls)
    assert aligned.features.shape == (len(X), 11)
    assert aligned.notes == ("12 controls span 11 of 30 dimensions: the others are left out",)
    # A component of rounding errors would be blown up to unit variance.
    assert np.abs(aligned.features).max() < 100


def test_inverse_root_by_hand():
    # diag(4, 1) with ridge 5 is diag(9, 6).
    assert np.allclose(inverse_root(np.diag([4.0, 1.0]), 5.0), np.diag([1 / 3, 6**-0.5]))


def test_principal_axes_by_hand():
    # Along (3, 4) / 5 with steps of 5: centre (3, 4), variance (25 + 0 + 25) / 2.
    centre, axes, spread = principal_axes(np.array([[0.0, 0], [3, 4], [6, 8]]))
    assert centre.tolist() == [3, 4]
    assert np.allclose(axes, [[0.6], [0.8]]) and np.allclose(spread, [5])


@pytest.mark.parametrize("name", FITTED)
def test_treated_items_do_not_change_any_fit(name):
    X, batches, controls = study(d=140, controls=60, treated=10)
    changed = X.copy()
    changed[~controls] = np.random.default_rng(1).normal(0, 1e3, (30, 140))
    one, other = (align(name, v, batches, controls) for v in (X, changed))
    assert np.array_equal(one.features[controls], other.features[controls])
    assert not np.array_equal(one.features[~controls], other.features[~controls])
    assert one._replace(features=0) == other._replace(features=0)


@pytest.mark.parametrize("name", sorted(ALIGNMENTS))
def test_the_order_of_rows_changes_not_one_bit(name):
    if name == "harmony":
        harmonypy()
    X, batches, controls = study(d=140, controls=60, treated=10)
    X[3, 4], X[40:42] = np.nan, X[44]
    mixed = np.random.default_rng(2).permutation(len(X))
    one = align(name, X, batches, controls)
    other = align(name, X[mixed], batches[mixed], controls[mixed])
    assert np.array_equal(one.features[mixed], other.features, equal_nan=True)
    assert one._replace(features=0) == other._replace(features=0)


def test_rows_have_an_order_of_their_own():
    X = np.array([[1.0, 2.0], [0.0, 5.0], [-0.0, 5.0], [1.0, np.nan], [1.0, 2.0]])
    key = np.array([1, 0, 0, 1, 0])
    for seed in range(5):
        mixed = np.random.default_rng(seed).permutation(5)
        rows = mixed[order(X[mixed], key[mixed])]
        assert key[rows].tolist() == [0, 0, 0, 1, 1]
        assert np.array_equal(X[rows], X[order(X, key)], equal_nan=True)


@pytest.mark.parametrize("name", ["pca-cs", *WHITENED])
def test_gaps_are_filled_with_the_centre_of_the_batch_and_counted(name):
    X, batches, controls = study()
    full = X.copy()
    for batch, value in (("p0", 0), ("p2", 3)):
        inside = np.flatnonzero(batches == batch)
        full[inside[-1], value] = X[inside[:20], value].mean()
        X[inside[-1], value] = [np.nan, 0, 0, np.inf][value]
    aligned = align(name, X, batches, controls)
    assert np.allclose(aligned.features, align(name, full, batches, controls).features, atol=1e-9)
    assert "2 missing values filled with the centre of their batch" in aligned.notes


def test_fill_falls_back_to_all_batches_and_then_to_0():
    gap = np.nan
    X = np.array([[1.0, gap, gap], [3, gap, gap], [gap, gap, 8], [gap, 4, gap], [gap, 6, gap]])
    batches, known = np.array(["a", "a", "a", "b", "b"]), np.array([1, 1, 0, 1, 1], dtype=bool)
    filled, n_filled, n_unknown = fill(X, batches, known)
    assert filled.tolist() == [[1, 5, 0], [3, 5, 0], [2, 5, 0], [2, 4, 0], [2, 6, 0]]
    assert (n_filled, n_unknown) == (6, 1)


@pytest.mark.parametrize("name", sorted(set(ALIGNMENTS) - {"none"}))
def test_constant_features_come_out_centred(name):
    X, batches, controls = np.full((24, 3), 0.1), np.repeat(["a", "b"], 12), np.tile([1, 0], 12)
    aligned = align(name, X, batches, controls.astype(bool))
    assert np.array_equal(aligned.features, np.zeros((24, 3)))
    assert aligned.n_constant == (3 if name in [*WHITENED, "harmony"] else 6)


@pytest.mark.parametrize("name", FITTED)
def test_every_fit_asks_for_controls_in_every_batch(name):
    X, batches, controls = plates()
    with pytest.raises(InputError, match=f"{name} is fitted on negative controls"):
        align(name, X, batches, None)
    controls[batches == "p3"] = False
    with pytest.raises(InputError, match="0 negative controls in batch 'p3'"):
        align(name, X, batches, controls)


def test_harmony_is_the_library_on_scaled_features_in_a_fixed_order():
    library = harmonypy()
    X, batches, _ = study()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = order(X, batches)
    options = {"nclust": 4, "verbose": False}
    expected = library.run_harmony(Z[rows].T, {"batch": batches[rows]}, "batch", **options).Z_corr
    aligned = align("harmony", X, batches, None)
    assert np.allclose(aligned.features[rows], expected, atol=1e-5)
    assert aligned.notes == (
        "principal components skipped: 6 dimensions, 128 asked for",
        TRANSDUCTIVE,
    )
    assert not np.allclose(aligned.features, Z, atol=0.1)


def test_harmony_takes_out_a_batch_and_leaves_the_cell_types():
    harmonypy()
    rng = np.random.default_rng(0)
    kind, batch = np.repeat(np.arange(3), 200), np.tile(np.arange(2), 300)
    X = rng.normal(0, 0.3, (600, 5)) + rng.normal(0, 3, (3, 5))[kind]
    X += rng.normal(0, 1, (2, 5))[batch]
    Z = align("harmony", X, batch.astype(str), None).features

    def share(X, classes):
        means = np.array([X[classes == c].mean(axis=0) for c in np.unique(classes)])
        return (means[classes] ** 2).sum() / (X**2).sum()

    before = (X - X.mean(axis=0)) / X.std(axis=0)
    assert share(before, batch) > 0.05
    assert share(Z - Z.mean(axis=0), batch) < 0.1 * share(before, batch)
    assert share(Z - Z.mean(axis=0), kind) > 0.9


def test_harmony_keeps_128_components_of_more_features():
    harmonypy()
    X, batches, controls = study(d=140, controls=60)
    aligned = align("harmony", X, batches, controls)
    assert aligned.features.shape == (len(X), 128) and aligned.components
    assert np.array_equal(aligned.features, align("harmony", X, batches, None).features)


def test_harmony_looks_at_tested_items_and_says_so_and_nothing_else_does():
    X, batches, controls = study()
    tested, moved = np.arange(len(X)) >= 70, X.copy()
    tested &= ~controls
    moved[tested] += np.random.default_rng(3).normal(0, 20, (tested.sum(), 6))
    for name in ALIGNMENTS:
        if name == "harmony":
            harmonypy()
        one, other = (align(name, v, batches, controls) for v in (X, moved))
        same = np.array_equal(one.features[~tested], other.features[~tested])
        assert same == (TRANSDUCTIVE not in one.notes) == (name != "harmony")


def test_harmony_of_few_items_and_of_one_batch():
    X, batches, controls = study(controls=2, treated=1)
    one = align("harmony", X, np.full(len(X), "a"), controls)
    assert one.notes[-1] == "nothing to correct: one batch, or constant features"
    assert TRANSDUCTIVE in one.notes
    assert np.allclose(one.features, (X - X.mean(axis=0)) / X.std(axis=0))
    harmonypy()
    assert np.isfinite(align("harmony", X, batches, controls).features).all()


def test_harmony_without_its_library_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "harmonypy", None)
    X, batches, controls = study()
    with pytest.raises(InputError, match="without the package harmonypy"):
        align("harmony", X, batches, controls)
