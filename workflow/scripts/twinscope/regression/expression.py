"""Ask how well expression is read from a representation, under HEST's protocol and a corrected one.

Correlations are 0 by chance. So is R², where chance knows the mean of the spots tested.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from twinscope.errors import InputError, one_of
from twinscope.regression import correlation, ridge

CHANCE = 0.0
SCORES = ("pearson", "pearson_slide", "pearson_partial", "r2", "spearman")
RESAMPLED = SCORES[:3]


class Protocol(NamedTuple):
    """The target, how many components are kept, and if the penalty is tuned (with an intercept)."""

    target: str
    components: int | None
    tuned: bool


def evaluate(
    X: np.ndarray,
    counts: np.ndarray,
    totals: np.ndarray,
    spots: pd.DataFrame,
    genes: np.ndarray,
    protocols: Iterable[str] | None = None,
) -> tuple[pd.DataFrame, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Predict expression out of fold and score it, under each protocol.

    Parameters
    ----------
    X : array of shape (n, d), or callable
        Features; NaN is missing. Or a function of which spots are for training, (n,) bool, where
        features are learned in each fold.
    counts : array of shape (n, G)
        Counts of the genes asked for.
    totals : array of shape (n,)
        Counts of all genes of a spot.
    spots : DataFrame of n rows
        `item`, by which rows are put in order; `group`, the unit that must not straddle; `slide`;
        `fold`, in which a spot is tested.
    genes : array of str of shape (G,)
    protocols : iterable of str, optional
        Keys of `PROTOCOLS`; all of them by default. Tuned penalties are those of single genes.

    Returns
    -------
    scores : DataFrame
        As from `score`, with `protocol`, `penalty` and `n_fallback` (folds not tuned).
    predictions : dict
        Protocol to targets and predictions, each (n, G), in the order of `spots`.

    Raises
    ------
    InputError
        When a protocol is unknown, an item comes twice, a count is not one, or a spot is empty.
    """
    protocols = list(PROTOCOLS if protocols is None else protocols)
    _check(spots["item"], np.asarray(counts), np.asarray(totals), protocols)
    order = np.argsort(spots["item"].to_numpy(str), kind="stable")
    counts, totals = (np.asarray(part, dtype=float)[order] for part in (counts, totals))
    groups, slides = (spots[name].to_numpy(str)[order] for name in ("group", "slide"))
    folds, back = spots["fold"].to_numpy()[order], np.argsort(order)
    fixed = None if callable(X) else np.asarray(X, dtype=float)[order]

    def features(train: np.ndarray) -> np.ndarray:
        return X(train[back])[order] if fixed is None else fixed

    targets = {name: TARGETS[PROTOCOLS[name].target](counts, totals) for name in protocols}
    tables, predictions = [], {}
    for name, fit in _fits(features, targets, groups, folds).items():
        table = score(targets[name], fit.predictions, totals, folds, slides, genes)
        made = {"protocol": name, "penalty": fit.penalties.ravel(), "n_fallback": fit.n_fallback}
        tables.append(table.assign(**made))
        predictions[name] = targets[name][back], fit.predictions[back]
    return pd.concat(tables, ignore_index=True), predictions


def score(
    Y: np.ndarray,
    P: np.ndarray,
    totals: np.ndarray,
    folds: np.ndarray,
    slides: np.ndarray,
    genes: np.ndarray,
) -> pd.DataFrame:
    """Score predictions gene by gene in every fold.

    Parameters
    ----------
    Y, P : arrays of shape (n, G)
        Targets and predictions.
    totals : array of shape (n,)
        Counts of all genes of a spot.
    folds, slides : arrays of shape (n,)
        Where a spot is tested, and where it lies.
    genes : array of str of shape (G,)

    Returns
    -------
    DataFrame
        One row a fold and gene: `n` spots; `pearson` over all of them; `pearson_slide`, its mean
        over the `n_slides` slides where it is defined; `pearson_partial`, that of what a line in
        log total counts leaves of target and prediction; `r2`; `spearman`; and a `reason` where
        one of them is NaN.
    """
    t, folds, slides = np.log(totals)[:, None], np.asarray(folds), np.asarray(slides, dtype=str)
    tables = []
    for fold in np.unique(folds):
        rows = folds == fold
        y, p = Y[rows], P[rows]
        within = np.array(
            [correlation.pearson(Y[unit], P[unit]) for unit in correlation.units(rows, slides)]
        )
        found = {
            "pearson": correlation.pearson(y, p),
            "pearson_slide": correlation.mean(within, 0),
            "pearson_partial": correlation.pearson(
                correlation.beside(y, t[rows]), correlation.beside(p, t[rows])
            ),
            "r2": _r2(y, p),
            "spearman": correlation.pearson(_ranks(y), _ranks(p)),
        }
        names = {"fold": fold, "gene": np.asarray(genes, dtype=str), "n": rows.sum()}
        names["n_slides"] = np.isfinite(within).sum(axis=0)
        tables.append(pd.DataFrame({**names, **found, "reason": _reasons(y, p, found)}))
    return pd.concat(tables, ignore_index=True)


