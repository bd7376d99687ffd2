import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from twinscope import files
from twinscope.figures import composite, lettering, page, sheet

CHANNELS = ("DNA", "ER", "Mito")
RGB = ("red", "green", "blue")


@pytest.fixture
def index():
    """Two plates with a control and two compounds at two doses; compound-10 is on one plate."""
    rows = [
        ("plate-10", "dmso", 0.0, True),
        ("plate-10", "compound-2", 0.5, False),
        ("plate-2", "compound-10", 10.0, False),
        ("plate-2", "compound-2", 0.5, False),
        ("plate-2", "compound-2", 2.0, False),
        ("plate-2", "dmso", 0.0, True),
        ("plate-2", "dmso", 0.0, True),
    ]
    table = pd.DataFrame(rows, columns=["plate", "perturbation", "dose", "control"])
    return table.assign(
        item=["g", "f", "e", "d", "c", "b", "a"], height=40, width=40, microns_per_pixel=0.5
    )


def places(chosen):
    return {item: (r, c) for item, r, c in chosen[["item", "row", "column"]].to_numpy()}


def labels(chosen):
    return [[" ".join(parts) for parts in side] for side in chosen.attrs["labels"]]


def images(chosen, seed=0):
    """One picture a place, its noise set by the item, with two touching nuclei."""
    for row in chosen.itertuples():
        rng = np.random.default_rng([seed, ord(row.item)])
        mask = np.zeros((row.height, row.width), np.uint16)
        mask[10:30, 10:20], mask[10:30, 20:30] = 1, 2
        image = rng.normal(300, 20, (3, *mask.shape)) + 2000 * (mask > 0)
        yield row.row, row.column, image.astype(np.uint16), mask


def drawn(chosen, tiles=None, **changes):
    given = {"title": "t", "channels": CHANNELS, "limits": [(300, 2400)] * 3} | changes
    data = sheet.draw(images(chosen) if tiles is None else tiles, chosen, **given)
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def test_one_image_for_each_place_in_natural_order_controls_first(index):
    chosen = sheet.choose(index, ["perturbation"], ["plate"])
    assert labels(chosen) == [["dmso", "compound-2", "compound-10"], ["plate-2", "plate-10"]]
    assert places(chosen) == {"a": (0, 0), "g": (0, 1), "c": (1, 0), "f": (1, 1), "e": (2, 0)}
    assert chosen.attrs["of"] == (3, 2)
    assert chosen.index.tolist() == [6, 0, 4, 1, 2]


def test_pairs_of_columns_and_numbers_in_the_order_of_numbers(index):
    chosen = sheet.choose(index, ["plate"], ["perturbation", "dose"])
    assert labels(chosen)[1] == [
        "dmso dose 0",
        "compound-2 dose 0.5",
        "compound-2 dose 2",
        "compound-10 dose 10",
    ]
    as_text = index.assign(dose=[f"{dose:g}" for dose in index["dose"]], control=False)
    found = labels(sheet.choose(as_text, "plate", "dose"))[1]
    assert found == ["dose 0", "dose 0.5", "dose 2", "dose 10"]


def test_a_value_with_one_treated_image_is_not_a_control(index):
    mixed = index.assign(control=[True, *index["control"][1:-1], False])
    assert labels(sheet.choose(mixed, ["perturbation"], ["plate"]))[0][0] == "compound-2"


def test_missing_values_come_last_and_are_named(index):
    plates, doses = ["", None, *index["plate"][2:]], [np.nan, *index["dose"][1:]]
    missing = index.assign(plate=plates, dose=doses, control=False)
    chosen = sheet.choose(missing, ["dose"], ["plate"])
    assert [side[-1] for side in labels(chosen)] == ["(none)", "(none)"]
    assert places(chosen)["g"] == (len(labels(chosen)[0]) - 1, 1)


def test_the_order_of_rows_does_not_matter(index):
    chosen = sheet.choose(index, ["perturbation", "dose"], ["plate"])
    for seed in range(5):
        again = sheet.choose(
            index.sample(frac=1, random_state=seed), ["perturbation", "dose"], "plate"
        )
        pd.testing.assert_frame_equal(chosen, again)
        assert chosen.attrs == again.attrs


def test_of_too_many_values_evenly_spaced_ones_are_kept_and_counted():
    table = pd.DataFrame({"item": [f"{k:02d}" for k in range(11)], "a": range(11), "b": "x"})
    chosen = sheet.choose(table, ["a"], ["b"], most_rows=3)
    assert chosen["a"].tolist() == [0, 5, 10] and chosen["row"].tolist() == [0, 1, 2]
    assert chosen.attrs["of"] == (11, 1)
    assert page.shown(chosen) == "Rows: a (3 of 11, evenly spaced). Columns: b."
    assert sheet.choose(table, ["a"], ["b"], most_rows=1)["a"].tolist() == [0]


