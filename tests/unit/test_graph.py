import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from twinscope.baselines import Unit
from twinscope.baselines.edges import delaunay_edges, nearest_edges
from twinscope.baselines.graph import STEPS, graph
from twinscope.baselines.randomness import expected_distances
from twinscope.errors import InputError

PIXEL = 0.5


def unit_of(*patterns, window=(200.0, 200.0), **columns):
    """One image a pattern: points (y, x) in µm from the corner of the image."""
    items = [f"i{number}" for number in range(len(patterns))]
    size = {"height": int(window[0] / PIXEL), "width": int(window[1] / PIXEL)}
    index = pd.DataFrame({"item": items, "microns_per_pixel": PIXEL, **size})
    parts = []
    for item, points in zip(items, patterns, strict=True):
        points = np.reshape(points, (-1, 2)) - PIXEL / 2
        part = {"centroid_y": points[:, 0], "centroid_x": points[:, 1]}
        parts.append(pd.DataFrame({"item": item, **part}))
    cells = pd.concat(parts, ignore_index=True)
    rng = np.random.default_rng(len(cells))
    measured = {"area": rng.uniform(10, 90, len(cells)), "eccentricity": rng.random(len(cells))}
    return Unit(index, ("dna",), cells.assign(border=False, **(measured | columns)), (), ())


def random(count, rng, window=(200.0, 200.0)):
    return rng.random((count, 2)) * window


def oracle(edges, points, areas, window=(200.0, 200.0)):
    """What networkx says of a graph."""
    network = nx.Graph()
    network.add_nodes_from((number, {"area": area}) for number, area in enumerate(areas))
    network.add_edges_from(edges)
    degree = np.array([d for _, d in network.degree])
    lengths = np.array([np.hypot(*(points[a] - points[b])) for a, b in network.edges])
    lengths = lengths / np.sqrt(window[0] * window[1] / len(points))
    local = [c for n, c in nx.clustering(network).items() if degree[n] > 1]
    return network, {
        "degree_mean": degree.mean(),
        "degree_sd": degree.std(ddof=1),
        "length_mean": lengths.mean(),
        "length_sd": lengths.std(ddof=1),
        "clustering": np.mean(local) if local else np.nan,
        "area_assortativity": nx.numeric_assortativity_coefficient(network, "area"),
    }


def assert_as(row, name, expected):
    found = row[[f"{name}_{column}" for column in expected]].tolist()
    assert found == pytest.approx(list(expected.values()), nan_ok=True), list(expected)


def test_path_by_hand():
    # Nuclei on one line have a path for a Delaunay graph.
    points = np.array([[50, 20], [50, 60], [50, 40], [50, 80.0]])
    areas = [1, 3, 2, 4]
    unit = unit_of(points, area=areas)
    row = graph(unit, radii=[0.1, 0.25]).loc["i0"]
    assert row["delaunay_degree_mean"] == 1.5
    assert row["delaunay_degree_sd"] == pytest.approx(np.sqrt(1 / 3))
    # √(200 · 200 / 4) = 100 µm.
    assert row["delaunay_length_mean"] == pytest.approx(0.2)
    assert row["delaunay_length_sd"] == pytest.approx(0)
    assert row["delaunay_clustering"] == 0
    # Ends (1 2) (2 3) (3 4) both ways: covariance 2.5 / 6, variance 5.5 / 6.
    assert row["delaunay_area_assortativity"] == pytest.approx(5 / 11)
    # Back after two steps: ½ from an end, ½ + ¼ from within.
    assert row["return_2"] == pytest.approx(0.625)
    assert row["return_3"] == 0
    assert row[["components_0.1", "largest_0.1"]].tolist() == [1, 0.25]
    assert row[["components_0.25", "largest_0.25"]].tolist() == [0.25, 1]
    _, expected = oracle([(0, 2), (2, 1), (1, 3)], points, areas)
    assert_as(row, "delaunay", expected)


