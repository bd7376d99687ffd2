"""What some representations learn without labels: on the training items of each fold, only."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from twinscope.baselines import composition
from twinscope.errors import InputError, one_of


def transform(
    fit: Mapping, values: np.ndarray, names: Sequence[str], train: np.ndarray
) -> np.ndarray:
    """Learn from the training items and describe all of them.

    Parameters
    ----------
    fit : mapping
        `kind`, a key of `FITS`, and its arguments, as a baseline leaves them in its provenance.
    values : (n, d) array
        What the baseline kept of each item.
    names : sequence of str
        The d columns.
    train : (n,) bool array
        Which items may be learned from.

    Returns
    -------
    (n, m) array

    Raises
    ------
    InputError
        For an unknown kind, or too little to learn from.
    """
    arguments = dict(fit)
    kind = arguments.pop("kind")
    if kind not in FITS:
        raise InputError(f"fit {kind!r}", one_of(FITS, kind))
    frame = pd.DataFrame(np.asarray(values, float), columns=list(names))
    return FITS[kind](frame, np.asarray(train, bool), **arguments)


def _components(frame: pd.DataFrame, train: np.ndarray, components: int) -> np.ndarray:
    """Principal components of the training items, the same scale for all columns."""
    from sklearn.decomposition import PCA

    values = frame.to_numpy()
    values = values[:, np.isfinite(values[train]).any(axis=0)]
    centre = np.nanmedian(values[train], axis=0)
    values = np.where(np.isfinite(values), values, centre)
    number = min(components, train.sum() - 1, values.shape[1])
    if number < 1:
        raise InputError(f"{train.sum()} training items", "2 or more for a component")
    return PCA(number, svd_solver="full").fit(values[train]).transform(values)


def _composition(frame: pd.DataFrame, train: np.ndarray, clusters: int, k: int, seed: int):
    """Clusters of the training items' nuclei, their fractions and neighbourhoods in all items."""
    unit = composition.unpack(frame)
    known = set(unit.index["item"][train])
    learned = composition.codebook(unit.cells[unit.cells["item"].isin(known)], clusters, seed)
    return composition.composition(unit, learned, k).to_numpy()


FITS = {"components": _components, "composition": _composition}