def test_bad_choices_are_refused(index, refused):
    with refused("did you mean 'plate'", column="plat"):
        sheet.choose(index, ["perturbation"], ["plat"])
    with refused("rows of a contact sheet"):
        sheet.choose(index, [], ["plate"])
    with refused("no images"):
        sheet.choose(index[:0], ["perturbation"], ["plate"])
    with refused("most_columns = 0"):
        sheet.choose(index, ["perturbation"], ["plate"], most_columns=0)


def test_limits_are_percentiles_of_all_images_in_any_order():
    ramp = np.arange(100, dtype=np.uint16).reshape(1, 10, 10)
    both = [ramp, ramp + 100]
    low, high = composite.limits(both, ["DNA"])[0]
    assert (low, high) == pytest.approx((0.02 * 199, 0.998 * 199))
    assert composite.limits(both[::-1], ["DNA"]) == composite.limits(both, ["DNA"])


def test_limits_of_colour_keep_black_and_hue():
    dark = np.full((3, 4, 4), 40, np.uint8)
    assert composite.limits([dark], RGB) == [(0, 255)] * 3
    deep = np.stack([np.linspace(0, top, 1001).reshape(1, -1) for top in (1000, 3000, 2000)])
    assert composite.limits([deep], RGB) == [pytest.approx((0, 2994))] * 3


def test_an_effect_on_intensity_shows_under_shared_limits_and_not_alone():
    rng = np.random.default_rng(0)
    weak = rng.integers(100, 1000, (1, 30, 30)).astype(np.uint16)
    strong = weak * 3
    limits = composite.limits([weak, strong], ["DNA"])
    shared = [composite.composite(image, ["DNA"], limits).mean() for image in (weak, strong)]
    alone = [composite.composite(image, ["DNA"]).mean() for image in (weak, strong)]
    assert shared[1] > 2 * shared[0]
    assert alone[1] == pytest.approx(alone[0], abs=0.5)


