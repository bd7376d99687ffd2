"""Whole cells without learning: foreground of the cytoplasm, flooded from the nuclei."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from twinscope.errors import InputError, one_of

from .classical import SMALLEST_CONTRAST

# Lengths in µm. Chosen on simulated images, never on real ones.
SMOOTHING = 0.2
CALM = 1.0
BACKGROUND_WINDOW = 80.0
RIM = 2.0
# Of the brightness of a cell at its nucleus, where the cell ends.
EDGE = 0.4
# So many µm further out a pixel may be for being as bright as a cell is, rather than dark.
PULL = 30.0


def grow(
    image: np.ndarray,
    nuclei: np.ndarray,
    *,
    channels: Sequence[str],
    cell_channel: str | Sequence[str],
    microns_per_pixel: float,
    reach: float = 20.0,
) -> np.ndarray:
    """Grow every nucleus into the whole cell round it.

    From each cell channel a background is subtracted (smoothed minimum filter, 80 µm wide); it is
    scaled by the mean of what Otsu's threshold calls bright; channels are averaged. A pixel is
    foreground when it is brighter than the mean of two thresholds: Otsu's of the square roots,
    one for the image, and two fifths of the median over its nearest nucleus and 2 µm round that.
    The foreground within reach is flooded from the nuclei, near and bright pixels first.

    A channel has no signal when the two classes that Otsu's threshold makes of the pixels round
    the nuclei lie less than 3.6 standard deviations of the darker one apart; it is left out, and
    where no channel is left, cells are their nuclei. A monolayer that leaves no background free
    can fall under this. Cytoplasm whose nucleus was not found goes to neighbours within reach.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        Intensities, of any number type.
    nuclei : ndarray of int, shape (Y, X)
        Labels of the nuclei, 0 for background.
    channels : sequence of str, length C
        Names of the channels, in order.
    cell_channel : str or sequence of str
        Channels that show cytoplasm, bright on dark.
    microns_per_pixel : float
        Pixel size.
    reach : float
        How far from its nucleus a cell may extend, in µm.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background; each cell has the label of its nucleus, and all its pixels.

    Raises
    ------
    InputError
        When a channel is not there, shapes do not fit together, labels are negative or not whole,
        lengths are not positive, or pixels are not finite.

    References
    ----------
    Otsu 1979, IEEE Trans. Syst. Man Cybern. 9:62. Jones, Carpenter and Golland 2005, Lect. Notes
    Comput. Sci. 3765:535, whose distance also weighs way against brightness.
    """
    planes = _planes(image, nuclei, [str(name) for name in channels], cell_channel)
    for name, value in (("microns_per_pixel", microns_per_pixel), ("reach", reach)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} {value}", "a positive number")
    nuclei = nuclei.astype(np.int32)
    if not nuclei.any():
        return nuclei
    far, nearest = ndimage.distance_transform_edt(nuclei == 0, return_indices=True)
    far = far.astype(np.float32) * np.float32(microns_per_pixel)
    near = far <= reach
    signals = [_signal(plane, near & (far > CALM), microns_per_pixel) for plane in planes]
    signals = [signal for signal in signals if signal is not None]
    if not signals:
        return nuclei
    fine, calm = np.mean(signals, axis=0)
    fine = ndimage.gaussian_filter(fine, SMOOTHING / microns_per_pixel)
    calm = np.sqrt(np.clip(calm, 0, 1))
    own = _brightness(fine, nuclei[tuple(nearest)], far <= RIM)
    common = threshold_otsu(calm[near & (far > CALM)]) ** 2
    mask = near & (fine > (EDGE * own + common) / 2) | (nuclei > 0)
    return watershed(far - PULL * calm, nuclei, mask=mask).astype(np.int32)


def _planes(image, nuclei, channels, wanted):
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    if image.ndim != 3 or len(image) != len(channels):
        found = f"an image of shape {image.shape} with channels {channels}"
        raise InputError(found, "(C, Y, X), C names")
    if nuclei.shape != image.shape[1:] or nuclei.dtype.kind not in "iu" or (nuclei < 0).any():
        found = f"nuclei of shape {nuclei.shape} and type {nuclei.dtype}"
        raise InputError(found, f"whole labels, 0 or more, of shape {image.shape[1:]}")
    if not wanted:
        raise InputError("no cell channel", f"at least {one_of(channels)}")
    for name in wanted:
        if name not in channels:
            raise InputError(f"cell channel {name!r}", one_of(channels, name))
    planes = [image[channels.index(name)].astype(np.float32) for name in dict.fromkeys(wanted)]
    if not all(np.isfinite(plane).all() for plane in planes):
        raise InputError("pixels that are not finite", "finite intensities in the cell channels")
    return planes


def _signal(plane, pool, microns_per_pixel):
    """Subtract the background and scale: as it is and smoothed; None where nothing stands out."""
    calm = ndimage.gaussian_filter(plane, CALM / microns_per_pixel)
    window = 2 * int(BACKGROUND_WINDOW / microns_per_pixel / 2) + 1
    background = ndimage.minimum_filter(calm, window)
    for _ in range(2):
        background = ndimage.uniform_filter(background, window)
    calm -= background
    values = calm[pool]
    if not values.size or np.ptp(values) <= 1e-6 * np.abs(plane).max():
        return None
    bright = values > threshold_otsu(values)
    level, dark = values[bright].mean(), values[~bright]
    if level - dark.mean() < SMALLEST_CONTRAST * dark.std():
        return None
    return (plane - background) / level, calm / level


def _brightness(plane, owner, at):
    """Give every pixel the median of its owner's pixels where `at` is true."""
    order = np.lexsort((plane[at], owner[at]))
    labels, first, count = np.unique(owner[at][order], return_index=True, return_counts=True)
    levels = np.zeros(owner.max() + 1, np.float32)
    levels[labels] = plane[at][order][first + count // 2]
    return levels[owner]
