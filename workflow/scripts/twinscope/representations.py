"""Representations as arrays with their items: put together unit by unit, never by order alone."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from twinscope.files.features import LAYER


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


def gather_layers(parts: Sequence, index: pd.DataFrame) -> dict[str, np.ndarray]:
    """Put the layers of one representation together.

    Parameters
    ----------
    parts : sequence of AnnData
        One a unit.
    index : DataFrame
        That of `gather`.

    Returns
    -------
    dict of (n, D_k) float32 arrays
        By name; rows as in the index.

    Raises
    ------
    ValueError
        If a unit lacks a layer that another has.
    """
    items = pd.Index(np.concatenate([part.obs["item"].to_numpy() for part in parts]))
    order = items.get_indexer(index["item"])
    found = [_layers(part) for part in parts]
    odd = set().union(*found) - set(found[0]).intersection(*found)
    if odd:
        raise ValueError(f"layer {min(odd)!r} in some units only")
    return {name: np.concatenate([each[name] for each in found])[order] for name in found[0]}


def layers(data) -> dict[str, np.ndarray]:
    """Return the layers of a network, {name: (n, D_k) float64}, in the network's order."""
    return {name: np.asarray(X, np.float64) for name, X in _layers(data).items()}


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


def _layers(data) -> dict[str, np.ndarray]:
    found = {name.removeprefix(LAYER): X for name, X in data.obsm.items() if name.startswith(LAYER)}
    own = json.loads(data.uns["provenance"]).get("layers") or sorted(found)
    return {name: found[name] for name in sorted(found, key=[*own, *found].index)}


def _check_items(found: pd.Index, expected: pd.Series) -> None:
    doubled = found[found.duplicated()].tolist() + expected[expected.duplicated()].tolist()
    if doubled:
        raise ValueError(f"item {doubled[0]!r} twice")
    odd = set(found) ^ set(expected)
    if odd:
        raise ValueError(f"item {min(odd)!r} in one of features and index only")
