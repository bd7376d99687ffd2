import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import twinscope
from twinscope.baselines import BASELINES, Unit, describe, null
from twinscope.cells import measure
from twinscope.errors import InputError


def index_of(items, **columns):
    count = len(items)
    index = pd.DataFrame({"item": items, "label": "x", "group": "g", "control": False})
    index = index.assign(batch=np.nan, position=np.nan, position_row=np.nan)
    index = index.assign(position_column=np.nan, microns_per_pixel=0.5, height=20, width=30)
    return index.assign(**{name: list(values)[:count] for name, values in columns.items()})


def unit_of(masks, images=None, channels=("dna",), **columns):
    items = [f"image-{number}" for number in range(len(masks))]
    if images is None:
        images = [np.ones((len(channels), *mask.shape), np.uint8) for mask in masks]
    cells = [
        measure(image, mask, item=item, channels=channels, microns_per_pixel=0.5)
        for image, mask, item in zip(images, masks, items, strict=True)
    ]
    index = index_of(items, height=[len(mask) for mask in masks], **columns)
    index["width"] = [mask.shape[1] for mask in masks]
    return Unit(index, tuple(channels), pd.concat(cells, ignore_index=True), iter(images), masks)


def images_of(*images):
    images = [np.asarray(image)[None] for image in images]
    return unit_of([np.zeros(image.shape[1:], int) for image in images], images)


def boxes(*corners, shape=(20, 30)):
    mask = np.zeros(shape, np.int32)
    for number, (top, left, bottom, right) in enumerate(corners, 1):
        mask[top:bottom, left:right] = number
    return mask


TWO_SQUARES = boxes((2, 3, 6, 7), (10, 20, 16, 26))
EMPTY = boxes()


def test_cell_count_of_two_squares_and_of_nothing():
    frame = describe("cell-count", unit_of([TWO_SQUARES, EMPTY]), {})
    # 20 x 30 pixels of 0.5 µm are 150 µm²; the squares cover 16 + 36 pixels.
    assert frame.loc["image-0"].to_dict() == pytest.approx(
        {"count": 2, "density": 2 / 150e-6, "coverage": 52 / 600}
    )
    assert (frame.loc["image-1"] == 0).all()


def test_nuclear_shape_of_two_squares_and_of_nothing():
    frame = describe("nuclear-shape", unit_of([TWO_SQUARES, EMPTY]), {})
    row = frame.loc["image-0"]
    # 16 and 36 pixels of 0.25 µm²: 4 and 9 µm².
    assert row["area_mean"] == 6.5
    # Half the difference of the two; two nuclei have no third moment.
    assert row["area_l2"] == 2.5 and row["area_q50"] == 6.5
    assert row[["area_l3", "area_l4"]].isna().all()
    assert row["perimeter_mean"] == pytest.approx((12 + 20) / 2 * 0.5)
    assert row["eccentricity_mean"] == 0
    assert frame.loc["image-1"].isna().all()
    assert frame.shape[1] == 7 * 5


def test_nuclear_shape_knows_no_counts_and_no_intensities():
    one = unit_of([boxes((2, 3, 6, 7), (10, 20, 16, 26))])
    four = boxes((2, 3, 6, 7), (10, 20, 16, 26), (2, 10, 6, 14), (10, 3, 16, 9))
    bright = np.random.default_rng(0).integers(0, 255, (1, 20, 30)).astype(np.uint8)
    means = [column for name in ("area", "solidity") for column in (f"{name}_mean", f"{name}_q50")]
    first = describe("nuclear-shape", one, {})[means]
    second = describe("nuclear-shape", unit_of([four], [bright]), {})[means]
    pd.testing.assert_frame_equal(first, second)


def test_cut_nuclei_enter_only_where_there_is_no_whole_one():
    cut_and_whole = boxes((0, 0, 3, 3), (10, 20, 16, 26))
    only_cut = boxes((0, 0, 4, 4), (17, 10, 20, 14))
    frame = describe("nuclear-shape", unit_of([cut_and_whole, only_cut]), {})
    assert frame["area_mean"].tolist() == [9.0, (4.0 + 3.0) / 2]
    assert np.isnan(frame.loc["image-0", "area_l2"])


