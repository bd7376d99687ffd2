from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from twinscope.retrieval.permutation import assignments, shuffled
from twinscope.retrieval.replicates import energy_distance, replicate_consistency
from twinscope.statistics import benjamini_hochberg


def layout(batches, controls, perturbations, replicates=1):
    """Batches of controls and of replicates of perturbations."""
    labels = ["dmso"] * controls
    labels += [f"x{k:02d}" for k in range(perturbations) for _ in range(replicates)]
    meta = pd.DataFrame({"label": labels * batches})
    meta["batch"] = np.repeat([f"b{k}" for k in range(batches)], len(labels))
    meta["control"] = meta["label"] == "dmso"
    return meta.assign(item=[f"w{k:04d}" for k in range(len(meta))])


def test_energy_distance():
    x, y = np.tile([1.0, 2, 3, 4, 5], (5, 1)), np.tile([6.0, 7, 8, 9, 10], (5, 1))
    assert energy_distance(x, y) == pytest.approx(22.36068, abs=5e-6)
    assert energy_distance(x, x) == 0
    # 0 and 2 against 1 and 5: distances 1, 5, 1, 3 between, mean 2.5; 0, 2, 2, 0 and 0, 4, 4, 0
    # within, means 1 and 2; 2 x 2.5 - 1 - 2 = 2.
    assert energy_distance([[0.0], [2]], [[1.0], [5]]) == pytest.approx(2)
    sample = np.random.default_rng(0).normal(size=(7, 3))
    assert energy_distance(sample, sample) == pytest.approx(0, abs=1e-12)
    assert energy_distance(sample, sample + 1e300) == pytest.approx(2e300 * np.sqrt(3))
    tiny = energy_distance(sample * 1e-300, sample[:4] * 1e-300)
    assert tiny == pytest.approx(1e-300 * energy_distance(sample, sample[:4]), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([[1.0, 2]], np.ones((3, 2))),
        (np.ones((3, 2)), [[1.0, 2]]),
        ([[1.0], [np.nan]], [[1.0], [2]]),
    ],
)
def test_energy_distance_of_one_item_or_of_missing_values_is_undefined(x, y):
    assert np.isnan(energy_distance(x, y))


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_groups_are_held_against_all_groups_of_controls_made_up_alike(name):
    meta = layout(2, 4, 3)
    # x00 has a second well in the first batch.
    extra = pd.DataFrame({"label": ["x00"], "batch": ["b0"], "control": [False], "item": ["z"]})
    meta = pd.concat([meta, extra], ignore_index=True)
    X = np.random.default_rng(0).normal(size=(len(meta), 3))
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    S = unit @ unit.T if name == "cosine" else -cdist(X / X.std(axis=0), X / X.std(axis=0))

    def alike(wells):
        return np.mean([S[a, b] for a, b in combinations(wells, 2)])

    found = replicate_consistency(X, meta, name=name)
    for _, row in found.groups.iterrows():
        own = np.flatnonzero(meta["label"] == row["group"])
        controls = [np.flatnonzero(meta["control"] & (meta["batch"] == b)) for b in ("b0", "b1")]
        counts = [(meta["batch"][own] == b).sum() for b in ("b0", "b1")]
        ways = product(*(combinations(c, n) for c, n in zip(controls, counts, strict=True)))
        groups = [np.concatenate(way) for way in ways]
        pool = np.concatenate(controls)
        assert len(groups) == (24 if row["group"] == "x00" else 16)
        assert row["consistency"] == pytest.approx(alike(own), abs=1e-12)
        assert row["chance"] == pytest.approx(np.mean([alike(g) for g in groups]), abs=1e-12)
        # Labels are placed anew on controls and own wells: 6 over 2 times 5, or 5 times 5.
        wells = [
            np.append(c, own[meta["batch"][own] == b])
            for c, b in zip(controls, ("b0", "b1"), strict=True)
        ]
        ways = product(*(combinations(w, n) for w, n in zip(wells, counts, strict=True)))
        null = np.array([alike(np.concatenate(way)) for way in ways])
        assert row["n_null"] == len(null) == (75 if row["group"] == "x00" else 25) and row["exact"]
        assert row["p"] == (null >= alike(own) - 1e-9).sum() / len(null)
        assert row["energy_distance"] == pytest.approx(energy_distance(X[own], X[pool]), abs=1e-12)
        apart = [energy_distance(X[g], X[np.setdiff1d(pool, g)]) for g in groups]
        assert row["energy_chance"] == pytest.approx(np.mean(apart), abs=1e-12)
        items = found.items.set_index("group").loc[row["group"], "similarity"]
        assert items.mean() == pytest.approx(row["consistency"], abs=1e-12)
    assert found.items["item"].tolist() == sorted(meta["item"][~meta["control"]])


def test_p_takes_every_rank_once_over_all_placements_of_the_labels():
    # 3 replicates and 5 controls: 56 ways to label them, each as likely if they are all alike.
    X = np.random.default_rng(5).standard_t(2, size=(8, 4))
    p = []
    for own in combinations(range(8), 3):
        meta = pd.DataFrame({"item": range(8), "batch": "b", "control": True, "label": "dmso"})
        meta.loc[list(own), ["control", "label"]] = False, "x"
        row = replicate_consistency(X, meta).groups.iloc[0]
        assert row["exact"] and row["n_null"] == 56
        p.append(row["p"])
    np.testing.assert_allclose(np.sort(p), np.arange(1, 57) / 56)


