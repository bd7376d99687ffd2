import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import disk, ellipse

from twinscope.errors import InputError
from twinscope.segmentation import whole
from twinscope.sources import simulated

CULTURE = simulated.channels("cells")
SHAPE = (120, 160)


def grow(plane, nuclei, **changes):
    given = {"channels": ("actin",), "cell_channel": "actin", "microns_per_pixel": 0.5}
    image = plane if np.ndim(plane) == 3 else np.asarray(plane)[None]
    return whole.grow(image, nuclei, **(given | changes))


def nuclei_at(*centres, radius=8):
    nuclei = np.zeros(SHAPE, np.int32)
    for label, centre in enumerate(centres, 1):
        nuclei[disk(centre, radius, shape=SHAPE)] = label
    return nuclei


def cytoplasm(*bodies):
    body = np.zeros(SHAPE, bool)
    for row, column, high, wide in bodies:
        body[ellipse(row, column, high, wide, shape=SHAPE)] = True
    return body


def photograph(body, level=1000.0, seed=0):
    light = ndimage.gaussian_filter(level * np.asarray(body, float), 1)
    return light + np.random.default_rng(seed).normal(200, 10, SHAPE)


def overlap(first, second):
    return np.sum(first & second) / np.sum(first | second)


def picture(number=0, **arguments):
    usual = {"size": 192, "microns_per_pixel": 0.65, "density": 600, "rows": 6, "columns": 8}
    pictures = simulated.simulate("cells", "whole", 31, **(usual | arguments))
    return [one for one, _ in zip(pictures, range(number + 1), strict=False)][-1]


def overlaps(one, cell_channel):
    cells = whole.grow(
        one.image,
        one.nuclei,
        channels=CULTURE,
        cell_channel=cell_channel,
        microns_per_pixel=one.row["microns_per_pixel"],
    )
    labels = np.unique(one.nuclei[one.nuclei > 0])
    return [overlap(cells == label, one.cells == label) for label in labels]


def test_a_cell_is_its_cytoplasm_and_bears_the_label_of_its_nucleus():
    body = cytoplasm((60, 80, 22, 30))
    cells = grow(photograph(body), 7 * nuclei_at((60, 70)))
    assert cells.dtype == np.int32 and set(np.unique(cells)) == {0, 7}
    assert overlap(cells > 0, body) > 0.95


def test_one_body_with_two_nuclei_is_split_half_way():
    body = cytoplasm((60, 80, 24, 40))
    cells = grow(photograph(body), nuclei_at((60, 60), (60, 100)))
    left = np.arange(SHAPE[1]) < 80
    assert overlap(cells == 1, body & left) > 0.93
    assert overlap(cells == 2, body & ~left) > 0.93


def test_a_dimmer_seam_parts_cells_even_where_it_is_nearer_to_one_nucleus():
    body = cytoplasm((60, 80, 22, 50)).astype(float)
    body[:, 98:104] *= 0.5
    cells = grow(photograph(body), nuclei_at((60, 70), (60, 116)))
    left = np.arange(SHAPE[1]) < 101
    assert overlap(cells == 1, (body > 0) & left & (np.arange(SHAPE[1]) > 30)) > 0.9
    assert overlap(cells == 2, (body > 0) & ~left) > 0.85


def test_a_nucleus_without_cytoplasm_is_its_own_cell():
    body = cytoplasm((40, 40, 22, 22))
    nuclei = nuclei_at((40, 40), (85, 130))
    cells = grow(photograph(body), nuclei)
    assert np.sum(cells == 1) > 3 * np.sum(nuclei == 1)
    assert overlap(cells == 2, nuclei == 2) > 0.95


def test_a_dim_cell_beside_a_bright_one_keeps_its_cytoplasm():
    bright, dim = cytoplasm((40, 40, 22, 22)), cytoplasm((80, 120, 22, 22))
    cells = grow(photograph(bright + 0.3 * dim), nuclei_at((40, 40), (80, 120)))
    assert overlap(cells == 1, bright) > 0.85
    assert overlap(cells == 2, dim) > 0.85


