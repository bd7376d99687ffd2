"""How a stain lies in the cytoplasm: how far from the nucleus, and along one direction or many."""

import numpy as np
from scipy import ndimage

from twinscope.cells.regions import Region


def reach(image: np.ndarray, distance: np.ndarray, cytoplasm: Region) -> np.ndarray:
    """Compare how far stain and cytoplasm lie from the nucleus.

    Parameters
    ----------
    image : ndarray of float, shape (Y, X)
        Intensities.
    distance : ndarray, shape (Y, X)
        From the nucleus, in any unit.
    cytoplasm : Region

    Returns
    -------
    ndarray, shape (n,)
        Mean distance weighted by intensity, over the plain mean: 1 for an even stain, less for one
        drawn to the nucleus. NaN without cytoplasm, or with none that is stained.

    Notes
    -----
    Multiplying intensities changes nothing; adding a constant (the offset of a camera) draws the
    value to 1.
    """
    values, far = cytoplasm.values(image), cytoplasm.values(distance)
    weight = cytoplasm.mean(values)
    weight = np.where(weight > 0, weight, np.nan)
    return cytoplasm.mean(values * far) / weight / cytoplasm.mean(far)


def coherence(image: np.ndarray, inner: Region, pixel: float) -> np.ndarray:
    """Measure how parallel the structures of the cytoplasm are, from the structure tensor.

    Parameters
    ----------
    image : ndarray of float, shape (Y, X)
        Intensities.
    inner : Region
        Cytoplasm away from nucleus and outline, whose edges have a direction of their own.
    pixel : float
        µm.

    Returns
    -------
    ndarray, shape (n,)
        Difference of the eigenvalues over their sum, of the tensor of gradients averaged over the
        region: 0 without a direction, 1 for parallel lines. NaN where nothing varies.

    Notes
    -----
    Neither factor nor constant changes it; noise lowers it. In a channel without structure of its
    own in the cytoplasm it shows the glow of the nucleus, and so the shape of that.

    References
    ----------
    Bigün J, Granlund GH (1987). Optimal orientation detection of linear symmetry. Proceedings of
    the First International Conference on Computer Vision, 433-438.
    """
    smooth = ndimage.gaussian_filter(image, SMOOTH / pixel)
    slopes = (ndimage.correlate1d(smooth, SLOPE, axis, mode="nearest") for axis in (0, 1))
    down, along = (inner.values(slope) for slope in slopes)
    xx, yy, xy = (inner.mean(part) for part in (along**2, down**2, along * down))
    total = np.where(xx + yy > 0, xx + yy, np.nan)
    return np.hypot(xx - yy, 2 * xy) / total


SMOOTH = 0.45
SLOPE = (-0.5, 0, 0.5)
