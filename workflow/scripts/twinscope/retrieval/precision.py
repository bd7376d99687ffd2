"""Average precision that does not depend on how ties are broken, and what chance gives."""

import numpy as np

from twinscope.similarity import TIE, cached_rows, levels


def average_precision(
    scores: np.ndarray,
    relevant: np.ndarray,
    candidates: np.ndarray | None = None,
    tolerance: float = TIE,
) -> np.ndarray:
    """Compute the mean of average precision over all orders of tied items.

    With tie groups t of n_t candidates, r_t of them relevant, below c candidates of which R are
    relevant, and k relevant in all: (1 / k) Σ_t (r_t / n_t) Σ_{i=1..n_t}
    [R + (i - 1)(r_t - 1) / (n_t - 1) + 1] / (c + i) (McSherry and Najork 2008).

    Parameters
    ----------
    scores : array of shape (q, m) or (m,)
        Score of each candidate, for each query.
    relevant : array of bool of the same shape
        Which candidates should come first.
    candidates : array of bool of the same shape, optional
        Which are looked at; all unless given.
    tolerance : float
        Scores up to this far apart, neighbours in rank, are ties.

    Returns
    -------
    array of shape (q,), or float
        NaN where nothing is relevant, or a score is missing.
    """
    shape = np.shape(scores)[:-1]
    scores, relevant = np.atleast_2d(np.asarray(scores, dtype=float), np.asarray(relevant, bool))
    looked_at = np.ones_like(relevant) if candidates is None else np.atleast_2d(candidates)
    undefined = (np.isnan(scores) & looked_at).any(axis=1)
    level = levels(np.where(looked_at & ~np.isnan(scores), scores, -np.inf), tolerance)
    found = of_levels(level, relevant & looked_at, looked_at & ~relevant)
    return np.where(undefined, np.nan, found).reshape(shape)[()]


def expected_average_precision(relevant: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Compute the mean of average precision over all orders: what chance gives.

    (1 / n) Σ_{i=1..n} [1 + (i - 1)(k - 1) / (n - 1)] / i.

    Parameters
    ----------
    relevant, candidates : arrays of int
        Number of relevant candidates, k, and of candidates, n.

    Returns
    -------
    array
        NaN where nothing is relevant.
    """
    k, n = np.asarray(relevant, dtype=np.int64), np.asarray(candidates, dtype=np.int64)
    H = harmonic(int(n.max(initial=0)))
    found = share(np.zeros_like(k), np.zeros_like(k), n, k, H)
    return np.where(k > 0, found, np.nan)[()]


def of_levels(level: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Compute tie-aware average precision from tie groups.

    Parameters
    ----------
    level : array of int of shape (q, m)
        As from `similarity.levels`.
    positive, negative : arrays of bool of shape (q, m)
        Which candidates are relevant and which are not; the rest are not looked at.

    Returns
    -------
    array of shape (q,)
        NaN where there is no positive.
    """
    totals, H = np.zeros(len(level)), harmonic(level.shape[1])
    for some in cached_rows(*level.shape):
        r, n = _counts(level[some], positive[some]), _counts(level[some], negative[some])
        n += r
        c, R = (np.cumsum(counts, axis=1, dtype=counts.dtype) - counts for counts in (n, r))
        rows, groups = np.nonzero(r)
        parts = [part[rows, groups].astype(np.int64) for part in (c, R, n, r)]
        totals[some] = np.bincount(rows, parts[3] * share(*parts, H), minlength=len(r))
    k = positive.sum(axis=1)
    return np.divide(totals, k, out=np.full(len(level), np.nan), where=k > 0)


def standing(level: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count for each candidate the negatives above it and level with it.

    Parameters
    ----------
    level : array of int of shape (q, m)
        As from `similarity.levels`.
    negative : array of bool of shape (q, m)

    Returns
    -------
    above, equal : arrays of int of shape (q, m)
        A negative is equal to itself.
    """
    above, equal = np.empty((2, *level.shape), dtype=level.dtype)
    for some in cached_rows(*level.shape):
        here = _counts(level[some], negative[some])
        before = np.cumsum(here, axis=1, dtype=here.dtype) - here
        above[some] = np.take_along_axis(before, level[some], axis=1)
        equal[some] = np.take_along_axis(here, level[some], axis=1)
    return above, equal


def share(c, R, n, r, H: np.ndarray) -> np.ndarray:
    """Return what each relevant item of a tie group adds to k times the average precision.

    Parameters
    ----------
    c, R, n, r : arrays of int
        Candidates and relevant ones before the group; candidates and relevant ones in it.
    H : array
        Harmonic numbers, from `harmonic`, up to c + n.

    Returns
    -------
    array
        (1 / n) Σ_{i=1..n} [R + (i - 1)(r - 1) / (n - 1) + 1] / (c + i), in closed form.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        reciprocals = np.where(n == 1, 1 / (c + 1), H[c + n] - H[c])
        slope = np.where(n > 1, (r - 1) / (n - 1), 0)
        return ((R + 1) * reciprocals + slope * (n - (c + 1) * reciprocals)) / n


def harmonic(largest: int) -> np.ndarray:
    """Return the harmonic numbers H_0 = 0 to H_largest."""
    return np.concatenate([[0.0], np.cumsum(1 / np.arange(1, largest + 1))])


def _counts(level: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Count the marked candidates of each tie group of each row."""
    flat = level + np.arange(0, level.size, level.shape[1] or 1)[:, None]
    return np.bincount(flat[mask], minlength=level.size).reshape(level.shape).astype(level.dtype)
