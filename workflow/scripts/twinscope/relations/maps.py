"""Ask whether genes known to work together lie close, or opposite, in a map of perturbations."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from twinscope.alignment import aggregate
from twinscope.alignment.rows import order
from twinscope.errors import InputError
from twinscope.relations.bootstrap import node_bootstrap
from twinscope.relations.influence import influence
from twinscope.relations.tails import TAIL, places, tail_credit, whole
from twinscope.similarity import between, compared
from twinscope.statistics import interval

METRICS = ("recall", "recall_upper", "recall_lower", "auroc")


class GeneMap(NamedTuple):
    """Sorted `genes` (n,), their `similarity` (n, n), and that of all pairs, `ordered` (m,) rising.

    `inside` (n, n) marks the pairs that are meant, None all. Genes `left_out` for want of a
    profile; a `reason` where the map is undefined; `n_missing` values of profiles were imputed.
    """

    genes: np.ndarray
    similarity: np.ndarray
    ordered: np.ndarray
    left_out: tuple[str, ...] = ()
    reason: str = ""
    n_missing: int = 0
    inside: np.ndarray | None = None


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
        As in `similarity.space`: cosine, or minus the Euclidean distance of features standardised
        over genes. What a gene lacks in all its items becomes the median of the feature; a gene
        without any feature is left out, for cosine also one that is 0 in all it has.

    Returns
    -------
    GeneMap

    Raises
    ------
    InputError
        When the similarity is unknown.
    """
    X, names = np.asarray(X, dtype=float), np.asarray(perturbations, dtype=str)
    # The rows of a gene are added up in an order of their own, not in that of the file.
    rows = order(X, names)
    profiles, genes = aggregate(X[rows], names[rows])
    known = np.isfinite(profiles)
    if similarity == "cosine":
        # A gene at the origin has no direction.
        known &= profiles != 0
    kept = known.any(axis=1)
    items, reason = compared(profiles[kept], similarity)
    values = np.full((kept.sum(), kept.sum()), np.nan)
    if items:
        values = between(items, slice(None), slice(None))
        # Rounded, because equal pairs differ in the last digits with the order of a sum.
        np.round(values, -round(np.log10(items.tolerance)), out=values)
    ordered = _upper(values)
    reason = reason if reason and len(ordered) else _fault(ordered)
    n_missing = items.n_missing if items else 0
    left_out = tuple(genes[~kept].tolist())
    return GeneMap(genes[kept], values, ordered, left_out, reason, n_missing)


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
    if not whole(gene_map.ordered, tail):
        low, high = low * np.nan, high * np.nan
    standing = sum(places(gene_map.ordered, values)) - sum(places(np.sort(values), values))
    above = standing / (2 * (m - len(a)) or np.nan)
    return np.column_stack([low + high, high, low, above])


def summarise(
    gene_map: GeneMap, pairs: Pairs, counts: np.ndarray, tail: float = TAIL
) -> tuple[pd.DataFrame, np.ndarray]:
    """Score a map on annotated pairs, with 95 % intervals and chance.

    Parameters
    ----------
    gene_map, pairs, tail
        As for `annotated`.
    counts : array of int of shape (draws, n)
        As for `node_bootstrap`.

    Returns
    -------
    table : DataFrame
        One row for each of `METRICS`: value, lower, upper, error, chance (0.10 for the recall in
        both tails of 5 %, less what does not make a whole pair), pairs, genes, reason.
    draws : array of shape (draws, 4)
        From `bootstrap.node_bootstrap`.
    """
    values, moved = annotated(gene_map, pairs.a, pairs.b, tail), None
    if len(values) and not gene_map.reason:
        moved = influence(
            gene_map.similarity, gene_map.inside, gene_map.ordered, pairs.a, pairs.b, tail
        )
    draws = node_bootstrap(values, pairs.a, pairs.b, counts, moved)
    share = whole(gene_map.ordered, tail) / max(len(gene_map.ordered), 1)
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
    return pd.DataFrame(rows, columns=COLUMNS), draws


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
        part = gene_map._replace(ordered=ordered, reason=reason, inside=inside)
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


def _fault(ordered: np.ndarray) -> str:
    """Say why nothing can be told from these pairs, or nothing."""
    if len(ordered) == 0:
        return "no pairs of genes with a profile"
    return "all pairs are equally similar" if ordered[0] == ordered[-1] else ""


COLUMNS = ["metric", "value", "lower", "upper", "error", "chance", "pairs", "genes", "reason"]
