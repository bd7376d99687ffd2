import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from twinscope.figures import composite, overlays, sheet

CHANNELS, RGB = ("DNA", "ER"), ("red", "green", "blue")


def chosen(*ranks, side=40, **changes):
    ranks = ranks or ("worst", "median", "best")
    rows = {"rank": ranks, "item": [f"item-{k}" for k in range(len(ranks))], "nuclei": 2}
    rows |= {"score": 0.5, "reason": "count 2, usual is 9", "height": side, "width": side}
    return pd.DataFrame(rows | {"microns_per_pixel": 0.5} | changes)


def tiles(rows, channels=CHANNELS, nuclei=True):
    """Noise with two touching bright squares."""
    for k, row in enumerate(rows.itertuples()):
        rng = np.random.default_rng(k)
        mask = np.zeros((row.height, row.width), np.uint16)
        a, b = row.height // 4, row.width // 2
        mask[a : 3 * a, b // 2 : b], mask[a : 3 * a, b : b + b // 2] = 1, 2
        image = rng.normal(60, 10, (len(channels), *mask.shape)) + 100 * (mask > 0)
        yield row.item, image.astype(np.uint8), mask * nuclei


def picture(rows, given=None, channels=CHANNELS, **changes):
    given = tiles(rows, channels) if given is None else given
    limits = [(0, 255)] * len(channels)
    look = {"title": "t", "channels": channels, "limits": limits} | changes
    data = overlays.draw(given, rows, **look)
    assert data[:2] == b"\xff\xd8"
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def outlined(page, colour):
    """Pixels of one colour, but for what JPEG changes."""
    return np.abs(page - np.array(colour)).max(axis=2) < 60


@pytest.mark.parametrize("side", [20, 40, 300, 2000])
def test_page_is_900_wide_whatever_the_size_of_images(side):
    page = picture(chosen(side=side))
    assert page.shape[1] == overlays.WIDTH == 900
    # Three pictures are on it, each as high as wide.
    assert page.shape[0] > 3 * min(side, overlays.PICTURE)


def test_outlines_are_on_the_right_and_only_there():
    rows = chosen(side=300)
    legend = 110
    page = picture(rows)[legend:]
    marks = outlined(page, sheet.STAINED)
    middle = overlays.MARGIN + overlays.PICTURE
    assert marks[:, middle + 2 : middle + 439].sum() > 3 * 600
    assert not marks[:, :middle].any()
    none = picture(rows, tiles(rows, nuclei=False))[legend:]
    assert not outlined(none, sheet.STAINED).any()


def test_two_touching_nuclei_have_a_line_between_them():
    rows = chosen("only", side=300)
    page = picture(rows)
    apart = outlined(page, sheet.STAINED).sum()
    merged = [(item, image, (mask > 0).astype(int)) for item, image, mask in tiles(rows)]
    assert outlined(picture(rows, merged), sheet.STAINED).sum() < apart - 200


def test_colour_images_have_the_outlines_of_the_contact_sheet():
    rows = chosen("only", side=200)
    page = picture(rows, channels=RGB)
    # Without the legend.
    assert outlined(page[120:], sheet.DYED).sum() > 300
    assert not outlined(page[120:], sheet.STAINED).any()


def test_images_stand_in_the_order_of_the_chosen_whatever_the_order_of_tiles():
    rows = chosen(side=100)
    level = {"item-0": 60, "item-1": 140, "item-2": 220}
    flat = [
        (item, np.full((3, 100, 100), level[item], np.uint8), np.zeros((100, 100), int))
        for item in level
    ]
    page = picture(rows, flat, channels=RGB)
    again = picture(rows, flat[::-1], channels=RGB)
    assert (page == again).all()
    strip = page[:, overlays.MARGIN : overlays.MARGIN + 300]
    first = [int(np.argmax((abs(strip - v) < 4).all(axis=(1, 2)))) for v in level.values()]
    assert first == sorted(first) and min(first) > 0
    assert (picture(rows[::-1], flat, channels=RGB) != page).any()


def test_count_and_reason_are_written():
    base = picture(chosen())
    for change in ({"nuclei": 3}, {"reason": "no nuclei"}, {"score": 0.6}):
        assert (picture(chosen(**change)) != base).any(), change
    # The reason is told of the worst only.
    assert picture(chosen("best")).shape == picture(chosen("best", reason="no nuclei")).shape
    assert (picture(chosen("best")) == picture(chosen("best", reason="no nuclei"))).all()


def test_captions():
    row = next(chosen("worst", nuclei=1).itertuples())
    said = overlays._caption(row)
    assert said == ("Worst: 1 nucleus, item-0", "Suspicion 0.50 of 1. Why: count 2, usual is 9.")
    row = next(chosen("median", nuclei=0).itertuples())
    assert overlays._caption(row) == ("Median: 0 nuclei, item-0", "Suspicion 0.50 of 1.")


def test_scale_bar_only_where_the_scale_is_known():
    def longest(side, scaled):
        """Length of the longest dark line above the pictures."""
        found = 0
        for row in (picture(chosen(side=side), scaled=scaled).max(axis=2) < 90)[80:112]:
            edges = np.flatnonzero(np.diff(np.r_[0, row, 0]))
            found = max([found, *(edges[1::2] - edges[::2])])
        return found

    # At 0.5 µm a pixel: 20 of 50 µm on 400 pixels of the page, 500 of 1000 µm on 437.
    assert abs(longest(100, True) - 160) < 4 and abs(longest(2000, True) - 218) < 4
    assert longest(100, False) < 40


def test_images_of_one_unit_have_one_scale():
    rows = chosen("worst", "best", side=100)
    rows.loc[1, ["height", "width"]] = 50
    black = [
        (row.item, np.zeros((3, row.height, row.width), np.uint8), np.zeros((1, 1), int))
        for row in rows.itertuples()
    ]
    page = picture(rows, black, channels=RGB)
    # Four times as large as they are, on the page: pairs of 400 and of 200 pixels.
    wide = ((page < 20).all(axis=2)).sum(axis=1)
    assert (wide >= 800).sum() == 400 and ((wide >= 400) & (wide < 500)).sum() == 200


def test_same_bytes_again_and_many_channels_fit():
    names = tuple(f"channel-with-a-long-name-{k}" for k in range(9))
    rows = chosen("only")
    look = {"title": "t" * 300, "channels": names, "limits": [(0, 255)] * 9}
    first = overlays.draw(tiles(rows, names), rows, **look)
    assert first == overlays.draw(tiles(rows, names), rows, **look)
    assert len(composite.colours(names)) == 9


def test_an_image_of_one_pixel_is_drawn():
    rows = chosen("only", side=1)
    one = [("item-0", np.zeros((2, 1, 1), np.uint8), np.ones((1, 1), int))]
    assert picture(rows, one).shape[1] == 900
