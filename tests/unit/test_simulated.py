"""The simulator's contract: designs, arguments, seeds, and the geometry both designs stand on."""

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from twinscope.sources import simulated
from twinscope.sources.simulated.effects import EFFECTS
from twinscope.sources.simulated.factors import CELL
from twinscope.sources.simulated.fields import noise, scatter
from twinscope.sources.simulated.genes import DRIVERS
from twinscope.sources.simulated.nuclei import KINDS
from twinscope.sources.simulated.seeding import generator
from twinscope.sources.simulated.slides import REGIONS
from twinscope.sources.simulated.strokes import deposit, level, trace
from twinscope.sources.simulated.territory import edges, grow, outlines


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_checked_arguments_pass_again(design):
    checked = simulated.check(design, {"size": 128})
    assert checked["size"] == 128
    assert simulated.check(design, checked) == checked


def test_channels():
    assert simulated.channels("cells") == ("DNA", "ER", "RNA", "AGP", "Mito")
    assert simulated.channels("tissue") == ("red", "green", "blue")


def _digest(design, unit, seed, number=3, **more):
    pictures = itertools.islice(simulated.simulate(design, unit, seed, size=96, **more), number)
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.image.tobytes() + picture.nuclei.tobytes())
        digest.update(repr(picture.row).encode() + picture.objects.to_csv().encode())
    return digest.hexdigest()


def test_bytes_do_not_depend_on_hash_seed_or_threads():
    here = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
    code = (
        f"import sys; sys.path[:0] = [{str(here)!r}, {str(Path(__file__).parent)!r}]\n"
        "from test_simulated import _digest\n"
        "print(_digest('cells', 'p', 3), _digest('tissue', 'p', 3))"
    )
    said = set()
    for hashing, threads in (("0", "1"), ("17", "2")):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        env = os.environ | {"PYTHONHASHSEED": hashing} | dict.fromkeys(names, threads)
        run = [sys.executable, "-c", code]
        said.add(subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout)
    assert said == {f"{_digest('cells', 'p', 3)} {_digest('tissue', 'p', 3)}\n"}


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_seed_and_unit_decide(design):
    first = _digest(design, "one", 1)
    assert _digest(design, "two", 1) != first
    assert _digest(design, "one", 2) != first
    assert _digest(design, "one", 1) == first


def test_generators_belong_to_their_names():
    def draw(*names):
        return generator(5, *names).integers(1 << 40)

    assert draw("a", "b") == draw("a", "b")
    assert len({draw("a", "b"), draw("b", "a"), draw("ab"), draw("a", "b", 1)}) == 4


def _disc(areas, places, shape=(80, 80), **more):
    y, x = np.array(places, dtype=float).T
    ones = np.ones(len(areas))
    outline = np.ones((len(areas), 128))
    return grow(shape, y, x, np.array(areas, float), ones, 0 * ones, outline, **more)


def test_a_lone_object_is_a_disc_of_its_area():
    land = _disc([500], [(40, 40)])
    down, along = np.nonzero(land.labels)
    assert land.sizes.tolist() == [500]
    assert len(down) == 500
    assert np.hypot(down - 40, along - 40).max() <= np.sqrt(500 / np.pi) + 0.75
    assert land.depth[40, 40] < 0.01
    assert np.isclose(land.depth[land.labels > 0].max(), 1, atol=0.01)


def test_crowded_objects_keep_their_areas_and_do_not_overlap():
    land = _disc([700, 700], [(40, 33), (40, 47)])
    assert land.sizes.tolist() == [700, 700]
    assert land.labels[40, 33] == 1
    assert land.labels[40, 47] == 2
    assert (land.labels[:, :40] == 2).sum() == 0


def test_an_object_without_room_is_smaller_and_says_so():
    land = _disc([300, 900], [(10, 6), (10, 28)], shape=(20, 40))
    assert land.sizes.tolist() == np.bincount(land.labels.ravel())[1:].tolist()
    assert land.sizes[1] < 900
    assert land.sizes.sum() <= 800


def test_nuclei_stay_inside_their_cells():
    nuclei = _disc([100, 100], [(40, 30), (40, 44)])
    cells = _disc([600, 600], [(40, 44), (40, 30)], inside=nuclei.labels)
    inside = nuclei.labels > 0
    assert (cells.labels[inside] == nuclei.labels[inside]).all()
    assert cells.sizes.tolist() == [600, 600]


