"""Presets and scale of the simulator: what they spell out, and that tiny studies can be scored."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinscope import splits
from twinscope.errors import InputError
from twinscope.sources import simulated
from twinscope.sources.simulated import sizes

UNITS = {"cells": ("plate-1", "plate-2"), "tissue": ("cohort-1", "cohort-2")}


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_embedded_is_the_default(design):
    assert simulated.check(design, {"preset": "embedded", "scale": 1}) == simulated.check(
        design, {}
    )


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_what_a_preset_spells_out_passes_again(design):
    checked = simulated.check(design, {"preset": "tiny", "scale": 2})
    assert simulated.check(design, checked) == checked
    assert not {"preset", "scale"} & set(checked)


def test_given_arguments_win_over_the_preset():
    tiny = simulated.check("cells", {"preset": "tiny"})
    assert tiny["size"] == 96
    assert {name[:-2] for name in tiny["perturbations"]} == {"count", "intensity"}
    mine = simulated.check("cells", {"preset": "tiny", "size": 120, "effects": ["texture"]})
    assert (mine["size"], mine["rows"]) == (120, 4)
    assert mine["perturbations"] == ["texture-a", "texture-b"]
    named = simulated.check("cells", {"preset": "tiny", "perturbations": ["actin-b"]})
    assert named["perturbations"] == ["actin-b"]


@pytest.mark.parametrize("design", simulated.DESIGNS)
@pytest.mark.parametrize("more", [{}, {"preset": "tiny"}, {"preset": "tiny", "scale": 3}])
def test_number_is_the_number_of_pictures(design, more):
    parts = simulated.DESIGNS[design].parts("u", 1, simulated.check(design, more))
    assert simulated.number(design, more) == len(list(parts))


def test_sites_and_slides_count():
    assert simulated.number("cells", {"sites": 3, "rows": 5, "columns": 9}) == 135
    assert simulated.number("tissue", {"slides": 3, "spots": 7}) == 21
    with pytest.raises(InputError, match="density"):
        simulated.number("cells", {"density": -1})


@pytest.mark.parametrize("scale", [1, 2, 4, 6, 20])
def test_scale_multiplies_wells_and_spots(scale):
    assert simulated.number("cells", {"scale": scale}) == 48 * scale
    assert simulated.number("tissue", {"scale": scale}) == 5 * 16 * scale


def test_a_scaled_plate_keeps_its_shape():
    assert sizes.plate(6, 8, 1, (26, 48)) == {"rows": 6, "columns": 8}
    assert sizes.plate(8, 12, 4, (26, 48)) == {"rows": 16, "columns": 24}
    assert sizes.plate(8, 12, 3, (26, 48)) == {"rows": 8, "columns": 36}
    assert sizes.plate(8, 12, 3, (26, 30)) == {"rows": 24, "columns": 12}


@given(st.integers(1, 26), st.integers(1, 48), st.integers(1, 60))
def test_a_scaled_plate_has_the_wells_asked_for_or_is_refused(rows, columns, scale):
    try:
        new = sizes.plate(rows, columns, scale, (26, 48))
    except InputError:
        whole = (a for a in range(1, scale + 1) if scale % a == 0)
        assert all(rows * a > 26 or columns * (scale // a) > 48 for a in whole)
    else:
        assert new["rows"] * new["columns"] == rows * columns * scale
        assert new["rows"] % rows == new["columns"] % columns == 0
        assert new["rows"] <= 26
        assert new["columns"] <= 48


@pytest.mark.parametrize(
    ("design", "label", "group"), [("cells", "effect", "well_id"), ("tissue", "region", "patient")]
)
def test_two_tiny_units_can_be_split_into_three_grouped_folds(design, label, group):
    units = [simulated.simulate(design, unit, 1, preset="tiny") for unit in UNITS[design]]
    table = pd.DataFrame([picture.row for unit in units for picture in unit])
    table = table[table[label] != "control"]
    folds = splits.assign(*(table[name].to_numpy() for name in ("item", label, group)), folds=3)
    assert len(table) <= 24
    for fold in range(3):
        assert set(table[label][folds == fold]) == set(table[label])
    assert table.groupby(group)[label].size().gt(0).all()
    assert (pd.Series(folds).groupby(table[group].to_numpy()).nunique() == 1).all()


def test_tiny_cells_still_differ_in_count():
    pictures = simulated.simulate("cells", "p", 1, preset="tiny", effects=["count"], scale=4)
    rows = pd.DataFrame([picture.row for picture in pictures])
    means = rows.groupby("effect")["factor_cell_count"].mean()
    assert means["count"] < means["control"] - 0.5
    assert np.isfinite(means).all()
