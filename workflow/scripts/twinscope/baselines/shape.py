"""How large and how round the nuclei are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from twinscope.baselines import Unit

MEASURES = (
    "area",
    "perimeter",
    "major_axis",
    "minor_axis",
    "eccentricity",
    "solidity",
    "form_factor",
)
QUANTILES = (0.1, 0.5, 0.9)


def nuclear_shape(unit: Unit) -> pd.DataFrame:
    """Summarise the size and shape of the nuclei of every image.

    A nucleus cut by the edge of the image has a false shape, so it is left out wherever the image
    has at least one whole nucleus; an image with cut nuclei only is described by those. Neither
    counts nor intensities enter.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, and the cells.

    Returns
    -------
    DataFrame
        `{measure}_mean`, `_sd` (n − 1), `_q10`, `_q50` and `_q90` over the nuclei of the image,
        for area (µm²), perimeter, major and minor axis (µm), eccentricity, solidity and form
        factor. NaN for an image without nuclei; the standard deviation of one nucleus is NaN.
    """
    items = pd.Index(unit.index["item"])
    whole = ~unit.cells["border"].astype(bool)
    has_whole = unit.cells["item"].isin(unit.cells.loc[whole, "item"])
    measures = unit.cells.loc[whole | ~has_whole].groupby("item")[list(MEASURES)]
    parts = {"mean": measures.mean(), "sd": measures.std()}
    parts |= {f"q{quantile * 100:.0f}": measures.quantile(quantile) for quantile in QUANTILES}
    columns = {
        f"{measure}_{name}": part[measure] for measure in MEASURES for name, part in parts.items()
    }
    return pd.DataFrame(columns).reindex(items).astype(float)
