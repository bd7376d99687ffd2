import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from twinscope import rankings
from twinscope.errors import InputError
from twinscope.regression import correlation, expression, halves, ridge
from twinscope.statistics import interval, resamples

GRID = np.array(ridge.PENALTIES)


def study(n=90, d=20, n_targets=4, n_groups=15, noise=1.0, seed=0):
    """Features with a few strong directions, targets that hang on them, groups in 5 folds."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 3))
    X = 3 + latent @ rng.normal(size=(3, d)) + rng.normal(size=(n, d))
    Y = 2 + latent @ rng.normal(size=(3, n_targets)) + noise * rng.normal(size=(n, n_targets))
    code = np.arange(n) % n_groups
    return X, Y, np.array([f"g{c:02d}" for c in code]), code % 5


def grid_search(X, Y, groups, folds, inner, shared):
    """Do with scikit-learn, one fit after the other, what `ridge.nested` does."""
    predictions, penalties = np.empty_like(Y), []
    for fold in np.unique(folds):
        A, B, own = X[folds != fold], Y[folds != fold], groups[folds != fold]
        losses = np.zeros((len(GRID), Y.shape[1]))
        for rest, held in GroupKFold(min(inner, len(set(own)))).split(A, groups=own):
            for k, penalty in enumerate(GRID):
                errors = Ridge(penalty).fit(A[rest], B[rest]).predict(A[held]) - B[held]
                losses[k] += (errors**2).sum(axis=0)
        if shared:
            losses = np.repeat((losses / B.var(axis=0)).mean(axis=1)[:, None], Y.shape[1], 1)
        best = GRID[losses.argmin(axis=0)]
        predictions[folds == fold] = Ridge(best).fit(A, B).predict(X[folds == fold])
        penalties.append(best)
    return predictions, np.array(penalties)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("inner", [3, 10])
@pytest.mark.parametrize("d", [1, 20, 80, 200])
def test_ridge_is_the_grid_search_of_scikit_learn(d, inner, shared):
    """With fewer features than items, with more than in training, with more than all items."""
    X, Y, groups, folds = study(d=d)
    found = ridge.nested(X, Y, groups, folds, shared=shared, inner=inner)
    predictions, penalties = grid_search(X, Y, groups, folds, inner, shared)
    np.testing.assert_array_equal(found.penalties, penalties)
    np.testing.assert_allclose(found.predictions, predictions, rtol=0, atol=1e-8)
    assert found.n_fallback == 0


@pytest.mark.parametrize("d", [20, 200])
def test_ridge_of_one_target_is_that_of_grid_search_cv(d):
    X, Y, groups, folds = study(d=d, n_targets=1)
    found = ridge.nested(X, Y, groups, folds, inner=4)
    for fold, penalty in enumerate(found.penalties[:, 0]):
        train = folds != fold
        search = GridSearchCV(
            Ridge(), {"alpha": GRID}, cv=GroupKFold(4), scoring="neg_mean_squared_error"
        ).fit(X[train], Y[train, 0], groups=groups[train])
        assert search.best_params_["alpha"] == penalty
        expected = search.predict(X[~train])
        np.testing.assert_allclose(found.predictions[~train, 0], expected, rtol=0, atol=1e-8)


def test_noisier_targets_are_given_a_stronger_penalty_each_by_itself():
    X, Y, groups, folds = study(n=150, n_targets=2)
    Y[:, 1] = np.random.default_rng(1).normal(size=150)
    weak, strong = np.median(ridge.nested(X, Y, groups, folds).penalties, axis=0)
    assert weak < 1e3 < 1e4 < strong
    together = ridge.nested(X, Y, groups, folds, shared=True).penalties
    assert (together[:, 0] == together[:, 1]).all()


def test_of_equal_penalties_the_strongest_is_taken():
    X, Y, groups, folds = study(d=3)
    found = ridge.nested(X * 1e-9, Y, groups, folds)
    assert (found.penalties == GRID[-1]).all()
    means = np.array([Y[folds != fold].mean(axis=0) for fold in folds])
    np.testing.assert_allclose(found.predictions, means, atol=1e-9)


@pytest.mark.parametrize("d", [20, 200])
def test_what_is_tested_is_not_learned_from(d):
    X, Y, groups, folds = study(d=d)
    learn = lambda values: lambda train: ridge.prepare(values, train, 10)  # noqa: E731
    found = ridge.nested(learn(X), Y, groups, folds)
    changed, other = X.copy(), Y.copy()
    one = np.flatnonzero(folds == 2)[0]
    changed[one], other[folds == 2] = 1e3, -7
    again = ridge.nested(learn(changed), other, groups, folds)
    same = (folds == 2) & (np.arange(len(Y)) != one)
    np.testing.assert_allclose(found.predictions[same], again.predictions[same], atol=1e-9)
    assert np.abs(found.predictions[folds != 2] - again.predictions[folds != 2]).max() > 0.1


def test_grouped_folds_do_not_see_a_shortcut_of_the_group_and_others_would():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(20), 10)
    X = rng.normal(size=(200, 30)) + 3 * rng.normal(size=(20, 30))[code]
    Y = rng.normal(size=(20, 1))[code] + 0.3 * rng.normal(size=(200, 1))
    groups = np.array([f"g{c:02d}" for c in code])
    honest = ridge.nested(X, Y, groups, code % 5).predictions
    items = np.array([f"i{k:03d}" for k in range(200)])
    leaky = ridge.nested(X, Y, items, np.arange(200) % 5).predictions
    assert np.corrcoef(honest.T, Y.T)[0, 1] < 0.35
    assert np.corrcoef(leaky.T, Y.T)[0, 1] > 0.75
    with pytest.raises(InputError, match="group 'g00' in several folds"):
        ridge.nested(X, Y, groups, np.arange(200) % 5)


def test_a_single_training_group_falls_back_and_is_counted():
    X, Y, *_ = study()
    folds = np.arange(90) % 2
    found = ridge.nested(X, Y, np.array(["a", "b"])[folds], folds)
    assert found.n_fallback == 2 and (found.penalties == GRID[10]).all()
    expected = Ridge(GRID[10]).fit(X[folds == 0], Y[folds == 0]).predict(X[folds == 1])
    np.testing.assert_allclose(found.predictions[folds == 1], expected, atol=1e-8)


def test_without_features_the_mean_of_training_is_predicted():
    _, Y, groups, folds = study()
    found = ridge.nested(np.empty((90, 0)), Y, groups, folds)
    assert np.isnan(found.penalties).all()
    np.testing.assert_allclose(found.predictions[folds == 1][0], Y[folds != 1].mean(axis=0))


@pytest.mark.parametrize("d", [20, 200])
def test_runs_are_bit_identical_whatever_the_number_of_threads(d):
    runs = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            runs.append(ridge.nested(*study(d=d)).predictions)
    assert np.array_equal(*runs)


def test_ridge_refuses_what_it_cannot_fit():
    X, Y, groups, folds = study()
    with pytest.raises(InputError, match="numbers above 0"):
        ridge.nested(X, Y, groups, folds, [0.0, 1.0])
    with pytest.raises(InputError, match="finite targets"):
        ridge.nested(X, np.where(Y > 4, np.nan, Y), groups, folds)
    with pytest.raises(InputError, match="finite features"):
        ridge.nested(np.where(X > 6, np.inf, X), Y, groups, folds)
    with pytest.raises(InputError, match="a single fold"):
        ridge.nested(X, Y, groups, folds * 0)


def test_features_are_made_ready_as_training_items_say():
    X, *_ = study(d=6)
    X[:, 2], X[::7, 1], X[3, 4] = 0.1, np.nan, np.inf
    train = np.arange(90) < 60
    filled = np.where(np.isfinite(X), X, np.nan)
    middle = np.nanmedian(filled[train], axis=0)
    filled = np.delete(np.where(np.isnan(filled), middle, filled), 2, axis=1)
    expected = StandardScaler().fit(filled[train]).transform(filled)
    np.testing.assert_allclose(ridge.prepare(X, train), expected, atol=1e-12)
    # As many components as features are no reduction: skipped.
    np.testing.assert_allclose(ridge.prepare(X, train, 5), expected, atol=1e-12)
    rotated = PCA(3, svd_solver="full").fit(expected[train]).transform(expected)
    found = ridge.prepare(X, train, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(rotated), atol=1e-9)
    assert ridge.prepare(X * np.nan, train).shape == (90, 0)


def golden():
    """Draw the data of the golden values, as they state."""
    rng = np.random.default_rng(0)
    W = rng.normal(size=(12, 300))
    Z1, Z2 = rng.normal(size=(400, 12)), rng.normal(size=(120, 12))
    X1 = Z1 @ W + 0.5 * rng.normal(size=(400, 300))
    X2 = Z2 @ W + 0.5 * rng.normal(size=(120, 300))
    B = rng.normal(size=(12, 5))
    Y1 = np.log1p(np.exp(0.3 * (Z1 @ B) + rng.normal(size=(400, 5))))
    Y2 = np.log1p(np.exp(0.3 * (Z2 @ B) + rng.normal(size=(120, 5))))
    return np.vstack([X1, X2]), np.vstack([Y1, Y2]), np.arange(520) < 400


def scored(Y, P, slides=None):
    slides = np.full(len(Y), "s") if slides is None else slides
    return expression.score(Y, P, np.ones(len(Y)), np.zeros(len(Y)), slides, ["a"] * Y.shape[1])


@pytest.mark.parametrize(("solver", "golden_value"), [("exact", 0.633570), ("lsqr", 0.633797)])
def test_hest_is_the_golden_value(solver, golden_value):
    X, Y, train = golden()
    P, penalty = ridge.hest(X, Y, train, 64, solver)
    assert penalty == 0.3125
    scores = expression.average(scored(Y[~train], P[~train]))
    assert scores["pearson"] == pytest.approx(golden_value, abs=1e-6)


def test_an_offset_of_slides_raises_the_pooled_correlation_alone():
    X, Y, train = golden()
    Y, P = Y[~train], ridge.hest(X, Y, train, 64)[0][~train]
    slides = np.repeat(["one", "two"], 60)
    Y[60:], P[60:] = Y[60:] + 2, P[60:] + 1
    scores = expression.average(scored(Y, P, slides))
    # Golden: pooled 0.840, per slide 0.637.
    assert round(scores["pearson"], 3) == 0.840 and round(scores["pearson_slide"], 3) == 0.637


def test_hest_is_a_pipeline_of_scikit_learn():
    X, Y, groups, folds = study(d=40)
    train = folds != 0
    pipeline = make_pipeline(
        StandardScaler(), PCA(12, svd_solver="full"), Ridge(100 / (12 * 4), fit_intercept=False)
    )
    expected = pipeline.fit(X[train], Y[train]).predict(X)
    np.testing.assert_allclose(ridge.hest(X, Y, train, 12)[0], expected, atol=1e-8)
    found, penalty = ridge.hest(X * 0, Y, train)
    assert (found == 0).all() and np.isnan(penalty)


def test_scores_are_those_of_scipy_and_scikit_learn():
    rng = np.random.default_rng(0)
    Y, totals = rng.normal(size=(60, 3)), rng.uniform(100, 900, 60)
    P = 0.5 * Y + rng.normal(size=(60, 3)) + np.log(totals)[:, None]
    slides, folds = np.repeat(["s1", "s2", "s3"], 20), np.repeat([0, 0, 1], 20)
    found = expression.score(Y, P, totals, folds, slides, ["a", "b", "c"])
    assert (
        found["gene"].tolist() == ["a", "b", "c"] * 2 and found["n"].tolist() == [40] * 3 + [20] * 3
    )
    assert found["n_slides"].tolist() == [2, 2, 2, 1, 1, 1] and (found["reason"] == "").all()
    row, y, p, t = found.iloc[1], Y[:40, 1], P[:40, 1], np.log(totals[:40])
    assert row["pearson"] == pytest.approx(stats.pearsonr(y, p).statistic)
    halves = [stats.pearsonr(y[k : k + 20], p[k : k + 20]).statistic for k in (0, 20)]
    assert row["pearson_slide"] == pytest.approx(np.mean(halves))
    yp, yt, pt = (np.corrcoef(pair)[0, 1] for pair in ((y, p), (y, t), (p, t)))
    partial = (yp - yt * pt) / np.sqrt((1 - yt**2) * (1 - pt**2))
    assert row["pearson_partial"] == pytest.approx(partial)
    assert row["r2"] == pytest.approx(r2_score(y, p))
    assert row["spearman"] == pytest.approx(stats.spearmanr(y, p).statistic)


def test_undefined_is_nan_with_a_reason_and_counted():
    rng = np.random.default_rng(0)
    Y, totals = rng.normal(size=(40, 4)), rng.uniform(100, 900, 40)
    P = Y + rng.normal(size=(40, 4))
    Y[:, 0], P[:, 1], P[:, 2] = 0.1, 0.3, 5 - 2 * np.log(totals)
    found = expression.score(Y, P, totals, np.zeros(40), np.full(40, "s"), list("abcd"))
    assert found["reason"].tolist() == [
        *("constant gene", "constant prediction"),
        *("total counts leave nothing of gene or prediction", ""),
    ]
    assert found["pearson"].isna().tolist() == [True, True, False, False]
    assert found["pearson_partial"].isna().tolist() == [True, True, True, False]
    assert found["spearman"].isna().tolist() == [True, True, False, False]
    assert found["r2"].isna().tolist() == [True, False, False, False]
    scores = expression.average(found)
    assert scores["n_undefined"] == 3
    assert scores["pearson"] == pytest.approx(found["pearson"][2:].mean())
    few = expression.score(Y[:2], P[:2], totals[:2], np.zeros(2), np.full(2, "s"), list("abcd"))
    assert few["reason"][3] == "fewer than 3 spots" and np.isnan(few["pearson"][3])
    apart = expression.score(Y, P, totals, np.zeros(40), np.arange(40).astype(str), list("abcd"))
    assert apart["reason"][3] == "no slide where gene and prediction vary"
    assert apart["n_slides"][3] == 0 and apart["pearson"][3] > 0.5


def test_equal_predictions_are_tied_in_ranks_whatever_their_last_digits():
    rng = np.random.default_rng(0)
    Y, P = rng.normal(size=(60, 1)), rng.integers(0, 3, (60, 1)) + 0.0
    one, other = (
        scored(Y, p)["spearman"][0] for p in (P, P * (1 + 1e-14 * rng.normal(size=(60, 1))))
    )
    assert one == other == pytest.approx(stats.spearmanr(Y, P).statistic)


def predicted(seed=0, n_groups=8, per_group=15, effect=0.6, n_targets=3):
    """Targets and predictions of groups that differ, 2 slides each, 2 groups a fold."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n_groups), per_group)
    Y = rng.normal(size=(len(code), n_targets)) + rng.normal(size=(n_groups, n_targets))[code]
    P = effect * Y + rng.normal(size=Y.shape)
    totals = np.exp(6 + 0.5 * Y[:, 0] + 0.5 * rng.normal(size=len(code)))
    slides = np.array([f"s{c}{k % 2}" for k, c in enumerate(code)])
    return Y, P, totals, code // 2, slides, np.array([f"g{c}" for c in code])


