"""A gene map of 8,000 genes with 10,000 bootstraps over genes: seconds, and memory.

The reference does the same in the plain way: the list of all pairs from scikit-learn's cosine and
NumPy's indices, and for each draw of genes the annotated pairs it holds, looked up one gene
at a time. It is run on a few draws, whose values must be equal, and its time multiplied.
"""

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from measuring import Row, told
from sklearn.metrics.pairwise import cosine_similarity
from threadpoolctl import threadpool_limits

from twinscope import statistics
from twinscope.relations import maps
from twinscope.relations.bootstrap import node_bootstrap

GENES, FEATURES, DRAWS = 8_000, 128, 10_000
# Annotated pairs of each source, for each gene of the map.
PAIRS = (3.75, 1.875, 1.25, 0.625)
WANTED = "60 s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, default=GENES)
    parser.add_argument("--plain", type=int, default=5, help="draws of the reference")
    parser.add_argument("--growth", type=int, nargs="*", default=[1000, 2000, 4000], help="genes")
    told(measure(**vars(parser.parse_args())))


def measure(genes: int = GENES, plain: int = 5, growth=(1000, 2000, 4000)) -> Iterator[Row]:
    """Yield a row for the map, and for smaller ones."""
    yield compare(genes, plain, WANTED)
    yield from (compare(other, plain) for other in growth)


def compare(n_genes: int, plain: int, wanted: str = "") -> Row:
    """Time both, and assert that scores and those of the draws are equal."""
    X, genes, tables = planted(n_genes, FEATURES, [int(each * n_genes) for each in PAIRS])
    with threadpool_limits(1):
        ours, seconds, values, draws = measured(X, genes, tables, DRAWS)
        slow, expected = reference(X, genes, tables, draws[:plain], DRAWS)
    for one, other in zip(values, expected, strict=True):
        np.testing.assert_allclose(one[: 1 + plain], other, rtol=0, atol=1e-12)
    setting = f"{FEATURES} features, {len(tables)} annotations, {DRAWS:,} draws"
    parts = ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    note = f"scores and {plain} draws equal, from which the reference is multiplied; {parts}; "
    note += f"{sum(map(len, tables)):,} pairs; peak memory with the reference {peak:.1f} GiB"
    return Row("gene map", "genes", n_genes, setting, ours, slow, wanted, note)


def measured(X, genes, tables, n_draws: int) -> tuple:
    """Run ours; of each annotation the recall and what it is in each draw."""
    marks, began = {}, time.perf_counter()
    gene_map = maps.build(X, genes)
    marks["map"] = time.perf_counter() - began
    counts = statistics.resamples(gene_map.genes, n_draws)[1]
    marks["draws"] = time.perf_counter() - began - marks["map"]
    found = []
    for table in tables:
        pairs = maps.locate(table, gene_map.genes)
        maps.summarise(gene_map, pairs, counts)
        found.append(pairs)
    total = time.perf_counter() - began
    marks["scores"] = total - sum(marks.values())
    values = [raw(gene_map, pairs, counts) for pairs in found]
    return total, marks, values, counts


def raw(gene_map, pairs, counts) -> np.ndarray:
    """Return the recall, and what it is in each draw of genes."""
    recall = maps.annotated(gene_map, pairs.a, pairs.b)[:, :1]
    drawn = node_bootstrap(recall, pairs.a, pairs.b, counts, dyadic=False)
    return np.concatenate([recall.mean(axis=0), drawn[:, 0]])


def reference(X, genes, tables, counts, n_draws: int) -> tuple[float, list[np.ndarray]]:
    """Do the plain thing: seconds for all draws, and values of the score and of these."""
    began = time.perf_counter()
    cosine = pd.DataFrame(cosine_similarity(X), index=genes, columns=genes)
    null = np.sort(cosine.to_numpy()[np.triu_indices(len(genes), k=1)])
    hits = []
    for table in tables:
        values = np.array([cosine.at[a, b] for a, b in table.itertuples(index=False)])
        above = np.searchsorted(null, values, "left") / len(null)
        below = np.searchsorted(null, values, "right") / len(null)
        hits.append((below <= 0.05) | (above >= 0.95))
    once, found = time.perf_counter() - began, [[hit.mean()] for hit in hits]
    began = time.perf_counter()
    for count in counts:
        drawn = dict(zip(np.sort(genes), count.tolist(), strict=True))
        for table, hit, into in zip(tables, hits, found, strict=True):
            times = [drawn[a] * drawn[b] for a, b in table.itertuples(index=False)]
            into.append(np.repeat(hit, times).mean())
    each = (time.perf_counter() - began) / len(counts)
    return once + each * n_draws, [np.array(values) for values in found]


def planted(n: int, d: int, sizes: list[int]) -> tuple:
    """Draw a map of complexes of 8, and annotations of which half the pairs are in a complex."""
    rng = np.random.default_rng(0)
    genes = np.array([f"gene{k:05d}" for k in range(n)])
    X = rng.normal(size=(n, d)) + np.repeat(rng.normal(size=(n // 8 + 1, d)), 8, axis=0)[:n]
    tables = []
    for size in sizes:
        a = rng.integers(n, size=size)
        near = a // 8 * 8 + rng.integers(8, size=size)
        b = np.where(rng.random(size) < 0.5, np.minimum(near, n - 1), rng.integers(n, size=size))
        ends = np.unique(np.sort(np.column_stack([a, b])[a != b], axis=1), axis=0)
        tables.append(pd.DataFrame(genes[ends], columns=["entity1", "entity2"]))
    return X, genes, tables


if __name__ == "__main__":
    main()
