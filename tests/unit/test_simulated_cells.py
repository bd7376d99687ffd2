"""Simulated cell culture: truth agrees with the pictures, and effects move only what they name."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats
from skimage.measure import regionprops_table

from twinscope.sources import simulated
from twinscope.sources.simulated import cells, effects, optics, plates
from twinscope.sources.simulated.factors import CELL, WELL, untreated

MEASURES = ["area", "eccentricity", "dna", "er", "rna", "agp", "mito"]
MEASURES += ["contrast", "fineness", "reach", "coherence"]
CROSS = ndimage.generate_binary_structure(2, 1)
SINGLE = ["count", "nuclear-shape", "nuclear-size", "texture", "organelle", "actin", "intensity"]


@pytest.fixture(scope="module")
def pictures():
    return list(itertools.islice(simulated.simulate("cells", "plate-1", 3, size=256), 24))


def test_shapes_and_keys(pictures):
    keys = list(pictures[0].row)
    for picture in pictures:
        assert picture.image.shape == (5, 256, 256)
        assert picture.image.dtype == picture.nuclei.dtype == picture.cells.dtype == np.uint16
        assert list(picture.row) == keys
        assert picture.row["item"] == f"plate-1-{picture.row['well'].lower()}-s1"
        assert (picture.objects["item"] == picture.row["item"]).all()


def test_masks_agree_with_factors(pictures):
    for picture in pictures:
        objects, nuclei = picture.objects, picture.nuclei
        assert objects["cell"].tolist() == list(range(1, nuclei.max() + 1))
        assert picture.row["factor_cell_count"] == len(objects) == len(np.unique(nuclei)) - 1
        whole = ~objects["border"].to_numpy()
        micron = 0.65**2
        area = np.bincount(nuclei.ravel(), minlength=len(objects) + 1)[1:] * micron
        assert np.allclose(area[whole], objects["nuclear_area"][whole], rtol=0.05)
        assert (area[~whole] <= objects["nuclear_area"][~whole] * 1.001).all()
        rim = np.concatenate([nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1]])
        assert set(objects["cell"][objects["border"]]) == set(rim[rim > 0].tolist())


def test_cytoplasm_surrounds_every_nucleus(pictures):
    for picture in pictures:
        inside = picture.nuclei > 0
        for filtered in (ndimage.minimum_filter, ndimage.maximum_filter):
            near = filtered(picture.cells, footprint=CROSS)
            assert (near[inside] == picture.nuclei[inside]).all()


def test_drawn_factors_reach_the_masks(pictures):
    controls = [p for p in pictures if p.row["effect"] in ("control", "null", "intensity")]
    table = pd.concat([_shapes(p) for p in controls])
    table = table[(table["type"] == "interphase") & ~table["border"]]
    assert len(table) > 60
    assert np.isclose(table["area"].mean() * 0.65**2, CELL["nuclear_area"].mean, rtol=0.05)
    assert np.isclose(table["cell_area"].mean(), CELL["cell_area"].mean, rtol=0.08)
    measured = table["eccentricity"], table["nuclear_eccentricity"]
    assert np.corrcoef(*measured)[0, 1] > 0.85
    assert abs(np.mean(measured[0] - measured[1])) < 0.03


def _shapes(picture):
    columns = ("label", "area", "eccentricity")
    table = pd.DataFrame(regionprops_table(picture.nuclei, properties=columns))
    return table.merge(picture.objects, left_on="label", right_on="cell", validate="1:1")


def test_a_well_is_made_alone(pictures):
    arguments = simulated.check("cells", {"size": 256})
    well = plates.layout(3, "plate-1", arguments)[17]
    alone = cells.picture("plate-1", 3, arguments, (well, 1))
    assert alone.row == pictures[17].row
    assert (alone.image == pictures[17].image).all()
    pd.testing.assert_frame_equal(alone.objects, pictures[17].objects)


def test_sites_share_their_well_and_not_their_cells():
    arguments = simulated.check("cells", {"size": 96, "sites": 2})
    well = plates.layout(3, "plate-1", arguments)[0]
    one, two = (cells.picture("plate-1", 3, arguments, (well, site)) for site in (1, 2))
    assert one.row["well_id"] == two.row["well_id"] == f"plate-1-{well.name}"
    assert one.row["factor_clustering"] == two.row["factor_clustering"]
    assert (one.image != two.image).any()


def test_layout():
    arguments = simulated.check("cells", {"doses": [0.5, 1.0], "rows": 8, "columns": 12})
    first, second = (plates.layout(3, unit, arguments) for unit in ("a", "b"))
    names = [[well.perturbation.name for well in plate] for plate in (first, second)]
    assert names[0].count("dmso") == pytest.approx(24, abs=12)
    assert sorted(names[0]) == sorted(names[1])
    moved = [a != b for a, b in zip(*names, strict=True) if "position" not in a + b]
    assert np.mean(moved) > 0.7
    fixed = [[w.name for w in p if w.perturbation.effect == "position"] for p in (first, second)]
    assert fixed[0] == fixed[1]
    assert {w[1:] for w in fixed[0]} == {"01"}
    doses = {(w.perturbation.name, w.dose) for w in first}
    assert {("count-a", 0.5), ("count-a", 1.0), ("dmso", 0.0)} <= doses


def test_effects_name_what_they_change():
    means = untreated(np.random.default_rng(0), 900)
    assert set(means) == set(CELL) | set(WELL)
    own = {
        "count": {"density"},
        "nuclear-shape": {"nuclear_eccentricity", "nuclear_irregularity"},
        "nuclear-size": {"nuclear_area"},
        "texture": {"chromatin_scale"},
        "organelle": {"mito_spread"},
        "actin": {"actin_alignment"},
        "intensity": {"er_intensity", "rna_intensity", "mito_intensity"},
        "null": set(),
        "position": set(),
    }
    for effect, names in own.items():
        treated = effects.apply(effects.Perturbation("p", effect, effect), means, 1.0)
        assert {name for name in means if treated[name] != means[name]} == names


def test_dose_and_strength_scale_an_effect():
    means = untreated(np.random.default_rng(0), 900)

    def density(dose, strength=1.0):
        treatment = effects.Perturbation("p", "count", "count", strength)
        return effects.apply(treatment, means, dose)["density"]

    assert density(0) == means["density"]
    assert density(0) > density(0.5) > density(1) > density(2)
    assert np.isclose(density(1, 0.5), density(0.5))
    assert np.isclose(density(1) / means["density"], 0.55)


def test_relations_join_a_compound_and_a_gene():
    table = pd.DataFrame([vars(p) for p in effects.PERTURBATIONS.values()])
    related = table[table["effect"] != "null"].groupby("relation")
    assert (related["agent"].agg(set) == {"compound", "gene"}).all()
    assert (related["effect"].nunique() == 1).all()
    assert table[table["effect"] == "null"]["relation"].is_unique


@pytest.fixture(scope="module")
def measured():
    """Measurements from true masks of controls and of one perturbation of every single effect."""
    named = [f"{effect}-a" for effect in SINGLE]
    rows = []
    for unit in ("plate-1", "plate-2", "plate-3"):
        arguments = {"perturbations": [*named, "null-a"], "rows": 9, "columns": 10}
        for picture in simulated.simulate("cells", unit, 5, **arguments):
            rows.append({"effect": picture.row["effect"], "plate": unit} | _measure(picture))
    table = pd.DataFrame(rows)
    numbers = table.drop(columns=["effect", "plate"])
    control = table["effect"] == "control"
    centre = numbers[control].groupby(table["plate"]).mean().loc[table["plate"]].to_numpy()
    return (numbers - centre).assign(effect=table["effect"])


def _measure(picture):
    """Count, size, shape, stains, chromatin texture, reach of mitochondria, coherence of fibres."""
    table = _shapes(picture).set_index("label")
    light = picture.image.astype(float) - optics.OFFSET
    core = picture.nuclei * (ndimage.minimum_filter(picture.nuclei, 5) == picture.nuclei)
    body = np.where(picture.nuclei > 0, 0, picture.cells)
    far = ndimage.distance_transform_edt(picture.nuclei == 0)
    down, along = np.gradient(ndimage.gaussian_filter(light[3], 0.7))
    xx, yy, xy = (_means(w, body) for w in (along**2, down**2, along * down))
    for channel, name in ((1, "er"), (2, "rna"), (3, "agp"), (4, "mito")):
        table[name] = _means(light[channel], picture.cells)
    table["dna"] = _means(light[0], core)
    table["contrast"] = np.sqrt(_means(light[0] ** 2, core) / table["dna"] ** 2 - 1)
    # Coarse grains: pixels two apart differ little against pixels four apart.
    table["fineness"] = _steps(light[0], core, 2) / _steps(light[0], core, 4)
    table["reach"] = _means(light[4] * far, body) / _means(light[4], body) / _means(far, body)
    table["coherence"] = np.hypot(xx - yy, 2 * xy) / (xx + yy)
    whole = table[~table["border"] & (table["type"] == "interphase")]
    return {"count": len(table)} | whole[MEASURES].mean().to_dict()


def _means(values, labels):
    """Mean of each label's pixels, indexed by label; NaN for a label without any."""
    size = np.bincount(labels.ravel())[1:].astype(float)
    total = np.bincount(labels.ravel(), weights=values.ravel())[1:]
    return pd.Series(total / np.where(size > 0, size, np.nan), np.arange(1, len(size) + 1))