def test_structure_survives_turning_and_shifting_while_position_in_the_frame_does_not_count():
    mask = boxes((2, 3, 6, 12), (10, 20, 16, 26), (2, 16, 6, 19), (8, 3, 16, 9))
    masks = [mask, np.roll(mask, (2, 1), (0, 1)), np.flipud(mask).copy()]
    frames = [describe(name, unit_of(masks), {}) for name in ("cell-count", "nuclear-shape")]
    turned = unit_of([np.rot90(mask).copy()])
    for frame, name in zip(frames, ("cell-count", "nuclear-shape"), strict=True):
        rows = [*frame.to_numpy(), describe(name, turned, {}).to_numpy()[0]]
        assert np.allclose(rows, rows[0])
    grown = np.kron(mask, np.ones((2, 2), np.int32))
    larger = describe("cell-count", unit_of([grown]), {}).iloc[0]
    assert larger["density"] == pytest.approx(frames[0]["density"].iloc[0] / 4)


def test_shape_follows_the_rows_of_the_index_not_of_the_cells():
    unit = unit_of([TWO_SQUARES, EMPTY, boxes((2, 2, 12, 12))])
    order = [2, 0, 1]
    turned = Unit(
        unit.index.iloc[order], unit.channels, unit.cells.iloc[::-1], unit.images, unit.masks
    )
    for name in ("cell-count", "nuclear-shape"):
        before, after = describe(name, unit, {}), describe(name, turned, {})
        assert after.index[0] == "image-2"
        pd.testing.assert_frame_equal(after, before.iloc[order])


def test_moments_agree_with_scipy_channel_by_channel():
    rng = np.random.default_rng(0)
    dna = rng.gamma(2.0, 300.0, (1, 15, 17)).astype(np.uint16)
    actin = rng.normal(500, 50, (1, 15, 17)).astype(np.uint16)
    image = np.concatenate([dna, actin])
    unit = unit_of([np.zeros((15, 17), int)], [image], ("dna", "actin"))
    frame = describe("intensity-moments", unit, {})
    for channel, plane in (("dna", dna), ("actin", actin)):
        expected = [plane.mean(), plane.std()]
        expected += [stats.skew(plane, axis=None), stats.kurtosis(plane, axis=None)]
        columns = [f"{name}_{channel}" for name in ("mean", "sd", "skewness", "kurtosis")]
        assert np.allclose(frame.iloc[0][columns].astype(float), expected)


def test_a_constant_channel_has_no_skewness_and_no_kurtosis():
    frame = describe("intensity-moments", images_of(np.full((4, 4), 0.1)), {})
    assert frame["mean_dna"].tolist() == pytest.approx([0.1]) and frame["sd_dna"].tolist() == [0]
    assert frame[["skewness_dna", "kurtosis_dna"]].isna().all(axis=None)


def test_histogram_of_eight_bit_pixels():
    image = np.array([[0, 7], [8, 255]], np.uint8)
    row = describe("intensity-histogram", images_of(image), {}).iloc[0]
    assert len(row) == 32
    # Bins are 8 values wide: 0 and 7 in the first, 8 in the second, 255 in the last.
    assert row[row > 0].to_dict() == {
        "histogram_dna_00": 0.5,
        "histogram_dna_01": 0.25,
        "histogram_dna_31": 0.25,
    }
    thirds = np.array([[0, 85, 86, 171]], np.uint8)
    row = describe("intensity-histogram", images_of(thirds), {"bins": 3}).iloc[0]
    assert row.tolist() == [0.5, 0.25, 0.25]


def test_histogram_of_sixteen_bit_pixels():
    image = np.array([[0, 1, 3, 32767, 65535]], np.uint16)
    row = describe("intensity-histogram", images_of(image), {}).iloc[0]
    # log2(1 + v) is 0, 1, 2, 15 and 16; bins are half a doubling wide.
    assert row.to_numpy().nonzero()[0].tolist() == [0, 2, 4, 30, 31]
    assert row.max() == 0.2


