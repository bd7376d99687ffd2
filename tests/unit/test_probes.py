import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from twinscope import classifiers, probes, splits, statistics
from twinscope.errors import InputError
from twinscope.metrics import METRICS


def study(n=150, d=12, n_classes=3, strength=0.0, n_groups=30, seed=0):
    """Noise, with class means on the first two features when there is a strength."""
    rng = np.random.default_rng(seed)
    code = rng.permutation(np.arange(n) % n_classes)
    X = rng.standard_normal((n, d)) * rng.uniform(0.5, 5, d) + rng.normal(0, 3, d)
    angle = 2 * np.pi * code / n_classes
    X[:, 0] += 0.5 * strength * np.cos(angle)
    X[:, 1 % d] += 0.5 * strength * np.sin(angle)
    y = np.array([f"c{c}" for c in code])
    groups = np.array([f"g{i % n_groups:03d}" for i in range(n)])
    folds = splits.assign(np.array([f"i{i:04d}" for i in range(n)]), y, groups, 5, seed)
    return X, y, groups, folds


def score(found, y, metric="balanced_accuracy"):
    return METRICS[metric].function(y, found.probabilities, found.classes)


def fit_once(X, y, folds, fold=0):
    train = folds != fold
    centre, spread = X[train].mean(axis=0), X[train].std(axis=0)
    return (X[train] - centre) / spread, y[train], (X[~train] - centre) / spread


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("d", [5, 400])
def test_logistic_is_that_of_scikit_learn_turned_or_not(n_classes, d):
    X, y, groups, folds = study(d=d, n_classes=n_classes, strength=3)
    found = probes.cross_validate(X, y, groups, folds, "logistic")
    for fold, C in enumerate(found.chosen):
        Z, labels, Q = fit_once(X, y, folds, fold)
        plain = LogisticRegression(C=C, class_weight="balanced", tol=1e-10, max_iter=10_000)
        expected = plain.fit(Z, labels).predict_proba(Q)
        assert found.probabilities[folds == fold] == pytest.approx(expected, abs=1e-6)


def test_logistic_chooses_the_inner_best_along_the_whole_grid():
    X, y, groups, folds = study(strength=4)
    found = probes.cross_validate(X, y, groups, folds, "logistic")
    for fold, chosen in enumerate(found.chosen):
        Z, labels, _ = fit_once(X, y, folds, fold)
        inner = splits.assign(np.arange(len(Z)), labels, groups[folds != fold], 3, 0)
        losses = []
        for C in 10.0 ** np.arange(-4, 3):
            p = np.empty((len(Z), 3))
            for part in range(3):
                model = LogisticRegression(C=C, class_weight="balanced", tol=1e-9, max_iter=10_000)
                p[inner == part] = model.fit(Z[inner != part], labels[inner != part]).predict_proba(
                    Z[inner == part]
                )
            losses.append(METRICS["log_loss"].function(labels, p, found.classes))
        assert chosen == 10.0 ** (np.argmin(losses) - 4)
    assert len(set(found.chosen)) < 7 and min(found.chosen) > 1e-4


@pytest.mark.parametrize(("n_classes", "d", "strength"), [(2, 8, 9), (3, 8, 30), (4, 90, 2)])
def test_every_fit_along_the_grid_ends_at_the_optimum_wherever_it_starts(n_classes, d, strength):
    """Classes that a plane parts, too, and more features than items."""
    X, y, _, folds = study(n=80, d=d, n_classes=n_classes, strength=strength)
    Z, labels, Q = fit_once(X, y, folds)
    grid = probes.PROBES["logistic"].grid
    walked = list(probes.PROBES["logistic"].path(Z, labels, Q, grid, "cosine"))
    for C, found in zip(grid, walked, strict=True):
        plain = LogisticRegression(C=C, class_weight="balanced", tol=1e-12, max_iter=100_000)
        expected = plain.fit(Z, labels).predict_proba(Q)
        assert found == pytest.approx(expected, abs=2e-5)
        alone = next(probes.PROBES["logistic"].path(Z, labels, Q, [C], "cosine"))
        assert found == pytest.approx(alone, abs=2e-6)


@pytest.mark.parametrize("shape", [(20, 60), (60, 20)])
def test_principal_axes_keep_what_a_linear_classifier_sees(shape):
    rng = np.random.default_rng(0)
    Z, Q = rng.normal(size=shape), rng.normal(size=(7, shape[1]))
    Z[3] = Z[2]
    turned, asked = classifiers._turned(Z, Q)
    assert turned.shape[1] <= min(shape)
    np.testing.assert_allclose(turned @ turned.T, Z @ Z.T, atol=1e-10)
    np.testing.assert_allclose(asked @ turned.T, Q @ Z.T, atol=1e-10)
    across = turned.T @ turned
    assert np.abs(across - np.diag(np.diag(across))).max() < 1e-10


