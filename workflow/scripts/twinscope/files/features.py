"""Representations: AnnData with one row an item."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

# How the layers of a network are called beside whatever else stands in obsm.
LAYER = "layer_"


def read_features(path: str | Path):
    """Read a representation (AnnData)."""
    import anndata

    return anndata.read_h5ad(path)


def write_features(
    path: str | Path,
    values: np.ndarray,
    obs: pd.DataFrame,
    names: Sequence[str],
    provenance: Mapping,
    layers: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a representation: obs = items, X = float32 (n, d), uns = how it was made.

    Layers of a network, float32 (n, D_k), go to obsm as ``layer_<name>``. Two files with the same
    content are the same to the byte.

    Raises
    ------
    ValueError
        If the rows of values, layers and obs do not agree, or an item stands twice.
    """
    import anndata

    layers = layers or {}
    for rows in (values, *layers.values()):
        if len(rows) != len(obs):
            raise ValueError(f"{len(rows)} rows of features for {len(obs)} items")
    if obs["item"].duplicated().any():
        raise ValueError(f"item twice: {obs['item'][obs['item'].duplicated()].iloc[0]!r}")
    obs = obs.set_index(obs["item"].astype(str).rename(None)).rename(columns=_key)
    data = anndata.AnnData(
        X=np.asarray(values, dtype=np.float32),
        obs=obs,
        var=pd.DataFrame(index=pd.Index([str(name) for name in names])),
        obsm={LAYER + _key(k): np.asarray(v, dtype=np.float32) for k, v in layers.items()},
        uns={"provenance": json.dumps(provenance, sort_keys=True)},
    )
    data.write_h5ad(path, compression="gzip")


def _key(column: str) -> str:
    """Make a name that HDF5 takes: a slash there opens a group, and _index is AnnData's own."""
    return "index_" if column == "_index" else column.replace("/", "_")


def read_provenance(path: str | Path) -> dict:
    """How a representation was made, and of what, without reading its values."""
    import h5py

    with h5py.File(path) as file:
        made = json.loads(file["uns/provenance"].asstr()[()])
    return {"dataset": Path(path).parts[-3], "representation": Path(path).stem, **made}
