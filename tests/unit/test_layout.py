import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from twinscope.baselines import Unit
from twinscope.baselines.layout import layout
from twinscope.baselines.randomness import expected_distances
from twinscope.errors import InputError

PIXEL = 0.5


def unit_of(*patterns, window=(200.0, 200.0)):
    """One image a pattern: points (y, x) in µm from the corner of the image."""
    items = [f"i{number}" for number in range(len(patterns))]
    size = {"height": int(window[0] / PIXEL), "width": int(window[1] / PIXEL)}
    index = pd.DataFrame({"item": items, "microns_per_pixel": PIXEL, **size})
    parts = []
    for item, points in zip(items, patterns, strict=True):
        points = np.reshape(points, (-1, 2)) - PIXEL / 2
        part = {"centroid_y": points[:, 0], "centroid_x": points[:, 1], "area": 20.0}
        parts.append(pd.DataFrame({"item": item, **part}))
    return Unit(index, ("dna",), pd.concat(parts, ignore_index=True), (), ())


def lattice(size, step):
    return (
        np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).reshape(-1, 2) * step + step / 2
    )


def random(count, rng, window=(200.0, 200.0)):
    return rng.random((count, 2)) * window


def clusters(parents, children, rng, window=(200.0, 200.0)):
    centres = 10 + random(parents, rng) * 0.9
    points = np.repeat(centres, children, axis=0) + rng.normal(0, 3, (parents * children, 2))
    return np.clip(points, 0, window)


def spread(frame, column):
    return frame[column].mean(), 4 * frame[column].std() / np.sqrt(len(frame))


def test_square_lattice_has_the_known_distances():
    row = layout(unit_of(lattice(20, 10.0))).loc["i0"]
    # Donnelly's approximation of the mean nearest distance under randomness.
    perimeter, count = 800, 400
    expected = 5 + (0.0514 + 0.0412 / np.sqrt(count)) * perimeter / count
    first = row[["clark_evans", "neighbour1_q10", "neighbour1_q50", "neighbour1_q90"]]
    assert first.tolist() == pytest.approx([10 / expected] * 4, rel=1e-3)
    assert row["neighbour1_sd"] == pytest.approx(0, abs=1e-12)
    # The third neighbour is at s, and of the four corner points at s√2.
    third = np.r_[np.full(4, np.sqrt(2)), np.ones(396)]
    assert row["neighbour3_sd"] / row["neighbour3_mean"] == pytest.approx(
        third.std(ddof=1) / third.mean()
    )
    # Without an edge the means are s / 2 and s · 15/16.
    many = layout(unit_of(lattice(100, 2.0)), radii=[3]).loc["i0"]
    assert 1.99 < many["clark_evans"] < 2
    assert 1.05 < many["neighbour3_mean"] < 16 / 15


@pytest.mark.parametrize("window", [(1.0, 1.0), (2.0, 3.0)])
@pytest.mark.parametrize("count", [4, 10, 100, 2000])
def test_expected_distances_agree_with_donnelly_and_with_the_plane(count, window):
    means = expected_distances(count, *window, 3)
    area, perimeter = window[0] * window[1], 2 * sum(window)
    donnelly = np.sqrt(area / count) / 2 + (0.0514 + 0.0412 / np.sqrt(count)) * perimeter / count
    assert means[0] == pytest.approx(donnelly, rel=5e-3)
    assert means == pytest.approx(expected_distances(count, *window[::-1], 3))
    plane = np.array([1 / 2, 3 / 4, 15 / 16]) * np.sqrt(area / count)
    assert (means > plane).all()
    if count == 2000:
        assert means == pytest.approx(plane, rel=0.02)


def test_expected_distances_agree_with_known_and_with_drawn_ones():
    # The mean distance of two points in a unit square (Robbins' constant).
    known = (2 + np.sqrt(2) + 5 * np.log(1 + np.sqrt(2))) / 15
    assert expected_distances(2, 1.0, 1.0, 1) == pytest.approx([known], rel=1e-4)
    rng = np.random.default_rng(0)
    drawn = [cKDTree(p).query(p, k=6)[0][:, 1:].mean(0) for p in rng.random((4000, 8, 2))]
    assert expected_distances(8, 1.0, 1.0, 5) == pytest.approx(np.mean(drawn, axis=0), rel=0.01)
    drawn = [cKDTree(p).query(p, k=41)[0][:, 1:].mean(0) for p in rng.random((500, 100, 2))]
    assert expected_distances(100, 1.0, 1.0, 40) == pytest.approx(np.mean(drawn, axis=0), rel=0.01)