def test_bootstrap_of_the_groups_themselves_is_the_average():
    Y, P, totals, folds, slides, groups = predicted()
    P[:, 2] = 1.0
    one = correlation.bootstrap(Y, P, totals, folds, slides, groups, np.ones((1, 8), dtype=int))
    scores = expression.average(expression.score(Y, P, totals, folds, slides, list("abc")))
    np.testing.assert_allclose(one[0], scores[list(expression.RESAMPLED)].astype(float), atol=1e-10)


def test_bootstrap_scores_the_spots_of_the_groups_drawn():
    Y, P, totals, folds, slides, groups = predicted()
    counts = np.array([[2, 0, 1, 1, 0, 0, 3, 1]])
    found = correlation.bootstrap(Y, P, totals, folds, slides, groups, counts)[0]
    means, partials = [], []
    for fold in (0, 1, 3):
        own = [np.flatnonzero(groups == f"g{g}") for g in (2 * fold, 2 * fold + 1)]
        rows = np.concatenate([np.tile(r, counts[0, 2 * fold + k]) for k, r in enumerate(own)])
        y, p, t = Y[rows], P[rows], np.log(totals[rows])
        line = np.column_stack([np.ones(len(rows)), t])
        residual = [v - line @ np.linalg.lstsq(line, v, rcond=None)[0] for v in (y, p)]
        means.append(np.mean([np.corrcoef(y[:, k], p[:, k])[0, 1] for k in range(3)]))
        partials.append(
            np.mean([np.corrcoef(*(v[:, k] for v in residual))[0, 1] for k in range(3)])
        )
    # Groups drawn a fold: 2, 2, 0 and 4, so the last counts twice.
    weights = [2, 2, 4]
    assert found[0] == pytest.approx(np.average(means, weights=weights), abs=1e-10)
    assert found[2] == pytest.approx(np.average(partials, weights=weights), abs=1e-10)
    within = [
        np.mean([np.corrcoef(Y[slides == s, k], P[slides == s, k])[0, 1] for k in range(3)])
        for s in np.unique(slides)
    ]
    of_group = np.reshape(within, (8, 2)).mean(axis=1)
    assert found[1] == pytest.approx(np.average(of_group, weights=counts[0]), abs=1e-10)


