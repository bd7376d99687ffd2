"""Texture of nuclei that does not depend on how bright they are."""

import numpy as np
from cp_measure.core.measuretexture import get_texture

from twinscope.cells.regions import Region


def texture(image: np.ndarray, core: Region, pixel: float) -> dict[str, np.ndarray]:
    """Measure the texture of one channel inside nuclei, away from their blurred rim.

    Parameters
    ----------
    image : ndarray of float, shape (Y, X)
        Intensities.
    core : Region
        Pixels so deep that the blurred outline of the nucleus is no longer seen.
    pixel : float
        µm.

    Returns
    -------
    dict of ndarray, shape (n,)
        `cv`, the standard deviation over the mean; `skewness`; and Haralick's `contrast`,
        `correlation` and `homogeneity` (inverse difference moment) of pixels about 1 µm apart,
        mean of four directions, on intensities that were standardised within each nucleus and
        binned into `LEVELS` grey levels from -3 to 3 standard deviations. NaN for a nucleus with
        fewer than `FEWEST` pixels of core, and for one that is perfectly even.

    Notes
    -----
    Multiplying intensities changes none; adding a constant (the offset of a camera, light from
    out of focus) changes `cv` only. What leaks: `cv` falls as offset and glow rise; photon noise,
    which is relatively stronger in a dim channel, raises `contrast` and lowers `correlation` and
    `homogeneity`; a channel without structure of its own in the nucleus shows the glow of what
    lies round it, which changes with the size of the nucleus, as does the share of it that bodies
    of fixed size (nucleoli) take. Haralick's entropies and angular second moment are left out, as
    their values depend on the number of pixels, that is on the size of the nucleus.

    References
    ----------
    Haralick RM, Shanmugam K, Dinstein I (1973). Textural features for image classification.
    IEEE Transactions on Systems, Man, and Cybernetics 3, 610-621. Computed by cp_measure.
    """
    values = core.values(image)
    mean, sd = core.mean(values), core.sd(values)
    # An even nucleus has a spread of rounding errors.
    fit = (core.size >= FEWEST) & (sd > 1e-9 * np.abs(mean))
    mean, sd = np.where(fit, mean, np.nan), np.where(fit, sd, np.nan)
    score = (values - mean[core.owner]) / sd[core.owner]
    found = {
        "cv": np.where(mean > 0, sd / np.where(mean > 0, mean, np.nan), np.nan),
        "skewness": core.mean(score**3),
    }
    return found | _haralick(score, core, pixel)


def _haralick(score, core, pixel):
    kept = np.isfinite(score)
    grey, labels = (np.zeros(core.shape, kind) for kind in (np.uint8, np.int64))
    level = np.floor((np.clip(score[kept], -3, 3) + 3) / 6 * LEVELS)
    grey.reshape(-1)[core.pixels[kept]] = 1 + np.minimum(level, LEVELS - 1)
    labels.reshape(-1)[core.pixels[kept]] = core.owner[kept] + 1
    rows = np.unique(core.owner[kept])
    found = {name: np.full(core.count, np.nan) for name in HARALICK}
    if len(rows):
        raw = get_texture(labels, grey, scale=max(round(APART / pixel), 1))
        for name, prefix in HARALICK.items():
            directions = [raw[key] for key in raw if key.startswith(f"{prefix}_")]
            found[name][rows] = np.mean(directions, axis=0)
    return found


APART = 1.0
LEVELS = 16
FEWEST = 16
HARALICK = {
    "contrast": "Contrast",
    "correlation": "Correlation",
    "homogeneity": "InverseDifferenceMoment",
}