def test_square_lattice_has_the_known_l_and_pair_correlation():
    radii = (9, 11, 15, 20.5, 30)
    row = layout(unit_of(lattice(20, 10.0)), radii=radii, ring=0.2).loc["i0"]
    # Translation correction counts every vector of the lattice alike: K = s² N(r) n / (n − 1).
    k = 100 * np.array([0, 4, 8, 12, 28]) * 400 / 399
    found = row[[f"ripley_{r:g}um" for r in radii]]
    assert found.to_numpy() == pytest.approx(np.sqrt(k / np.pi) - radii)
    # Rings 7.2 to 10.8 and 12 to 18: the four vectors of 10, and the four of 10√2.
    for r, ring in ((9, 10.8**2 - 7.2**2), (15, 18**2 - 12**2)):
        expected = 400 * 400 / 399 / (np.pi * ring)
        assert row[f"pair_correlation_{r}um"] == pytest.approx(expected)


def test_lattice_has_equal_voronoi_cells_and_even_quadrats():
    row = layout(unit_of(lattice(8, 25.0)), quadrats=[2, 4, 8]).loc["i0"]
    assert row["voronoi_cv"] == pytest.approx(0, abs=1e-9)
    assert row[["voronoi_q10", "voronoi_q90"]].tolist() == pytest.approx([1, 1])
    # Q c (c − 1) Q / (n (n − 1)) with c = 16, 4 and 1 points in each quadrat.
    assert row["morisita_2"] == pytest.approx(4 * 4 * 16 * 15 / (64 * 63))
    assert row["morisita_4"] == pytest.approx(16 * 16 * 4 * 3 / (64 * 63))
    assert row["morisita_8"] == 0


def test_voronoi_cells_of_three_points_by_hand_and_of_twins():
    # Strips between x = 0, 50, 125, 200: a quarter, three eighths and three eighths.
    three = [[100, 25], [100, 75], [100, 175]]
    twins = [[100, 50], [100, 50], [100, 150]]
    frame = layout(unit_of(three, twins))
    areas = np.array([0.25, 0.375, 0.375]) * 3
    assert frame.loc["i0", "voronoi_cv"] == pytest.approx(areas.std(ddof=1))
    assert frame.loc["i0", "voronoi_q50"] == pytest.approx(1.125)
    assert frame.loc["i1", "voronoi_q50"] == pytest.approx(0.75)
    assert frame.loc["i1", "neighbour1_q10"] == 0


@pytest.mark.parametrize("count", [4, 12, 60])
def test_randomness_is_told_as_such_at_any_density(count):
    rng = np.random.default_rng(count)
    window = (200.0, 300.0)
    patterns = [random(count, rng, window) for _ in range(400)]
    frame = layout(unit_of(*patterns, window=window), radii=[20, 40, 60])
    rings = [f"pair_correlation_{r}um" for r in (20, 40, 60)]
    for column in ["clark_evans", "neighbour3_mean", "morisita_2", "morisita_4", *rings]:
        mean, error = spread(frame, column)
        assert abs(mean - 1) < error + 0.01, column
    if count == 60:
        for r in (20, 40, 60):
            mean, error = spread(frame, f"ripley_{r}um")
            assert abs(mean) < error + 0.5


def test_clustered_is_above_and_regular_below_randomness():
    rng = np.random.default_rng(1)
    regular = [lattice(10, 20.0) + rng.uniform(-2, 2, (100, 2)) for _ in range(5)]
    frame = layout(unit_of(*regular, *[clusters(10, 10, rng) for _ in range(5)]))
    regular, clustered = frame.iloc[:5], frame.iloc[5:]
    assert (regular["ripley_10um"] < -5).all() and (clustered["ripley_10um"] > 5).all()
    assert (regular["pair_correlation_10um"] < 0.2).all()
    assert (clustered["pair_correlation_10um"] > 2).all()
    assert (regular["clark_evans"] > 1.5).all() and (clustered["clark_evans"] < 0.8).all()
    assert (regular["morisita_8"] < 0.9).all() and (clustered["morisita_8"] > 2).all()
    assert (regular["voronoi_cv"] < 0.3).all() and (clustered["voronoi_cv"] > 0.7).all()


def test_second_order_values_survive_thinning_and_first_order_values_magnification():
    rng = np.random.default_rng(2)
    whole = [clusters(12, 20, rng) for _ in range(60)]
    half = [points[rng.random(len(points)) < 0.5] for points in whole]
    full, thin = layout(unit_of(*whole)), layout(unit_of(*half))
    for column in ("pair_correlation_10um", "ripley_20um", "morisita_4"):
        mean, error = spread(thin[[column]] - full[[column]], column)
        assert abs(mean) < error, column
    even = lattice(12, 200 / 12)
    rows = layout(unit_of(even, even[rng.random(len(even)) < 0.5]))
    assert rows.loc["i1", "clark_evans"] < rows.loc["i0", "clark_evans"] - 0.3

    large = layout(unit_of(*[points * 2 for points in whole[:3]], window=(400.0, 400.0)))
    assert not np.allclose(large["ripley_20um"], full["ripley_20um"].iloc[:3], atol=0.5)
    free = ["clark_evans", "morisita_4", *full.columns[full.columns.str.match("neigh|voronoi")]]
    assert np.allclose(large[free], full[free].iloc[:3])