def test_with_one_group_a_fold_folds_are_resampled():
    Y, P, totals, _, slides, groups = predicted()
    folds, counts = np.unique(groups, return_inverse=True)[1], resamples(groups, 50)[1]
    found = correlation.bootstrap(Y, P, totals, folds, slides, groups, counts)[:, 0]
    scores = expression.score(Y, P, totals, folds, slides, list("abc"))
    of_fold = scores.groupby("fold")["pearson"].mean()
    np.testing.assert_allclose(found, counts @ of_fold / 8, atol=1e-10)
    with pytest.raises(ValueError, match="8 groups but counts of 7"):
        correlation.bootstrap(Y, P, totals, folds, slides, groups, counts[:, :7])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Groups differ in how well they are predicted; many groups in one fold."""
    hits, truth, values = 0, [], []
    counts = resamples(np.array([f"g{k:02d}" for k in range(20)]), 300)[1]
    for seed in range(150):
        rng = np.random.default_rng(seed)
        effect = np.repeat(rng.uniform(0.2, 1.4, 20), 15)[:, None]
        Y = rng.normal(size=(300, 2))
        P = effect * Y + rng.normal(size=Y.shape)
        groups = np.repeat([f"g{k:02d}" for k in range(20)], 15)
        given = Y, P, np.ones(300), np.zeros(300), groups, groups
        values.append(correlation.bootstrap(*given, np.ones((1, 20), dtype=int))[0, 0])
        truth.append(interval(values[-1], correlation.bootstrap(*given, counts)[:, 0], 20, -1, 1))
    hits = np.mean([low <= np.mean(values) <= high for low, high, *_ in truth])
    assert 0.90 <= hits <= 0.99


def slides_of(strength=1.0, n=240, seed=0):
    """Spots of 12 patients, 2 slides each; the last gene is never seen."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 3))
    X = latent @ rng.normal(size=(3, 30)) + 0.5 * rng.normal(size=(n, 30))
    totals = rng.poisson(5000 * np.exp(0.5 * rng.normal(size=n)))
    rate = 2e-3 * np.exp(strength * latent @ rng.normal(size=(3, 4)))
    counts = rng.poisson(rate * totals[:, None] * [1, 1, 1, 0])
    code = np.arange(n) % 12
    spots = pd.DataFrame({"item": [f"i{k:03d}" for k in rng.permutation(n)], "fold": code % 4})
    spots["group"] = [f"p{c:02d}" for c in code]
    spots["slide"] = [f"s{c}-{k // 12 % 2}" for k, c in enumerate(code)]
    return X, counts, totals, spots, np.array(["a", "b", "c", "none"])


