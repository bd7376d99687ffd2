"""Ask whether genes known to work together lie close, or opposite, in a map of perturbations."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from twinscope.alignment import aggregate
from twinscope.errors import InputError, one_of
from twinscope.statistics import interval

TAIL = 0.05
DECIMALS = 9
CHUNK = 500
METRICS = ("recall", "recall_upper", "recall_lower", "auroc")


class GeneMap(NamedTuple):
    """Sorted `genes` (n,), their `similarity` (n, n), and that of all pairs, `ordered` (m,) rising.

    Genes `left_out` for want of a profile; a `reason` where the map is undefined.
    """

    genes: np.ndarray
    similarity: np.ndarray
    ordered: np.ndarray
    left_out: tuple[str, ...] = ()
    reason: str = ""


class Pairs(NamedTuple):
    """Positions `a` < `b` (P,) of the genes of annotated pairs, and `counts` of what was found."""

    a: np.ndarray
    b: np.ndarray
    counts: dict[str, int]


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def build(X: np.ndarray, perturbations: np.ndarray, similarity: str = "cosine") -> GeneMap:
    """Average items to perturbations and compare all pairs of these.

    Parameters
    ----------
    X : array of shape (n_items, d)
        Aligned features, without controls; NaN is missing.
    perturbations : array of str of shape (n_items,)
    similarity : {"cosine", "euclidean"}
        Cosine, or minus the Euclidean distance of features standardised over genes.

    Returns
    -------
    GeneMap

    Raises
    ------
    InputError
        When the similarity is unknown.
    """
    if similarity not in SIMILARITIES:
        raise InputError(f"similarity {similarity!r}", one_of(SIMILARITIES, similarity))
    X, names = np.asarray(X, dtype=float), np.asarray(perturbations, dtype=str)
    # The rows of a gene are added up in an order of their own, not in that of the file.
    order = np.lexsort((*X[:, :8].T, names))
    profiles, genes = aggregate(X[order], names[order])
    kept = np.isfinite(profiles).all(axis=1)
    if similarity == "cosine":
        kept &= profiles.any(axis=1)
    # Rounded, because equal pairs differ in the last digits with the order of a sum.
    values = SIMILARITIES[similarity](profiles[kept])
    np.round(values, DECIMALS, out=values)
    ordered = _upper(values)
    reason = _fault(ordered)
    if similarity == "cosine" and not reason and _varied(profiles[kept]) == 1:
        reason = "cosine of a single feature is all ties: use similarity euclidean"
    return GeneMap(genes[kept], values, ordered, tuple(genes[~kept].tolist()), reason)


def locate(table: pd.DataFrame, genes: np.ndarray) -> Pairs:
    """Find the annotated pairs whose genes are both in a map.

    Parameters
    ----------
    table : DataFrame
        The genes of each pair in the first two columns.
    genes : array of str of shape (n,)
        Sorted, as in `GeneMap`.

    Returns
    -------
    Pairs
        Sorted. Counted are rows, rows with a missing name, self pairs, duplicates (a pair seen
        before, either way round), unique pairs, those in the map, and their genes.

    Raises
    ------
    InputError
        When there are fewer than two columns.
    """
    if table.shape[1] < 2:
        raise InputError(f"{table.shape[1]} columns", "two columns with the genes of each pair")
    named = table.iloc[:, :2].dropna()
    ends = np.sort(named.to_numpy(dtype=str), axis=1)
    other = ends[ends[:, 0] != ends[:, 1]]
    unique = np.unique(other, axis=0)
    a, b = np.searchsorted(genes, unique[np.isin(unique, genes).all(axis=1)]).T
    counts = {
        **{"rows": len(table), "missing": len(table) - len(named), "self": len(ends) - len(other)},
        **{"duplicates": len(other) - len(unique), "unique": len(unique)},
        **{"in_map": len(a), "genes": len(np.unique([a, b]))},
    }
    return Pairs(a, b, counts)


def tail_credit(ordered: np.ndarray, values: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """Say which values lie among the lowest and among the highest of a distribution.

    A tail holds floor(tail * m) of m values. Values tied across its edge share the places left, so
    that whatever the ties the mean over all m is the size of the tail. Without ties this is the
    recall of EFAAR (Celik et al. 2024, PLoS Comput. Biol. 20:e1012463).

    Parameters
    ----------
    ordered : array of shape (m,)
        The distribution, rising.
    values : array of shape (P,)
        Values of the distribution.
    tail : float
        Share of the distribution in each tail.

    Returns
    -------
    array of shape (2, P)
        Credit for the lower and for the upper tail, from 0 to 1.
    """
    size, (below, through) = _size(ordered, tail), _places(ordered, values)
    edges = np.array([size - below, through - len(ordered) + size])
    return np.clip(edges / np.maximum(through - below, 1), 0, 1)


def annotated(gene_map: GeneMap, a: np.ndarray, b: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """Place annotated pairs, positions `a` and `b` (P,), among all pairs of a map.

    Returns
    -------
    array of shape (P, 4)
        What a pair adds to each of `METRICS`: credit for either tail, the upper, the lower, and
        the share of pairs not annotated below it, ties counted half. Means over pairs are the
        scores. NaN where the map is undefined.
    """
    if gene_map.reason:
        return np.full((len(a), len(METRICS)), np.nan)
    values, m = gene_map.similarity[a, b], len(gene_map.ordered)
    low, high = tail_credit(gene_map.ordered, values, tail)
    if not _size(gene_map.ordered, tail):
        low, high = low * np.nan, high * np.nan
    places = sum(_places(gene_map.ordered, values)) - sum(_places(np.sort(values), values))
    above = places / (2 * (m - len(a)) or np.nan)
    return np.column_stack([low + high, high, low, above])


@threadpool_limits.wrap(limits=1, user_api="blas")
def node_bootstrap(
    values: np.ndarray, a: np.ndarray, b: np.ndarray, counts: np.ndarray, dyadic: bool = True
) -> np.ndarray:
    """Average values of pairs over draws of genes.

    A pair weighs as often as its two genes were drawn, multiplied; a gene drawn twice makes no
    pair with itself, whose similarity of 1 says nothing. Values stay those of the whole map: its
    tails are quantiles of all pairs, far surer than the few annotated ones. Products of counts
    see threefold what varies from pair to pair (Owen 2007, Ann. Appl. Stat. 1:386), so draws are
    drawn in until their variance is the sum of e_p e_q over pairs p, q that share a gene
    (Fafchamps and Gubert 2007, J. Dev. Econ. 83:326), at least that of independent pairs.

    Parameters
    ----------
    values : array of shape (P, M)
        As from `annotated`; to compare two representations, the difference of theirs.
    a, b : arrays of int of shape (P,)
        Positions of the genes of each pair.
    counts : array of int of shape (draws, n)
        From `statistics.resamples` on the genes of the map.
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
    if not dyadic:
        return draws
    centre = values.mean(axis=0)
    errors = values - centre
    alone = (errors**2).sum(axis=0)
    shared = (np.array([np.bincount(ends.ravel(), [*e, *e]) for e in errors.T]) ** 2).sum(axis=1)
    wanted, seen = np.maximum(shared - alone, alone), shared + alone
    return centre + (draws - centre) * np.sqrt(wanted / np.where(seen > 0, seen, 1))


