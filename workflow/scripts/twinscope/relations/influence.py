"""Say what each gene does to the distribution that annotated pairs are placed in."""

import numpy as np

from twinscope.relations.tails import TAIL, tail_credit, whole

# Recall is differentiated over tails from half to one and a half of the size asked for.
STEP = 0.5


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
    n, m, size = len(similarity), len(ordered), max(whole(ordered, tail), 1)
    found = np.sort(similarity[a, b])
    annotated = np.zeros((n, n), dtype=bool)
    annotated[a, b] = annotated[b, a] = True
    sums, count = np.zeros((n, 3)), np.zeros((n, 2))
    edges = ordered[[size - 1, m - size]]
    tied = np.diag(tail_credit(ordered, edges, tail))
    for k in range(n):
        # Each pair once, for both of its genes.
        partners = np.arange(k + 1, n)
        partners = partners if inside is None else partners[inside[k, partners]]
        row, other = similarity[k, partners], ~annotated[k, partners]
        below = np.searchsorted(found, row, "left") + np.searchsorted(found, row, "right")
        told = np.column_stack(
            [
                (row > edges[1]) + tied[1] * (row == edges[1]),
                (row < edges[0]) + tied[0] * (row == edges[0]),
                other * (1 - below / (2 * len(found))),
            ]
        )
        each = np.column_stack([np.ones(len(row)), other])
        for total, some in ((sums, told), (count, each)):
            total[k] += some.sum(axis=0)
            total[partners] += some
    pairs = count.sum(axis=0) / 2
    mean = sums.sum(axis=0) / 2 / np.maximum(pairs, 1)[[0, 0, 1]]
    moved = (sums - count[:, [0, 0, 1]] * mean) / np.maximum(pairs, 1)[[0, 0, 1]]
    upper, lower = moved[:, :2].T * -_growth(ordered, found, tail)[:, None]
    return np.column_stack([upper + lower, upper, lower, moved[:, 2]])


def _growth(ordered: np.ndarray, found: np.ndarray, tail: float) -> np.ndarray:
    """Say how much the upper and the lower recall gain as their tails grow."""
    less, more = (1 - STEP) * tail, (1 + STEP) * tail
    gained = tail_credit(ordered, found, more) - tail_credit(ordered, found, less)
    step = (whole(ordered, more) - whole(ordered, less)) / len(ordered)
    return gained.mean(axis=1)[::-1] / step if step else np.zeros(2)
