"""The classical profile and the choice of its columns: by hand, against its makers, planted."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cp_measure.bulk import get_core_measurements, get_correlation_measurements

import twinscope
from twinscope.baselines import Unit, profile
from twinscope.errors import InputError


def unit_of(images, masks, channels=("dna", "er")):
    items = [f"image-{number}" for number in range(len(images))]
    return Unit(pd.DataFrame({"item": items}), channels, pd.DataFrame(), iter(images), iter(masks))


def scene(seed=0):
    """Three whole nuclei, labelled with gaps, and one that the edge cuts."""
    labels = np.zeros((64, 64), np.uint16)
    labels[5:15, 5:17], labels[25:40, 8:20], labels[40:52, 40:58] = 7, 3, 9
    labels[0:20, 50:64] = 4
    image = np.random.default_rng(seed).integers(2000, 60000, (2, 64, 64)).astype(np.uint16)
    return image, labels


def whole(labels):
    """The whole nuclei of the scene, renumbered by their labels."""
    return sum(new * (labels == old) for new, old in enumerate((3, 7, 9), 1))


def test_measurements_are_those_of_cp_measure_over_whole_nuclei():
    image, labels = scene()
    row = profile.classical(unit_of([image], [labels])).iloc[0]
    scaled, own = image / 65535, whole(labels)
    core, pairs = get_core_measurements(), get_correlation_measurements()
    expected = {
        "Area": core["sizeshape"](own, scaled[0])["Area"],
        "Intensity_MeanIntensity_er": core["intensity"](own, scaled[1])["Intensity_MeanIntensity"],
        "Contrast_3_01_256_dna": core["texture"](own, scaled[0])["Contrast_3_01_256"],
        "Granularity_2_er": core["granularity"](own, scaled[1])["Granularity_2"],
        "Correlation_Pearson_dna_er": pairs["pearson"](*scaled, own)["Correlation_Pearson"],
    }
    for name, values in expected.items():
        assert len(values) == 3
        median = np.median(values)
        assert row[f"{name}_median"] == pytest.approx(median)
        assert row[f"{name}_mad"] == pytest.approx(np.median(np.abs(values - median)))
    # 120, 180 and 216 pixels.
    assert row["Area_median"] == 180 and row["Area_mad"] == 36


def test_no_measurement_says_where_nuclei_lie():
    image, labels = scene()
    moved = np.roll(np.where(labels == 4, 0, labels), (3, 2), (0, 1))
    frame = profile.classical(unit_of([image], [labels]))
    assert not frame.columns.str.contains("Center|BoundingBoxM|Location").any()
    groups = ["sizeshape", "intensity", "texture", "radial_distribution"]
    images = [image, np.roll(image, (3, 2), (1, 2))]
    rows = profile.classical(unit_of(images, [labels, moved]), features=groups)
    assert np.allclose(rows.iloc[0], rows.iloc[1], equal_nan=True)


def test_columns_do_not_depend_on_the_images():
    image, labels = scene()
    empty, one = np.zeros_like(labels), (labels == 3).astype(int)
    cut = (labels == 4).astype(int)
    frame = profile.classical(unit_of([image] * 4, [labels, empty, one, cut]))
    assert frame.iloc[1].isna().all()
    assert frame.filter(like="_mad").iloc[2].isna().all()
    assert frame["Area_median"].tolist()[2:] == [180, 280]
    alone = profile.classical(unit_of([image], [empty]))
    assert list(alone.columns) == list(frame.columns) and frame.columns.is_unique
    assert list(profile.classical(unit_of([], [])).columns) == list(frame.columns)
    assert frame.iloc[0].notna().mean() > 0.99
    assert not np.isinf(frame).any(axis=None)


def test_groups_are_chosen_whatever_their_order():
    image, labels = scene()
    first = profile.classical(unit_of([image], [labels]), features=["pearson", "sizeshape"])
    second = profile.classical(unit_of([image], [labels]), features=["sizeshape", "pearson"])
    pd.testing.assert_frame_equal(first, second)
    assert first.shape[1] == 2 * (69 + 2)
    costes = profile.classical(unit_of([image], [labels]), features="costes")
    assert costes.shape == (1, 4)
    assert not profile.classical(unit_of([], [])).columns.str.contains("Costes").any()


def test_intensities_are_fractions_of_white():
    image, labels = scene()
    groups = ["intensity"]
    whole_range = profile.classical(unit_of([image], [labels]), groups)
    as_float = profile.classical(unit_of([image / 65535], [labels]), groups)
    assert np.allclose(whole_range, as_float, equal_nan=True)
    half = profile.classical(unit_of([image // 2], [labels]), groups, white=65535 / 2)
    assert np.allclose(half, whole_range, atol=1e-3, rtol=1e-3, equal_nan=True)
    cut = profile.classical(unit_of([image], [labels]), groups, white=3000)
    assert cut["Intensity_MaxIntensity_dna_median"].iloc[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": ["textures"]}, "did you mean 'texture'"),
        ({"features": []}, "features"),
        ({"features": ["feret", "feret"]}, "features"),
        ({"white": 0}, "white 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    image, labels = scene()
    with pytest.raises(InputError, match=message):
        profile.classical(unit_of([image], [labels]), **arguments)


@pytest.mark.parametrize(("value", "message"), [(7.0, "0 to 1"), (np.nan, "not finite")])
def test_float_images_without_a_white_lie_between_0_and_1(value, message):
    image, labels = scene()
    bad = np.where(np.eye(64) > 0, value, image / 65535)
    with pytest.raises(InputError, match=message):
        profile.classical(unit_of([bad], [labels]))


def values(rows=200):
    """Columns that are to be kept and columns of which one rule each drops one."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(5, 2, (rows, 4)), columns=["d", "b", "c", "a"])
    frame["missing"] = np.where(np.arange(rows) < rows * 0.2, np.nan, np.abs(frame["a"] - 5))
    frame["constant"] = 0.1 + 0.2
    frame["mostly"] = np.where(np.arange(rows) < rows * 0.4, frame["b"] ** 2, 1.0)
    frame["wild"] = rng.normal(size=rows)
    frame.loc[rows // 2, "wild"] = 1e5
    frame["twin"] = 1000 * frame["c"] + 7
    frame["opposite"] = 2 - frame["d"]
    frame["infinite"] = np.where(np.arange(rows) % 5, frame["c"] ** 3, np.inf)
    return frame


def test_each_rule_drops_its_own_column():
    frame = values()
    kept = profile.select(frame, np.ones(len(frame), bool))
    assert kept == ["d", "b", "c", "a", "opposite"]
    assert "missing" in profile.select(frame, np.ones(len(frame), bool), missing=0.3)
    assert "wild" in profile.select(frame, np.ones(len(frame), bool), outlier=1e7)


def test_of_near_twins_the_one_that_is_more_like_the_others_is_dropped():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    frame["near"] = frame["a"] + 0.2 * frame["b"]
    control = np.ones(300, bool)
    assert profile.select(frame, control) == ["a", "b", "c"]
    assert profile.select(frame, control, correlation=0.99) == ["a", "b", "c", "near"]


def test_only_controls_are_looked_at():
    frame, control = values(), np.arange(200) % 2 == 0
    spoilt = frame.copy()
    spoilt.loc[~control] = np.nan
    assert profile.select(spoilt, control) == profile.select(frame, control)
    flipped = frame.copy()
    flipped.loc[control, "a"] = 3.0
    assert "a" not in profile.select(flipped, control)
    assert "a" in profile.select(frame, control)


def test_the_choice_does_not_depend_on_the_order_of_rows_and_columns():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(40, 5)) @ rng.normal(size=(5, 60)))
    frame.columns = [f"column-{number:02d}" for number in range(60)]
    frame["column-60"] = 3 * frame["column-07"]
    control = rng.random(40) < 0.7
    kept = profile.select(frame, control)
    assert 5 < len(kept) < 55
    rows, columns = rng.permutation(40), rng.permutation(61)
    turned = profile.select(frame.iloc[rows, columns], control[rows])
    assert set(turned) == set(kept)
    assert turned == [name for name in frame.columns[columns] if name in kept]


def test_the_choice_is_the_same_in_another_process():
    program = (
        "import numpy as np, pandas as pd; from twinscope.baselines import profile;"
        "r = np.random.default_rng(3); x = r.normal(size=(50, 6)) @ r.normal(size=(6, 40));"
        "x = pd.DataFrame(x).rename(columns=str); print(profile.select(x, np.ones(50, bool)))"
    )
    path = str(Path(twinscope.__file__).parents[1])
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    ]
    assert said[0] == said[1] and said[0].startswith("['")


@pytest.mark.parametrize(
    ("control", "message"),
    [(np.ones(199, bool), "199"), (np.arange(200) == 3, "1 true"), (np.zeros(200, bool), "0 true")],
)
def test_too_few_controls_are_named(control, message):
    with pytest.raises(InputError, match=message):
        profile.select(values(), control)


def test_when_nothing_is_left_it_is_said():
    with pytest.raises(InputError, match="1 columns of which none"):
        profile.select(pd.DataFrame({"a": np.ones(5)}), np.ones(5, bool))