def test_more_noise_asks_for_a_stronger_penalty():
    chosen = [
        np.median(probes.cross_validate(*study(strength=s, d=40), "logistic").chosen)
        for s in (0.5, 40)
    ]
    assert chosen[0] < chosen[1]


@pytest.mark.parametrize("probe", probes.PROBES)
@pytest.mark.parametrize("similarity", probes.SIMILARITIES)
def test_planted_signal_is_found(probe, similarity):
    X, y, groups, folds = study(strength=12, d=6)
    noise = study(strength=0, d=6)
    found = probes.cross_validate(X, y, groups, folds, probe, similarity)
    nothing = probes.cross_validate(*noise, probe, similarity)
    assert score(found, y) > 0.6 > 0.45 > score(nothing, noise[1])
    assert score(found, y, "log_loss") < np.log(3) - 0.1


@pytest.mark.parametrize("probe", probes.PROBES)
def test_shuffled_labels_score_chance_within_their_interval(probe):
    inside = []
    for seed in range(8):
        X, y, groups, folds = study(strength=12, seed=seed, d=6)
        shuffled = np.random.default_rng(seed).permutation(y)
        found = probes.cross_validate(X, shuffled, groups, folds, probe)
        for metric in ("balanced_accuracy", "auroc"):
            counts = statistics.resamples(groups, 300)[1]
            draws = statistics.bootstrap(
                shuffled, found.probabilities, groups, METRICS[metric], found.classes, counts
            )
            value = score(found, shuffled, metric)
            low, high, *_ = statistics.interval(value, draws, counts.shape[1])
            inside.append(low <= METRICS[metric].chance(shuffled) <= high)
    assert np.mean(inside) >= 0.8


@pytest.mark.parametrize("probe", probes.PROBES)
def test_rows_outside_the_training_part_do_not_leak(probe):
    X, y, groups, folds = study(strength=6)
    found = probes.cross_validate(X, y, groups, folds, probe)
    changed, test = X.copy(), folds == 2
    one = np.flatnonzero(test)[0]
    changed[one] = 1e3
    again = probes.cross_validate(changed, y, groups, folds, probe)
    same = test & (np.arange(len(y)) != one)
    assert np.array_equal(found.probabilities[same], again.probabilities[same])
    assert not np.array_equal(found.probabilities[~test], again.probabilities[~test])


@pytest.mark.parametrize("probe", probes.PROBES)
def test_runs_are_bit_identical_whatever_the_number_of_threads(probe):
    X, y, groups, folds = study(strength=4, d=60)
    runs = []
    for threads in (1, 2, 1):
        with threadpool_limits(threads):
            runs.append(probes.cross_validate(X, y, groups, folds, probe).probabilities)
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(("k", "similarity"), [(1, "euclidean"), (10, "euclidean"), (10, "cosine")])
def test_neighbours_are_those_of_scikit_learn(k, similarity):
    """With equal class sizes; one vote shared by all classes is taken off first."""
    X, y, _, folds = study(strength=6, d=6)
    Z, labels, Q = X[:90], np.tile(["a", "b", "c"], 30), X[90:]
    weigh = "uniform" if similarity == "euclidean" else lambda d: np.exp((1 - d) / 0.07)
    plain = KNeighborsClassifier(k, metric=similarity, weights=weigh).fit(Z, labels)
    found = next(probes.PROBES["knn"].path(Z, labels, Q, [k], similarity))
    assert (found * (k + 1) - 1 / 3) / k == pytest.approx(plain.predict_proba(Q), abs=1e-6)


def test_votes_by_hand_with_a_tie_for_the_last_place():
    Z = np.array([[0.0], [1.0], [1.0], [-1.0], [9.0], [9.0], [9.0], [9.0], [9.0], [9.0]])
    y = np.array(["a", "a", "b", "b", "a", "a", "a", "b", "b", "b"])
    # k = 1: only the first. k = 2, balanced: a 1, and 1 place shared by a, b, b: a 4/3, b 2/3.
    nearest, second = probes.PROBES["knn"].path(Z, y, np.array([[0.0]]), [1, 2], "euclidean")
    assert nearest[0] == pytest.approx([1.5 / 2, 0.5 / 2])
    assert second[0] == pytest.approx([(4 / 3 + 0.5) / 3, (2 / 3 + 0.5) / 3])


