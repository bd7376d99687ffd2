"""Say in which ways a split can make a score mislead."""

import numpy as np
import pandas as pd

FEW_GROUPS = 10
RARE = 20
SHUFFLED_LABELS = 200


def found(
    index: pd.DataFrame, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray, unlabelled=0
) -> pd.DataFrame:
    """List the ways in which this split can make a score mislead.

    Parameters
    ----------
    index : DataFrame of n rows
        Columns `batch` and `position`, each optional; missing values where not known.
    labels, groups : arrays of str of shape (n,)
        Class labels and groups.
    folds : array of int of shape (n,)
        As from `assign`.
    unlabelled : int
        Number of items left out for want of a label.

    Returns
    -------
    DataFrame
        Columns `flag` and `detail`, one row for each flag that holds.
    """
    labels, groups = np.asarray(labels, dtype=str), np.asarray(groups, dtype=str)
    batch, position = _known(index, "batch"), _known(index, "position")
    told = {
        "no-groups": _no_groups(groups),
        "few-groups": _few_groups(groups),
        "batch-straddles": _batch_straddles(batch, np.asarray(folds)),
        "batch-confounded": _batch_confounded(batch, labels),
        "position-confounded": _position_confounded(position, labels),
        "rare-classes": _rare_classes(labels),
        "unlabelled": f"{unlabelled} items with no label were left out" if unlabelled else "",
    }
    rows = [(flag, detail) for flag, detail in told.items() if detail]
    return pd.DataFrame(rows, columns=["flag", "detail"], dtype=str)


def _known(index: pd.DataFrame, column: str) -> pd.Series | None:
    """Return a column as text with missing values, or nothing when none of it is known."""
    if column not in index or index[column].isna().all():
        return None
    values = index[column].reset_index(drop=True)
    return values.astype(str).where(values.notna())


def _no_groups(groups: np.ndarray) -> str:
    if len(np.unique(groups)) < len(groups):
        return ""
    return "each item stands alone: related images may be in training and test"


def _few_groups(groups: np.ndarray) -> str:
    n_groups = len(np.unique(groups))
    return f"{n_groups} groups: intervals are wide" if n_groups < FEW_GROUPS else ""


def _batch_straddles(batch: pd.Series | None, folds: np.ndarray) -> str:
    if batch is None:
        return ""
    per_batch = pd.Series(folds).groupby(batch).nunique()
    straddling = int((per_batch > 1).sum())
    return f"{straddling} of {len(per_batch)} batches are in training and test" * bool(straddling)


def _batch_confounded(batch: pd.Series | None, labels: np.ndarray) -> str:
    """Compare what the batch alone says of the label with labels dealt at random."""
    if batch is None or batch.nunique() < 2:
        return ""
    known = batch.notna().to_numpy()
    b = np.unique(batch[known].to_numpy(dtype=str), return_inverse=True)[1]
    y = np.unique(labels[known], return_inverse=True)[1]
    table = _crosstab(b, y)
    share = np.isin(y, np.flatnonzero((table > 0).sum(axis=0) == 1)).mean()
    accuracy = table.max(axis=1).sum() / len(y)
    rng = np.random.default_rng(0)
    dealt = [_crosstab(b, rng.permutation(y)).max(axis=1).sum() for _ in range(SHUFFLED_LABELS)]
    expected = np.mean(dealt) / len(y)
    if share == 0 and accuracy < expected + 0.1:
        return ""
    return (
        f"{share:.0%} of items have a label found in one batch only; the majority label of "
        f"the batch is right for {accuracy:.0%} ({expected:.0%} if labels were dealt at random)"
    )


def _crosstab(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    shape = rows.max() + 1, columns.max() + 1
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _position_confounded(position: pd.Series | None, labels: np.ndarray) -> str:
    if position is None or position.nunique() < 2:
        return ""
    one = position.groupby(labels).nunique() == 1
    return f"{one.mean():.0%} of labels occupy one position" if one.any() else ""


def _rare_classes(labels: np.ndarray) -> str:
    classes, sizes = np.unique(labels, return_counts=True)
    return ", ".join(f"{c} ({n})" for c, n in zip(classes, sizes, strict=True) if n < RARE)
