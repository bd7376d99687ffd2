"""Classifiers that probes are made of: their grids, and predictions along them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import softmax

TEMPERATURE = 0.07
DECIMALS = 9
PRECISION = {"gtol": 1e-6, "ftol": 1e-15, "maxiter": 5_000, "maxls": 50}


class Probe(NamedTuple):
    """A classifier: its grid, what to use unsearched, and predictions (n, K) along the grid."""

    grid: tuple
    fallback: float
    path: Callable[..., Iterator[np.ndarray]]


def _balance(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-hot labels (n, K), and weights (n,) that give each class the same total."""
    _, code, sizes = np.unique(y, return_inverse=True, return_counts=True)
    return np.eye(len(sizes))[code], (len(y) / (len(sizes) * sizes))[code]


def _logistic(Z, y, Q, penalties, similarity) -> Iterator[np.ndarray]:
    """L2-penalised multinomial logistic regression, each fit started from the one before."""
    truth, weight = _balance(y)
    Z, Q = (np.column_stack([part, np.ones(len(part))]) for part in (Z, Q))
    W = np.zeros((Z.shape[1], truth.shape[1]))
    for C in penalties:
        W = _descend(Z, truth, weight, C, W)
        yield softmax(Q @ W, axis=1)


def _descend(Z, truth, weight, C: float, start: np.ndarray) -> np.ndarray:
    """Minimise weighted log-loss + |W|² / 2C by L-BFGS; the last feature is the intercept."""
    # One score a class, so two classes carry the slope of scikit-learn's single score in halves.
    penalty = np.full((Z.shape[1], 1), (2 if truth.shape[1] == 2 else 1) / C)
    penalty[-1] = 0
    p = softmax(Z @ start, axis=1)
    # Principal axes, each scaled by its curvature, need tens of steps instead of hundreds.
    curvature = (Z**2).T @ (weight[:, None] * p * (1 - p)).mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(np.maximum(curvature + penalty, 1e-12))

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        W = flat.reshape(start.shape) * scale
        scores = Z @ W
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(axis=1)
        loss = weight @ (np.log(total) - (truth * scores).sum(axis=1))
        error = weight[:, None] * (p / total[:, None] - truth)
        slope = (Z.T @ error + penalty * W) * scale
        return loss + (penalty * W * W).sum() / 2, slope.ravel()

    begin = (start / scale).ravel()
    end = minimize(objective, begin, jac=True, method="L-BFGS-B", options=PRECISION).x
    return end.reshape(start.shape) * scale


def _neighbours(Z, y, Q, ks, similarity: str) -> Iterator[np.ndarray]:
    """Votes of the k nearest, balanced so that rare classes are not outvoted.

    One further vote, shared by all classes, keeps the log-loss finite.
    """
    truth, weight = _balance(y)
    closeness, weigh = SIMILARITIES[similarity]
    # Rounded, because equal neighbours differ in the last digits with the order of a sum.
    s = np.round(closeness(Q, Z), DECIMALS)
    descending, votes = -np.sort(-s, axis=1), weigh(s)
    for k in (k for k in ks if k <= len(Z)):
        last = descending[:, k - 1, None]
        nearer, level = s > last, s == last
        # Ties for the last places share them equally.
        share = (k - nearer.sum(axis=1, keepdims=True)) / level.sum(axis=1, keepdims=True)
        counted = ((nearer + level * share) * votes) @ (truth * weight[:, None])
        counted *= k / counted.sum(axis=1, keepdims=True)
        yield (counted + 1 / truth.shape[1]) / (k + 1)


def _cosine(Q: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Cosine; 0 to everything for an item that lies at the centre."""
    Q, Z = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (Q, Z))
    return Q @ Z.T


SIMILARITIES = {
    "cosine": (_cosine, lambda s: np.exp((s - s.max(axis=1, keepdims=True)) / TEMPERATURE)),
    "euclidean": (lambda Q, Z: -cdist(Q, Z), np.ones_like),
}
PROBES = {
    "logistic": Probe(tuple(10.0**power for power in range(-4, 3)), 0.01, _logistic),
    "knn": Probe((1, 10, 20, 100, 200), 10, _neighbours),
}