def test_histogram_of_float_pixels_clips_into_the_outer_bins():
    image = np.array([[-5.0, 0.3], [0.5, 9.0]])
    row = describe("intensity-histogram", images_of(image), {"bins": 4}).iloc[0]
    assert row.tolist() == [0.25, 0.25, 0.25, 0.25]
    row = describe(
        "intensity-histogram", images_of(image), {"bins": 4, "low": -8.0, "high": 8.0}
    ).iloc[0]
    assert row.tolist() == [0.25, 0, 0.5, 0.25]


@given(seed=st.integers(0, 1000), bins=st.sampled_from([1, 7, 32]))
@settings(max_examples=20, deadline=None)
def test_intensities_know_nothing_of_the_arrangement_and_of_other_images(seed, bins):
    rng = np.random.default_rng(seed)
    image, other = (rng.integers(0, 65536, (9, 11)).astype(np.uint16) for _ in range(2))
    shuffled = rng.permutation(image.ravel()).reshape(image.shape)
    for name, arguments in (("intensity-histogram", {"bins": bins}), ("intensity-moments", {})):
        rows = describe(name, images_of(image, shuffled, other), arguments).to_numpy()
        assert np.allclose(rows[0], rows[1])
        assert np.array_equal(rows[0], describe(name, images_of(image), arguments).to_numpy()[0])
        if name == "intensity-histogram":
            assert np.allclose(rows.sum(axis=1), 1)
        else:
            assert not np.allclose(rows[0], rows[2])


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((4, 4), np.int64), {}, "int64"),
        (np.full((4, 4), np.nan), {}, "not finite"),
        (np.zeros((4, 4)), {"bins": 0}, "bins 0"),
        (np.zeros((4, 4)), {"low": 1.0}, "low 1.0 and high 1.0"),
    ],
)
def test_what_has_no_histogram_is_named(image, arguments, message):
    with pytest.raises(InputError, match=message):
        describe("intensity-histogram", images_of(image), arguments)


def test_position_is_a_polynomial_of_degree_two():
    unit = unit_of([EMPTY, EMPTY], position_row=[2, np.nan], position_column=[5, np.nan])
    frame = describe("position", unit, {})
    assert frame.iloc[0].tolist() == [2, 5, 4, 25, 10]
    assert frame.iloc[1].isna().all()


def test_position_and_batch_are_undefined_where_nothing_is_known():
    assert describe("position", unit_of([EMPTY]), {}).isna().all(axis=None)
    frame = describe("batch", unit_of([EMPTY, EMPTY]), {})
    assert list(frame.columns) == ["batch"] and frame.isna().all(axis=None)


@pytest.mark.parametrize("unknown", [np.nan, ""])
def test_an_empty_batch_is_no_batch(unknown):
    frame = describe("batch", unit_of([EMPTY] * 2, batch=[unknown, unknown]), {})
    assert list(frame.columns) == ["batch"] and frame.isna().all(axis=None)
    frame = describe("batch", unit_of([EMPTY] * 2, batch=["a", unknown]), {})
    assert list(frame.columns) == ["batch=a"]
    assert frame["batch=a"].iloc[0] == 1 and np.isnan(frame["batch=a"].iloc[1])


def test_batch_is_one_hot_and_says_what_other_units_columns_hold():
    frame = describe("batch", unit_of([EMPTY] * 4, batch=["b", "a", "b", np.nan]), {})
    assert list(frame.columns) == ["batch=a", "batch=b"]
    assert frame.iloc[:3].to_numpy().tolist() == [[0, 1], [1, 0], [0, 1]]
    assert frame.iloc[3].isna().all()
    assert frame.attrs["absent"] == 0.0


def noise_of(items, **arguments):
    cells = measure(
        np.ones((1, 4, 4)), boxes(shape=(4, 4)), item="", channels=("dna",), microns_per_pixel=1
    )
    return describe("noise", Unit(index_of(items), ("dna",), cells, [], []), arguments)


def test_noise_depends_on_seed_and_item_alone():
    items = [f"item-{number}" for number in range(50)]
    frame = noise_of(items)
    pd.testing.assert_frame_equal(noise_of(items[::-1]), frame.iloc[::-1])
    pd.testing.assert_frame_equal(noise_of(items[7:9]), frame.iloc[7:9])
    assert not np.isclose(frame, noise_of(items, seed=1)).any()
    assert not frame.duplicated().any()