def summarise(
    gene_map: GeneMap, pairs: Pairs, counts: np.ndarray, tail: float = TAIL
) -> pd.DataFrame:
    """Score a map on annotated pairs, with 95 % intervals and chance.

    Parameters
    ----------
    gene_map, pairs, tail
        As for `annotated`.
    counts : array of int of shape (draws, n)
        As for `node_bootstrap`.

    Returns
    -------
    DataFrame
        One row for each of `METRICS`: value, lower, upper, error, chance (0.10 for the recall in
        both tails of 5 %, less what does not make a whole pair), pairs, genes, reason.
    """
    values = annotated(gene_map, pairs.a, pairs.b, tail)
    draws = node_bootstrap(values, pairs.a, pairs.b, counts)
    share = _size(gene_map.ordered, tail) / max(len(gene_map.ordered), 1)
    short = f"no whole pair of {len(gene_map.ordered)} in a tail of {tail:g}"
    n_genes, rows = pairs.counts["genes"], []
    for k, chance in enumerate((2 * share, share, share, 0.5)):
        value = values[:, k].mean() if len(values) else np.nan
        lower, upper, error, why = interval(value, draws[:, k], n_genes, 0, 1)
        if np.isnan(value):
            why = short if METRICS[k] != "auroc" else "every pair is annotated"
        elif error == 0:
            lower = upper = error = np.nan
            why = "all annotated pairs score alike: their draws cannot differ"
        why = gene_map.reason or (why if len(values) else "no annotated pair is in the map")
        rows.append((METRICS[k], value, lower, upper, error, chance, len(values), n_genes, why))
    return pd.DataFrame(rows, columns=COLUMNS)


