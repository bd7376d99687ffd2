"""What is learned without labels is learned on training items, and on nothing else."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from twinscope import evaluation, fitted, probes
from twinscope.baselines import Unit, composition, pixels
from twinscope.baselines.shape import MEASURES
from twinscope.errors import InputError


def tissue(seed=0, images=8, nuclei=40):
    """Images of 100 µm with two kinds of nuclei, large and small, in known shares."""
    rng, tables = np.random.default_rng(seed), []
    items = [f"i{number}" for number in range(images)]
    for number, item in enumerate(items):
        large = np.arange(nuclei) < nuclei * (number + 1) / (images + 1)
        table = pd.DataFrame(rng.normal(size=(nuclei, len(MEASURES))), columns=list(MEASURES))
        table["area"] = np.where(large, 80, 30) + rng.normal(size=nuclei)
        table = table.assign(item=item, border=rng.random(nuclei) < 0.1)
        table["centroid_y"], table["centroid_x"] = rng.uniform(0, 99, (2, nuclei))
        tables.append(table)
    index = pd.DataFrame({"item": items, "microns_per_pixel": 0.5, "height": 200, "width": 200})
    return Unit(index, (), pd.concat(tables, ignore_index=True), [], [])


def test_nuclei_in_a_bag_are_those_of_the_table():
    unit = tissue()
    frame = composition.bag(unit, clusters=2, cells=50)
    again = composition.unpack(frame)
    assert again.index[["height", "width"]].to_numpy().tolist() == [[200.0, 200.0]] * 8
    names = ["item", "centroid_y", "centroid_x", "area"]
    first = unit.cells[names].sort_values(names[1:]).to_numpy()
    second = again.cells.assign(item="i" + again.cells["item"].str[-1])[names]
    second = second.sort_values(names[1:]).to_numpy()
    assert (first[:, 0] == second[:, 0]).all()
    np.testing.assert_allclose(first[:, 1:].astype(float), second[:, 1:].astype(float))


def test_too_many_nuclei_leave_those_in_the_middle():
    unit = tissue()
    again = composition.unpack(composition.bag(unit, cells=10))
    assert (again.cells.groupby("item").size() == 10).all()
    whole = unit.cells[unit.cells["item"] == "i0"]
    far = np.hypot(whole["centroid_y"] - 49.75, whole["centroid_x"] - 49.75)
    nearest = set(whole.loc[far.nsmallest(10).index, "area"].round(9))
    assert set(again.cells.loc[again.cells["item"] == "000000000", "area"].round(9)) == nearest


def test_clusters_are_learned_on_training_images_only():
    unit = tissue()
    frame = composition.bag(unit, clusters=2, k=3)
    train = np.arange(8) < 5
    found = fitted.transform(frame.attrs["fit"], frame.to_numpy(), frame.columns, train)
    cells = unit.cells[unit.cells["item"].isin(unit.index["item"][train])]
    expected = composition.composition(unit, composition.codebook(cells, 2, 0), k=3)
    np.testing.assert_allclose(found, expected.to_numpy())
    changed = frame.to_numpy().copy()
    changed[~train, 3:] *= 1 + np.arange(changed.shape[1] - 3) % 10 / 1e3
    changed[~train, 3:5] = frame.to_numpy()[~train, 3:5]
    other = fitted.transform(frame.attrs["fit"], changed, frame.columns, train)
    np.testing.assert_array_equal(found[train], other[train])


def test_shares_of_planted_kinds_come_back():
    unit = tissue(nuclei=150)
    frame = composition.bag(unit, clusters=2)
    found = fitted.transform(frame.attrs["fit"], frame.to_numpy(), frame.columns, np.ones(8, bool))
    large = [(g["area"] > 55)[~g["border"]].mean() for _, g in unit.cells.groupby("item")]
    correlation = abs(np.corrcoef(found[:, 1], large)[0, 1])
    # Seven noisy columns of which one tells: k-means of all finds the two kinds only roughly.
    assert correlation > 0.7


def test_components_are_those_of_the_training_items():
    rng = np.random.default_rng(0)
    values, train = rng.normal(size=(30, 12)), np.arange(30) % 3 > 0
    fit = {"kind": "components", "components": 4}
    found = fitted.transform(fit, values, [str(n) for n in range(12)], train)
    expected = PCA(4, svd_solver="full").fit(values[train]).transform(values)
    np.testing.assert_allclose(found, expected)
    values[~train] += 100
    again = fitted.transform(fit, values, [str(n) for n in range(12)], train)
    np.testing.assert_allclose(again[train], found[train])


def test_no_more_components_than_the_items_allow_and_missing_pixels_are_medians():
    values = np.random.default_rng(0).normal(size=(5, 12))
    values[0, 0], values[:, 5] = np.nan, np.nan
    fit = {"kind": "components", "components": 64}
    found = fitted.transform(fit, values, [str(n) for n in range(12)], np.ones(5, bool))
    assert found.shape == (5, 4) and np.isfinite(found).all()
    with pytest.raises(InputError, match="2 or more"):
        fitted.transform(fit, values, [str(n) for n in range(12)], np.arange(5) < 1)


def test_what_is_unknown_or_wrong_is_named():
    with pytest.raises(InputError, match="did you mean 'components'"):
        fitted.transform({"kind": "component"}, np.ones((2, 2)), ["a", "b"], np.ones(2, bool))
    for wrong in ({"clusters": 0}, {"k": 0.5}, {"cells": 0}):
        with pytest.raises(InputError, match="at least 1"):
            composition.bag(tissue(), **wrong)


def test_thumbnails_say_what_is_to_be_learned():
    index = pd.DataFrame({"item": ["a"]})
    unit = Unit(index, ("x",), pd.DataFrame(), [np.arange(64.0).reshape(1, 8, 8)], [])
    frame = pixels.components(unit, side=4, components=3)
    assert frame.shape == (1, 16) and frame.attrs["fit"] == {"kind": "components", "components": 3}


def test_each_fold_learns_of_its_own_training_items(folds, planted):
    """Each fold is given the others; images of one well are averaged after what was learned."""
    seen = []

    def learned(train):
        seen.append(train)
        return np.random.default_rng(0).normal(size=(len(train), 3))

    keys = folds.drop_duplicates("key")
    y, groups = keys["label"].to_numpy(str), keys["group"].to_numpy(str)
    fold = keys["fold"].to_numpy()
    found = probes.cross_validate(learned, y, groups, fold, "logistic")
    assert found.n_features == 3 and found.n_values == 3 * len(y)
    for number, train in zip(np.unique(fold), seen, strict=True):
        assert (train == (fold != number)).all()


def test_a_representation_with_a_fit_is_scored(folds, planted):
    values = planted(4.0, 1)
    made = {"fit": {"kind": "components", "components": values.shape[1]}}
    task = {
        "task": "t",
        "kind": "classification",
        "probes": ["logistic"],
        "metrics": ["balanced_accuracy"],
    }
    task |= {"alignments": ["none"]}
    who = {"representation": "r", "role": "", "family": "", "of": "", "similarity": "cosine"}
    names = [str(n) for n in range(values.shape[1])]
    fitted_, plain = (
        evaluation.evaluate({"none": (values, folds[["item"]], *k)}, folds, task, who, draws=100)[0]
        for k in ((names, made), ())
    )
    assert fitted_["value"][0] == pytest.approx(plain["value"][0], abs=0.05)
    assert fitted_["value"][0] > 0.8 and fitted_["features"][0] == values.shape[1]