def test_elongation_and_direction():
    outline = np.ones((1, 128))
    land = grow((90, 90), [45.0], [45.0], [800.0], np.array([0.4]), [0.0], outline)
    down, along = np.nonzero(land.labels)
    assert np.isclose(down.std() / along.std(), 0.4, atol=0.03)


def test_pick_gives_pixels_of_the_object_at_the_depth():
    land = _disc([700, 900], [(40, 20), (40, 55)])
    objects = np.repeat([0, 1], 50)
    depth = np.tile(np.linspace(0, 1, 50), 2)
    y, x = land.pick(objects, depth)
    assert (land.labels[y, x] == objects + 1).all()
    assert np.allclose(land.depth[y, x], depth, atol=0.01)


def test_edges():
    labels = np.array([[0, 1, 1, 2], [0, 1, 1, 2]])
    assert edges(labels).tolist() == [[False, True, True, True]] * 2


@given(st.integers(0, 1000), st.floats(3, 12), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_points_keep_their_distance(seed, spacing, count):
    rng = np.random.default_rng(seed)
    weight = np.zeros((40, 60))
    weight[10:, :30] = 1
    points = scatter(rng, weight, count, spacing)
    assert len(points) <= count
    assert ((points[:, 0] >= 9.5) & (points[:, 1] <= 29.5)).all()
    gap = np.hypot(*(points[:, None] - points[None]).T) + 1e9 * np.eye(len(points))
    assert gap.min(initial=np.inf) >= spacing


def test_points_keep_their_distance_to_those_that_stand():
    rng = np.random.default_rng(0)
    taken = np.array([[20.0, 20.0, 10.0]])
    points = scatter(rng, np.ones((40, 40)), 30, 4.0, taken)
    assert np.hypot(points[:, 0] - 20, points[:, 1] - 20).min() >= 7


def test_outlines_have_the_irregularity_asked_for():
    shapes = outlines(np.random.default_rng(0), np.array([0.0, 0.05, 0.1]))
    assert np.allclose(shapes.mean(axis=1), 1, atol=1e-3)
    assert np.allclose(shapes.std(axis=1), [0, 0.05, 0.1], atol=1e-3)


@pytest.mark.parametrize("sigma", [0.7, 3.0, 12.0])
def test_noise_is_standard_and_as_smooth_as_asked(sigma):
    field = noise(np.random.default_rng(0), (400, 300), sigma)
    assert field.shape == (400, 300)
    assert abs(field.mean()) < 1e-3
    assert abs(field.std() - 1) < 1e-3
    lag = max(int(sigma), 1)
    kept = (field[:, lag:] * field[:, :-lag]).mean()
    assert np.isclose(kept, np.exp(-(lag**2) / (4 * sigma**2)), atol=0.12)


def test_level_sets_the_mean_of_each_object():
    rng = np.random.default_rng(0)
    labels = np.repeat([[0, 1, 1, 2]], 5, axis=0)
    out = level(rng.random(labels.shape), labels, np.array([7.0, 30.0]))
    assert np.allclose(ndimage.mean(out, labels, [0, 1, 2]), [0, 7, 30], rtol=1e-5)


def test_deposit_and_trace_stay_in_their_cell():
    labels = np.array([[1, 1, 2], [1, 1, 2]])
    at = np.array([0, 0, 5]), np.array([0, 2, 1]), np.array([0, 0, 0])
    assert deposit(labels, *at, np.array([2.0, 5.0, 5.0])).tolist() == [[2, 0, 0], [0, 0, 0]]
    drawn = trace(labels, np.array([0.25]), np.array([0.5]), np.array([0]), np.array([8.0]))
    assert drawn.tolist() == [[3, 3, 0], [1, 1, 0]]


def test_the_manual_names_every_argument_effect_and_factor():
    manual = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text()
    rows = [line for line in manual.splitlines() if line.startswith("|")]
    for name in [*CELL, *EFFECTS, *KINDS, *REGIONS, *DRIVERS]:
        assert any(name in row for row in rows), name
    for design in simulated.DESIGNS:
        for name in ["preset", "scale", *simulated.check(design, {})]:
            assert any(f"`{name}`" in row for row in rows), name
    for name, factor in CELL.items():
        row = next(row for row in rows if row.startswith(f"| `{name}`"))
        values = (f"| {factor.mean:g} |", f"| {factor.spread:.2f} |")
        assert all(value in row for value in values), row
        assert f"| {factor.low:g} to {factor.high:g} |" in row