def test_planted_expression_is_found_and_none_is_not():
    scores, predictions = expression.evaluate(*slides_of())
    assert set(predictions) == set(expression.PROTOCOLS) == set(scores["protocol"])
    assert len(scores) == 5 * 4 * 4
    assert (scores.loc[scores["gene"] == "none", "reason"] == "constant gene").all()
    for _, table in scores.groupby("protocol"):
        found = expression.average(table)
        assert found["pearson"] > 0.6 and found["n_undefined"] == 4
    nothing, _ = expression.evaluate(*slides_of(strength=0.0))
    corrected = nothing[nothing["protocol"] == "corrected-cp10k"]
    assert abs(expression.average(corrected)["pearson"]) < 0.15


def test_only_the_corrected_protocols_know_the_level_of_a_gene():
    scores, predictions = expression.evaluate(*slides_of())
    r2 = scores[scores["gene"] != "none"].groupby("protocol")["r2"].mean()
    assert r2["hest-compat"] < 0 < 0.3 < r2.drop("hest-compat").min()
    Y, P = predictions["corrected-raw"]
    assert P[:, :3].mean() == pytest.approx(Y[:, :3].mean(), abs=0.1)


def test_protocols_are_what_they_say():
    X, counts, totals, spots, genes = slides_of()
    _, predictions = expression.evaluate(X, counts, totals, spots, genes)
    raw, cp10k = predictions["corrected-raw"][0], predictions["corrected-cp10k"][0]
    np.testing.assert_allclose(raw, np.log1p(counts))
    np.testing.assert_allclose(cp10k, np.log1p(1e4 * counts / totals[:, None]))
    groups, folds = spots["group"].to_numpy(str), spots["fold"].to_numpy()
    fit = ridge.nested(lambda train: ridge.prepare(X, train), raw, groups, folds)
    np.testing.assert_allclose(predictions["corrected-raw"][1], fit.predictions, atol=1e-8)
    hest = ridge.hest(X, raw, folds != 1)[0]
    np.testing.assert_allclose(
        predictions["hest-compat"][1][folds == 1], hest[folds == 1], atol=1e-8
    )


