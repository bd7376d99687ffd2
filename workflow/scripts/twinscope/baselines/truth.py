"""Representations made of the true factors of simulated images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines import null
from twinscope.errors import InputError, one_of
from twinscope.sources.simulated import scales
from twinscope.study import DISTRACTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twinscope.baselines import Unit

PREFIX = "factor_"
# What the plate and the microscope add; no biology is read from it.
NUISANCE = ("edge", "blur", "gain", "background")


def true_factors(unit: Unit) -> pd.DataFrame:
    """Return all that is to be known of an image: the true factors that made it.

    Scored like any representation it is a Bayes-like reference: what a perfect description of the
    image reaches with the same probe. Factors of the plate and the microscope are left out.

    Parameters
    ----------
    unit : Unit
        Uses the columns ``factor_*`` of the index.

    Returns
    -------
    DataFrame
        One column a factor; NaN where an image has no such thing.

    Raises
    ------
    InputError
        If the images are not simulated.
    """
    names = [name for name in _known(unit) if name not in NUISANCE]
    return _values(unit, names).set_axis(names, axis=1)


def planted(
    unit: Unit,
    factors: Sequence[str],
    noise: float = 0.5,
    distractors: int = DISTRACTORS,
    seed: int = 0,
) -> pd.DataFrame:
    """Hide chosen true factors in a random rotation among noise: information of known content.

    With z the factors, in standard deviations between untreated images, and e, d standard normal
    numbers of the item, x = [z, d] Q + noise · e, Q a random rotation.

    Parameters
    ----------
    unit : Unit
        Uses the items and the columns ``factor_*`` of the index.
    factors : sequence of str
        Names without ``factor_``; none gives the distractors alone.
    noise : float
        Standard deviation of the noise on every dimension: at 1 a factor's natural variation
        between images and the noise are alike.
    distractors : int
        Number of dimensions that hold nothing.
    seed : int
        Of the rotation, the distractors and the noise.

    Returns
    -------
    DataFrame
        ``planted_{number}``; NaN for an image that lacks one of the factors.

    Raises
    ------
    InputError
        For an unknown factor, one named twice, negative noise, or no dimension at all.
    """
    names = [factors] if isinstance(factors, str) else list(factors)
    _check(names, noise, distractors)
    known = _known(unit)
    for name in names:
        if name not in known:
            raise InputError(f"factor {name!r}", one_of(known, name))
    size, items = len(names) + int(distractors), pd.Index(unit.index["item"])
    drawn = null.draws(items, int(distractors) + size, f"planted {seed}")
    parts = np.hstack([_standard(unit, names), drawn[:, : int(distractors)]])
    values = parts @ _rotation(size, seed) + noise * drawn[:, int(distractors) :]
    return pd.DataFrame(values, items, [f"planted_{number:02d}" for number in range(size)])


def _check(names, noise, distractors):
    if len(set(names)) < len(names):
        raise InputError(f"factors {names!r}", "each factor once")
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < np.inf:
        raise InputError(f"noise {noise!r}", "a number, 0 or more")
    if isinstance(distractors, bool) or distractors != int(distractors) or distractors < 0:
        raise InputError(f"distractors {distractors!r}", "a whole number, 0 or more")
    if not names and not distractors:
        raise InputError("no factor and no distractor", "at least one of them")


def _known(unit) -> list[str]:
    names = [c.removeprefix(PREFIX) for c in unit.index.columns if c.startswith(PREFIX)]
    if not names:
        raise InputError("images whose true factors are not known", "simulated images")
    return sorted(names)


def _values(unit, names) -> pd.DataFrame:
    index = unit.index.set_index("item")
    return index[[PREFIX + name for name in names]].apply(pd.to_numeric).astype(float)


def _standard(unit, names) -> np.ndarray:
    tissue = f"{PREFIX}empty_fraction" in unit.index.columns
    pairs = [scales.scale(name, tissue) for name in names]
    centre, spread = np.array(pairs, float).reshape(-1, 2).T
    return (_values(unit, names).to_numpy() - centre) / spread


def _rotation(size: int, seed: int) -> np.ndarray:
    """Draw a rotation uniformly (QR of a Gaussian matrix, signs made unique; Mezzadri 2007)."""
    rng = np.random.default_rng([int(seed), size])
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.sign(np.diag(r))
