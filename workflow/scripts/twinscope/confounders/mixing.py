"""Ask how far batches are mixed and labels kept apart, as the scIB benchmark asks it."""

from math import fsum
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from twinscope.confounders.neighbours import Items, codes, members, simpson

LISI_K, ROBUSTNESS_K, ALPHA = 30, 10, 0.05
ONE_POINT = "constant features: all items are alike"


class Score(NamedTuple):
    """A value, or NaN and the reason.

    `items` (n,) are the values of single items where the score is their mean or median, NaN where
    an item has none; `left_out` labels could not take part.
    """

    value: float
    reason: str = ""
    items: np.ndarray | None = None
    left_out: int = 0


def lisi(items: Items, classes: np.ndarray, k: int = LISI_K) -> np.ndarray:
    """Compute the local inverse Simpson index: of how many classes the neighbours effectively are.

    Parameters
    ----------
    items : Items
        More than k.
    classes : array of str of shape (n,)
        Batches or labels.
    k : int
        Number of neighbours, the item itself not counted.

    Returns
    -------
    array of shape (n,)
        From 1 to the number of classes.

    References
    ----------
    Korsunsky et al. 2019, Nat. Methods 16:1289.
    """
    return 1 / simpson(items, k, codes(classes))


def ilisi(items: Items, batches: np.ndarray, k: int = LISI_K) -> Score:
    """Scale the median LISI over B batches: (LISI - 1) / (B - 1), 1 where all mix evenly.

    Parameters
    ----------
    items, k
        As for `lisi`.
    batches : array of str of shape (n,)

    Returns
    -------
    Score
    """
    reason = undefined(items, k, batch=batches)
    if reason:
        return Score(np.nan, reason)
    scaled = (lisi(items, batches, k) - 1) / (len(np.unique(batches)) - 1)
    return Score(float(np.median(scaled)), items=scaled)


def clisi(items: Items, labels: np.ndarray, k: int = LISI_K) -> Score:
    """Scale the median LISI over L labels: (L - LISI) / (L - 1), 1 where neighbours share a label.

    Parameters
    ----------
    items, k
        As for `lisi`.
    labels : array of str of shape (n,)

    Returns
    -------
    Score
    """
    reason = undefined(items, k, label=labels)
    if reason:
        return Score(np.nan, reason)
    n_labels = len(np.unique(labels))
    scaled = (n_labels - lisi(items, labels, k)) / (n_labels - 1)
    return Score(float(np.median(scaled)), items=scaled)


def kbet(items: Items, batches: np.ndarray, k: int = LISI_K, alpha: float = ALPHA) -> Score:
    """Count for how many items the batches of the neighbourhood are those of the whole.

    The share of items for which a χ² test of the item and its k neighbours does not reject the
    batch frequencies of all items (kBET acceptance; Büttner et al. 2019, Nat. Methods 16:43).

    Parameters
    ----------
    items, k
        As for `lisi`.
    batches : array of str of shape (n,)
    alpha : float
        Level of the test.

    Returns
    -------
    Score
    """
    reason = undefined(items, k, batch=batches)
    if reason:
        return Score(np.nan, reason)
    code = codes(batches)
    counts, _ = items.tally(k, code)
    counts[np.arange(len(code)), code] += 1
    expected = np.bincount(code) / len(code) * (k + 1)
    statistic = ((counts - expected) ** 2 / expected).sum(axis=1)
    accepted = (chi2.sf(statistic, len(expected) - 1) >= alpha).astype(float)
    return Score(float(accepted.mean()), items=accepted)


def graph_connectivity(items: Items, labels: np.ndarray, k: int = LISI_K) -> Score:
    """Average over labels the share of items in the largest component of the label's graph.

    Components are strongly connected, in the graph of links to the k nearest neighbours, ties for
    the last places included (Luecken et al. 2022, Nat. Methods 19:41).

    Parameters
    ----------
    items, k
        As for `lisi`.
    labels : array of str of shape (n,)

    Returns
    -------
    Score
    """
    reason = undefined(items, k, label=labels)
    if reason:
        return Score(np.nan, reason)
    found, code = items.neighbours(k), codes(labels)
    graph = found.matrix(found.share, len(items.size))
    largest = []
    for label in members(items.point, code).T.tocsr():
        own = label.indices
        component = connected_components(graph[own][:, own], connection="strong")[1]
        largest.append(np.bincount(component, label.data).max() / label.data.sum())
    return Score(fsum(largest) / len(largest))


