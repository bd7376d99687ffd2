"""Baselines of nuclei and cells, worked by hand and as properties."""

import numpy as np
import pandas as pd
import pytest

from twinscope import cells
from twinscope.baselines import Unit, nuclei
from twinscope.errors import InputError

FUNCTIONS = {
    "intensity": nuclei.nuclear_intensity,
    "texture": nuclei.nuclear_texture,
    "cell-shape": nuclei.cell_shape,
    "organelles": nuclei.organelles,
}
OWN = list(FUNCTIONS.values())


def unit_of(labels, images, bodies=None, channels=("dna", "mito")):
    items = [f"image-{number}" for number in range(len(labels))]
    tables = [
        cells.measure(
            image, label, item=item, channels=channels, microns_per_pixel=0.5, cell_labels=body
        )
        for item, image, label, body in zip(
            items, images, labels, bodies or [None] * len(items), strict=True
        )
    ]
    table = pd.concat(tables, ignore_index=True)
    return Unit(pd.DataFrame({"item": items}), tuple(channels), table, iter([]), iter([]))


def table_of(**columns):
    """A unit of two images, three whole nuclei in the first and none in the second."""
    table = pd.DataFrame({"item": "a", "border": [False] * 3, "cell_border": False} | columns)
    return Unit(pd.DataFrame({"item": ["a", "b"]}), ("dna",), table, [], [])


def scene(seed=0, shape=(72, 100)):
    """Four cells in two channels, none at the edge."""
    rng = np.random.default_rng(seed)
    labels, bodies = np.zeros(shape, int), np.zeros(shape, int)
    for number, (top, left) in enumerate([(8, 8), (8, 54), (38, 12), (38, 52)], 1):
        bodies[top : top + 26, left : left + 34] = number
        labels[top + 6 : top + 18, left + 8 : left + 22] = number
    light = rng.gamma(4, 25, (2, *shape))
    light[0] += 400 * (labels > 0)
    return light, labels, bodies


def test_intensity_by_hand():
    unit = table_of(intensity_mean_dna=[1.0, 2.0, 6.0], ring_mean_dna=[4.0, 4.0, 4.0])
    frame = nuclei.nuclear_intensity(unit)
    assert frame.loc["a"].to_dict() == pytest.approx(
        {
            "intensity_mean_dna_mean": 3,
            "intensity_mean_dna_l2": (1 + 5 + 4) / 3 / 2,
            "ring_mean_dna_mean": 4,
            "ring_mean_dna_l2": 0,
        }
    )
    assert frame.loc["b"].isna().all()
    without = nuclei.nuclear_intensity(table_of(intensity_mean_dna=[1.0, 2.0, 6.0]))
    assert list(without.columns) == ["intensity_mean_dna_mean", "intensity_mean_dna_l2"]


def test_texture_by_hand():
    columns = {f"texture_{name}_dna": [0.1, np.nan, 0.3] for name in nuclei.TEXTURES}
    frame = nuclei.nuclear_texture(table_of(**columns))
    assert frame.shape == (2, 10)
    assert frame.loc["a", "texture_cv_dna_mean"] == pytest.approx(0.2)
    assert frame.loc["a", "texture_cv_dna_l2"] == pytest.approx(0.1)
    assert frame.loc["b"].isna().all()


def test_cell_shape_by_hand():
    shapes = dict.fromkeys(nuclei.CELL_SHAPES, [1.0, 2.0, 6.0])
    frame = nuclei.cell_shape(table_of(**shapes))
    assert frame.shape == (2, 15)
    assert frame.loc["a", ["cell_area_mean", "cell_area_q50"]].tolist() == [3, 2]
    cut = nuclei.cell_shape(table_of(**shapes, cell_border=[False, False, True]))
    assert cut.loc["a", "cell_area_mean"] == 1.5


def test_organelles_by_hand():
    unit = table_of(
        intensity_mean_dna=[1.0, 3.0, 0.0],
        ring_mean_dna=[1.0, 1.0, 0.0],
        reach_dna=[0.8, 0.9, np.nan],
        coherence_dna=[0.0, 0.5, 1.0],
    )
    row = nuclei.organelles(unit).loc["a"]
    # 1 of 2 and 1 of 4; nothing of nothing is undefined.
    assert row["ring_share_dna_mean"] == 0.375
    assert row["reach_dna_mean"] == pytest.approx(0.85)
    assert row["coherence_dna_l2"] == pytest.approx((0.5 + 1 + 0.5) / 3 / 2)
    assert len(row) == 6
    kept = unit.cells[["item", "border", "intensity_mean_dna", "ring_mean_dna"]]
    nuclei_only = nuclei.organelles(Unit(unit.index, unit.channels, kept, [], []))
    assert list(nuclei_only.columns) == ["ring_share_dna_mean", "ring_share_dna_l2"]