def test_noise_is_standard_normal_and_uncorrelated():
    frame = noise_of([f"item-{number}" for number in range(500)])
    assert frame.shape == (500, 64)
    assert stats.kstest(frame.to_numpy().ravel(), "norm").pvalue > 0.001
    correlation = np.corrcoef(frame.to_numpy(), rowvar=False) - np.eye(64)
    assert np.abs(correlation).max() < 5 / np.sqrt(500)


def test_noise_is_the_same_in_another_process():
    program = (
        "import pandas as pd; from types import SimpleNamespace;"
        "from twinscope.baselines.null import noise;"
        "unit = SimpleNamespace(index=pd.DataFrame({'item': ['item-7']}));"
        "print(noise(unit, dimensions=3).iloc[0].tolist())"
    )
    scripts = Path(twinscope.__file__).parents[1]
    environment = os.environ | {"PYTHONHASHSEED": "12", "PYTHONPATH": str(scripts)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(noise_of(["item-7"], dimensions=3).iloc[0].tolist())


def test_constant_is_one_column_of_ones():
    frame = describe("constant", unit_of([EMPTY, TWO_SQUARES]), {})
    assert frame.to_numpy().tolist() == [[1.0], [1.0]]


# Those that need true factors, whole cells, colours, two channels, a larger image, or columns of
# the index that these images do not have; each has tests of its own.
NEEDY = {"true-factors", "planted", "cell-shape", "optical-density", "channel-correlation"}
NEEDY |= {"mask-network", "file-size", "library-size"}


@pytest.mark.parametrize("name", sorted(set(BASELINES) - NEEDY))
def test_every_baseline_keeps_its_shape_with_and_without_cells(name):
    full = describe(name, unit_of([TWO_SQUARES, EMPTY]), {})
    empty = describe(name, unit_of([EMPTY, EMPTY]), {})
    assert list(full.index) == list(empty.index) == ["image-0", "image-1"]
    assert list(full.columns) == list(empty.columns)
    assert all(dtype.kind == "f" for dtype in [*full.dtypes, *empty.dtypes])


def test_unknown_baselines_and_arguments_are_named():
    unit = unit_of([EMPTY])
    with pytest.raises(InputError, match="'cell-counts'.*did you mean 'cell-count'"):
        describe("cell-counts", unit, {})
    with pytest.raises(InputError, match="'bin' of baseline.*did you mean 'bins'"):
        describe("intensity-histogram", unit, {"bin": 3})
    with pytest.raises(InputError, match="'seed' of baseline 'constant'.*no argument"):
        describe("constant", unit, {"seed": 3})
    with pytest.raises(InputError, match="dimensions 0"):
        describe("noise", unit, {"dimensions": 0})


def test_rows_that_do_not_match_stop_the_job():
    unit = unit_of([TWO_SQUARES, TWO_SQUARES])
    twice = Unit(unit.index.iloc[[0, 0]], unit.channels, unit.cells, [], [])
    with pytest.raises(InputError, match="'image-0' twice"):
        describe("constant", twice, {})
    stray = Unit(unit.index.iloc[:1], unit.channels, unit.cells, [], [])
    with pytest.raises(InputError, match="'image-1'"):
        describe("cell-count", stray, {})
    with pytest.raises(ValueError):
        describe("intensity-moments", Unit(unit.index, ("dna",), unit.cells, [], []), {})


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": [1.0]}, index=["image-0"]), "rows"),
        (pd.DataFrame({"a": [1.0, 2.0]}, index=["image-1", "image-0"]), "rows"),
        (pd.DataFrame({"a": [1, 2]}, index=["image-0", "image-1"]), "float"),
        (pd.DataFrame(index=["image-0", "image-1"]), "no columns"),
    ],
)
def test_a_baseline_of_the_wrong_shape_is_refused(monkeypatch, frame, message):
    monkeypatch.setitem(BASELINES, "broken", "null.broken")
    monkeypatch.setattr(null, "broken", lambda unit: frame, raising=False)
    with pytest.raises(ValueError, match=message):
        describe("broken", unit_of([EMPTY, EMPTY]), {})
