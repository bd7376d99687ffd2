"""Nearest class mean of a few items: what a representation tells before anything is fitted."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.special import softmax

SHOTS, DRAWS = 10, 20


def means(
    Z: np.ndarray,
    y: np.ndarray,
    Q: np.ndarray,
    sharpness: Sequence[float],
    similar: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Iterator[np.ndarray]:
    """Predict by the nearest of class means, each of 10 training items (Snell et al. 2017).

    Probabilities are a softmax of the similarity to the means, averaged over 20 draws of items;
    only how sharp it is, is chosen.

    Parameters
    ----------
    Z, Q : arrays of shape (n, d) and (m, d)
        Training items and items to predict, standardised.
    y : array of str of shape (n,)
    sharpness : sequence of float
        Factors of the similarity.
    similar : callable
        (m, d), (K, d) -> (m, K).

    Yields
    ------
    array of shape (m, K)
        One for each factor.
    """
    classes, code = np.unique(y, return_inverse=True)
    rng, members = (
        np.random.default_rng(0),
        [np.flatnonzero(code == k) for k in range(len(classes))],
    )
    found = []
    for _ in range(DRAWS):
        few = [rng.choice(rows, min(SHOTS, len(rows)), replace=False) for rows in members]
        found.append(similar(Q, np.stack([Z[np.sort(rows)].mean(axis=0) for rows in few])))
    for factor in sharpness:
        yield np.mean([softmax(factor * s, axis=1) for s in found], axis=0)