def test_two_triangles_far_apart_by_hand():
    corner = np.array([[20, 20], [20, 30], [28, 25.0]])
    points = np.concatenate([corner, corner + 150])
    areas = [1.0, 1, 1, 5, 5, 5]
    row = graph(unit_of(points, area=areas, eccentricity=0.5), k=2, radii=[0.2, 3]).loc["i0"]
    for name in ("delaunay", "nearest"):
        assert row[f"{name}_degree_mean"] == 2 and row[f"{name}_degree_sd"] == 0
        assert row[f"{name}_clustering"] == 1
        assert row[f"{name}_area_assortativity"] == pytest.approx(1)
        assert np.isnan(row[f"{name}_eccentricity_assortativity"])
    sides = np.array([10, np.sqrt(89), np.sqrt(89)]) / np.sqrt(200 * 200 / 6)
    assert row["delaunay_length_mean"] == pytest.approx(sides.mean())
    # On a triangle: back after 2 steps by one of two ways; after 3 steps by 2 of 8 walks.
    assert row[["return_2", "return_3"]].tolist() == pytest.approx([0.5, 0.25])
    assert row[["components_0.2", "largest_0.2"]].tolist() == pytest.approx([2 / 6, 0.5])
    assert row[["components_3", "largest_3"]].tolist() == pytest.approx([1 / 6, 1])
    # With no limit, edges between the triangles stay.
    joined = graph(unit_of(points, area=areas), longest=1e9).loc["i0"]
    assert joined["delaunay_degree_mean"] > 2 and joined["delaunay_area_assortativity"] < 1


def test_star_by_hand():
    # A hub with five leaves on a circle: a wheel, of which `longest` keeps spokes and rim.
    angle = 2 * np.pi * np.arange(5) / 5 + 0.1
    points = 100 + 30 * np.column_stack([np.sin(angle), np.cos(angle)])
    points = np.concatenate([[[100, 100]], points])
    areas = [9.0, 1, 2, 3, 4, 5]
    spokes = [(0, leaf) for leaf in range(1, 6)]
    rim = [(leaf, leaf % 5 + 1) for leaf in range(1, 6)]
    network, expected = oracle(spokes + rim, points, areas)
    row = graph(unit_of(points, area=areas)).loc["i0"]
    assert_as(row, "delaunay", expected)
    # Rim edges are 2 sin 36° = 1.18 times as long as spokes; the median lies between.
    middle = np.median([1] * 5 + [2 * np.sin(np.pi / 5)] * 5)
    star = graph(unit_of(points, area=areas), longest=1.01 / middle).loc["i0"]
    _, expected = oracle(spokes, points, areas)
    assert_as(star, "delaunay", expected)
    assert star["delaunay_clustering"] == 0
    assert star["return_2"] == pytest.approx((1 + 5 / 5) / 6)