def test_cytoplasm_that_touches_no_nucleus_belongs_to_nobody():
    body = cytoplasm((40, 40, 22, 22), (90, 130, 14, 14))
    cells = grow(photograph(body), nuclei_at((40, 40)), reach=60.0)
    assert np.all(cells[78:, 118:] == 0)


@pytest.mark.parametrize("reach", [5.0, 12.0, 20.0])
def test_no_cell_reaches_further_from_its_nucleus_than_allowed(reach):
    nuclei = nuclei_at((60, 20))
    bar = np.zeros(SHAPE, bool)
    bar[50:70, 5:155] = True
    cells = grow(photograph(bar), nuclei, reach=reach)
    far = ndimage.distance_transform_edt(nuclei == 0) * 0.5
    assert reach - 1 < far[cells > 0].max() <= reach


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_lengths_are_in_micrometres(scale):
    bar, nuclei = np.zeros(SHAPE, bool), nuclei_at((60, 20))
    bar[50:70, 5:155] = True
    cells = grow(photograph(bar), nuclei, microns_per_pixel=scale)
    assert abs(np.flatnonzero(cells[60]).max() - (27 + 20 / scale)) <= 1


def test_a_slope_and_an_offset_of_the_background_do_not_matter():
    body, nuclei = cytoplasm((40, 40, 22, 22), (80, 110, 20, 26)), nuclei_at((40, 40), (80, 110))
    plane = photograph(body)
    cells = grow(plane, nuclei)
    sloping = grow(plane + np.linspace(0, 400, SHAPE[1]), nuclei)
    assert all(overlap(cells == label, sloping == label) > 0.9 for label in (1, 2))


@given(gain=st.floats(0.01, 100), offset=st.floats(-100, 1000))
@settings(max_examples=10, deadline=None)
def test_gain_does_not_matter(gain, offset):
    plane, nuclei = photograph(cytoplasm((60, 80, 24, 40))), nuclei_at((60, 60), (60, 100))
    cells, changed = grow(plane, nuclei), grow(plane * gain + offset, nuclei)
    assert np.mean(cells != changed) < 0.002


def test_channels_are_averaged_after_scaling():
    left, right = cytoplasm((60, 50, 20, 20)), cytoplasm((60, 110, 20, 20))
    nuclei = nuclei_at((60, 50), (60, 110))
    image = np.stack([photograph(left, 300), photograph(right, 9000, seed=1)])
    names = {"channels": ("er", "actin")}
    one = grow(image, nuclei, **names, cell_channel="er")
    assert overlap(one == 1, left) > 0.9 and overlap(one == 2, nuclei == 2) > 0.9
    both = grow(image, nuclei, **names, cell_channel=["er", "actin"])
    assert overlap(both == 1, left) > 0.9 and overlap(both == 2, right) > 0.9


def test_a_channel_without_signal_is_left_out():
    body, nuclei = cytoplasm((60, 80, 24, 40)), nuclei_at((60, 60), (60, 100))
    image = np.stack([photograph(body), photograph(np.zeros(SHAPE), seed=1)])
    names = {"channels": ("er", "actin")}
    alone = grow(image, nuclei, **names, cell_channel=["er"])
    assert np.array_equal(grow(image, nuclei, **names, cell_channel=["er", "actin"]), alone)
    assert np.array_equal(grow(image, nuclei, **names, cell_channel=["actin"]), nuclei)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(3))
def test_without_signal_cells_are_their_nuclei(seed):
    rng, nuclei = np.random.default_rng(seed), nuclei_at((40, 40), (85, 130))
    ramp = np.add.outer(2.0 * np.arange(SHAPE[0]), np.arange(SHAPE[1]))
    grain = ndimage.gaussian_filter(rng.normal(0, 100, SHAPE), 3)
    for plane in (
        np.zeros(SHAPE, np.uint16),
        np.full(SHAPE, 65535, np.uint16),
        rng.normal(300, 20, SHAPE),
        rng.poisson(5, SHAPE).astype(np.uint16),
        grain,
        ramp + rng.normal(0, 5, SHAPE),
    ):
        assert np.array_equal(grow(plane, nuclei), nuclei)