def strata(
    gene_map: GeneMap, pairs: Pairs, perturbations: np.ndarray, experiments: np.ndarray
) -> dict[str, tuple[GeneMap, Pairs]]:
    """Part a map into pairs "within" experiments and pairs "between", with none in common.

    Scored by `summarise`, each part is held against its own pairs, so that what all genes of an
    experiment share counts for nothing. `perturbations` and `experiments` (n_items,) say which
    gene was seen in which experiment.
    """
    seen = pd.crosstab(np.asarray(perturbations, dtype=str), np.asarray(experiments, dtype=str))
    seen = seen.reindex(gene_map.genes, fill_value=0).to_numpy(dtype=float)
    together, parts = seen @ seen.T > 0, {}
    for name, inside in (("within", together), ("between", ~together)):
        ordered = _upper(gene_map.similarity, inside)
        chosen = inside[pairs.a, pairs.b]
        a, b = pairs.a[chosen], pairs.b[chosen]
        counts = pairs.counts | {"in_map": len(a), "genes": len(np.unique([a, b]))}
        reason = gene_map.reason or _fault(ordered)
        part = gene_map._replace(ordered=ordered, reason=reason)
        parts[name] = part, Pairs(a, b, counts)
    return parts


def _upper(values: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    """Sort what lies above the diagonal, and `inside` if given."""
    rows = [row[k + 1 :] for k, row in enumerate(values)]
    if inside is not None:
        rows = [row[inside[k, k + 1 :]] for k, row in enumerate(rows)]
    ordered = np.concatenate([[], *rows])
    ordered.sort()
    return ordered


def _varied(profiles: np.ndarray) -> int:
    """Count features that are not constant, but for rounding."""
    return int((np.ptp(profiles, axis=0) > 1e-12 * np.abs(profiles).max(axis=0)).sum())


def _fault(ordered: np.ndarray) -> str:
    """Say why nothing can be told from these pairs, or nothing."""
    if len(ordered) == 0:
        return "no pairs of genes with a profile"
    return "all pairs are equally similar" if ordered[0] == ordered[-1] else ""


def _size(ordered: np.ndarray, tail: float) -> int:
    """Count the pairs in a tail; a product such as 0.2 * 5 must not fall short by rounding."""
    return int(tail * len(ordered) + 1e-9)


def _places(ordered: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count what lies below each value, and not above; in rising order, for the cache's sake."""
    order = np.argsort(values, kind="stable")
    found = np.empty((2, len(values)), dtype=int)
    for row, side in zip(found, ("left", "right"), strict=True):
        row[order] = np.searchsorted(ordered, values[order], side)
    return found[0], found[1]


def _graph(weights: np.ndarray, ends: np.ndarray, n: int):
    """Make a sparse (n, n) matrix of weighted pairs."""
    kept = weights != 0
    return coo_array((weights[kept], ends[:, kept]), (n, n)).tocsr()


def _cosine(profiles: np.ndarray) -> np.ndarray:
    unit = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    return unit @ unit.T


def _euclidean(profiles: np.ndarray) -> np.ndarray:
    spread = profiles.std(axis=0)
    scaled = profiles / np.where(spread > 0, spread, 1)
    return -cdist(scaled, scaled)


COLUMNS = ["metric", "value", "lower", "upper", "error", "chance", "pairs", "genes", "reason"]
SIMILARITIES = {"cosine": _cosine, "euclidean": _euclidean}
