"""Take batch effects out of representations, by what negative controls look like in each batch."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from twinscope.alignment import whitening
from twinscope.alignment.rows import in_order, order
from twinscope.errors import InputError, one_of

COMPONENTS = 128
RIDGE = 0.5
EPSILON = 1e-9
TRANSDUCTIVE = "transductive: fitted on features of all items, tested ones too, without labels"


class Aligned(NamedTuple):
    """Aligned features, and what a reader of them must know.

    `features`; `n_constant` (batch, feature) pairs, or features where the fit is over all batches,
    whose controls are all alike (for robust-mad, more than half of them); `notes` on steps that
    were skipped, values that were filled, and a fit that saw the items to be tested; whether the
    columns are `components`, and no longer bear the names of the features.
    """

    features: np.ndarray
    n_constant: int
    notes: tuple[str, ...] = ()
    components: bool = False


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def align(name: str, X: np.ndarray, batches: np.ndarray, controls: np.ndarray | None) -> Aligned:
    """Align a representation over batches.

    All are fitted on negative controls alone, except `harmony`. That is transductive: fitted on the
    features and batches of all items it is given, those to be tested among them, also where it is
    called within a fold. It sees no controls and no labels. `notes` say so.

    Parameters
    ----------
    name : str
        A key of `ALIGNMENTS`:

        - ``none``;
        - ``standardize``: per batch, subtract the mean and divide by the standard deviation;
        - ``center-scale``: the same, also where a batch has a single control;
        - ``robust-mad``: the same with median and 1.4826 times the median absolute deviation;
        - ``pca-cs``: 128 principal components, then `standardize`;
        - ``tvn``: typical variation normalization: over all batches centre, scale, turn to the
          principal axes and scale these, then per batch multiply by (cov + 0.5 I)^(-1/2);
        - ``tvn-shrink``: the same, but per batch subtract the mean, and the ridge is half the mean
          variance of the batch;
        - ``sphering``: over all batches centre, scale and whiten back to the features (ZCA-cor),
          1e-9 added to the variances;
        - ``harmony``: centre and scale, 128 principal components, then the library harmonypy.
    X : array of shape (n, d)
        Features. A missing value stays missing; where matrices are multiplied it is given the
        centre of its batch's controls (for harmony, of its batch), and counted in a note.
    batches : array of str of shape (n,)
        The batch of each item.
    controls : array of bool of shape (n,), or None
        Which items are negative controls.

    Returns
    -------
    Aligned
        `features` float64, of shape (n, d) unless `components`. A feature whose controls show no
        spread is centred, divided by 1 and counted. Steps to fewer dimensions are skipped, with a
        note, where there are fewer dimensions, or too few controls to tell so many apart. The same
        bit for bit whatever the order of the rows.

    Raises
    ------
    InputError
        When the name is unknown, or the controls or the library needed are not there.

    References
    ----------
    Celik et al. 2024, PLoS Comput. Biol. 20:e1012463 (pca-cs and tvn; package efaar_benchmarking);
    Ando, McLean and Berndl 2017, bioRxiv 161422 (tvn); Kessy, Lewin and Strimmer 2018, Am. Stat.
    72:309 (sphering); Korsunsky et al. 2019, Nat. Methods 16:1289 (harmony).
    """
    if name not in ALIGNMENTS:
        raise InputError(f"alignment {name!r}", one_of(ALIGNMENTS, name))
    return ALIGNMENTS[name](np.asarray(X), np.asarray(batches, dtype=str), controls)


def aggregate(X: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the items that share a key, as images into wells.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; missing values are left out of the mean.
    keys : array of str of shape (n,)
        The well (or other unit) of each item.

    Returns
    -------
    means : array of shape (m, d)
        One row a key; NaN where every value is missing.
    order : array of str of shape (m,)
        The keys of the rows, sorted.
    """
    X = np.asarray(X, dtype=float)
    order, code = np.unique(np.asarray(keys, dtype=str), return_inverse=True)
    present = np.isfinite(X)
    totals, counts = np.zeros((2, len(order), X.shape[1]))
    np.add.at(totals, code, np.where(present, X, 0.0))
    np.add.at(counts, code, present)
    means = np.full_like(totals, np.nan)
    np.divide(totals, counts, out=means, where=counts > 0)
    return means, order


def named(names: Sequence[str], width: int) -> list[str]:
    """Name columns: by their features, or, where there are not as many, as components."""
    kept = len(names) == width
    return list(names) if kept else [f"component-{number}" for number in range(width)]


def _on_controls(name: str, function: Callable, fewest: int = 2) -> Callable:
    """Make an alignment of a function that can rely on enough controls in every batch."""
    return lambda X, b, controls: function(X, b, _controls(name, b, controls, fewest))


def _controls(name: str, batches: np.ndarray, controls: np.ndarray | None, fewest: int):
    """Return which items are controls, once every batch is found to have enough of them."""
    if controls is None:
        expected = f"negative controls: {name} is fitted on negative controls"
        raise InputError("no column of controls", expected)
    controls = np.asarray(controls, dtype=bool)
    for batch in np.unique(batches):
        number = (controls & (batches == batch)).sum()
        if number < fewest:
            expected = f"at least {fewest} in every batch, to fit {name} on"
            raise InputError(f"{number} negative controls in batch '{batch}'", expected)
    return controls