def average(scores: pd.DataFrame) -> pd.Series:
    """Average scores, as from `score`, over the genes where they are defined, then over folds.

    Returns
    -------
    Series
        By name of the score; and `n_undefined`, the number of rows with a reason.
    """
    means = scores.groupby("fold")[list(SCORES)].mean().mean()
    return pd.concat([means, pd.Series({"n_undefined": (scores["reason"] != "").sum()})])


def _fits(features: Callable, targets: dict, groups, folds) -> dict[str, ridge.Fit]:
    """Predict under each protocol; those that differ in the target alone share decompositions."""
    fits, shared = {}, {}
    for name, Y in targets.items():
        how = PROTOCOLS[name]
        if how.tuned:
            shared.setdefault(how.components, []).append(name)
            continue
        numbers = np.unique(folds)
        fits[name] = ridge.Fit(np.empty_like(Y), np.empty((len(numbers), Y.shape[1])), 0)
        for k, number in enumerate(numbers):
            train = folds != number
            found, fits[name].penalties[k] = ridge.hest(features(train), Y, train, how.components)
            fits[name].predictions[folds == number] = found[folds == number]
    for components, names in shared.items():
        learn = partial(_learned, features, components)
        fit = ridge.nested(learn, np.hstack([targets[name] for name in names]), groups, folds)
        parts = (np.split(part, len(names), axis=1) for part in fit[:2])
        for name, *own in zip(names, *parts, strict=True):
            fits[name] = ridge.Fit(*own, fit.n_fallback)
    return fits


def _learned(features: Callable, components: int | None, train: np.ndarray) -> np.ndarray:
    return ridge.prepare(features(train), train, components=components)


def _r2(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    lost = correlation.constant(y)
    total = np.where(lost, np.nan, ((y - y.mean(axis=0)) ** 2).sum(axis=0))
    return 1 - ((y - p) ** 2).sum(axis=0) / total


def _ranks(v: np.ndarray) -> np.ndarray:
    # Rounded, because equal predictions differ in the last digits with the order of a sum.
    largest = np.abs(v).max(axis=0)
    return rankdata(np.round(v / np.where(largest > 0, largest, 1), 10), axis=0)


def _reasons(y: np.ndarray, p: np.ndarray, found: dict[str, np.ndarray]) -> np.ndarray:
    lost = {name: np.isnan(values) for name, values in found.items()}
    cases = {
        "constant gene": correlation.constant(y),
        "constant prediction": correlation.constant(p),
        f"fewer than {correlation.FEWEST} spots": np.full(y.shape[1], len(y) < correlation.FEWEST),
        "no slide where gene and prediction vary": lost["pearson_slide"],
        "total counts leave nothing of gene or prediction": lost["pearson_partial"],
    }
    return np.select(list(cases.values()), list(cases), "")


def _check(items: pd.Series, counts: np.ndarray, totals: np.ndarray, protocols: list) -> None:
    for name in protocols:
        if name not in PROTOCOLS:
            raise InputError(f"protocol {name!r}", one_of(PROTOCOLS, name))
    if items.duplicated().any():
        raise InputError(f"item '{items[items.duplicated()].iloc[0]}' twice", "each item once")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError("a count that is missing or below 0", "counts")
    empty = ~(totals > 0)
    if empty.any():
        raise InputError(f"no counts at all in item '{items[empty].min()}'", "spots with counts")


TARGETS = {
    "log1p-raw": lambda counts, totals: np.log1p(counts),
    "log1p-cp10k": lambda counts, totals: np.log1p(counts * (1e4 / totals)[:, None]),
}
PROTOCOLS = {
    "hest-compat": Protocol("log1p-raw", 256, False),
    "corrected-raw": Protocol("log1p-raw", None, True),
    "corrected-raw-pca": Protocol("log1p-raw", 256, True),
    "corrected-cp10k": Protocol("log1p-cp10k", None, True),
    "corrected-cp10k-pca": Protocol("log1p-cp10k", 256, True),
}
