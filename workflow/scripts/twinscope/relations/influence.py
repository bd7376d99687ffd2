"""Say what each gene does to the distribution that annotated pairs are placed in."""

from collections.abc import Callable

import numpy as np

from twinscope.relations.tails import TAIL, tail_credit, whole
from twinscope.similarity import cached_rows

# Recall is differentiated over tails from half to one and a half of the size asked for.
STEP = 0.5
STEPS = 65_536


def influence(
    similarity: np.ndarray,
    inside: np.ndarray | None,
    ordered: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    tail: float = TAIL,
) -> np.ndarray:
    """Sum over the pairs of each gene what they do to the scores as places for others.

    A gene near to many moves the edge of a tail, and the pairs an annotated one is held against,
    as it moves its annotated pairs: both ways nearly cancel, and an interval from annotated pairs
    alone would be too wide. These are the influence functions (van der Vaart 1998, Asymptotic
    Statistics, section 20.1) of the empirical distribution: for the AUROC the share of annotated
    pairs above each other pair; for a recall minus the indicator of the tail, times what the
    recall gains as the tail grows, the ratio of both densities at its edge.

    Parameters
    ----------
    similarity : array of shape (n, n)
        Of all genes.
    inside : array of bool of shape (n, n), or None
        The pairs of the distribution, or all.
    ordered : array of shape (m,)
        Their similarity, rising.
    a, b : arrays of int of shape (P,)
        Positions of the genes of annotated pairs.
    tail : float
        Share of the distribution in each tail.

    Returns
    -------
    array of shape (n, 4)
        For either tail, the upper, the lower and the AUROC, centred; of a mean over pairs.
    """
    n, size, found = len(similarity), max(whole(ordered, tail), 1), np.sort(similarity[a, b])
    annotated = np.zeros((n, n), dtype=bool)
    annotated[a, b] = annotated[b, a] = True
    edges = ordered[[size - 1, -size]]
    tied = np.diag(tail_credit(ordered, edges, tail))
    above, place = _above(found, ordered[0], ordered[-1])
    sums, count = np.zeros((n, 3)), np.zeros((n, 3))
    for some in cached_rows(n, n):
        row = similarity[some]
        pair = np.ones(row.shape, dtype=bool) if inside is None else inside[some].copy()
        pair[np.arange(len(row)), some.start + np.arange(len(row))] = False
        other = pair & ~annotated[some]
        upper = (row > edges[1]) + tied[1] * (row == edges[1])
        lower = (row < edges[0]) + tied[0] * (row == edges[0])
        told = ((upper, pair), (lower, pair), (above[place(row)], other))
        sums[some] = np.transpose([np.einsum("ij,ij->i", *both) for both in told])
        count[some] = np.transpose([which.sum(axis=1) for _, which in told])
    # A pair stands in the rows of both its genes.
    pairs = np.maximum(count.sum(axis=0), 2) / 2
    moved = (sums - count * sums.sum(axis=0) / 2 / pairs) / pairs
    upper, lower = moved[:, :2].T * -_growth(ordered, found, tail)[:, None]
    return np.column_stack([upper + lower, upper, lower, moved[:, 2]])


def _above(found: np.ndarray, low: float, high: float) -> tuple[np.ndarray, Callable]:
    """Share of annotated pairs above each step of a fine grid, and what finds a value's step.

    A look into a table, for there are millions of pairs; those within a step of each other are
    ties, of which half count.
    """
    below = np.searchsorted(found, np.linspace(low, high, STEPS + 1)).astype(float)
    below[-1] = len(found)
    scale = STEPS / (high - low)

    def place(values: np.ndarray) -> np.ndarray:
        return np.clip((values - low) * scale, 0, STEPS - 1).astype(np.int32)

    return 1 - (below[1:] + below[:-1]) / (2 * len(found)), place


def _growth(ordered: np.ndarray, found: np.ndarray, tail: float) -> np.ndarray:
    """Say how much the upper and the lower recall gain as their tails grow."""
    less, more = (1 - STEP) * tail, (1 + STEP) * tail
    gained = tail_credit(ordered, found, more) - tail_credit(ordered, found, less)
    step = (whole(ordered, more) - whole(ordered, less)) / len(ordered)
    return gained.mean(axis=1)[::-1] / step if step else np.zeros(2)