def test_triangular_lattice_has_six_neighbours():
    rows, columns = np.divmod(np.arange(24 * 24), 24)
    points = np.column_stack([rows * 7 * np.sqrt(3) / 2, columns * 7 + rows % 2 * 3.5]) + 5
    points += np.random.default_rng(0).normal(0, 1e-3, points.shape)
    edges = delaunay_edges(points)
    lengths = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    edges = edges[lengths < 8]
    inner = (rows > 0) & (rows < 23) & (columns > 0) & (columns < 23)
    assert set(np.bincount(edges.ravel(), minlength=576)[inner]) == {6}
    row = graph(unit_of(points), k=6, longest=1.2).loc["i0"]
    assert 5.6 < row["delaunay_degree_mean"] < 6
    # Of the 15 pairs of six neighbours six are neighbours themselves; fewer along the hull.
    assert row["delaunay_clustering"] == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_random_graphs_agree_with_networkx(seed):
    rng = np.random.default_rng(seed)
    points = random(40, rng)
    unit = unit_of(points)
    areas = unit.cells["area"].to_numpy()
    row = graph(unit, k=4, radii=[0.6, 0.9], longest=2).loc["i0"]

    edges = delaunay_edges(points)
    lengths = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    network, expected = oracle(edges[lengths <= 2 * np.median(lengths)], points, areas)
    assert_as(row, "delaunay", expected)
    network.remove_nodes_from(list(nx.isolates(network)))
    spectrum = np.linalg.eigvalsh(nx.normalized_laplacian_matrix(network).toarray())
    for steps in STEPS:
        assert row[f"return_{steps}"] == pytest.approx(np.mean((1 - spectrum) ** steps))

    distances = np.hypot(*(points[:, None] - points).T)
    order = np.argsort(distances, axis=0)[1:5]
    pairs = [(a, b) for a in range(40) for b in order[:, a]]
    _, expected = oracle(pairs, points, areas)
    # Lengths are those from each nucleus to each of its four, one by one.
    del expected["length_mean"], expected["length_sd"]
    assert_as(row, "nearest", expected)
    lengths = np.sort(distances, axis=0)[1:5] / expected_distances(40, 200.0, 200.0, 4).mean()
    assert row["nearest_length_mean"] == pytest.approx(lengths.mean())
    assert row["nearest_length_sd"] == pytest.approx(lengths.std(ddof=1))

    for radius in (0.6, 0.9):
        near = distances <= radius * np.sqrt(200 * 200 / 40)
        parts = list(nx.connected_components(nx.from_numpy_array(near)))
        assert row[f"components_{radius}"] == len(parts) / 40
        assert row[f"largest_{radius}"] == max(map(len, parts)) / 40


def test_assortativity_leaves_out_cut_nuclei():
    points = random(30, np.random.default_rng(1))
    unit = unit_of(points)
    cut = unit.cells.index < 10
    false = unit.cells.assign(border=cut, area=np.where(cut, 1e6, unit.cells["area"]))
    kept = unit.cells.assign(border=cut)
    names = [f"{name}_area_assortativity" for name in ("delaunay", "nearest")]
    frames = [graph(Unit(unit.index, (), cells, (), ())) for cells in (false, kept)]
    pd.testing.assert_frame_equal(*frames)
    assert not np.allclose(graph(unit)[names], frames[0][names])


def test_planted_neighbourhoods_are_found_and_dealt_out_ones_are_not():
    rng = np.random.default_rng(2)
    patterns = [random(80, rng) for _ in range(20)]
    places = np.concatenate(patterns)
    gradient = graph(unit_of(*patterns, area=places[:, 0]))
    dealt = graph(unit_of(*patterns, area=rng.permutation(places[:, 0])))
    for name in ("delaunay", "nearest"):
        assert (gradient[f"{name}_area_assortativity"] > 0.5).all()
        values = dealt[f"{name}_area_assortativity"]
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(20) + 0.02


def test_clustering_a_pattern_changes_its_graph():
    rng = np.random.default_rng(3)
    clustered = np.repeat(20 + random(8, rng) * 0.8, 10, axis=0) + rng.normal(0, 3, (80, 2))
    frame = graph(unit_of(random(80, rng), clustered))
    loose, tight = frame.loc["i0"], frame.loc["i1"]
    assert tight["delaunay_length_mean"] < 0.5 * loose["delaunay_length_mean"]
    assert tight["nearest_length_mean"] < 0.5 * loose["nearest_length_mean"]
    assert tight["components_0.5"] < 0.2 < loose["components_0.5"]
    assert tight["nearest_clustering"] > loose["nearest_clustering"]


def test_few_or_no_nuclei_are_undefined_where_they_are():
    three = [[50, 50], [50, 90], [80, 50]]
    frame = graph(unit_of([], three[:1], three[:2], three), k=2)
    assert frame.loc["i0"].isna().all()
    one, two, triangle = frame.loc["i1"], frame.loc["i2"], frame.loc["i3"]
    assert one["delaunay_degree_mean"] == 0
    assert one[["components_0.5", "largest_0.5"]].tolist() == [1, 1]
    others = one.drop(["delaunay_degree_mean"]).filter(regex="^(?!components|largest)")
    assert others.isna().all()
    assert two["delaunay_degree_mean"] == 1 and two["return_2"] == 1
    assert two.filter(regex="nearest|clustering|assort|length_sd").isna().all()
    assert triangle["delaunay_degree_mean"] == 2 and triangle["nearest_degree_mean"] == 2
    assert triangle.drop(triangle.filter(like="assort").index).notna().all()


