"""Wells as tasks that hold perturbations against negative controls see them."""

import numpy as np
import pandas as pd

from twinscope.errors import InputError
from twinscope.kinds.asked import SEVERAL, Asked


def wells(asked: Asked) -> tuple[np.ndarray, pd.DataFrame]:
    """Return features and design of the wells that are scored.

    Negative controls that an alignment was fitted on are left out (`kept`): corrected to look
    alike, they would make everything else look different.

    Returns
    -------
    X : array of shape (n, d)
    meta : DataFrame of n rows
        item, label, control, batch, and position where it is known.

    Raises
    ------
    InputError
        If images of one well differ in batch or in being a control.
    """
    meta = pd.DataFrame({"item": asked.keys["key"], "label": asked.keys["label"]})
    for name in ("control", "batch"):
        meta[name] = asked.column(name, "level").to_numpy()
    meta["control"] = meta["control"].astype(bool)
    position = asked.meta["position"] if "position" in asked.meta else pd.Series(dtype=str)
    if len(position) and (position.astype(str) != "").all():
        meta["position"] = position.map(lambda p: None if p is SEVERAL else p).to_numpy()
    if not meta["control"].any():
        raise InputError("no negative control", "some", "tasks.tsv", asked.name, "dataset")
    keep = ~(meta["control"].to_numpy() & asked.train) if asked.held_out else slice(None)
    return asked.features()[keep], meta[keep].reset_index(drop=True)


def held_out(control: np.ndarray, batch: np.ndarray, key: np.ndarray, seed: int) -> np.ndarray:
    """Choose half of the negative controls of each batch, on which no alignment is fitted.

    Parameters
    ----------
    control : array of bool of shape (n,)
    batch, key : arrays of str of shape (n,)
    seed : int
        The choice hangs on it and on the keys, not on their order.

    Returns
    -------
    array of bool of shape (n,)
    """
    chosen = np.zeros(len(control), dtype=bool)
    for one in np.unique(batch[control]):
        rows = np.flatnonzero(control & (batch == one))
        rows = rows[np.argsort(key[rows], kind="stable")]
        chosen[np.random.default_rng(seed).permutation(rows)[: len(rows) // 2]] = True
    return chosen
