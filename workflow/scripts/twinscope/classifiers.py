"""Classifiers that probes are made of: their grids, and predictions along them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist
from scipy.special import softmax

from twinscope import few

TEMPERATURE = 0.07
DECIMALS = 9
# What an item can still gain in log-loss at the end; and what rounding leaves of the whole loss.
GAIN, ROUNDING = 1e-15, 1e-14
STEPS, PRODUCTS = 100, 500
NEGLIGIBLE = 1e-13
BLOCK = 2**26


class Probe(NamedTuple):
    """A classifier: its grid, what to use unsearched, and predictions (n, K) along the grid."""

    grid: tuple
    fallback: float
    path: Callable[..., Iterator[np.ndarray]]


def _balance(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Code of each label (n,), weights (n,) that give each class the same total, and K."""
    _, code, sizes = np.unique(y, return_inverse=True, return_counts=True)
    return code, (len(y) / (len(sizes) * sizes))[code], len(sizes)


def _logistic(Z, y, Q, penalties, similarity) -> Iterator[np.ndarray]:
    """L2-penalised multinomial logistic regression, each fit started from the ones before."""
    code, weight, K = _balance(y)
    Z, Q = _turned(Z.astype(float, copy=False), Q.astype(float, copy=False))
    Z, Q = (np.column_stack([part, np.ones(len(part))]) for part in (Z, Q))
    W = before = np.zeros((Z.shape[1], K))
    for C in penalties:
        # Over the logarithm of C, solutions lie nearly on a line.
        W, before = _descend(Z, np.eye(K)[code], weight, C, (W, 2 * W - before)), W
        yield softmax(Q @ W, axis=1)