def test_few_or_no_nuclei_are_undefined_where_they_are():
    frame = layout(unit_of([], [[50, 50]], [[50, 50], [50, 90]], [[50, 50], [50, 90], [80, 50]]))
    assert frame.loc[["i0", "i1"]].isna().all(axis=None)
    two, three = frame.loc["i2"], frame.loc["i3"]
    assert two["clark_evans"] == two["neighbour1_q10"] == pytest.approx(40 / (200 * 0.521405))
    assert np.isnan(two["neighbour1_sd"]) and three["neighbour1_sd"] > 0
    missing = [column for column in frame if column.startswith("neighbour3")]
    assert frame[missing].isna().all(axis=None)
    rest = frame.columns.difference([*missing, "neighbour1_sd"])
    assert frame.loc[["i2", "i3"], rest].notna().all(axis=None)
    # One pair 40 µm apart: 2 A² / (2 · 1) / (200 · 160).
    assert two["ripley_40um"] == pytest.approx(np.sqrt(200**3 / 160 / np.pi) - 40)
    assert two["ripley_20um"] == -20
    four = layout(unit_of(lattice(2, 100.0))).iloc[0]
    expected = expected_distances(4, 200.0, 200.0, 3)[2]
    assert four["neighbour3_mean"] == pytest.approx(100 * np.sqrt(2) / expected)


def test_radii_beyond_half_the_image_are_undefined():
    unit = unit_of(random(30, np.random.default_rng(0)) / 2, window=(100.0, 400.0))
    row = layout(unit, radii=[30, 48, 60]).iloc[0]
    assert row[["ripley_30um", "ripley_48um", "pair_correlation_30um"]].notna().all()
    assert row[["ripley_60um", "pair_correlation_48um"]].isna().all()


def turned(points, window):
    """A quarter turn and both flips of points in a window, each with its window."""
    y, x = np.reshape(points, (-1, 2)).T
    height, width = window
    yield np.column_stack([width - x, y]), (width, height)
    yield np.column_stack([height - y, x]), window
    yield np.column_stack([y, width - x]), window


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 60), st.integers(0, 10**6))
def test_turns_flips_and_the_order_of_rows_do_not_matter(count, seed):
    rng = np.random.default_rng(seed)
    window = (200.0, 260.0)
    points = random(count, rng, window)
    straight = layout(unit_of(points, window=window))
    shuffled = layout(unit_of(rng.permutation(points), window=window))
    pd.testing.assert_frame_equal(straight, shuffled, check_exact=True)
    for other, frame in turned(points, window):
        assert np.allclose(straight, layout(unit_of(other, window=frame)), equal_nan=True)


def test_a_shift_within_the_image_changes_no_distances_but_does_change_the_cells():
    points = 20 + random(40, np.random.default_rng(3)) / 2
    frame = layout(unit_of(points, points + [30, 11]))
    kept = frame.columns.str.match("neighbour|clark|ripley|pair")
    assert np.allclose(frame.loc["i0", kept], frame.loc["i1", kept])
    assert not np.isclose(frame.loc["i0", "voronoi_cv"], frame.loc["i1", "voronoi_cv"])


def test_images_do_not_touch_each_other_and_stand_in_the_order_of_the_index():
    rng = np.random.default_rng(4)
    first, second = random(20, rng), random(35, rng)
    unit = unit_of(first, [], second)
    back = Unit(unit.index.iloc[::-1], unit.channels, unit.cells.iloc[::-1], (), ())
    frame = layout(back)
    assert list(frame.index) == ["i2", "i1", "i0"]
    alone = layout(unit_of(second))
    assert frame.loc["i2"].tolist() == alone.loc["i0"].tolist()
    empty = layout(unit_of([], []))
    assert list(empty.columns) == list(frame.columns) and set(empty.dtypes) == {np.dtype(float)}
    pd.testing.assert_frame_equal(frame.iloc[::-1], layout(unit))


@pytest.mark.parametrize(
    "arguments",
    [{"radii": []}, {"radii": [0, 10]}, {"radii": [10, 10]}, {"ring": 1}, {"quadrats": [2.5]}],
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(InputError):
        layout(unit_of([[50, 50]]), **arguments)


def test_a_nucleus_outside_its_image_is_refused():
    for point in ([50, 201], [-1, 50], [np.nan, 5]):
        with pytest.raises(InputError, match="'i0'"):
            layout(unit_of([point, [20, 20]]))
    # A nucleus of the first pixel has its centroid at 0.
    assert len(layout(unit_of([[PIXEL / 2, PIXEL / 2]]))) == 1
