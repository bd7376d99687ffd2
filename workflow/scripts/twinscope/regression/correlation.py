"""Correlations of predictions with what they predict, gene by gene, and under resampled groups."""

import numpy as np

CONSTANT = 1e-12
FEWEST = 3
CHUNK = 1_000


def bootstrap(
    Y: np.ndarray,
    P: np.ndarray,
    totals: np.ndarray,
    folds: np.ndarray,
    slides: np.ndarray,
    groups: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Average the correlations over draws of groups.

    A group counts in its fold as often as it was drawn; a fold or slide as often as its groups
    were, on average: with one group a fold, folds are resampled. Groups drawn once each give what
    `regression.average` gives.

    Parameters
    ----------
    Y, P, totals, folds, slides
        As for `regression.score`.
    groups : array of str of shape (n,)
    counts : array of int of shape (draws, n_groups)
        From `statistics.resamples` on the same groups: the same for all representations, whose
        draws can then be subtracted.

    Returns
    -------
    array of shape (draws, 3)
        In the order of `regression.RESAMPLED`; NaN where nothing is defined.
    """
    member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    if member.max() + 1 != counts.shape[1]:
        raise ValueError(f"{member.max() + 1} groups but counts of {counts.shape[1]}")
    t, folds, slides = np.log(totals), np.asarray(folds), np.asarray(slides, dtype=str)
    plans = []
    for fold in np.unique(folds):
        parts = [folds == fold, *units(folds == fold, slides)]
        plans.append([_sums(Y[part], P[part], t[part], member[part]) for part in parts])
    return np.vstack([_drawn(plans, counts[k : k + CHUNK]) for k in range(0, len(counts), CHUNK)])


def _sums(y, p, t, member) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of some spots, and for each the sums that make up correlations."""
    columns = []
    for v in (y, p, np.broadcast_to(t[:, None], y.shape)):
        spread = np.where(constant(v) | (len(v) < FEWEST), np.inf, v.std(axis=0))
        columns.append((v - v.mean(axis=0)) / spread)
    y, p, t = columns
    terms = np.stack([np.ones_like(y), y, p, t, y * y, p * p, t * t, y * p, y * t, p * t], axis=1)
    groups, code = np.unique(member, return_inverse=True)
    sums = np.eye(len(groups))[code].T @ terms.reshape(len(terms), -1)
    return groups, sums.reshape(len(groups), *terms.shape[1:])


def _correlations(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of y and p, and that of what t leaves of them, (B, G) each."""
    n, y, p, t, yy, pp, tt, yp, yt, pt = np.moveaxis(sums, 1, 0)

    def correlation(ab, a, b, aa, bb):
        spread = np.maximum((n * aa - a * a) * (n * bb - b * b), 0)
        lost = spread <= CONSTANT * n**4
        return np.where(lost, np.nan, (n * ab - a * b) / np.sqrt(np.where(lost, 1, spread)))

    plain = correlation(yp, y, p, yy, pp)
    with_t = [
        np.nan_to_num(correlation(at, a, t, aa, tt)) for at, a, aa in ((yt, y, yy), (pt, p, pp))
    ]
    left = (1 - with_t[0] ** 2) * (1 - with_t[1] ** 2)
    lost = left <= CONSTANT
    part = (plain - with_t[0] * with_t[1]) / np.sqrt(np.where(lost, 1, left))
    return plain, np.where(lost, np.nan, part)


def _drawn(plans: list, counts: np.ndarray) -> np.ndarray:
    """Score some draws."""
    folds, weights = [], []
    for pooled, *slides in plans:
        found = [_of_unit(*unit, counts) for unit in (pooled, *slides)]
        weights.append(found[0][0])
        of_slides = np.array([plain for _, plain, _ in found[1:]])
        share = np.array([weight for weight, *_ in found[1:]])[:, :, None]
        by_gene = found[0][1], mean(of_slides, 0, share), found[0][2]
        folds.append([mean(values, 1) for values in by_gene])
    return mean(np.array(folds), 0, np.array(weights)[:, None]).T


def _of_unit(groups, sums, counts) -> tuple:
    own = counts[:, groups].astype(float)
    drawn = (own @ sums.reshape(len(groups), -1)).reshape(len(own), *sums.shape[1:])
    return own.mean(axis=1), *_correlations(drawn)


def units(rows: np.ndarray, slides: np.ndarray) -> list[np.ndarray]:
    """Part the spots of a fold into slides."""
    return [rows & (slides == slide) for slide in np.unique(slides[rows])]


def constant(v: np.ndarray) -> np.ndarray:
    """Tell which columns do not vary, but for rounding."""
    return np.ptp(v, axis=0) <= CONSTANT * np.abs(v).max(axis=0)


def mean(values: np.ndarray, axis: int, weights=1.0) -> np.ndarray:
    """Mean of what is defined."""
    defined = np.isfinite(values)
    total = (defined * weights).sum(axis=axis)
    sums = (np.where(defined, values, 0) * weights).sum(axis=axis)
    return np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlate columns; NaN where one is constant, or with fewer than 3 rows."""
    if len(a) < FEWEST:
        return np.full(a.shape[1], np.nan)
    lost = constant(a) | constant(b)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.where(lost, np.nan, (a * b).sum(axis=0) / np.where(lost, 1, size))


def beside(v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Take a line in t (n, 1) out of columns; 0 throughout where it takes all."""
    centred, t = v - v.mean(axis=0), t - t.mean()
    rest = centred - t * ((t * centred).sum(axis=0) / ((t**2).sum() or 1.0))
    gone = (rest**2).sum(axis=0) <= CONSTANT * (centred**2).sum(axis=0)
    return np.where(gone | constant(v), 0, rest)