def test_lone_nuclei_are_vertices_but_begin_no_walk():
    # A path of three, and one nucleus that is too far: its edge is dropped.
    line = np.array([[50, 20], [50, 24], [50, 28], [50, 180.0]])
    row = graph(unit_of(line)).loc["i0"]
    assert row["delaunay_degree_mean"] == 1
    assert row["return_2"] == pytest.approx((0.5 + 1 + 0.5) / 3)
    slanted = np.array([[30, 60], [10, 20], [40, 80], [20, 40.0]])
    assert delaunay_edges(slanted).tolist() == [[0, 2], [0, 3], [1, 3]]


@pytest.mark.parametrize("count", [8, 40])
def test_nearest_lengths_of_randomness_are_one_at_any_density(count):
    rng = np.random.default_rng(count)
    means = graph(unit_of(*[random(count, rng) for _ in range(300)]))["nearest_length_mean"]
    assert abs(means.mean() - 1) < 4 * means.std() / np.sqrt(300)


def test_nuclei_at_one_place_keep_their_edges():
    twins = np.array([[50, 50], [50, 50], [50, 90], [90, 50.0], [80, 80]])
    edges = delaunay_edges(twins)
    assert [0, 1] in edges.tolist() and set(edges.ravel()) == set(range(5))
    same = nearest_edges(np.tile([[50.0, 50]], (5, 1)), 2)
    assert (same[:, 0] != same[:, 1]).all() and len(np.unique(same, axis=0)) == 10
    frame = graph(unit_of(np.tile([[50.0, 50]], (8, 1)), twins), k=2)
    assert frame.loc["i0", "components_0.5"] == 1 / 8
    assert frame["delaunay_degree_mean"].notna().all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 10**6))
def test_turns_flips_shifts_magnification_and_the_order_of_rows_do_not_matter(count, seed):
    rng = np.random.default_rng(seed)
    y, x = points = (20 + random(count, rng) * 0.7).T
    shapes = {"area": rng.uniform(10, 90, count), "eccentricity": rng.random(count)}

    def described(points, **arguments):
        return graph(unit_of(points, **shapes, **arguments), k=3)

    straight = described(points.T)
    unit = unit_of(points.T, **shapes)
    shuffled = Unit(unit.index, (), unit.cells.sample(frac=1, random_state=seed), (), ())
    pd.testing.assert_frame_equal(straight, graph(shuffled, k=3), check_exact=True)
    turned = [(200 - x, y), (200 - y, x), (y, 200 - x), (y + 13, x - 17)]
    for other in [described(np.column_stack(pair)) for pair in turned]:
        assert np.allclose(straight, other, equal_nan=True)
    large = described(points.T * 2, window=(400.0, 400.0))
    assert np.allclose(straight, large, equal_nan=True)


def test_edges_are_those_of_the_tree_and_rows_follow_the_index():
    rng = np.random.default_rng(5)
    points = random(25, rng)
    edges = nearest_edges(points, 3)
    assert edges.shape == (75, 2)
    assert cKDTree(points).query(points, k=4)[1][:, 1:].ravel().tolist() == edges[:, 1].tolist()
    unit = unit_of(points, [], random(9, rng))
    frame = graph(unit)
    back = graph(Unit(unit.index.iloc[::-1], (), unit.cells.iloc[::-1], (), ()))
    assert list(back.index) == ["i2", "i1", "i0"] and back.index.name == "item"
    pd.testing.assert_frame_equal(back.iloc[::-1], frame)
    empty = graph(unit_of([]))
    assert list(empty.columns) == list(frame.columns) and set(empty.dtypes) == {np.dtype(float)}


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": 1.5}, {"radii": [-1]}, {"longest": 0}])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(InputError):
        graph(unit_of([[50, 50]]), **arguments)
