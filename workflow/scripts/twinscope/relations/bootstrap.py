"""Draw genes, not pairs: pairs that share a gene are not independent."""

import numpy as np
from scipy.sparse import coo_array
from threadpoolctl import threadpool_limits

CHUNK = 500


@threadpool_limits.wrap(limits=1, user_api="blas")
def node_bootstrap(
    values: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    counts: np.ndarray,
    moved: np.ndarray | None = None,
    dyadic: bool = True,
) -> np.ndarray:
    """Average values of pairs over draws of genes.

    A pair weighs as often as its two genes were drawn, multiplied; a gene drawn twice makes no
    pair with itself, whose similarity of 1 says nothing. Values stay those of the whole map; what
    a gene does to these is added as often as it is drawn. Products of counts see threefold what
    varies from pair to pair (Owen 2007, Ann. Appl. Stat. 1:386), so draws are drawn in until their
    variance is the sum of e_p e_q over pairs p, q that share a gene (Fafchamps and Gubert 2007,
    J. Dev. Econ. 83:326), at least that of independent pairs.

    Parameters
    ----------
    values : array of shape (P, M)
        As from `annotated`; to compare two representations, the difference of theirs.
    a, b : arrays of int of shape (P,)
        Positions of the genes of each pair.
    counts : array of int of shape (draws, n)
        From `statistics.resamples` on the genes of the map.
    moved : array of shape (n, M), optional
        From `influence.influence`; of a difference, the difference.
    dyadic : bool
        Whether draws are drawn in, or left as they are: too wide.

    Returns
    -------
    array of shape (draws, M)
        NaN where no annotated pair was drawn, or a value is NaN.
    """
    draws = np.full((len(counts), values.shape[1]), np.nan)
    if len(values) == 0:
        return draws
    used, ends = np.unique([a, b], return_inverse=True)
    ends = ends.reshape(2, -1)
    graphs = [_graph(column, ends, len(used)) for column in (np.ones(len(a)), *values.T)]
    for start in range(0, len(counts), CHUNK):
        drawn = np.ascontiguousarray(counts[start : start + CHUNK, used].T, dtype=float)
        weight, *sums = (np.einsum("gd,gd->d", graph @ drawn, drawn) for graph in graphs)
        rows = draws[start : start + CHUNK]
        np.divide(np.transpose(sums), weight[:, None], out=rows, where=weight[:, None] > 0)
        if moved is not None:
            rows += (counts[start : start + CHUNK] - 1.0) @ moved
    if not dyadic:
        return draws
    centre = values.mean(axis=0)
    errors = values - centre
    alone = (errors**2).sum(axis=0)
    nodes = np.zeros((counts.shape[1], values.shape[1])) if moved is None else len(a) * moved
    np.add.at(nodes, np.concatenate([a, b]), np.concatenate([errors, errors]))
    shared = (nodes**2).sum(axis=0)
    wanted, seen = np.maximum(shared - alone, alone), shared + alone
    return centre + (draws - centre) * np.sqrt(wanted / np.where(seen > 0, seen, 1))


def _graph(weights: np.ndarray, ends: np.ndarray, n: int):
    """Make a sparse (n, n) matrix of weighted pairs."""
    kept = weights != 0
    return coo_array((weights[kept], ends[:, kept]), (n, n)).tocsr()
