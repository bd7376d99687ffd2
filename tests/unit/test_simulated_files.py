"""Simulated pictures on disk: images, masks of nuclei and of whole cells, and where they lie."""

import pytest

from twinscope import files
from twinscope.sources import simulated


@pytest.fixture
def folders(tmp_path):
    return [tmp_path / name for name in ("images", "masks", "cells")]


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_what_is_written_is_what_was_made(design, folders, tmp_path):
    pictures = list(simulated.simulate(design, "u", 1, preset="tiny"))[:3]
    channels = simulated.channels(design)
    table, objects = files.write_pictures(*folders, iter(pictures), channels)
    readers = {"image": ("path", files.Stack), "nuclei": ("mask", files.Labels)}
    if design == "cells":
        readers["cells"] = ("cell_mask", files.Labels)
    assert ("cell_mask" in table) == (design == "cells")
    for picture, (_, row) in zip(pictures, table.iterrows(), strict=True):
        assert row["path"] == f"images/{picture.row['item']}.tif"
        for part, (column, read) in readers.items():
            assert (read(tmp_path / row[column])[0] == getattr(picture, part)).all()
    assert len(objects) == sum(len(picture.objects) for picture in pictures)
    assert len(list(folders[2].iterdir())) == (3 if design == "cells" else 0)


def test_files_are_the_same_to_the_byte(tmp_path):
    written = []
    for name in "ab":
        folders = [tmp_path / name / part for part in ("images", "masks", "cells")]
        pictures = simulated.simulate("cells", "u", 1, preset="tiny")
        files.write_pictures(*folders, [next(pictures)], simulated.channels("cells"))
        written.append([path.read_bytes() for folder in folders for path in folder.iterdir()])
    assert len(written[0]) == 3
    assert written[0] == written[1]
    assert min(map(len, written[0])) > 100
