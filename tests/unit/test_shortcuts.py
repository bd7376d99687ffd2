"""Shortcuts: where an image was taken, how large its file is, how much was counted there."""

import numpy as np
import pandas as pd
import pytest

from twinscope.baselines import Unit, shortcut
from twinscope.errors import InputError


def unit_of(**columns):
    index = pd.DataFrame(columns)
    index.insert(0, "item", [f"image-{number}" for number in range(len(index))])
    return Unit(index, ("dna",), pd.DataFrame(), iter([]), iter([]))


def wells(*places):
    return unit_of(
        position_row=[float(row) for row, _ in places],
        position_column=[float(column) for _, column in places],
    )


def test_a_well_is_one_hot_by_its_name():
    frame = shortcut.well_onehot(unit_of(position=["B02", "A01", "B02", np.nan, ""]))
    assert list(frame.columns) == ["position=A01", "position=B02"]
    assert frame.iloc[:3].to_numpy().tolist() == [[0, 1], [1, 0], [0, 1]]
    assert frame.iloc[3:].isna().all(axis=None)
    assert frame.attrs["absent"] == 0.0


def test_wells_that_are_not_known_are_undefined():
    frame = shortcut.well_onehot(unit_of(position=["", np.nan]))
    assert list(frame.columns) == ["position"] and frame.isna().all(axis=None)


def test_a_plate_is_imaged_there_and_back():
    places = [(1, 1), (1, 4), (2, 4), (2, 1), (3, 1), (2, 3), (np.nan, np.nan)]
    frame = shortcut.plate_order(wells(*places), columns=4)
    assert frame["order"].tolist()[:-1] == [0, 3, 4, 7, 8, 5]
    assert np.isnan(frame["order"].iloc[-1])


def test_the_order_visits_every_well_once_and_moves_one_well_at_a_time():
    places = np.array([(row, column) for row in range(1, 9) for column in range(1, 13)])
    frame = shortcut.plate_order(wells(*places), columns=12)
    assert sorted(frame["order"]) == list(range(96))
    path = places[frame["order"].to_numpy().argsort()]
    assert (np.abs(np.diff(path, axis=0)).sum(axis=1) == 1).all()


@pytest.mark.parametrize("place", [(0, 1), (1, 25), (1.5, 1), (1, 0)])
def test_a_place_off_the_plate_is_named(place):
    with pytest.raises(InputError, match="image-1"):
        shortcut.plate_order(wells((1, 1), place))


def test_coordinates_are_a_polynomial_of_any_degree():
    frame = shortcut.coordinates(wells((12, 18), (8, 12), (np.nan, 3)))
    # Rows of 16 and columns of 24: (12, 18) is at (0.5, 0.5), (8, 12) in the middle.
    assert list(frame.columns) == ["y1x0", "y0x1", "y2x0", "y1x1", "y0x2"] + [
        "y3x0",
        "y2x1",
        "y1x2",
        "y0x3",
    ]
    assert frame.iloc[0].tolist() == [0.5] * 2 + [0.25] * 3 + [0.125] * 4
    assert (frame.iloc[1] == 0).all()
    assert frame.loc["image-2", ["y1x0", "y1x1", "y3x0"]].isna().all()
    one = shortcut.coordinates(wells((30, 10)), degree=1, height=20, width=40)
    assert one.iloc[0].tolist() == [2.0, -0.5]


def test_places_do_not_depend_on_other_images():
    places = [(1, 2), (5, 20), (16, 24)]
    for function in (shortcut.coordinates, shortcut.plate_order):
        together = function(wells(*places))
        alone = pd.concat([function(wells(place)) for place in places])
        assert np.array_equal(together, alone)


def test_cubic_coordinates_fit_a_cubic_plate_effect():
    rows, columns = np.meshgrid(np.arange(1, 17), np.arange(1, 25), indexing="ij")
    places = np.column_stack([rows.ravel(), columns.ravel()])
    effect = (places[:, 0] - 5.0) ** 2 * (places[:, 1] - 11.0)
    for degree, fits in ((2, False), (3, True)):
        design = shortcut.coordinates(wells(*places), degree=degree).to_numpy()
        design = np.column_stack([design, np.ones(len(design))])
        rest = effect - design @ np.linalg.lstsq(design, effect, rcond=None)[0]
        assert (rest.std() < 1e-6 * effect.std()) == fits


def test_the_size_of_a_file_is_its_bytes():
    frame = shortcut.file_size(unit_of(bytes=[100, 250]))
    assert frame["bytes"].tolist() == [100.0, 250.0]
    assert frame["bytes"].dtype == float


def test_library_size_reads_numbers_and_digits():
    text = shortcut.library_size(unit_of(total_counts=["0", " 1765 ", "", None]))
    assert text["log_total_counts"].tolist()[:2] == pytest.approx([0, np.log(1766)])
    assert text["log_total_counts"].iloc[2:].isna().all()
    numbers = shortcut.library_size(unit_of(n=[0, 1765, np.nan]), column="n")
    assert numbers["log_n"].tolist()[:2] == pytest.approx([0, np.log(1766)])


@pytest.mark.parametrize("value", ["many", "-3", -3, "inf"])
def test_amounts_that_are_none_are_named(value):
    with pytest.raises(InputError, match=f"column total_counts.*{value}.*image-1"):
        shortcut.library_size(unit_of(total_counts=["5", value]))


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no column 'bytes'"):
        shortcut.file_size(unit_of(total_counts=[1]))
    with pytest.raises(InputError, match="did you mean 'total_counts'"):
        shortcut.library_size(unit_of(total_counts=[1]), column="total_count")


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (shortcut.coordinates, {"degree": 0}, "degree 0"),
        (shortcut.coordinates, {"height": 0}, "height 0"),
        (shortcut.coordinates, {"width": np.inf}, "width inf"),
        (shortcut.plate_order, {"columns": 1.5}, "columns 1.5"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(wells((1, 1)), **arguments)
