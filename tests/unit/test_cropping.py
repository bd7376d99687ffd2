import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinscope import cropping, images


def sizes(*rows):
    table = pd.DataFrame(rows, columns=["item", "height", "width"])
    return table.assign(path=table["item"] + ".tif", bytes=9, microns_per_pixel=0.5)


def ramp(*shape, dtype=np.uint8):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    ("size", "corners"),
    [
        (None, [(0, 0, 5, 7)]),
        # One row and three columns of 2: 1 row and 1 column over, the odd pixel at the far end.
        (2, [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4)]),
        (3, [(1, 0), (1, 3)]),
        (5, [(0, 1)]),
        (6, []),
    ],
)
def test_corners_of_tiles(size, corners):
    expected = [c if len(c) == 4 else (*c, size, size) for c in corners]
    assert images.tiles(5, 7, size) == expected


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20))
def test_tiles_lie_inside_do_not_overlap_and_are_as_many_as_fit(height, width, size):
    seen = np.zeros((height, width), int)
    for y, x, h, w in images.tiles(height, width, size):
        assert (h, w) == (size, size) and y >= 0 and x >= 0
        assert y + h <= height and x + w <= width
        seen[y : y + h, x : x + w] += 1
    assert seen.max() <= 1
    assert seen.sum() == (height // size) * (width // size) * size * size
    # Centred: what is left over differs by one pixel at most between the two sides.
    if seen.any():
        rows, columns = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
        assert 0 <= (height - 1 - rows[-1]) - rows[0] <= 1
        assert 0 <= (width - 1 - columns[-1]) - columns[0] <= 1


def test_names_of_tiles():
    assert images.tile_names("a", 1) == ["a"]
    assert images.tile_names("a", 3) == ["a#000", "a#001", "a#002"]
    assert images.tile_names("a", 0) == []


def test_cut_takes_the_pixels_at_the_corners():
    image = ramp(2, 4, 4)
    first, second = images.cut(image, [(0, 1, 2, 2), (2, 0, 1, 4)])
    assert first.tolist() == [[[1, 2], [5, 6]], [[17, 18], [21, 22]]]
    assert second.tolist() == [[[8, 9, 10, 11]], [[24, 25, 26, 27]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_good_image_passes_as_it_is(dtype):
    image = ramp(3, 4, 5, dtype=dtype)
    passed = images.check(image, ["r", "g", "b"], "f", "i")
    assert passed.dtype == dtype
    np.testing.assert_array_equal(passed, image)
    assert images.check(ramp(1, 4, 5, dtype=np.float64), ["r"], "f", "i").dtype == np.float32
    half = images.check(ramp(1, 2, 2, dtype=np.float16), ["r"], "f", "i")
    assert half.dtype == np.float32 and half.tolist() == [[[0, 1], [2, 3]]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (ramp(2, 4, 4), ["2 channels of shape (2, 4, 4)", "3 (r, g, b)"]),
        (ramp(4, 4, 4), ["4 channels", "3 (r, g, b)"]),
        (ramp(4, 4), ["2 dimensions"]),
        (ramp(3, 4, 4, dtype=np.int16), ["int16", "uint8, uint16 or floating point"]),
        (ramp(3, 4, 4, dtype=np.uint32), ["uint32"]),
        (ramp(3, 4, 4) > 5, ["bool"]),
        (np.full((3, 4, 4), 7, np.uint8), ["every pixel equal to 7"]),
        (np.zeros((3, 4, 4), np.float32), ["every pixel equal to 0.0"]),
        (np.where(ramp(3, 4, 4) > 45, np.nan, 0.5), ["2 NaN or infinite"]),
        (np.where(ramp(3, 4, 4) > 46, np.inf, 0.5), ["1 NaN or infinite"]),
        (np.where(ramp(3, 4, 4) > 46, 1e300, 0.5), ["1 NaN or infinite"]),
    ],
)
def test_images_that_are_not_as_declared(image, words, refused):
    with refused(*words, file="f.tif", row="item", column="image"):
        images.check(image, ["r", "g", "b"], "f.tif", "item")


def test_one_constant_channel_is_no_blank_image():
    image = ramp(3, 4, 4)
    image[1] = 0
    assert images.check(image, ["r", "g", "b"], "f", "i") is image


def test_scaling_by_type_keeps_brightness():
    image = np.array([[[0, 51, 255]]], np.uint8)
    assert images.scale(image, "dtype").tolist() == [[[0, np.float32(0.2), 1]]]
    deep = np.array([[[0, 13107, 65535]]], np.uint16)
    assert images.scale(deep, "dtype").tolist() == [[[0, np.float32(0.2), 1]]]
    real = np.array([[[-1, 0.25, 3]]], np.float32)
    assert images.scale(real, "dtype").tolist() == [[[0, 0.25, 1]]]
    assert images.scale(deep, "dtype").dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_scaling_by_percentile_stretches_each_channel_by_itself(dtype):
    # 1001 values: percentiles 0.1 and 99.9 fall on the second and the last but one.
    line = np.arange(1001) // 5 if dtype == np.uint8 else np.arange(1001)
    image = np.stack([line, np.full(1001, 9)])[:, None].astype(dtype)
    scaled = images.scale(image, "percentile")
    assert scaled.dtype == np.float32 and scaled.shape == image.shape
    low, high = np.sort(line)[[1, 999]]
    np.testing.assert_allclose(scaled[0, 0], np.clip((line - low) / (high - low), 0, 1), atol=1e-6)
    # A constant channel is 0, and no division by 0.
    assert (scaled[1] == 0).all()


@given(st.integers(1, 100), st.integers(0, 1000))
def test_percentile_scaling_does_not_see_gain_and_offset(gain, offset):
    image = np.random.default_rng(0).integers(0, 500, (2, 9, 9)).astype(np.uint16)
    there = images.scale((image * gain + offset).astype(np.uint16), "percentile")
    np.testing.assert_allclose(there, images.scale(image, "percentile"), atol=1e-6)


def test_plan_of_whole_images_and_of_tiles():
    given_ = sizes(("b", 4, 6), ("a", 5, 6))
    tiles = cropping.plan(given_, 2)
    assert tiles["item"].tolist() == [f"{i}#00{k}" for i in "ab" for k in range(6)]
    assert tiles["image"].tolist() == ["a"] * 6 + ["b"] * 6
    assert tiles["tile_y"].tolist() == [0, 0, 0, 2, 2, 2] * 2
    assert tiles["tile_x"].tolist() == [0, 2, 4] * 4
    assert set(tiles["height"]) == set(tiles["width"]) == {2}
    assert set(tiles["microns_per_pixel"]) == {0.5}
    whole = cropping.plan(sizes(("b", 4, 6), ("a", 4, 6)), None)
    assert whole["item"].tolist() == whole["image"].tolist() == ["a", "b"]
    assert whole[["tile_y", "tile_x", "height", "width"]].values.tolist() == [[0, 0, 4, 6]] * 2


def test_an_image_smaller_than_a_tile(refused):
    with refused("4 x 6 pixels", "a tile of 5", file="b.tif", row="b", column="tile"):
        cropping.plan(sizes(("b", 4, 6), ("a", 5, 6)), 5)


def test_whole_images_of_two_sizes(refused):
    with refused("4 x 6", "'a' has 5 x 6", "a tile size", row="b", column="tile"):
        cropping.plan(sizes(("b", 4, 6), ("a", 5, 6)), None)


def test_tiles_are_cut_in_the_order_of_the_plan():
    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 2, 5)), 2)
    pictures = [("a", "a.tif", ramp(1, 4, 4)), ("b", "b.tif", ramp(1, 2, 5) + 100)]
    cut = np.stack(list(cropping.cut(pictures, tiles, ["grey"])))
    expected = [[[0, 1], [4, 5]], [[2, 3], [6, 7]], [[8, 9], [12, 13]], [[10, 11], [14, 15]]]
    expected += [[[100, 101], [105, 106]], [[102, 103], [107, 108]]]
    assert cut[:, 0].tolist() == expected
    assert len(tiles) == len(cut)