def test_drawn_placements_are_scored_as_the_list_of_their_pairs():
    meta = layout(2, 5, 2, 3)
    X = (
        np.random.default_rng(6).normal(size=(len(meta), 3))
        + 0.5 * (~meta["control"]).to_numpy()[:, None]
    )
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    found = replicate_consistency(X, meta, draws=300, seed=2).groups
    controls = np.flatnonzero(meta["control"])
    for _, row in found.iterrows():
        own = np.flatnonzero(meta["label"] == row["group"])
        wells = np.append(controls, own)
        strata = [np.flatnonzero(meta["batch"][wells] == b) for b in ("b0", "b1")]
        slots, exact = assignments(strata, [3, 3], 300, 2)
        null = [np.mean([unit[a] @ unit[b] for a, b in combinations(w, 2)]) for w in wells[slots].T]
        assert not exact and row["n_null"] == 300 and not row["exact"]
        observed = np.mean([unit[a] @ unit[b] for a, b in combinations(own, 2)])
        assert row["p"] == (1 + (np.array(null) >= observed - 1e-9).sum()) / 301
        assert 0.01 < row["p"] < 0.9


def test_what_was_planted_is_found_and_nothing_else():
    meta = layout(3, 16, 20)
    rng = np.random.default_rng(1)
    X, code = (
        rng.normal(size=(len(meta), 50)),
        meta["label"].str[1:].replace("mso", "99").astype(int),
    )
    X += 1.2 * rng.normal(size=(100, 50))[code] * (code < 10).to_numpy()[:, None]
    groups = replicate_consistency(X, meta, draws=2000).groups
    assert (groups["p_adjusted"][:10] < 0.05).all() and (groups["p_adjusted"][10:] >= 0.05).all()
    np.testing.assert_allclose(groups["p_adjusted"], benjamini_hochberg(groups["p"]))
    assert (groups["n_null"] == 2000).all() and not groups["exact"].any()
    far = groups["energy_distance"] - groups["energy_chance"]
    assert far[:10].min() > 5 * far[10:].abs().max()


@pytest.mark.parametrize(("batches", "controls", "replicates"), [(3, 16, 1), (4, 4, 2)])
def test_p_is_calibrated_where_there_is_nothing_to_find(batches, controls, replicates):
    # 1,200 tests, of which 5 % is 60 with a standard error of 7.5 if they were independent. Tails
    # are heavy, and the 4 controls of a batch few for 2 replicates.
    p, meta = [], layout(batches, controls, 8, replicates)
    for seed in range(150):
        rng, batch = np.random.default_rng(seed), meta["batch"].factorize()[0]
        X = rng.standard_t(4, size=(len(meta), 10)) + rng.normal(size=(batches, 10))[batch]
        dealt = shuffled(meta["label"].to_numpy(str), batch, seed)
        told = replicate_consistency(
            X, meta.assign(label=dealt, control=dealt == "dmso"), draws=200, seed=seed
        )
        p.append(told.groups["p"])
    p = np.concatenate(p)
    assert len(p) == 1200
    assert 0.03 <= (p < 0.05).mean() <= 0.07
    assert 0.44 <= (p < 0.5).mean() <= 0.56


def test_what_is_undefined_is_told_why(refused):
    meta = layout(1, 2, 3, 3)
    meta = meta[~meta["item"].isin(["w0009", "w0010"])].reset_index(drop=True)
    X = np.random.default_rng(2).normal(size=(len(meta), 4))
    X[(meta["label"] == "x01").to_numpy()] = np.nan
    groups = replicate_consistency(X, meta).groups.set_index("group")
    assert groups["reason"].to_dict() == {
        "x00": "fewer controls than replicates in a batch",
        "x01": "every feature is missing",
        "x02": "a single replicate",
    }
    assert groups[["p", "p_adjusted", "chance", "energy_chance"]].isna().all(axis=None)
    # The distance itself needs two wells and two controls only.
    assert groups["energy_distance"].notna().tolist() == [True, False, False]
    assert groups["energy_reason"].tolist() == [
        "",
        "every feature is missing",
        "a single replicate",
    ]
    items = replicate_consistency(X, meta).items
    assert items["reason"].tolist() == [""] * 3 + ["every feature is missing"] * 3 + [
        "a single replicate"
    ]
    assert items["similarity"].notna().tolist() == [True] * 3 + [False] * 4
    told = replicate_consistency(X[:, :1], meta).groups
    assert told["reason"][0] == "cosine of a single feature is all ties: use similarity euclidean"
    assert told["consistency"].isna().all() and told["energy_distance"].notna()[0]
    none = replicate_consistency(X, meta.assign(control=False, label=meta["label"]))
    assert set(none.groups["energy_reason"][:1]) == {"fewer than 2 controls"}
    with refused("no column 'batch'"):
        replicate_consistency(X, meta.drop(columns="batch"))


def test_constant_features_are_as_alike_as_controls():
    groups = replicate_consistency(np.ones((15, 1)), layout(1, 6, 3, 3), name="euclidean").groups
    assert (groups["p"] == 1).all() and (groups["energy_distance"] == 0).all()


def test_nothing_depends_on_the_order_of_rows():
    meta = layout(2, 8, 5, 2)
    X = np.random.default_rng(3).normal(size=(len(meta), 6))
    X[3, 2] = np.nan
    order = np.random.default_rng(4).permutation(len(meta))
    ours = replicate_consistency(X, meta, draws=200)
    theirs = replicate_consistency(X[order], meta.iloc[order], draws=200)
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    other = replicate_consistency(X, meta, draws=200, seed=1).groups
    assert (other["p"] != ours.groups["p"]).any()
