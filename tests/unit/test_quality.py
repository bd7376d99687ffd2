import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from twinscope import quality
from twinscope.cells import measure
from twinscope.errors import InputError

DIAMETER, PIXEL = 10.0, 0.5
DISC = np.pi * 25


def table(*rows):
    """Nuclei as (item, area, solidity, border)."""
    return pd.DataFrame(rows, columns=["item", "area", "solidity", "border"]).astype(
        {"area": float, "solidity": float, "border": bool}
    )


def places(*items, side=40, pixel=1.0):
    shape = {"height": side, "width": side, "microns_per_pixel": pixel}
    return pd.DataFrame({"item": items, **shape})


def judged(index, cells, diameter=DIAMETER):
    images = quality.images(index, cells, diameter)
    summary = quality.summarise(images, cells, diameter)
    return images, summary.iloc[0], dict(quality.flags(summary).itertuples(index=False))


def drawn(shapes, side=160, seed=0):
    """Measure masks made of `shapes(mask, y, x, rng)`, called on a jittered grid of centres."""
    rng = np.random.default_rng(seed)
    tables, items = [], [f"i{k}" for k in range(6)]
    for item in items:
        mask = np.zeros((side, side), np.int32)
        for y in range(20, side, 40):
            for x in range(20, side, 40):
                shapes(mask, *np.add((y, x), rng.integers(-4, 5, 2)), rng)
        image = np.zeros((1, *mask.shape), np.uint8)
        tables.append(measure(image, mask, item=item, channels=("a",), microns_per_pixel=PIXEL))
    return places(*items, side=side, pixel=PIXEL), pd.concat(tables, ignore_index=True)


def disc(mask, y, x, radius, number=None):
    rows, columns = np.indices(mask.shape)
    inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    mask[inside] = mask.max() + 1 if number is None else number


def good(mask, y, x, rng):
    disc(mask, y, x, rng.uniform(8, 12))


def clumped(mask, y, x, rng):
    """One in five is a bent chain of four with one label."""
    number = mask.max() + 1
    clump = ((0, 0), (0, 16), (14, 24), (14, -8)) if rng.random() < 0.2 else ((0, 0),)
    for down, along in clump:
        disc(mask, y + down, x + along, 9, number)


def shattered(mask, y, x, rng):
    for down, along in ((-6, -6), (-6, 6), (6, -6), (6, 6)):
        disc(mask, y + down, x + along, 4)


def ragged(mask, y, x, rng):
    number = mask.max() + 1
    mask[y - 12 : y + 12, x - 3 : x + 3] = number
    mask[y - 3 : y + 3, x - 12 : x + 12] = number


def cut(mask, y, x, rng):
    if min(y, x) < 30 or max(y, x) > len(mask) - 30:
        ends = [0 if k < 30 else len(mask) - 1 if k > len(mask) - 30 else k for k in (y, x)]
        disc(mask, *ends, 12)


def covering(mask, y, x, rng):
    mask[max(y - 19, 0) : y + 18, max(x - 19, 0) : x + 18] = mask.max() + 1


def nothing(mask, y, x, rng):
    pass


def test_hand_worked_summary():
    cells = table(
        ("a", 60, 0.95, False),
        ("a", 100, 0.95, False),
        ("a", 40, 0.7, True),
        ("c", 80, 0.9, False),
        ("c", 10, 0.9, False),
    )
    images, row, raised = judged(places("a", "b", "c", pixel=0.5), cells)
    assert (row["images"], row["nuclei"]) == (3, 5)
    assert [row[f"per_image_{k}"] for k in ("median", "min", "max")] == [2, 0, 3]
    assert row["empty"] == pytest.approx(1 / 3)
    # Those not cut: 10, 60, 80, 100.
    assert row["area_median"] == 70 and row["area_q25"] == 47.5
    assert row["diameter_median"] == pytest.approx(np.sqrt(4 * 70 / np.pi))
    assert row["border"] == row["ragged"] == pytest.approx(1 / 5)
    # A quarter of 78.5 is 19.6: one of four. Half the eighth of it is none; one is ragged.
    assert row["tiny"] == 1 / 4 and row["absurd"] == pytest.approx(1 / 5)
    # 200, 0 and 90 µm² on 40 x 40 pixels of 0.25 µm².
    assert images["coverage"].tolist() == [0.5, 0, 0.225] and row["coverage"] == 0.225
    assert images["nuclei"].tolist() == [3, 0, 2]
    assert images["area"].tolist()[::2] == [60, 45] and np.isnan(images["area"][1])
    assert list(raised) == ["empty-segmentation"]