def test_the_order_of_tied_neighbours_does_not_matter():
    rng = np.random.default_rng(0)
    Z, y = rng.integers(0, 3, (60, 2)).astype(float), np.tile(["a", "b", "c"], 20)
    order = rng.permutation(60)
    for similarity in probes.SIMILARITIES:
        one, other = (
            list(probes.PROBES["knn"].path(v, labels, Z[:20] + 0.5, [1, 10, 20], similarity))
            for v, labels in ((Z, y), (Z[order], y[order]))
        )
        assert np.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("similarity", probes.SIMILARITIES)
def test_neighbours_equal_but_for_rounding_are_tied(similarity):
    Z, y = np.tile([[1.0, 2.0], [-1.0, 0.5]], (10, 1)), np.tile(["a", "a", "b", "b"], 5)
    blurred = Z + np.random.default_rng(0).normal(0, 1e-13, Z.shape)
    one, other = (
        next(probes.PROBES["knn"].path(v, y, Z[:1], [1], similarity)) for v in (Z, blurred)
    )
    assert one == pytest.approx(np.array([[0.5, 0.5]])) and other == pytest.approx(one)


@pytest.mark.parametrize("similarity", probes.SIMILARITIES)
def test_neighbours_depend_neither_on_blocks_nor_much_on_precision(similarity, monkeypatch):
    X, y, groups, folds = study(strength=6, d=9)
    X = np.round(X)
    whole = probes.cross_validate(X, y, groups, folds, "knn", similarity)
    for where in (probes, classifiers):
        monkeypatch.setattr(where, "BLOCK", 400)
    parts = probes.cross_validate(X.astype(np.float32), y, groups, folds, "knn", similarity)
    assert parts.chosen == whole.chosen
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=0, atol=1e-12)
    # Steps of whole numbers make ties, which single precision must not part.
    monkeypatch.setattr(probes, "LARGE", 0)
    single = probes.cross_validate(X, y, groups, folds, "knn", similarity)
    assert single.chosen == whole.chosen
    np.testing.assert_allclose(single.probabilities, whole.probabilities, rtol=0, atol=1e-5)


def test_memory_of_neighbours_does_not_grow_with_the_square_of_items(monkeypatch):
    for where in (probes, classifiers):
        monkeypatch.setattr(where, "BLOCK", 2**16)
    n = 3000
    X, y, groups, folds = study(n=n, d=4, strength=6)
    tracemalloc.start()
    probes.cross_validate(X.astype(np.float32), y, groups, folds, "knn")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n * 8 / 8


def test_rare_classes_are_not_outvoted():
    rng = np.random.default_rng(0)
    y = np.array(["common"] * 90 + ["rare"] * 10)
    p = next(
        probes.PROBES["knn"].path(
            rng.normal(size=(100, 2)), y, rng.normal(size=(500, 2)), [20], "euclidean"
        )
    )
    assert p.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.1)


def test_k_must_fit_the_inner_training_items():
    X, y, groups, folds = study(n=60, strength=6)
    assert max(probes.cross_validate(X, y, groups, folds, "knn").chosen) <= 20


@pytest.mark.parametrize(("probe", "similarity"), [("logistic", "cosine"), ("knn", "euclidean")])
@pytest.mark.parametrize("shares", [(50, 50, 50), (110, 30, 10)])
def test_constant_features_score_exactly_chance(probe, similarity, shares):
    y = np.repeat(["a", "b", "c"], shares)
    items = np.array([f"i{i:03d}" for i in range(150)])
    folds = splits.assign(items, y, items)
    found = probes.cross_validate(np.full((150, 3), 0.1), y, items, folds, probe, similarity)
    for name, metric in METRICS.items():
        assert score(found, y, name) == pytest.approx(metric.chance(y), abs=1e-12)
    assert found.reason == "" and np.isnan(found.chosen).all()


def test_cosine_of_one_or_no_feature_is_refused_with_a_reason():
    X, y, groups, folds = study(d=2, strength=12)
    for values, what in ((X[:, :1], "a single feature"), (X * 0, "constant features")):
        found = probes.cross_validate(values, y, groups, folds, "knn", "cosine")
        assert np.isnan(found.probabilities).all() and what in found.reason
        assert found.probabilities.shape == (150, 3) and np.isnan(found.chosen).all()
    found = probes.cross_validate(X[:, :1], y, groups, folds, "knn", "euclidean")
    assert found.reason == "" and score(found, y) > 0.45


