"""Simulated tissue: masks, stains, regions, and genes whose drivers explain what they declare."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from twinscope.sources import simulated
from twinscope.sources.simulated import genes, histology, necrosis, stroma
from twinscope.sources.simulated.slides import REGIONS, plan


@pytest.fixture(scope="module")
def pictures():
    return list(simulated.simulate("tissue", "set-1", 3, slides=3, spots=8))


@pytest.fixture(scope="module")
def planned():
    arguments = simulated.check("tissue", {"slides": 99, "spots": 4})
    return [spot for unit in "abcdefghij" for spot in plan(unit, 3, arguments)]


def test_shapes_and_keys(pictures):
    assert len(pictures) == 24
    keys = list(pictures[0].row)
    for picture in pictures:
        assert picture.image.shape == (3, 192, 192)
        assert picture.image.dtype == np.uint8
        assert picture.nuclei.dtype == np.uint16
        assert picture.cells is None
        assert list(picture.row) == keys
        assert picture.row["slide"] == picture.row["patient"]
    assert len({picture.row["item"] for picture in pictures}) == 24
    assert {picture.row["slide"] for picture in pictures} == {f"set-1-p{n:02d}" for n in (1, 2, 3)}


def test_regions_share_a_slide_equally(pictures):
    table = pd.DataFrame([picture.row for picture in pictures])
    counts = table.groupby(["slide", "region"]).size()
    assert (counts == 2).all()
    assert len(counts) == 3 * 4
    assert not table.duplicated(["slide", "x", "y"]).any()


def test_masks_agree_with_factors(pictures):
    for picture in pictures:
        objects, nuclei = picture.objects, picture.nuclei
        assert objects["cell"].tolist() == list(range(1, nuclei.max() + 1))
        assert picture.row["factor_cell_count"] == len(objects)
        whole = ~objects["border"].to_numpy()
        area = np.bincount(nuclei.ravel(), minlength=len(objects) + 1)[1:] * 0.25
        assert np.allclose(area[whole], objects["nuclear_area"][whole], rtol=0.05)
        rim = np.concatenate([nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1]])
        assert set(objects["cell"][objects["border"]]) == set(rim[rim > 0].tolist())
        share = (objects["type"] == "lymphocyte").mean()
        assert picture.row["factor_fraction_lymphocyte"] == share


def test_nuclei_are_darker_than_their_surroundings(pictures):
    for picture in pictures:
        red = picture.image[0].astype(float)
        assert red[picture.nuclei > 0].mean() < red[picture.nuclei == 0].mean() - 30


def test_regions_hold_their_cells(pictures):
    rows = pd.DataFrame([picture.row for picture in pictures]).groupby("region").mean(True)
    assert rows["factor_fraction_epithelial"].idxmax() == "gland"
    assert rows["factor_fraction_lymphocyte"].idxmax() == "infiltrate"
    assert rows["factor_fraction_fibroblast"].idxmax() == "stroma"
    assert rows["factor_nuclear_area"].idxmax() == "tumour"
    assert rows["factor_density"].idxmax() == "infiltrate"


def test_necrosis_is_mostly_empty():
    arguments = {"regions": ["necrosis", "tumour"], "slides": 3, "spots": 4}
    rows = [p.row for p in simulated.simulate("tissue", "s", 1, **arguments)]
    empty = pd.DataFrame(rows).groupby("region")["factor_empty_fraction"].mean()
    assert empty["necrosis"] > empty["tumour"] + 0.1


def _coherence(picture):
    """0 where no direction is preferred, 1 where all lines are parallel."""
    down, along = np.gradient(picture)
    xx, yy, xy = (np.mean(a * b) for a, b in ((along, along), (down, down), (along, down)))
    return np.hypot(xx - yy, 2 * xy) / (xx + yy)


def test_debris_has_no_direction_and_fibres_have_one():
    draws = [np.random.default_rng(seed) for seed in range(5)]
    dead = [_coherence(necrosis.debris(rng, (200, 200), 0.5)) for rng in draws]
    alive = [_coherence(stroma.weave(rng, (200, 200), 0.5)[0]) for rng in draws]
    assert max(dead) < 0.15
    assert min(alive) > 0.3


def test_crumbs_lie_in_tissue_and_are_smaller_than_nuclei():
    tissue = np.zeros((200, 200))
    tissue[:, :100] = 1
    found = necrosis.crumbs(np.random.default_rng(0), tissue, 0.5) > 0.2
    assert 0.002 < found[:, :100].mean() < 0.1
    assert not found[:, 104:].any()
    specks, number = ndimage.label(found)
    assert number > 10
    assert np.median(np.bincount(specks.ravel())[1:]) * 0.25 < 4


def test_crumbs_are_no_nuclei():
    arguments = {"regions": ["necrosis"], "slides": 2, "spots": 4, "density": 0}
    pictures = list(simulated.simulate("tissue", "s", 1, **arguments))
    assert all(p.row["factor_cell_count"] == p.nuclei.max() == 0 for p in pictures)
    assert max(np.ptp(p.image[0].astype(int)) for p in pictures) > 60


def test_a_picture_needs_only_its_own_slide(pictures):
    fewer = list(simulated.simulate("tissue", "set-1", 3, slides=1, spots=8))
    for one, other in zip(fewer, pictures[:8], strict=True):
        assert repr(one.row) == repr(other.row)
        assert (one.image == other.image).all()


def test_light_is_absorbed_by_beer_and_lambert():
    slide = histology.Glass(
        haematoxylin=np.array([0.8, 0.6, 0.0]),
        eosin=np.array([0.0, 1.0, 0.0]),
        amounts=np.array([1.0, 0.5]),
        thickness=2.0,
        blur=0.5,
        light=np.array([240.0, 230.0, 220.0]),
    )
    rng = np.random.default_rng(0)
    stains = np.stack([np.full((120, 120), 0.3), np.full((120, 120), 0.4)])
    image = histology.absorb(rng, stains, slide, 0.5).mean(axis=(1, 2))
    depth = 2 * np.array([0.3 * 0.8, 0.3 * 0.6 + 0.5 * 0.4, 0.0])
    assert np.allclose(image, slide.light * np.exp(-depth), atol=0.1)


def test_slides_differ_in_stain():
    vectors = [histology.glass(np.random.default_rng(seed)).haematoxylin for seed in range(20)]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert (np.std(vectors, axis=0) > 0.01).all()


def test_drivers_are_standard_and_independent(planned):
    table = pd.DataFrame([spot.drivers for spot in planned])
    assert tuple(table.columns) == genes.DRIVERS
    assert table["slide"].nunique() == 990
    size = np.where(table.columns == "slide", 990, len(table))
    assert (np.abs(table.mean()) < 4 / np.sqrt(size)).all()
    assert (np.abs(table.std() - 1) < 4 / np.sqrt(2 * size)).all()
    off = np.corrcoef(table.T)[np.triu_indices(6, 1)]
    assert np.abs(off).max() < 4 / np.sqrt(990)


@pytest.mark.parametrize("name", genes.PROGRAMMES)
def test_variance_explained_is_the_declared_share(planned, name):
    """Least squares of the log-rate on all drivers, within four standard errors of a share."""
    shares = genes.PROGRAMMES[name]
    panel, rng = genes.panel(3, {name: shares}), np.random.default_rng(0)
    rate = np.array([genes.log_rates(rng, panel, spot.drivers)[0] for spot in planned])
    drivers = np.array([[spot.drivers[d] for d in genes.DRIVERS] for spot in planned])
    design = np.column_stack([drivers, np.ones(len(rate))])
    slope = np.linalg.lstsq(design, rate, rcond=None)[0][:-1]
    explained = slope**2 * drivers.var(axis=0) / rate.var()
    size = 990 if "slide" in shares else len(planned)
    for driver, found in zip(genes.DRIVERS, explained, strict=True):
        share = shares.get(driver, 0.0)
        error = 2 * np.sqrt(share) * (1 - share) / np.sqrt(size)
        assert abs(found - share) < 4 * error + 16 / len(planned), driver
    assert np.isclose(rate.std(), genes.SPREAD, rtol=4 / np.sqrt(2 * size))


def test_counts_are_negative_binomial():
    rng = np.random.default_rng(0)
    draws = genes.counts(rng, np.full(200_000, np.log(0.01)), 4000.0)
    assert np.isclose(draws.mean(), 40, rtol=0.01)
    assert np.isclose(draws.var(), 40 + genes.DISPERSION * 40**2, rtol=0.03)


def test_library_size_varies(pictures):
    totals = np.array([picture.row["total_counts"] for picture in pictures])
    assert 0.2 < np.log(totals).std() < 0.8


def test_gene_argument():
    assert list(simulated.check("tissue", {"genes": 10})["genes"])[-2:] == [
        "composition_2",
        "density_2",
    ]
    row = next(simulated.simulate("tissue", "s", 1, genes={"mine": {"texture": 1.0}})).row
    assert [key for key in row if key.startswith("gene_")] == ["gene_mine"]
    assert not any(
        k.startswith("gene_") for k in next(simulated.simulate("tissue", "s", 1, genes=0)).row
    )


def test_a_gene_is_the_same_in_every_panel():
    shares = genes.PROGRAMMES
    whole, alone = genes.panel(3, shares), genes.panel(3, {"mixed": shares["mixed"]})
    last = whole.names.index("mixed")
    assert whole.base[last] == alone.base[0]
    assert (whole.loadings[last] == alone.loadings[0]).all()


@pytest.fixture(scope="module")
def tumour():
    arguments = {"regions": ["tumour"], "slides": 8, "spots": 10, "size": 160, "genes": 0}
    rows = [picture.row for picture in simulated.simulate("tissue", "t", 9, **arguments)]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("driver", "factor"),
    [
        ("density", "density"),
        ("morphology", "nuclear_area"),
        ("texture", "chromatin_contrast"),
        ("composition", "fraction_lymphocyte"),
    ],
)
def test_drivers_move_their_own_factor_and_no_other(tumour, driver, factor):
    others = {"density", "nuclear_area", "chromatin_contrast", "fraction_lymphocyte"} - {factor}
    cause = tumour[f"factor_driver_{driver}"]
    grade = tumour["factor_fraction_tumour_high"] > 0
    values = tumour - tumour.groupby(grade)[tumour.filter(like="factor_").columns].transform("mean")

    def interval(name):
        found = stats.pearsonr(cause, values[f"factor_{name}"])
        return found.confidence_interval(0.999)

    assert interval(factor).low > 0.2
    for name in others:
        low, high = interval(name)
        assert low <= 0 <= high, name


def test_mingled_lymphocytes_are_less_clustered():
    arguments = {"regions": ["infiltrate"], "slides": 4, "spots": 9, "genes": 0, "size": 224}
    rows = pd.DataFrame([p.row for p in simulated.simulate("tissue", "t", 9, **arguments)])
    found = stats.pearsonr(rows["factor_driver_arrangement"], rows["factor_lymphocyte_clustering"])
    assert found.confidence_interval(0.999).high < 0


def test_all_regions_are_reachable():
    assert simulated.check("tissue", {"regions": list(REGIONS)})["regions"] == list(REGIONS)
    assert "necrosis" not in simulated.check("tissue", {})["regions"]
