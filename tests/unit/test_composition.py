import json
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinscope.baselines import Unit
from twinscope.baselines.composition import codebook, composition, types
from twinscope.errors import InputError

PIXEL = 0.5
COLUMNS = ("area", "eccentricity")


def unit_of(*patterns, **columns):
    """One image of 200 µm a pattern: points (y, x) in µm from the corner of the image."""
    items = [f"i{number}" for number in range(len(patterns))]
    index = pd.DataFrame({"item": items, "microns_per_pixel": PIXEL, "height": 400, "width": 400})
    parts = []
    for item, points in zip(items, patterns, strict=True):
        points = np.reshape(points, (-1, 2)) - PIXEL / 2
        part = {"centroid_y": points[:, 0], "centroid_x": points[:, 1]}
        parts.append(pd.DataFrame({"item": item, **part}))
    cells = pd.concat(parts, ignore_index=True)
    measured = {"area": 20.0, "eccentricity": 0.5, "border": False}
    return Unit(index, ("dna",), cells.assign(**(measured | columns)), (), ())


def random(count, seed):
    return np.random.default_rng(seed).random((count, 2)) * 200


def mixture(count, seed):
    """Three kinds of nuclei that lie well apart: small round, large round, large long."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, count)
    area = np.array([20, 60, 60.0])[kind] + rng.normal(0, 1, count)
    eccentricity = np.array([0.2, 0.2, 0.9])[kind] + rng.normal(0, 0.01, count)
    return kind, {"area": area, "eccentricity": eccentricity}


def test_planted_kinds_are_found_and_sorted_by_area():
    kind, shapes = mixture(300, 0)
    book = codebook(pd.DataFrame(shapes).assign(border=False), 3, seed=0, columns=COLUMNS)
    centres = np.array(book["centres"]) * book["scale"] + book["mean"]
    means = [np.mean(np.column_stack(list(shapes.values()))[kind == k], axis=0) for k in range(3)]
    means = sorted(means, key=lambda centre: centre[0])
    assert centres == pytest.approx(np.array(means))
    assert (np.diff(centres[:, 0]) > 0).all()
    unit = unit_of(random(300, 1), **shapes)
    row = composition(unit, book).loc["i0"]
    # The two large kinds stand in the order of their mean areas.
    first, *others = np.bincount(kind) / 300
    assert row["fraction_1"] == pytest.approx(first)
    assert sorted(row[["fraction_2", "fraction_3"]]) == pytest.approx(sorted(others))


def test_the_codebook_standardises_and_knows_neither_cut_nuclei_nor_the_order_of_rows():
    _, shapes = mixture(200, 1)
    cells = pd.DataFrame(shapes).assign(border=False, form_factor=1.0)
    columns = (*COLUMNS, "form_factor")
    book = codebook(cells, 4, seed=3, columns=columns)
    assert book["columns"] == list(columns)
    assert book["mean"] == pytest.approx(cells[list(columns)].mean().tolist())
    assert book["scale"] == pytest.approx([*cells[list(COLUMNS)].std(ddof=0), 1.0])
    assert json.loads(json.dumps(book)) == book
    assert codebook(cells.sample(frac=1, random_state=0), 4, seed=3, columns=columns) == book
    false = cells.assign(border=True, area=1e6).head(5)
    missing = cells.assign(form_factor=np.nan).head(5)
    longer = pd.concat([cells, false, missing], ignore_index=True)
    assert codebook(longer, 4, seed=3, columns=columns) == book
    assert codebook(cells * [3, 1, 1, 1], 4, seed=3, columns=columns) != book
    # Standardised, so the unit of a column does not matter to which nuclei are alike.
    nano = cells.assign(border=False, area=cells["area"] * 1e6)
    assert np.allclose(codebook(nano, 4, seed=3, columns=columns)["centres"], book["centres"])


def test_fractions_by_hand_with_cut_and_shapeless_nuclei():
    book = {"columns": ["area"], "mean": [50.0], "scale": [10.0], "centres": [[-1], [0], [2]]}
    # 40, 50 and 70 µm²: the borders lie at 45 and 60.
    areas = [44, 46, 59, 61, 1000, np.nan, 41]
    cut = [False, False, False, False, True, False, True]
    unit = unit_of(random(6, 0), [[9, 9]], [], area=areas, border=cut)
    frame = composition(unit, book)
    fractions = frame[["fraction_1", "fraction_2", "fraction_3"]]
    assert fractions.loc["i0"].tolist() == [0.25, 0.5, 0.25]
    # An image with cut nuclei only is described by those.
    assert fractions.loc["i1"].tolist() == [1, 0, 0]
    assert frame.loc["i2"].isna().all()


def test_cooccurrence_by_hand():
    # Along a line with one neighbour each: a-b pair, then a, c-c pair.
    points = [[50, 10], [50, 14], [50, 60], [50, 70], [50, 74]]
    unit = unit_of(points, kind=["a", "b", "a", "c", "c"])
    row = types(unit, "kind", ["a", "b", "c"], k=1).loc["i0"]
    assert row[["fraction_a", "fraction_b", "fraction_c"]].tolist() == [0.4, 0.2, 0.4]
    # Pairs a→b, b→a, a→c, c→c, c→c; by chance n_t n_u / 4 from t to u.
    assert row["cooccurrence_a_with_b"] == pytest.approx(2 / (2 * 2 / 4))
    assert row["cooccurrence_a_with_c"] == pytest.approx(1 / (2 * 4 / 4))
    assert row["cooccurrence_c_with_c"] == pytest.approx(2 / (2 / 4))
    assert row["cooccurrence_a_with_a"] == 0 and row["cooccurrence_b_with_c"] == 0
    assert np.isnan(row["cooccurrence_b_with_b"])
    assert len(row) == 3 + 6


def test_cooccurrence_is_one_on_average_over_all_ways_to_deal_the_types_out():
    points = random(6, 5)
    deals = sorted(set(permutations("aaabbc")))
    unit = unit_of(*[points] * len(deals), kind=[kind for deal in deals for kind in deal])
    frame = types(unit, "kind", ["a", "b", "c"], k=2).filter(like="cooccurrence")
    means = frame.mean()
    assert means.drop("cooccurrence_c_with_c").tolist() == pytest.approx([1] * 5)
    assert np.isnan(means["cooccurrence_c_with_c"])
    assert (frame.drop(columns="cooccurrence_c_with_c").std() > 0.1).all()


def test_territories_are_found_and_dealt_out_types_are_not():
    rng = np.random.default_rng(6)
    patterns = [random(100, seed) for seed in range(20)]
    sides = np.where(np.concatenate(patterns)[:, 0] < 100, "left", "right")
    apart = types(unit_of(*patterns, side=sides), "side", ["left", "right"])
    mixed = types(unit_of(*patterns, side=rng.permutation(sides)), "side", ["left", "right"])
    assert (apart["cooccurrence_left_with_left"] > 1.5).all()
    assert (apart["cooccurrence_left_with_right"] < 0.4).all()
    for column in mixed.filter(like="cooccurrence"):
        error = 4 * mixed[column].std() / np.sqrt(20)
        assert abs(mixed[column].mean() - 1) < error, column
    # Neighbourhood is not composition: shares are the same wherever the types lie.
    assert apart["fraction_left"].mean() == pytest.approx(mixed["fraction_left"].mean())


def test_few_or_no_nuclei_are_undefined_where_they_are():
    patterns = [random(count, 7) for count in (0, 1, 2, 3, 4)]
    frame = types(unit_of(*patterns, kind="a"), "kind", ["a", "b"], k=2)
    assert frame.loc["i0"].isna().all()
    assert (frame.loc["i1":, "fraction_a"] == 1).all() and (
        frame.loc["i1":, "fraction_b"] == 0
    ).all()
    # Three nuclei with two neighbours each are all neighbours: nothing is left to chance.
    assert frame.loc[:"i3"].filter(like="cooccurrence").isna().all(axis=None)
    assert frame.loc["i4", "cooccurrence_a_with_a"] == 1
    assert frame.filter(regex="with_b").isna().all(axis=None)


def test_columns_are_fixed_by_the_declaration_and_rows_by_the_index():
    kinds = ["a"] * 9 + ["c"] * 8
    unit = unit_of(random(9, 8), [], random(8, 9), kind=kinds)
    frame = types(unit, "kind", ["c", "b", "a"])
    assert list(frame.columns[:4]) == [
        "fraction_c",
        "fraction_b",
        "fraction_a",
        "cooccurrence_c_with_c",
    ]
    back = Unit(unit.index.iloc[::-1], (), unit.cells.iloc[::-1], (), ())
    pd.testing.assert_frame_equal(types(back, "kind", ["c", "b", "a"]).iloc[::-1], frame)
    empty = types(unit_of([], kind="a"), "kind", ["c", "b", "a"])
    assert list(empty.columns) == list(frame.columns) and set(empty.dtypes) == {np.dtype(float)}
    untyped = unit_of(random(3, 0), kind=["a", None, "b"])
    assert types(untyped, "kind", ["a", "b"]).loc["i0", "fraction_a"] == 0.5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 10**6))
def test_turns_flips_and_the_order_of_rows_do_not_matter(count, seed):
    y, x = points = random(count, seed).T
    shapes = {"area": mixture(count, seed)[1]["area"], "eccentricity": random(count, seed)[:, 0]}
    book = {
        "columns": list(COLUMNS),
        "mean": [50.0, 100.0],
        "scale": [20.0, 60.0],
        "centres": [[-1.5, 0.5], [0.5, -1], [0.5, 1]],
    }
    unit = unit_of(points.T, **shapes)
    straight = composition(unit, book)
    shuffled = Unit(unit.index, (), unit.cells.sample(frac=1, random_state=seed), (), ())
    pd.testing.assert_frame_equal(straight, composition(shuffled, book), check_exact=True)
    if count:
        assert straight.filter(like="fraction").sum(axis=1).tolist() == pytest.approx([1])
    for turned in ((200 - x, y), (200 - y, x), (y, 200 - x)):
        other = composition(unit_of(np.column_stack(turned), **shapes), book)
        assert np.allclose(straight, other, equal_nan=True)


def test_bad_inputs_are_refused():
    cells = pd.DataFrame(mixture(20, 0)[1]).assign(border=False)
    with pytest.raises(InputError, match="'solidity'"):
        codebook(cells, 2, columns=("area", "solidity"))
    for clusters in (0, 21):
        with pytest.raises(InputError, match="from 1 to 20"):
            codebook(cells, clusters, columns=COLUMNS)
    unit = unit_of(random(3, 0), kind=["tumour", "stroma", "tumor"])
    with pytest.raises(InputError, match="did you mean 'tumour'"):
        types(unit, "kind", ["stroma", "tumour"])
    with pytest.raises(InputError, match="did you mean 'kind'"):
        types(unit, "knd", ["stroma"])
    for arguments in ({"types": ["a", "a"]}, {"types": []}, {"types": ["tumour"], "k": 0}):
        with pytest.raises(InputError):
            types(unit, "kind", **arguments)
    book = {"columns": ["solidity"], "mean": [0.0], "scale": [1.0], "centres": [[0.0]]}
    with pytest.raises(InputError, match="'solidity'"):
        composition(unit, book)