def test_hand_worked_score():
    counts = {"a": 4, "b": 9, "c": 16, "d": 9, "e": 9}
    cells = table(*(row for k, n in counts.items() for row in [(k, DISC, 0.95, False)] * n))
    cells.loc[cells["item"] == "d", "area"] *= 2
    images, *_ = judged(places(*counts), cells)
    # Roots 2, 3, 4: one from the median, whose spread is 0 and so counts as a half, over 6.
    # An octave of area is four quarters, over 6. Five terms.
    expected = [1 / 0.5 / 6 / 5, 0, 1 / 0.5 / 6 / 5, 1 / 0.25 / 6 / 5, 0]
    assert images["score"].tolist() == pytest.approx(expected)
    assert images["reason"].tolist() == [
        "count 4, usual is 9",
        "nothing unusual",
        "count 16, usual is 9",
        "median area 2 times the usual one",
        "nothing unusual",
    ]


def test_no_term_counts_more_than_one_and_an_empty_image_counts_one_in_four():
    cells = table(*[(item, DISC, 0.95, False) for item in "abcde"], ("e", DISC * 7, 0.95, False))
    cells.loc[5:, "item"] = "f"
    images, *_ = judged(places(*"abcdefg"), cells)
    # Of f, log2 7 over a quarter is far above 6; of g, one nucleus is 2 from none, over 6.
    assert images["score"][5] == pytest.approx(1 / 5)
    assert images["score"][6] == pytest.approx((2 / 6 + 4) / 5)


def test_a_deviation_is_held_against_the_spread_of_the_unit():
    octaves = {f"i{k}": k / 2 for k in range(-3, 4)}
    cells = table(*((item, DISC * 2**octave, 0.95, False) for item, octave in octaves.items()))
    score = quality.images(places(*octaves), cells, DIAMETER)["score"]
    # Deviations in halves of an octave are 0, 1, 1, 2, 2, 3, 3; their median is 2.
    assert score[6] == pytest.approx(3 / (1.4826 * 2) / 6 / 5)
    assert score[3] == 0


def test_absurd_nuclei_are_those_of_impossible_size_or_shape():
    cells = table(
        ("a", DISC * 8.1, 0.95, True),
        ("a", DISC * 7.9, 0.95, False),
        ("a", DISC / 8.1, 0.95, False),
        ("a", DISC / 8.1, 0.95, True),
        ("a", DISC, 0.79, False),
        ("a", DISC, 0.81, False),
    )
    images, row, _ = judged(places("a"), cells)
    assert images["absurd"][0] == row["absurd"] == 1 / 2
    assert images["score"][0] == pytest.approx(1 / 2 / 5)
    assert images["reason"][0] == "50% of absurd size or shape"


@pytest.mark.parametrize(
    ("shapes", "flag"),
    [
        (nothing, "empty-segmentation"),
        (clumped, "merged"),
        (shattered, "fragmented"),
        (ragged, "fragmented"),
        (cut, "border-heavy"),
        (covering, "covered"),
    ],
)
def test_planted_faults_raise_their_flag_and_good_masks_none(shapes, flag):
    index, cells = drawn(shapes)
    *_, raised = judged(index, cells)
    assert flag in raised and raised[flag]
    assert judged(*drawn(good))[2] == {}


@pytest.mark.parametrize(("times", "flagged"), [(2.1, True), (1.9, False), (1 / 2.1, True)])
def test_size_off_by_more_than_a_factor_of_two(times, flagged):
    cells = table(*[("a", DISC, 0.95, False)] * 12)
    *_, raised = judged(places("a", side=100), cells, DIAMETER / times)
    assert ("absurd-size" in raised) == flagged
    if times > 2:
        assert raised["absurd-size"] == "the median diameter is 2.1 times the declared one"


def test_large_nuclei_that_are_convex_or_usual_in_their_image_are_not_merged():
    small = [("a", DISC, 0.95, False)] * 20
    big = [("b", 4 * DISC, 0.85, False)] * 20
    round_ = [("a", 4 * DISC, 0.95, False)] * 5
    for rows in (small + big, small + round_):
        assert "merged" not in judged(places("a", "b", side=200), table(*rows))[2]
    *_, raised = judged(places("a", side=200), table(*small, *big[:5]).assign(item="a"))
    assert raised["merged"] == "50 % of the nuclear area is in large, notched objects"


def test_an_image_with_a_clump_alone_is_held_against_the_unit():
    cells = table(*[("a", DISC, 0.95, False)] * 20, ("b", 9 * DISC, 0.8, False))
    _, row, raised = judged(places("a", "b", side=200), cells)
    assert row["merged"] == pytest.approx(9 / 29) and "merged" in raised


def test_one_image_in_five_may_be_empty():
    items = [f"i{k}" for k in range(10)]
    cells = table(*((item, DISC, 0.95, False) for item in items[:8]))
    assert judged(places(*items), cells)[2] == {}
    *_, raised = judged(places(*items), cells[:7])
    assert raised == {"empty-segmentation": "30 % of images have no nucleus"}


def test_shares_of_few_nuclei_raise_no_flag():
    few = table(*[("a", DISC, 0.7, True)] * 9)
    assert judged(places("a", side=100), few)[2] == {}
    more = pd.concat([few, few[:1]])
    assert list(judged(places("a", side=100), more)[2]) == ["fragmented", "border-heavy"]


