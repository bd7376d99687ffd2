"""How many nuclei there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def cell_count(unit: Unit) -> pd.DataFrame:
    """Count the nuclei of every image.

    Parameters
    ----------
    unit : Unit
        Uses the index (`height`, `width` in pixels, `microns_per_pixel`) and the cells.

    Returns
    -------
    DataFrame
        `count`; `density` (nuclei per mm²); `coverage` (fraction of the image's area that lies in
        nuclei). All 0 for an image without nuclei.
    """
    index = unit.index.set_index("item")
    area = index["height"] * index["width"] * index["microns_per_pixel"] ** 2
    areas = unit.cells.groupby("item")["area"]
    count = areas.size().reindex(index.index, fill_value=0)
    covered = areas.sum().reindex(index.index, fill_value=0.0)
    frame = pd.DataFrame(
        {"count": count, "density": count / area * 1e6, "coverage": covered / area}
    )
    return frame.astype(float)
