"""How well predicted objects match true ones: counts and F1 at thresholds of overlap."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from twinscope.errors import InputError


def score(
    truth: np.ndarray, predicted: np.ndarray, thresholds: Sequence[float] = (0.5, 0.75)
) -> pd.DataFrame:
    """Match predicted to true objects one to one and count.

    A pair may be matched when its intersection over union (IoU) reaches the threshold. Among all
    one-to-one matchings the one with the most pairs counts; from 0.5 up there is hardly a choice.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (Y, X)
        Label images, 0 for background; the other labels may be any positive whole numbers.
    thresholds : sequence of float
        Of the IoU, above 0 and at most 1.

    Returns
    -------
    DataFrame
        One row a threshold, in the order given. Columns: threshold; TP, FP, FN (int); precision
        TP / (TP + FP), recall TP / (TP + FN), F1 2 TP / (2 TP + FP + FN), which are NaN where
        nothing is predicted, nothing is there, or neither; reason (str), why one is NaN.

    Raises
    ------
    InputError
        When shapes differ, labels are negative or not whole, or a threshold is not allowed.

    References
    ----------
    Caicedo et al. 2019, Nat. Methods 16:1247 (F1 of nuclei by IoU). Stringer et al. 2021, Nat.
    Methods 18:100, whose average precision is TP / (TP + FP + FN).
    """
    for threshold in thresholds:
        if not 0 < threshold <= 1:
            raise InputError(f"threshold {threshold}", "an overlap above 0 and at most 1")
    overlap = _overlaps(truth, predicted)
    return pd.DataFrame([_row(overlap, float(threshold)) for threshold in thresholds])


def _overlaps(truth, predicted):
    """Intersection over union of every true (row) and predicted (column) object."""
    for name, labels in (("truth", truth), ("predicted", predicted)):
        if labels.dtype.kind not in "iub" or (labels.size and labels.min() < 0):
            raise InputError(f"{name} of type {labels.dtype}", "whole labels, 0 or more")
    if truth.shape != predicted.shape:
        raise InputError(f"shapes {truth.shape} and {predicted.shape}", "two of one shape")
    rows, row = np.unique(np.append(truth.ravel().astype(np.int64), 0), return_inverse=True)
    columns, column = np.unique(
        np.append(predicted.ravel().astype(np.int64), 0), return_inverse=True
    )
    # The pixel that was added makes sure of a background, which comes first.
    shared = coo_array(
        (np.ones(truth.size), (row[:-1], column[:-1])), shape=(len(rows), len(columns))
    ).toarray()
    either = shared.sum(axis=1)[1:, None] + shared.sum(axis=0)[None, 1:] - shared[1:, 1:]
    return shared[1:, 1:] / np.maximum(either, 1)


def _row(overlap, threshold):
    true, found = overlap.shape
    allowed = overlap >= threshold
    pairs = linear_sum_assignment(allowed, maximize=True)
    hits = int(allowed[pairs].sum())
    counts = {"threshold": threshold, "TP": hits, "FP": found - hits, "FN": true - hits}
    rates = {
        "precision": hits / found if found else np.nan,
        "recall": hits / true if true else np.nan,
        "F1": 2 * hits / (true + found) if true + found else np.nan,
    }
    missing = [] if true else ["no true object"]
    missing += [] if found else ["no predicted object"]
    return counts | rates | {"reason": "; ".join(missing)}