def _steps(light, labels, apart):
    """Mean square of the difference of pixels of one label that are so far apart in a row."""
    left, right = labels[:, :-apart], labels[:, apart:]
    return _means((light[:, apart:] - light[:, :-apart]) ** 2, np.where(left == right, left, 0))


@pytest.mark.parametrize(
    ("effect", "own"),
    [
        ("count", {"count"}),
        ("nuclear-shape", {"eccentricity"}),
        ("nuclear-size", {"area"}),
        ("texture", {"fineness"}),
        ("organelle", {"reach"}),
        ("actin", {"coherence"}),
        ("intensity", {"er", "rna", "mito"}),
        ("null", set()),
    ],
)
def test_each_effect_shows_in_its_own_measure_and_in_no_other(measured, effect, own):
    """A 99.9 % interval of the difference to controls leaves out 0 for its own measures only."""
    groups = dict(list(measured.groupby("effect")))
    for name in measured.columns.drop("effect"):
        sample, control = (groups[g][name].dropna() for g in (effect, "control"))
        test = stats.ttest_ind(sample, control, equal_var=False)
        low, high = test.confidence_interval(0.999)
        assert (not low <= 0 <= high) == (name in own), (name, low, high)


def test_no_cells_is_an_empty_picture_with_undefined_means():
    picture = next(iter(simulated.simulate("cells", "p", 1, density=0)))
    assert picture.row["factor_cell_count"] == 0
    assert np.isnan(picture.row["factor_nuclear_area"])
    assert picture.nuclei.max() == picture.cells.max() == len(picture.objects) == 0


