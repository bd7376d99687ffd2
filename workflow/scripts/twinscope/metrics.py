"""Score class probabilities, for one sample or for many weightings of it at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

EPSILON = 1e-15
TIE = 1e-9
CHUNK = 2_000_000


@dataclass(frozen=True)
class Metric:
    """A score with its scale.

    Attributes
    ----------
    name : str
        Its key in `METRICS`.
    function : callable (y, p, classes, weights=None) -> float, or array of shape (B,)
        `y` (n,) str; `p` (n, K) probabilities; `classes` (K,) sorted str; `weights` (B, n), for
        instance how often each item was drawn. NaN where `p` is NaN.
    chance : callable (y) -> float
        What guessing scores.
    higher_is_better : bool
        Which way is up.
    floor, ceiling : float
        The worst and the best value it can take.
    terms, combine : callable or None
        For metrics that are functions of sums over items: (code, p, K) -> (n, m) contributions,
        and (..., m) sums -> (...) values. Sums over groups are then enough to resample groups.
    """

    name: str
    function: Callable
    chance: Callable
    higher_is_better: bool
    floor: float
    ceiling: float
    terms: Callable | None = None
    combine: Callable | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value it can take."""
        return min(self.floor, self.ceiling), max(self.floor, self.ceiling)


def codes(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the position of each label in the sorted classes.

    Parameters
    ----------
    y : array of str of shape (n,)
    classes : array of str of shape (K,), sorted

    Returns
    -------
    array of int of shape (n,)

    Raises
    ------
    ValueError
        When a label is not among the classes.
    """
    y, classes = np.asarray(y, dtype=str), np.asarray(classes, dtype=str)
    code = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    if (classes[code] != y).any():
        raise ValueError(f"label '{y[classes[code] != y][0]}' is not among the classes")
    return code


def credit(p: np.ndarray) -> np.ndarray:
    """Share each item's vote equally among its most probable classes, (n, K) -> (n, K)."""
    best = p >= p.max(axis=1, keepdims=True) - TIE
    return best / best.sum(axis=1, keepdims=True)


def auroc(
    y: np.ndarray, p: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Average over classes the area under the ROC curve of that class against the rest.

    The weighted Mann-Whitney statistic: the chance that a member scores above a non-member, ties
    counted half. Classes with no weight on one side are left out.

    Parameters
    ----------
    y, p, classes, weights
        As in `Metric.function`.

    Returns
    -------
    float, or array of shape (B,)
    """
    p, code = np.asarray(p, dtype=float), codes(y, classes)
    w = np.ones((1, len(code))) if weights is None else np.asarray(weights)
    values = np.full(len(w), np.nan)
    if not np.isnan(p).any():
        # Ten digits, because votes that tie differ in the last ones with the order of a sum.
        scores = np.round(np.log(np.maximum(p, 1e-300)), 10)
        plans = [_ranking(code == c, scores[:, c]) for c in range(len(classes))]
        step = max(1, CHUNK // len(code))
        for start in range(0, len(w), step):
            columns = np.ascontiguousarray(w[start : start + step].T, dtype=float)
            areas = np.array([_area(columns, *plan) for plan in plans])
            values[start : start + step] = _mean_of_defined(areas.T)
    return values if weights is not None else float(values[0])


def _ranking(member: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, ...]:
    """Members, the rest by rising score, and how many of the rest lie below and not above."""
    members, rest = np.flatnonzero(member), np.flatnonzero(~member)
    rest = rest[np.argsort(score[rest], kind="stable")]
    below = np.searchsorted(score[rest], score[members], side="left")
    through = np.searchsorted(score[rest], score[members], side="right")
    return members, rest, below, through


def _area(w: np.ndarray, members, rest, below, through) -> np.ndarray:
    """AUROC of one class for weights (n, B); NaN where a side has no weight."""
    cumulative = np.zeros((len(rest) + 1, w.shape[1]))
    np.cumsum(w[rest], axis=0, out=cumulative[1:])
    own = w[members]
    wins = np.einsum("ib,ib->b", own, cumulative[below])
    wins += np.einsum("ib,ib->b", own, cumulative[through])
    return _ratio(wins / 2, own.sum(axis=0) * cumulative[-1])


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    out = np.full(np.shape(bottom), np.nan)
    return np.divide(top, bottom, out=out, where=bottom > 0)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not NaN; NaN where nothing is defined."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def _one_hot(code: np.ndarray, n_classes: int) -> np.ndarray:
    return np.eye(n_classes)[code]


def _agreement_terms(code: np.ndarray, p: np.ndarray, n_classes: int) -> np.ndarray:
    """Hits, members and predictions per class."""
    truth, predicted = _one_hot(code, n_classes), credit(p)
    return np.hstack([truth * predicted, truth, predicted])


def _balanced_accuracy(sums: np.ndarray) -> np.ndarray:
    hits, members, _ = np.split(sums, 3, axis=-1)
    return _mean_of_defined(_ratio(hits, members))


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    hits, members, predicted = np.split(sums, 3, axis=-1)
    return _mean_of_defined(_ratio(2 * hits, np.where(members > 0, members + predicted, 0)))


def _loss_terms(code: np.ndarray, p: np.ndarray, n_classes: int) -> np.ndarray:
    """Loss and members per class."""
    truth = _one_hot(code, n_classes)
    losses = -np.log(np.clip(p[np.arange(len(code)), code], EPSILON, 1))
    return np.hstack([truth * losses[:, None], truth])


def _balanced_log_loss(sums: np.ndarray) -> np.ndarray:
    losses, members = np.split(sums, 2, axis=-1)
    return _mean_of_defined(_ratio(losses, members))


def _additive(terms: Callable, combine: Callable) -> Callable:
    """Make the function of a metric that needs only sums over items."""

    def function(y, p, classes, weights=None):
        p = np.asarray(p, dtype=float)
        if np.isnan(p).any():
            return np.nan if weights is None else np.full(len(weights), np.nan)
        parts = terms(codes(y, classes), p, len(classes))
        if weights is None:
            return float(combine(parts.sum(axis=0)))
        return combine(np.asarray(weights, dtype=float) @ parts)

    return function


def _shares(y: np.ndarray) -> np.ndarray:
    return np.unique(y, return_counts=True)[1] / len(y)


def _chance_f1(y: np.ndarray) -> float:
    """Macro F1 of guessing each class equally often: precision p_c and recall 1 / K."""
    share = _shares(y)
    guess = 1 / len(share)
    return float(np.mean(2 * share * guess / (share + guess)))


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "balanced_accuracy",
            _additive(_agreement_terms, _balanced_accuracy),
            lambda y: 1 / len(_shares(y)),
            *(True, 0.0, 1.0),
            terms=_agreement_terms,
            combine=_balanced_accuracy,
        ),
        Metric(
            "macro_f1",
            _additive(_agreement_terms, _macro_f1),
            _chance_f1,
            *(True, 0.0, 1.0),
            terms=_agreement_terms,
            combine=_macro_f1,
        ),
        Metric("auroc", auroc, lambda y: 0.5, True, 0.0, 1.0),
        Metric(
            "log_loss",
            _additive(_loss_terms, _balanced_log_loss),
            lambda y: float(np.log(len(_shares(y)))),
            *(False, float(-np.log(EPSILON)), 0.0),
            terms=_loss_terms,
            combine=_balanced_log_loss,
        ),
    )
}