def test_no_nuclei_at_all_is_undefined_and_not_zero():
    images, row, raised = judged(places("a", "b"), table())
    assert row["nuclei"] == 0 and row["empty"] == 1 and row["coverage"] == 0
    undefined = ["area_median", "diameter_median", "border", "absurd", "ragged", "tiny", "merged"]
    assert row[undefined].isna().all()
    assert images["reason"].tolist() == ["no nuclei"] * 2
    assert images[["area", "solidity", "border", "absurd"]].isna().all(axis=None)
    assert list(raised) == ["empty-segmentation"]


def test_nuclei_that_are_all_cut_have_no_size_but_are_counted():
    _, row, raised = judged(places("a"), table(*[("a", DISC, 0.95, True)] * 12))
    assert row["nuclei"] == 12 and np.isnan(row["diameter_median"]) and np.isnan(row["tiny"])
    assert list(raised) == ["border-heavy"]


def test_worst_median_and_best():
    images = pd.DataFrame({"item": list("edcba"), "score": [0.1, 0.5, 0.3, 0.5, 0.2]})
    chosen = quality.choose(images)
    assert chosen[["rank", "item"]].to_numpy().tolist() == [
        ["worst", "b"],
        ["median", "c"],
        ["best", "e"],
    ]
    assert chosen.index.tolist() == [3, 2, 0]
    assert quality.choose(images[:2])["rank"].tolist() == ["worst", "best"]
    assert quality.choose(images[:2])["item"].tolist() == ["d", "e"]
    assert quality.choose(images[:1])["rank"].tolist() == ["only"]


def test_a_broken_mask_among_good_ones_is_the_worst():
    index, cells = drawn(good)
    _, broken = drawn(clumped, seed=1)
    for spoilt in (broken.query("item == 'i3'"), broken[:0]):
        mixed = pd.concat([cells.query("item != 'i3'"), spoilt], ignore_index=True)
        chosen = quality.choose(quality.images(index, mixed, DIAMETER))
        assert chosen["item"].tolist()[0] == "i3"
    assert chosen["reason"].tolist()[0] == "no nuclei"


def test_nothing_depends_on_the_order_of_rows():
    index, cells = drawn(clumped)
    images, row, raised = judged(index, cells)
    mixed = index.sample(frac=1, random_state=1), cells.sample(frac=1, random_state=2)
    again, row_again, raised_again = judged(*mixed)
    assert again["item"].tolist() == mixed[0]["item"].tolist()
    pd.testing.assert_frame_equal(again.sort_index(), images)
    pd.testing.assert_series_equal(row_again, row)
    assert raised_again == raised
    assert quality.choose(again)["item"].tolist() == quality.choose(images)["item"].tolist()


def test_lengths_in_other_units_change_no_share_and_no_score():
    index, cells = drawn(clumped)
    images, row, raised = judged(index, cells)
    wide = index.assign(microns_per_pixel=3 * PIXEL), cells.assign(area=9 * cells["area"])
    other, row_other, raised_other = judged(*wide, 3 * DIAMETER)
    assert np.allclose(other["score"], images["score"]) and raised_other == raised
    assert np.allclose(other["coverage"], images["coverage"])
    assert row_other["diameter_median"] == pytest.approx(3 * row["diameter_median"])


def test_solidity_of_real_shapes_is_on_the_right_side_of_the_bounds():
    """What the constants say of discs side by side, a pair of nuclei, and a dividing one."""

    def solidity(*centres, radius=20):
        mask = np.zeros((200, 200), np.int32)
        for centre in centres:
            disc(mask, *centre, radius, 1)
        mask = ndimage.binary_closing(mask, iterations=1).astype(np.int32)
        image = np.zeros((1, 200, 200))
        return measure(image, mask, item="a", channels=("a",), microns_per_pixel=1.0)["solidity"][0]

    assert solidity((100, 100)) > 0.95
    assert 0.8 < solidity((100, 50), (100, 88), (100, 126)) < 0.9
    assert 0.8 < solidity((60, 60), (60, 98), (93, 79)) < 0.9


@pytest.mark.parametrize(
    ("index", "cells", "diameter", "said"),
    [
        (places("a").iloc[:0], table(), 10, "no images"),
        (places("a", "a"), table(), 10, "twice"),
        (places("a"), table(("b", 1, 1, False)), 10, "'b'"),
        (places("a"), table().drop(columns="solidity"), 10, "solidity"),
        (places("a").drop(columns="width"), table(), 10, "width"),
        (places("a"), table(), 0, "nucleus_diameter 0"),
        (places("a"), table(), np.nan, "nucleus_diameter nan"),
        (places("a", pixel=-1.0), table(), 10, "-1.0"),
    ],
)
def test_bad_inputs(index, cells, diameter, said):
    with pytest.raises(InputError, match=said):
        quality.images(index, cells, diameter)