def test_the_order_of_rows_changes_nothing():
    X, counts, totals, spots, genes = slides_of()
    order = np.random.default_rng(1).permutation(len(X))
    scores, predictions = expression.evaluate(X, counts, totals, spots, genes)
    shuffled = (
        X[order],
        counts[order],
        totals[order],
        spots.iloc[order].reset_index(drop=True),
        genes,
    )
    again, others = expression.evaluate(*shuffled)
    pd.testing.assert_frame_equal(scores, again, check_exact=True)
    for name, (Y, P) in predictions.items():
        assert np.array_equal(P[order], others[name][1]) and np.array_equal(
            Y[order], others[name][0]
        )


def test_constant_and_missing_features():
    X, counts, totals, spots, genes = slides_of()
    scores, _ = expression.evaluate(X * 0, counts, totals, spots, genes)
    assert scores["pearson"].isna().all() and (scores["reason"] != "").all()
    assert (scores.loc[scores["gene"] == "a", "reason"] == "constant prediction").all()
    X[::5, 3] = np.nan
    scores, _ = expression.evaluate(X, counts, totals, spots, genes, ["corrected-raw"])
    assert expression.average(scores)["pearson"] > 0.6


def test_refusals_name_what_is_wrong():
    X, counts, totals, spots, genes = slides_of()
    with pytest.raises(InputError, match="did you mean 'hest-compat'"):
        expression.evaluate(X, counts, totals, spots, genes, ["hest-compact"])
    empty = np.where(spots["item"] == "i007", 0, totals)
    with pytest.raises(InputError, match="no counts at all in item 'i007'"):
        expression.evaluate(X, counts, empty, spots, genes)
    with pytest.raises(InputError, match="below 0"):
        expression.evaluate(X, counts - 1, totals, spots, genes)
    with pytest.raises(InputError, match="item 'i007' twice"):
        expression.evaluate(X, counts, totals, spots.replace({"item": {"i008": "i007"}}), genes)
    with pytest.raises(InputError, match="in several folds"):
        expression.evaluate(X, counts, totals, spots.assign(fold=np.arange(240) % 5), genes)


