"""Representations as arrays with their items: put together unit by unit, never by order alone."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd


def gather(
    parts: Sequence, indices: Sequence[pd.DataFrame]
) -> tuple[np.ndarray, pd.DataFrame, list[str], dict]:
    """Put the units of one representation together.

    Parameters
    ----------
    parts : sequence of AnnData
        One a unit; obs holds `item`.
    indices : sequence of DataFrame
        All that is known of the items, one a unit.

    Returns
    -------
    values : (n, d) float32 array
    index : DataFrame
        One row an item, sorted by item.
    names : list of str
        The features; where the representation says `select`, those that negative controls, if
        there are any, show to be worth keeping. Units must agree on them, unless the
        representation says what a feature that a unit does not have is worth there (0 for another
        unit's batch).
    provenance : dict
        How the first unit was made; the others were made the same way.

    Raises
    ------
    ValueError
        If features differ between units, or items are lost or doubled.
    """
    index = pd.concat(indices, ignore_index=True)
    provenance = json.loads(parts[0].uns["provenance"])
    frames = [pd.DataFrame(part.X, part.obs["item"].to_numpy(), part.var_names) for part in parts]
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    absent = provenance.get("absent")
    if absent is not None:
        names.sort()
    for frame in frames:
        missing = [name for name in names if name not in frame]
        if missing and absent is None:
            raise ValueError(f"feature {missing[0]!r} in some units only")
    values = pd.concat([f.reindex(columns=names, fill_value=absent) for f in frames])
    _check_items(values.index, index["item"])
    index = index.sort_values("item").reset_index(drop=True)
    values = values.loc[index["item"]]
    control = controls(index) if provenance.get("select") else None
    if control is not None and control.sum() > 1:
        from twinscope.baselines import profile

        names = profile.select(values, control)
        provenance = provenance | {"selected": f"{len(names)} of {values.shape[1]}"}
    return values[names].to_numpy(np.float32), index, names, provenance


def unpack(data) -> tuple[np.ndarray, pd.DataFrame, list[str], dict]:
    """Return values, index, names and provenance of a gathered representation."""
    index = data.obs.reset_index(drop=True)
    text = index.select_dtypes(exclude=["number", "bool"]).columns
    index[text] = index[text].astype(str)
    values = np.asarray(data.X, dtype=np.float64)
    return values, index, list(data.var_names), json.loads(data.uns["provenance"])


def controls(index: pd.DataFrame) -> np.ndarray | None:
    """Which items are negative controls, or None if none is."""
    return index["control"].to_numpy(bool) if index["control"].any() else None


def _check_items(found: pd.Index, expected: pd.Series) -> None:
    doubled = found[found.duplicated()].tolist() + expected[expected.duplicated()].tolist()
    if doubled:
        raise ValueError(f"item {doubled[0]!r} twice")
    odd = set(found) ^ set(expected)
    if odd:
        raise ValueError(f"item {min(odd)!r} in one of features and index only")