def test_cut_is_lazy():
    def pictures():
        yield "a", "a.tif", ramp(1, 4, 4)
        raise AssertionError("the second image was asked for")

    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 4, 4)), None)
    assert next(cropping.cut(pictures(), tiles, ["grey"])).shape == (1, 4, 4)


def test_images_of_two_types_or_not_as_declared(refused):
    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 4, 4)), None)
    pictures = [("a", "a.tif", ramp(1, 4, 4)), ("b", "b.tif", ramp(1, 4, 4, dtype=np.uint16))]
    with refused("uint16 pixels", "uint8", file="b.tif", row="b", column="image"):
        list(cropping.cut(pictures, tiles, ["grey"]))
    with refused("1 channels", "2 (x, y)", file="a.tif", row="a", column="image"):
        list(cropping.cut(pictures, tiles, ["x", "y"]))


def known(items, **columns):
    return pd.DataFrame(
        {"path:0": items, "item": items, "label": items, "microns_per_pixel": 9.0, **columns}
    )


def test_each_tile_gets_what_is_known_of_its_image():
    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 4, 4)), 2)
    index = cropping.annotate(tiles, known(["b", "a"], dose=[2.0, 1.0], ok=[True, False]))
    pd.testing.assert_frame_equal(index[tiles.columns], tiles)
    assert index["label"].tolist() == ["a"] * 4 + ["b"] * 4
    assert index["dose"].tolist() == [1.0] * 4 + [2.0] * 4
    assert index["ok"].dtype == bool
    assert set(index) == {*tiles, "label", "dose", "ok"}