def _rescale(X, batches, controls, how: Callable) -> Aligned:
    """Per batch and feature, subtract the controls' centre and divide by their spread."""
    # To double precision batch by batch: twice a large matrix would not fit beside it.
    aligned, n_constant = np.empty(X.shape), 0
    for batch in np.unique(batches):
        inside = batches == batch
        reference = X[inside & controls].astype(float)
        centre, spread, constant = how(reference[order(reference)])
        aligned[inside] = (X[inside] - centre) / spread
        n_constant += int(constant.sum())
    return Aligned(aligned, n_constant)


def _reduce(X: np.ndarray, known: np.ndarray) -> Aligned:
    """Principal components of known items, where they span as many dimensions as are asked for."""
    axes = whitening.principal_axes(X[known], COMPONENTS) if X.shape[1] >= COMPONENTS else None
    if axes is not None and len(axes.spread) == COMPONENTS:
        return Aligned((X - axes.centre) @ axes.axes, 0, components=True)
    found = f"{X.shape[1]} dimensions" if axes is None else f"{known.sum()} items to fit to"
    return Aligned(X, 0, (f"principal components skipped: {found}, {COMPONENTS} asked for",))


@in_order
def _pca_cs(X: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> Aligned:
    reduced = _reduce(X, controls)
    Z = reduced.features
    # Equal controls can differ by rounding once they are turned.
    scaler = partial(whitening.mean_and_sd, floor=whitening.NEGLIGIBLE * Z[controls].std(axis=0))
    features, n_constant, *_ = _rescale(Z, batches, controls, scaler)
    return reduced._replace(features=features, n_constant=n_constant)


def _global_scale(X: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre, spread, constant = whitening.mean_and_sd(X[known], fewest=1)
    return (X - centre) / spread, constant


def _tvn(X: np.ndarray, batches: np.ndarray, controls: np.ndarray, shrink: bool) -> Aligned:
    Z, constant = _global_scale(X, controls)
    axes = whitening.principal_axes(Z[controls])
    rank, number = len(axes.spread), controls.sum()
    if rank == 0:
        return Aligned(Z, int(constant.sum()), ("controls are all alike: only centred",))
    # Divisor n, as the scaling before.
    Z = (Z - axes.centre) @ (axes.axes / (axes.spread * np.sqrt(1 - 1 / number)))
    for batch in np.unique(batches):
        inside = batches == batch
        own = Z[inside & controls]
        covariance = np.atleast_2d(np.cov(own, rowvar=False))
        ridge = RIDGE * (np.trace(covariance) / rank if shrink else 1)
        # The ridge of controls that are all alike is 0.
        root = whitening.inverse_root(covariance, ridge if ridge > whitening.NEGLIGIBLE else 1)
        Z[inside] = (Z[inside] - own.mean(axis=0) * shrink) @ root
    notes = (f"{number} controls span {rank} of {X.shape[1]} dimensions: the others are left out",)
    return Aligned(Z, int(constant.sum()), notes if rank < X.shape[1] else (), components=True)


@in_order
def _sphering(X: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> Aligned:
    Z, constant = _global_scale(X, controls)
    Y = Z[:, ~constant]
    centre, W, rank = whitening.whiten(Y[controls], "zca", EPSILON)
    Z[:, ~constant] = (Y - centre) @ W
    span = f"{controls.sum()} controls span {rank} of {Y.shape[1]} dimensions"
    notes = (f"{span}: the others are scaled like the least of these",)
    return Aligned(Z, int(constant.sum()), notes if rank < Y.shape[1] else ())


@in_order
def _harmony(X: np.ndarray, batches: np.ndarray, everything: np.ndarray) -> Aligned:
    """Scale, reduce and harmonise: each fitted on all items, as the library maps no new ones."""
    Z, constant = _global_scale(X, everything)
    reduced = _reduce(Z, everything)
    notes = (*reduced.notes, TRANSDUCTIVE)
    if constant.all() or len(np.unique(batches)) == 1:
        alone = "nothing to correct: one batch, or constant features"
        return Aligned(Z, int(constant.sum()), (*notes, alone))
    features = whitening.harmonise(reduced.features, batches)
    return Aligned(features, int(constant.sum()), notes, reduced.components)


ALIGNMENTS = {
    "none": lambda X, batches, controls: Aligned(np.asarray(X, dtype=float), 0),
    "standardize": _on_controls("standardize", partial(_rescale, how=whitening.mean_and_sd)),
    "center-scale": _on_controls(
        "center-scale", partial(_rescale, how=partial(whitening.mean_and_sd, fewest=1)), fewest=1
    ),
    "robust-mad": _on_controls("robust-mad", partial(_rescale, how=whitening.median_and_mad)),
    "pca-cs": _on_controls("pca-cs", _pca_cs),
    "tvn": _on_controls("tvn", in_order(partial(_tvn, shrink=False))),
    "tvn-shrink": _on_controls("tvn-shrink", in_order(partial(_tvn, shrink=True))),
    "sphering": _on_controls("sphering", _sphering),
    "harmony": lambda X, batches, controls: _harmony(X, batches, np.ones(len(X), dtype=bool)),
}