def test_missing_values_are_imputed_and_counted():
    X, y, groups, folds = study(strength=12, d=6)
    holes = X.copy()
    holes[::10, 1] = np.nan
    holes[5, 2] = np.inf
    found = probes.cross_validate(holes, y, groups, folds, "logistic")
    assert found.n_missing == 16
    filled = holes.copy()
    filled[5, 2] = np.nan
    test = folds == 0
    middle = np.nanmedian(filled[~test], axis=0)
    filled = np.where(np.isnan(filled), middle, filled)
    again = probes.cross_validate(filled, y, groups, folds, "logistic")
    assert found.probabilities[test] == pytest.approx(again.probabilities[test], abs=1e-9)
    empty = np.column_stack([X, np.full(150, np.nan)])
    whole = probes.cross_validate(X, y, groups, folds, "logistic").probabilities
    assert np.array_equal(
        probes.cross_validate(empty, y, groups, folds, "logistic").probabilities, whole
    )


def test_no_values_at_all_is_undefined_with_a_reason():
    X, y, groups, folds = study()
    for probe in probes.PROBES:
        found = probes.cross_validate(X * np.nan, y, groups, folds, probe)
        assert found.reason == "no values: every feature is missing"
        assert np.isnan(found.probabilities).all() and found.n_missing == X.size


def test_too_few_groups_to_choose_falls_back_and_is_counted():
    X, y, _, _ = study(strength=12, d=6)
    groups = np.where(np.arange(150) < 75, "left", "right")
    folds = splits.assign(np.array([f"i{i:03d}" for i in range(150)]), y, groups, 2)
    found = probes.cross_validate(X, y, groups, folds, "logistic")
    assert (found.chosen, found.n_fallback) == ([0.01, 0.01], 2)
    found = probes.cross_validate(X, y, groups, folds, "knn")
    assert (found.chosen, found.n_fallback) == ([10, 10], 2)
    assert score(found, y) > 0.6


def test_scale_and_shift_of_features_do_not_matter():
    X, y, groups, folds = study(strength=6)
    for probe in probes.PROBES:
        one = probes.cross_validate(X, y, groups, folds, probe).probabilities
        other = probes.cross_validate(X * 1e3 + 1e2, y, groups, folds, probe).probabilities
        assert one == pytest.approx(other, abs=1e-5)


def test_progress_is_told_after_each_fold():
    told = []
    probes.cross_validate(*study(), "knn", progress=lambda *now: told.append(now))
    assert told == [(i, 5) for i in range(1, 6)]


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="did you mean 'logistic'"):
        probes.cross_validate(*study(), "logistics")
    with pytest.raises(InputError, match="one of cosine, euclidean"):
        probes.cross_validate(*study(), "knn", "pearson")


def test_the_probabilities_are_probabilities():
    X, y, groups, folds = study(strength=6)
    for probe in probes.PROBES:
        p = probes.cross_validate(X, y, groups, folds, probe).probabilities
        assert p.sum(axis=1) == pytest.approx(np.ones(150)) and (p > 0).all()


@pytest.mark.parametrize("probe", probes.PROBES)
def test_of_several_layers_the_telling_one_is_taken(probe):
    noise, y, groups, folds = study(strength=0)
    telling = study(strength=20)[0]
    found = probes.cross_validate(
        {"noise": noise, "telling": telling, "copy": telling}, y, groups, folds, probe
    )
    alone = probes.cross_validate(telling, y, groups, folds, probe)
    assert found.taken == ("telling",) * 5 and alone.taken == ()
    assert found.chosen == alone.chosen
    np.testing.assert_array_equal(found.probabilities, alone.probabilities)


def test_a_layer_is_taken_without_a_look_at_the_labels_it_is_tested_on():
    """Candidates are noise; each tells the labels of one fold and of no other."""
    noise, y, groups, folds = study(strength=0)
    layers = {}
    for number in range(5):
        X = np.random.default_rng(number).standard_normal(noise.shape)
        X[folds == number, :3] += 9 * (y[folds == number, None] == ["c0", "c1", "c2"])
        layers[f"tells-{number}"] = X
    found = probes.cross_validate(layers, y, groups, folds, "logistic")
    # Had tests been looked at, each fold would take its own layer.
    assert all(name != f"tells-{number}" for number, name in enumerate(found.taken))


def test_without_inner_folds_the_first_layer_is_taken():
    X, y, *_ = study(n=40, n_classes=2, strength=5)
    groups = np.array(["one", "two"])[np.arange(40) % 2]
    folds = np.arange(40) % 2
    found = probes.cross_validate({"last": X * 0 + 1, "early": X}, y, groups, folds, "logistic")
    assert found.taken == ("last", "last") and found.n_fallback == 2