def test_annotated_tiles_keep_the_order_of_the_stack():
    # "a b" stands behind "a", but "a b#000" before "a#000".
    tiles = cropping.plan(sizes(("a", 4, 4), ("a b", 4, 4)), 2)
    index = cropping.annotate(tiles, known(["a b", "a"]))
    assert tiles["item"].tolist() != sorted(tiles["item"])
    assert index["item"].tolist() == tiles["item"].tolist()


def test_columns_of_the_user_that_are_called_like_the_tiles():
    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 4, 4)), None)
    theirs = {name: ["p", "q"] for name in ("image", "height", "tile_y", "width")}
    index = cropping.annotate(tiles, known(["a", "b"], **theirs))
    pd.testing.assert_frame_equal(index[tiles.columns], tiles)
    for name in theirs:
        assert index[f"{name}_given"].tolist() == ["p", "q"]
    assert index.columns.is_unique


@pytest.mark.parametrize("items", [["a"], ["a", "b", "c"], ["a", "c"]])
def test_images_and_table_must_hold_the_same_items(items, refused):
    tiles = cropping.plan(sizes(("a", 4, 4), ("b", 4, 4)), None)
    odd = sorted({"a", "b"} ^ set(items))[0]
    with refused(repr(odd), "the same images", row=odd):
        cropping.annotate(tiles, known(items))


def planes(*arrays):
    return [(name, f"{name}.png", a[None]) for name, a in zip("ab", arrays, strict=False)]


def test_masks_are_cut_as_images_are_and_keep_their_labels():
    table = sizes(("a", 5, 7), ("b", 4, 4))
    tiles = cropping.plan(table, 2)
    masks = [np.arange(35).reshape(5, 7), np.full((4, 4), 300)]
    cut = list(cropping.cut_labels(planes(*masks), table, tiles))
    assert len(cut) == len(tiles) == 6 + 4
    assert cut[0].tolist() == [[0, 1], [7, 8]]
    assert cut[5].tolist() == [[18, 19], [25, 26]]
    assert (np.stack(cut[6:]) == 300).all()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((5, 6), int), "a mask of shape (1, 5, 6)"),
        (np.full((5, 7), -1), "whole numbers"),
        (np.full((5, 7), 0.5), "whole numbers"),
    ],
)
def test_masks_that_are_none_are_refused(mask, words, refused):
    table = sizes(("a", 5, 7))
    with refused(words, file="a.png", row="a", column="mask"):
        list(cropping.cut_labels(planes(mask), table, cropping.plan(table, None)))