def test_colour_images_are_shown_as_they_are():
    image = np.random.default_rng(0).integers(0, 256, (3, 5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(composite.composite(image, RGB), np.moveaxis(image, 0, -1))


def test_stains_have_their_colours_and_are_added():
    image = np.zeros((2, 1, 3))
    image[0, 0, 0] = image[1, 0, 1] = image[0, 0, 2] = image[1, 0, 2] = 1
    dna, mito, both = composite.composite(image, ["DNA", "Mito"], [(0, 1)] * 2)[0].astype(int)
    assert tuple(dna) == composite.BLUE and tuple(mito) == composite.MAGENTA
    np.testing.assert_array_equal(both, np.minimum(dna + mito, 255))


def test_known_stains_by_name_and_others_by_position():
    known = composite.colours(
        ["OrigDNA", "OrigER", "w3 Syto14", "AGP", "MitoTracker", "brightfield"]
    )
    expected = [composite.BLUE, composite.GREEN, composite.CYAN, composite.ORANGE]
    assert known == [*expected, composite.MAGENTA, composite.GREY]
    many = [f"marker {k}" for k in range(7)]
    assert len(set(composite.colours(many))) == 7
    assert composite.colours(["a", "b"]) == list(composite.OTHERS[:2])
    twice = composite.colours(["actin", "phalloidin", "b"])
    assert twice[0] == composite.ORANGE and len(set(twice)) == 3
    assert composite.colours(["x"]) == [(255, 255, 255)]
    assert len(composite.colours([f"m{k}" for k in range(20)])) == 20


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
@pytest.mark.parametrize("channels", [("DNA",), CHANNELS, RGB])
def test_images_without_contrast_or_numbers_are_drawn_without_a_warning(value, channels):
    image = np.full((len(channels), 4, 4), value, np.float32)
    with np.errstate(all="raise"):
        (low, high), *_ = composite.limits([image], channels)
        shown = composite.composite(image, channels)
    assert np.isfinite((low, high)).all() and high > low
    assert shown.shape == (4, 4, 3) and shown.dtype == np.uint8


def test_pixels_that_are_not_numbers_do_not_move_limits_and_are_black():
    image = np.linspace(0, 1, 100).reshape(1, 10, 10)
    holed = image.copy()
    holed[0, 5, 5] = np.nan
    assert composite.limits([holed], ["x"])[0] == pytest.approx((0.02, 0.998), abs=0.01)
    assert composite.composite(holed, ["x"])[5, 5].tolist() == [0, 0, 0]


def test_outlines_lie_on_the_borders_of_labels_and_nowhere_else():
    mask = np.zeros((6, 8), int)
    mask[1:5, 1:4], mask[1:5, 4:7] = 1, 2
    rgb = np.full((6, 8, 3), 9, np.uint8)
    lined = (composite.outline(rgb, mask, (255, 0, 0)) == (255, 0, 0)).all(-1)
    expected = mask > 0
    expected[2:4, 2], expected[2:4, 5] = False, False
    np.testing.assert_array_equal(lined, expected)
    assert (rgb == 9).all()
    np.testing.assert_array_equal(composite.outline(rgb, 0 * mask, (255, 0, 0)), rgb)


def test_the_sheet_is_the_same_to_the_byte_in_any_order(index):
    chosen = sheet.choose(index, ["perturbation"], ["plate"])
    look = {"title": "t", "channels": CHANNELS, "limits": [(300, 2400)] * 3}
    data = sheet.draw(images(chosen), chosen, **look)
    again = sheet.choose(index[::-1], ["perturbation"], ["plate"])
    assert sheet.draw(reversed(list(images(again))), again, **look) == data
    assert sheet.draw(images(chosen, seed=1), chosen, **look) != data


def test_every_place_has_the_image_then_the_same_with_outlines_and_blanks_have_none(index):
    chosen = sheet.choose(index, ["perturbation"], ["plate"])
    layout = page.plan(chosen)
    assert (layout.width, layout.height) == (160, 160)
    picture = drawn(chosen)
    top = picture.shape[0] - page.MARGIN - 3 * layout.pitch + page.GAP

    def halves(row, column):
        x, y = layout.corner(row, column)
        both = picture[top + y : top + y + 160, x : x + layout.pair]
        return both[:, :160], both[:, -160:]

    for row, column in places(chosen).values():
        plain, lined = halves(row, column)
        yellow = (np.abs(lined - sheet.STAINED) < 60).all(-1)
        # Two rectangles of 80 x 40 pixels: 2 x (2 x 80 + 2 x 40 - 4) pixels of outline.
        assert 0.8 * 472 < yellow.sum() < 1.2 * 472
        assert not yellow[:36].any() and not yellow[46:114, 46:74].any()
        assert not (np.abs(plain - sheet.STAINED) < 60).all(-1).any()
        far = np.ones((160, 160), bool)
        far[32:128, 32:128] = False
        assert np.abs(plain - lined)[far].max() < 12
    blank = np.concatenate(halves(2, 1), axis=1)
    assert np.median(blank) == 0xF0 and (blank < 200).mean() < 0.1


def test_texts_stay_on_the_page_and_long_ones_are_shortened(index):
    long = index.assign(perturbation=index["perturbation"] + " of an enormous name" * 20)
    chosen = sheet.choose(long, ["perturbation"], ["plate", "perturbation"])
    channels = tuple(f"{name} with a long description" * 5 for name in CHANNELS)
    picture = drawn(chosen, title="word " * 300, channels=channels)
    edge = page.MARGIN - 4
    for side in (picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]):
        assert side.min() > 240
    assert max(picture.shape) <= page.PAGE


@pytest.mark.parametrize("room", [20, 90, 300])
def test_lines_fit_their_room_and_keep_both_ends(room):
    face = lettering.font(16)
    name = "immune-cells/with a-name that goes on and_on-10"
    lines = lettering.fit((name, "dose 2"), room, 3, face)
    assert len(lines) <= 3 and all(lettering.width(line, face) <= room for line in lines)
    assert lettering.fit(("dmso", "dose 0"), 300, 3, face) == ["dmso", "dose 0"]
    assert lettering.shorten("compound-10", 300, face) == "compound-10"
    short = lettering.shorten("compound-10", 60, face)
    assert short.startswith("co") and short.endswith("0") and lettering.ELLIPSIS in short


@pytest.mark.parametrize(
    ("side", "number", "expected"),
    [(16, 2, 128), (40, 2, 160), (66, 2, 264), (96, 2, 384), (192, 2, 384), (256, 2, 256)]
    + [(1000, 2, 448), (192, 20, 192), (1000, 50, 95)],
)
def test_small_images_are_enlarged_by_whole_factors_and_large_ones_shrunk(side, number, expected):
    table = pd.DataFrame({"item": [str(k) for k in range(number)], "a": range(number), "b": "x"})
    table = table.assign(height=side, width=side, microns_per_pixel=0.5)
    layout = page.plan(sheet.choose(table, ["a"], ["b"], most_rows=99))
    assert layout.width == layout.height == expected
    assert len(layout.rows) * layout.pitch < page.PAGE


def test_images_of_other_scales_share_the_scale_of_most(index):
    scales = index.assign(microns_per_pixel=[1.0, *[0.5] * 6])
    layout = page.plan(sheet.choose(scales, ["perturbation"], ["plate"]))
    assert layout.size(40, 40, 0.5) == (160, 160) and layout.size(40, 40, 1.0) == (320, 320)
    # 80 px of the largest image are 40 µm; the bar is at most half of that.
    assert page.bar_length(layout) == 20


def test_there_is_a_bar_of_the_right_length_only_where_the_scale_is_known(index):
    chosen = sheet.choose(index, ["perturbation"], ["plate"])
    layout = page.plan(chosen)
    length = round(page.bar_length(layout) * layout.zoom)
    assert page.bar_length(layout) == 10 and length == 80

    def bars(**changes):
        dark = drawn(chosen, **changes)[:150, page.MARGIN : page.MARGIN + 500].max(-1) < 90
        return [row for row in dark if row[:length].all() and not row[length + 2]]

    assert bars() and not bars(scaled=False)


def test_bytes_are_written_as_they_are(tmp_path):
    files.write_bytes(tmp_path / "a.jpg", b"\x00\xff\n\r\n")
    assert (tmp_path / "a.jpg").read_bytes() == b"\x00\xff\n\r\n"