def _turned(Z: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn to the principal axes of Z: L2 does not see rotations, and the descent is quicker."""
    wide = Z.shape[1] > Z.shape[0]
    values, axes = eigh(Z @ Z.T if wide else Z.T @ Z, driver="evd")
    if not wide:
        return Z @ axes, Q @ axes
    kept = values > NEGLIGIBLE * values[-1]
    lengths = np.sqrt(values[kept])
    return axes[:, kept] * lengths, (Q @ Z.T) @ (axes[:, kept] / lengths)


def _descend(Z, truth, weight, C: float, starts) -> np.ndarray:
    """Minimise weighted log-loss + |W|² / 2C from the best start; the last feature is constant.

    Newton's method, each step by conjugate gradients as exact as its distance from the end
    deserves (Nocedal and Wright 2006, algorithm 7.1). The steps are taken in single precision,
    which is twice as fast; where they lead is weighed in double.
    """
    # One score a class, so two classes carry the slope of scikit-learn's single score in halves.
    penalty = np.full((Z.shape[1], 1), (2 if truth.shape[1] == 2 else 1) / C)
    penalty[-1] = 0
    weight, single = weight[:, None], Z.astype(np.float32)

    def objective(W: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        scores = Z @ W
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        loss = float((weight * (np.log(total) - (truth * scores).sum(axis=1, keepdims=True))).sum())
        slope = Z.T @ (weight * (p - truth)) + penalty * W
        return loss + float((penalty * W * W).sum()) / 2, slope, p

    W, (loss, slope, p) = min(((W, objective(W)) for W in starts), key=lambda found: found[1][0])
    for _ in range(STEPS):
        spread = (weight * p * (1 - p)).mean(axis=1)
        curvature = (single**2).T @ spread.astype(np.float32)
        curvature = np.maximum(curvature[:, None] + penalty, 1e-12)
        gain = float((slope**2 / curvature).sum())
        if gain < GAIN * len(Z):
            break
        exact = min(0.1, np.sqrt(gain / max(loss, 1e-300)))
        step = _newton(single, weight, p, penalty, curvature, slope, exact)
        descent, length = float((slope * step).sum()), 1.0
        allowed = loss * (1 + ROUNDING)
        while (found := objective(W + length * step))[0] > allowed + 1e-4 * length * descent:
            length /= 2
        W, (loss, slope, p) = W + length * step, found
    return W


def _newton(Z, weight, p, penalty, curvature, slope, exact: float) -> np.ndarray:
    """Solve Hessian · step = -slope until the residual is so small a part of what it was.

    Along principal axes the Hessian is nearly diagonal: the curvatures precondition it.
    """
    p, penalty, inverse, residual = (
        part.astype(np.float32) for part in (p, penalty, 1 / curvature, -slope)
    )
    pull = weight.astype(np.float32) * p
    step, towards = np.zeros_like(residual), inverse * residual
    first = square = float(np.vdot(residual, towards))
    for _ in range(PRODUCTS):
        product = Z @ towards
        product -= (p * product).sum(axis=1, keepdims=True)
        product *= pull
        bent = Z.T @ product
        bent += penalty * towards
        turn = float(np.vdot(towards, bent))
        if turn <= 0:
            break
        step += (square / turn) * towards
        residual -= (square / turn) * bent
        scaled = inverse * residual
        square, last = float(np.vdot(residual, scaled)), square
        if square <= exact**2 * first:
            break
        towards *= square / last
        towards += scaled
    return step.astype(float)


def _neighbours(Z, y, Q, ks, similarity: str) -> Iterator[np.ndarray]:
    """Votes of the k nearest, balanced so that rare classes are not outvoted.

    One further vote, shared by all classes, keeps the log-loss finite. Similarities are taken of a
    few items at a time to all others, so that memory holds them however many items there are.
    """
    code, weight, K = _balance(y)
    ks = [k for k in ks if k <= len(Z)]
    found, lengths = np.empty((len(ks), len(Q), K)), _lengths(Z)
    step = max(1, BLOCK // (len(Z) + 16 * max(ks, default=0)))
    for start in range(0, len(Q) if ks else 0, step):
        some = slice(start, start + step)
        s = _similar(Q[some], Z, lengths, similarity)
        rows, columns, s, begin = _nearest(s, max(ks))
        votes = weight[columns]
        if similarity == "cosine":
            votes *= np.exp((s - s[begin][rows]) / TEMPERATURE)
        for k, into in zip(ks, found, strict=True):
            last = s[begin + k - 1][rows]
            nearer, level = s > last, s == last
            # Ties for the last places share them equally.
            share = (k - np.bincount(rows, nearer)) / np.bincount(rows, level)
            counted = np.bincount(
                rows * K + code[columns], (nearer + level * share[rows]) * votes, len(begin) * K
            ).reshape(-1, K)
            counted *= k / counted.sum(axis=1, keepdims=True)
            into[some] = (counted + 1 / K) / (k + 1)
    del Z, Q
    yield from found


def _similar(Q, Z, lengths, similarity: str) -> np.ndarray:
    """Cosine, 0 to everything for an item that lies at the centre; or minus Euclidean distance."""
    s, width = np.empty((len(Q), len(Z))), max(1, BLOCK // (8 * Z.shape[1]))
    own, Q = _lengths(Q), Q.astype(float, copy=False)
    for at in range(0, len(Z), width):
        some = slice(at, at + width)
        part = Z[some].astype(float, copy=False)
        s[:, some] = Q @ part.T if similarity == "cosine" else -cdist(Q, part)
    if similarity == "cosine":
        s /= own[:, None]
        s /= lengths
    return s


def _lengths(Z: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(np.einsum("ij,ij->i", Z, Z, dtype=float), 1e-24))


def _nearest(s: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
    """Rows, columns and similarities of the k largest of each row, and where each row begins.

    Those that tie with the last are among them; the largest come first.
    """
    m = s.shape[1]
    last = np.partition(s, m - k, axis=1)[:, m - k, None]
    rows, columns = np.nonzero(s >= last - 2 * 10.0**-DECIMALS)
    # Rounded, because equal neighbours differ in the last digits with the order of a sum.
    s = np.round(s[rows, columns], DECIMALS)
    order = np.lexsort((-s, rows))
    return rows, columns[order], s[order], np.searchsorted(rows, np.arange(len(last)))


def _few(Z, y, Q, sharpness, similarity) -> Iterator[np.ndarray]:
    """Nearest class mean of a few items; distances are per root of the number of features."""
    Z, Q = Z.astype(float), Q.astype(float)
    scale = 1 if similarity == "cosine" else np.sqrt(Z.shape[1])

    def alike(items: np.ndarray, means: np.ndarray) -> np.ndarray:
        return _similar(items, means, _lengths(means), similarity) / scale

    return few.means(Z, y, Q, sharpness, alike)


SIMILARITIES = ("cosine", "euclidean")
PROBES = {
    "logistic": Probe(tuple(10.0**power for power in range(-4, 3)), 0.01, _logistic),
    "knn": Probe((1, 10, 20, 100, 200), 10, _neighbours),
    "means": Probe((0.3, 1, 3, 10, 30), 3, _few),
}