def test_agreement_by_hand():
    table = pd.DataFrame(
        {"one": [4, 3, 2, 1, np.nan], "same": [9, 8, 7, 6, 5], "other": [3, 4, 2, 1, 9]},
        list("abcde"),
    )
    found = rankings.agreement(table).set_index(["first", "second"])
    # Of 6 pairs of a to d one is reversed: tau = (5 - 1) / 6.
    assert found.loc[("one", "other"), "tau"] == pytest.approx(4 / 6)
    assert found.loc[("one", "other"), "representations"] == 4
    assert found.loc[("one", "other"), ["flips", "unstable", "best_changes"]].tolist() == [
        1,
        True,
        True,
    ]
    assert found.loc[("one", "same"), ["flips", "unstable", "best_changes"]].tolist() == [
        0,
        False,
        False,
    ]
    assert found.loc[("one", "same"), "tau"] == pytest.approx(1) and (found["reason"] == "").all()
    # e is last by "same" and first by "other": 1 + 4 pairs reversed of 10.
    assert found.loc[("same", "other"), "tau"] == pytest.approx(0)
    few = rankings.agreement(table.iloc[3:])
    assert few["reason"].tolist()[0] == "fewer than 2 representations" and np.isnan(few["tau"][0])
    tied = rankings.agreement(pd.DataFrame({"one": [1.0, 1.0], "two": [1.0, 2.0]}))
    assert np.isnan(tied["tau"][0]) and tied["reason"][0] == "all are tied"