def test_without_nuclei_there_are_no_cells():
    cells = grow(photograph(cytoplasm((60, 80, 24, 40))), np.zeros(SHAPE, np.uint16))
    assert cells.dtype == np.int32 and cells.shape == SHAPE and not cells.any()


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("channel", ["AGP", "ER", ["ER", "RNA", "AGP"]])
def test_every_nucleus_lies_wholly_in_its_own_connected_cell(number, channel):
    one = picture(number)
    given = {"channels": CULTURE, "cell_channel": channel, "microns_per_pixel": 0.65}
    cells = whole.grow(one.image, one.nuclei, **given)
    inside = one.nuclei > 0
    assert np.array_equal(cells[inside], one.nuclei[inside])
    assert np.array_equal(np.unique(cells), np.unique(one.nuclei))
    far, at = ndimage.distance_transform_edt(~inside, return_indices=True)
    assert far[cells > 0].max() * 0.65 <= 20
    for label in np.unique(one.nuclei[inside]):
        pieces, count = ndimage.label(cells == label)
        own = np.unique(pieces[one.nuclei == label])
        assert count == len(own), "each piece of a cell holds a piece of its nucleus"
    assert np.array_equal(cells, whole.grow(one.image, one.nuclei, **given))


@pytest.mark.parametrize(
    ("channel", "least"), [("AGP", 0.84), ("ER", 0.86), (["ER", "RNA", "AGP"], 0.88)]
)
def test_simulated_cells_are_found(channel, least):
    found = sum((overlaps(picture(number), channel) for number in range(4)), [])
    assert len(found) > 25 and np.mean(found) > least
    apart = picture(density=100, size=384)
    assert np.mean(overlaps(apart, channel)) > least + 0.05


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_has_the_same_cells(turns):
    one = picture()
    given = {"channels": CULTURE, "cell_channel": ["ER", "AGP"], "microns_per_pixel": 0.65}
    cells = whole.grow(one.image, one.nuclei, **given)
    turned = whole.grow(
        np.rot90(one.image, turns, (1, 2)).copy(), np.rot90(one.nuclei, turns).copy(), **given
    )
    assert cells.any() and np.mean(np.rot90(cells, turns) != turned) < 0.002


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (40, 7)])
@pytest.mark.parametrize("microns", [0.05, 0.65, 8.0])
def test_tiny_images_survive_any_pixel_size(shape, microns):
    nuclei = np.zeros(shape, np.int32)
    nuclei[0, 0] = 3
    plane = np.random.default_rng(0).integers(0, 255, shape)
    cells = grow(plane, nuclei, microns_per_pixel=microns)
    assert cells.shape == shape and cells[0, 0] == 3 and set(np.unique(cells)) <= {0, 3}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell_channel": "actn"}, "'actn'.*did you mean 'actin'"),
        ({"cell_channel": ["actin", "er"]}, "'er'"),
        ({"cell_channel": []}, "no cell channel"),
        ({"channels": ("actin", "er")}, "C names"),
        ({"microns_per_pixel": 0}, "microns_per_pixel 0"),
        ({"microns_per_pixel": float("nan")}, "microns_per_pixel nan"),
        ({"reach": -1.0}, "reach -1"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        grow(photograph(cytoplasm((60, 80, 24, 40))), nuclei_at((60, 60)), **changes)


def test_bad_arrays_are_named():
    plane, nuclei = photograph(cytoplasm((60, 80, 24, 40))), nuclei_at((60, 60))
    for wrong in (nuclei[:-1], nuclei.astype(float), -nuclei):
        with pytest.raises(InputError, match="whole labels"):
            grow(plane, wrong)
    plane[3, 3] = np.inf
    with pytest.raises(InputError, match="not finite"):
        grow(plane, nuclei)