def test_noise_is_that_of_photons_and_reading():
    camera = plates.plate(1, "p", 5)
    light = np.full((5, 400, 400), 900, dtype=np.float32)
    image = optics.expose(np.random.default_rng(0), light, camera, 20, 0.65).astype(float)
    for channel in range(5):
        middle = image[channel, 160:200, 160:200]
        gain, photons = camera.gain[channel], (middle.mean() - optics.OFFSET) / camera.gain[channel]
        flat = middle - ndimage.gaussian_filter(middle, 8)
        expected = gain**2 * (photons + camera.read_noise**2)
        assert np.isclose(flat.var(), expected, rtol=0.12)
        assert photons > 900


def test_bright_pictures_do_not_saturate():
    light = np.full((5, 80, 80), 50000, dtype=np.float32)
    camera = plates.plate(1, "p", 5)
    image = optics.expose(np.random.default_rng(0), light, camera, 10, 0.65)
    assert image.max() <= optics.CEILING < np.iinfo(np.uint16).max


def test_the_rim_of_a_plate_is_dimmer_in_cells_and_brighter_in_background():
    middle, corner = (plates.Well(r, c, plates.CONTROL, 0.0) for r, c in ((3, 4), (0, 0)))
    assert plates.edge(corner, 6, 8) == 1
    assert plates.edge(middle, 6, 8) < 0.1
    arguments = simulated.check("cells", {"density": 0})
    low, high = (
        cells.picture("p", 1, arguments, (well, 1)).image.mean() for well in (middle, corner)
    )
    assert high > low + 50