def test_features_learned_in_each_fold_see_training_spots_only():
    X, counts, totals, spots, genes = slides_of()
    fixed = expression.evaluate(X, counts, totals, spots, genes)[0]
    seen = []

    def learned(train):
        seen.append(train)
        return X

    found = expression.evaluate(learned, counts, totals, spots, genes)[0]
    pd.testing.assert_frame_equal(found, fixed)
    folds = spots["fold"].to_numpy()
    for train in seen:
        tested = set(folds[~train])
        assert len(tested) == 1 and (folds[train] != tested.pop()).all()


def test_the_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(0)
    n, rates = 4000, np.array([0.5, 3.0, 30.0])
    rate = rates * np.exp(0.6 * rng.standard_normal((n, 3)))
    counts, totals = rng.poisson(rate), np.full(n, 10_000)
    spots = pd.DataFrame({"item": [f"i{k:04d}" for k in range(n)], "fold": np.arange(n) % 2})
    spots["slide"] = "s"
    truth = [np.corrcoef(np.log1p(counts[:, k]), np.log1p(rate[:, k]))[0, 1] for k in range(3)]
    for k in range(3):
        found = halves.ceiling(
            counts[:, [k]], totals, spots, np.array(["g"]), "corrected-raw", seed=1
        )
        assert found["pearson"] == pytest.approx(truth[k], abs=0.06)
    odd = halves.ceiling(counts + 0.5, totals, spots, np.array(list("abc")), "corrected-raw")
    assert odd.empty
