"""Shares of kinds of nuclei, and how often these lie beside each other."""

from collections.abc import Callable, Sequence

import numpy as np

from twinscope.baselines.edges import nearest_edges
from twinscope.baselines.points import Points
from twinscope.errors import InputError


def describer(names: Sequence[str], k: int) -> Callable[[Points], dict[str, float]]:
    """Make a function that describes the kinds of nuclei of one image.

    Parameters
    ----------
    names : sequence of str
        All kinds that any image may have.
    k : int
        Nearest neighbours of a nucleus.

    Returns
    -------
    callable (Points) -> dict
        `fraction_{name}` and `cooccurrence_{name}_with_{name}` as in `composition.types`, of points
        whose cells have a `kind`, a position in `names`.

    Raises
    ------
    InputError
        When k is below 1, or not whole.
    """
    if k < 1 or k % 1:
        raise InputError(f"k {k}", "a whole number of at least 1")
    first, second = np.triu_indices(len(names))
    pairs = [f"cooccurrence_{names[a]}_with_{names[b]}" for a, b in zip(first, second, strict=True)]

    def describe(points):
        kind = points.cells["kind"].to_numpy(int)
        counts = np.bincount(kind, minlength=len(names)).astype(float)
        shares = counts / len(points) if len(points) else np.full(len(names), np.nan)
        values = {f"fraction_{name}": share for name, share in zip(names, shares, strict=True)}
        ratios = _cooccurrence(points.places, kind, counts, int(k))[first, second]
        return values | dict(zip(pairs, ratios, strict=True))

    return describe


def _cooccurrence(places, kind, counts, k):
    """Neighbour pairs of each two kinds over their mean under random labels."""
    total = len(kind)
    ratios = np.full((len(counts), len(counts)), np.nan)
    if total <= k + 1:
        return ratios
    observed = np.zeros_like(ratios)
    np.add.at(observed, tuple(kind[nearest_edges(places, k)].T), 1)
    expected = k * (np.outer(counts, counts) - np.diag(counts)) / (total - 1)
    np.divide(observed + observed.T, 2 * expected, out=ratios, where=expected > 0)
    return ratios