@pytest.mark.parametrize(
    ("function", "missing"),
    [
        (nuclei.cell_shape, "'cell_area'"),
        (nuclei.nuclear_texture, "'texture_cv_dna'"),
        (nuclei.organelles, "'ring_mean_dna'"),
    ],
)
def test_what_was_not_measured_is_named(function, missing):
    with pytest.raises(InputError, match=missing):
        function(table_of(intensity_mean_dna=[1.0, 2.0, 3.0]))


def test_a_data_set_without_whole_cells_is_told_so():
    light, labels, _ = scene()
    with pytest.raises(InputError, match="masks of whole cells"):
        nuclei.cell_shape(unit_of([labels], [light]))
    assert nuclei.organelles(unit_of([labels], [light])).shape == (1, 4)


@pytest.mark.parametrize("function", OWN)
def test_rows_columns_and_types_are_the_same_without_nuclei(function):
    light, labels, bodies = scene()
    none = np.zeros_like(labels)
    full = function(unit_of([none, labels], [light, light], [none, bodies]))
    empty = function(unit_of([none], [light], [none]))
    assert list(full.index) == ["image-0", "image-1"]
    assert list(full.columns) == list(empty.columns)
    assert all(kind.kind == "f" for kind in [*full.dtypes, *empty.dtypes])
    assert empty.isna().all(axis=None) and full.loc["image-0"].isna().all()
    assert full.loc["image-1"].notna().all()


@pytest.mark.parametrize("function", OWN)
def test_order_of_nuclei_and_of_images_does_not_count(function):
    scenes = [scene(seed) for seed in range(3)]
    light, labels, bodies = zip(*scenes, strict=True)
    unit = unit_of(labels, light, bodies)
    turned = Unit(unit.index.iloc[::-1], unit.channels, unit.cells.iloc[::-1], [], [])
    pd.testing.assert_frame_equal(function(turned).iloc[::-1], function(unit))


@pytest.mark.parametrize("function", OWN)
def test_turning_and_shifting_change_nothing(function):
    light, labels, bodies = scene()
    moves = [
        lambda a: a,
        lambda a: np.rot90(a, axes=(-2, -1)).copy(),
        lambda a: np.roll(a, (2, -1), (-2, -1)),
        lambda a: a[..., ::-1].copy(),
    ]
    frames = [function(unit_of([m(labels)], [m(light)], [m(bodies)])) for m in moves]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])


@pytest.mark.parametrize("function", OWN)
def test_the_same_cells_twice_have_the_same_means(function):
    light, labels, bodies = scene()
    twice = [np.concatenate([a, a], axis=-1) for a in (light, labels, bodies)]
    for pair, single in zip(twice[1:], (labels, bodies), strict=True):
        pair[:, single.shape[1] :][single > 0] += 4
    one, two = (
        function(unit_of([parts[1]], [parts[0]], [parts[2]])).filter(regex="_mean$")
        for parts in ((light, labels, bodies), twice)
    )
    pd.testing.assert_frame_equal(one, two)


def test_cut_nuclei_enter_only_where_there_is_no_whole_one():
    light, labels, bodies = scene()
    shifted = [np.roll(a, -18, -1) for a in (light, labels, bodies)]
    for part in shifted[1:]:
        part[:, -18:] = 0
    means = nuclei.nuclear_intensity(unit_of([shifted[1]], [shifted[0]], [shifted[2]]))
    whole = [shifted[0][0][shifted[1] == label].mean() for label in (2, 3, 4)]
    assert 0 in np.nonzero(shifted[1] == 1)[1] and 0 not in np.nonzero(shifted[1] == 3)[1]
    assert means["intensity_mean_dna_mean"].iloc[0] == pytest.approx(np.mean(whole))
    only = np.where(shifted[1] == 1, 1, 0)
    alone = nuclei.nuclear_intensity(unit_of([only], [shifted[0]]))
    assert alone["intensity_mean_dna_mean"].iloc[0] == shifted[0][0][only == 1].mean()
    assert np.isnan(alone["intensity_mean_dna_l2"].iloc[0])


def test_brightness_moves_intensity_and_neither_texture_nor_organelles():
    light, labels, bodies = scene()
    frames = {}
    for name in ("intensity", "texture", "organelles"):
        unit = unit_of([labels] * 2, [light, 3 * light], [bodies] * 2)
        frames[name] = FUNCTIONS[name](unit).to_numpy()
    assert np.allclose(frames["intensity"][1], 3 * frames["intensity"][0])
    assert np.allclose(frames["texture"][0], frames["texture"][1])
    assert np.allclose(frames["organelles"][0], frames["organelles"][1])