def robustness_index(
    items: Items, labels: np.ndarray, batches: np.ndarray, k: int = ROBUSTNESS_K
) -> Score:
    """Weigh neighbours alike in label only against neighbours alike in batch only.

    RI_k = ΣSO / (ΣSO + ΣOS) over the k nearest neighbours of all items, SO of the same label and
    another batch, OS of another label and the same batch (PathoROB, Kömen et al. 2025, arXiv
    2507.17845). Where items of one group are alike for their own reasons (tiles of a slide),
    average them first.

    Parameters
    ----------
    items, k
        As for `lisi`.
    labels, batches : arrays of str of shape (n,)

    Returns
    -------
    Score
        `items` is SO / (SO + OS) of each.
    """
    reason = undefined(items, k, batch=batches, label=labels)
    if reason:
        return Score(np.nan, reason)
    label, batch = codes(labels), codes(batches)
    both = np.unique(label * (batch.max() + 1) + batch, return_inverse=True)[1]
    same_label, same_batch, same = (items.tally(k, code)[1] for code in (label, batch, both))
    only_label, only_batch = fsum(same_label - same), fsum(same_batch - same)
    either = same_label + same_batch - 2 * same
    if only_label + only_batch == 0:
        return Score(np.nan, "no neighbour is alike in just one of label and batch")
    each = np.full(len(either), np.nan)
    np.divide(same_label - same, either, out=each, where=either > 0)
    return Score(only_label / (only_label + only_batch), items=each)


@threadpool_limits.wrap(limits=1, user_api="blas")
def principal_component_regression(items: Items, covariate: np.ndarray) -> Score:
    """Measure how much of the variance of the features a covariate explains.

    R² of each principal component on the covariate, averaged with the variance of the components
    as weights (Büttner et al. 2019, Nat. Methods 16:43). Over all components this is the explained
    sum of squares over the whole, in any axes, so none have to be found.

    Parameters
    ----------
    items : Items
    covariate : array of shape (n,)
        Classes (str), of which each has a mean of its own; or numbers, with a straight line.

    Returns
    -------
    Score
        From 0 to 1.
    """
    covariate = np.asarray(covariate)
    numeric = covariate.dtype.kind in "biuf"
    reason = undefined(items, **{"value of the covariate" if numeric else "class": covariate})
    if reason:
        return Score(np.nan, reason)
    V = items.values - items.size @ items.values / len(items.point)
    whole = items.size @ (V**2).sum(axis=1)
    if numeric:
        rows = np.lexsort((covariate, items.point))
        c = covariate - fsum(covariate) / len(covariate)
        along = np.bincount(items.point[rows], c[rows], len(V)) @ V
        return Score(float(along @ along / fsum(c**2) / whole))
    N = members(items.point, codes(covariate))
    sums, sizes = N.T @ V, np.asarray(N.sum(axis=0)).ravel()
    return Score(float(((sums**2).sum(axis=1) / sizes).sum() / whole))


def undefined(items: Items, k: int = 0, **classes: np.ndarray) -> str:
    """Say why nothing can be scored.

    Parameters
    ----------
    items : Items
    k : int
        Number of neighbours needed.
    **classes : arrays of str of shape (n,)
        Classes of which there must be two, under their name.

    Returns
    -------
    str
        Empty where there is nothing against it.
    """
    n = len(items.point)
    for what, each in classes.items():
        if len(np.unique(each)) < 2:
            return f"one {what}"
    if len(items.size) < 2:
        return ONE_POINT
    return f"{n} items, fewer than {k} neighbours and the item itself" if n <= k else ""
