"""Nuclei without learning: background removal, Otsu threshold, watershed on the distance map."""

import numpy as np
from scipy import ndimage
from skimage import color, feature, filters, morphology
from skimage.segmentation import watershed

from twinscope.errors import InputError, one_of

# Lengths are in nucleus diameters, areas in areas of a disc of that diameter. Chosen on simulated
# images, never on real ones: benchmarks/segmentation_constants.py prints the search.
SMOOTHING = 0.0375
BACKGROUND_WINDOW = 1.5
SEED_DISTANCE = 0.25
SMALLEST_NUCLEUS = 0.05
LARGEST_HOLE = 0.5
BRIGHT_SPECK = 0.25
# Otsu cuts smoothed noise and even ramps 2.6 to 3.2 background standard deviations apart.
SMALLEST_CONTRAST = 3.6


def segment(
    image: np.ndarray,
    *,
    channels: tuple[str, ...],
    nuclear_channel: str,
    microns_per_pixel: float,
    nucleus_diameter: float = 10.0,
) -> np.ndarray:
    """Segment bright nuclei by a global threshold and a watershed.

    Gaussian smoothing; subtraction of a background (smoothed minimum filter, 1.5 diameters
    wide), against uneven illumination; Otsu's threshold; holes under half a nucleus filled and
    objects under a twentieth dropped; watershed on the smoothed distance map, one seed
    for each peak, seeds at least a quarter of a diameter apart.

    An image is taken to be empty when the two classes that Otsu's threshold makes lie less than
    3.6 background standard deviations apart. This keeps featureless images (camera noise, slow
    gradients) free of invented nuclei. It does not tell nuclei from other bright objects of their
    size, lets the shot noise of fewer than about 0.3 photons a pixel through, and can refuse
    an image so crowded or so low in contrast that its background spreads like its nuclei.

    The threshold is one for the image: dim nuclei beside much brighter ones are lost or shrink,
    and dense clumps stay merged. Nuclei darker than their surroundings (brightfield) are missed.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        uint8, uint16 or float. Float colour images are taken to lie in 0..1.
    channels : sequence of str, length C
        Names of the channels, in order.
    nuclear_channel : str
        Where nuclei are bright: the name of a channel; or "haematoxylin" (the image is RGB and is
        unmixed); or "luminance" (mean of the channels).
    microns_per_pixel : float
        Pixel size.
    nucleus_diameter : float
        Typical diameter in µm. In pixels it is held between 3 and the shorter side of the image.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n for the nuclei in raster order of their first pixels.

    Raises
    ------
    InputError
        When the nuclear channel is not there, lengths are not positive, or pixels are not finite.

    References
    ----------
    Otsu 1979, IEEE Trans. Syst. Man Cybern. 9:62. Ruifrok and Johnston 2001, Anal. Quant. Cytol.
    Histol. 23:291 (unmixing).
    """
    plane = nuclear_plane(image, channels, nuclear_channel)
    diameter = diameter_in_pixels(plane.shape, microns_per_pixel, nucleus_diameter)
    return raster_order(_split(_foreground(plane, diameter), diameter))


def diameter_in_pixels(
    shape: tuple[int, int], microns_per_pixel: float, nucleus_diameter: float
) -> float:
    """Express the diameter of a nucleus in pixels, from 3 to the shorter side of the image.

    Parameters
    ----------
    shape : (int, int)
        Of the image, pixels.
    microns_per_pixel, nucleus_diameter : float
        Pixel size and diameter in µm.

    Returns
    -------
    float

    Raises
    ------
    InputError
        When a length is not a positive number.
    """
    for name, value in (
        ("microns_per_pixel", microns_per_pixel),
        ("nucleus_diameter", nucleus_diameter),
    ):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} {value}", "a positive number")
    return float(np.clip(nucleus_diameter / microns_per_pixel, 3, max(3, min(shape))))


def nuclear_plane(image: np.ndarray, channels: tuple[str, ...], nuclear_channel: str) -> np.ndarray:
    """Reduce an image to one plane in which nuclei are bright.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        Pixels.
    channels : sequence of str, length C
        Names of the channels.
    nuclear_channel : str
        A channel, "haematoxylin" or "luminance"; a channel of that name comes first.

    Returns
    -------
    ndarray of float64, shape (Y, X)
        The nuclear plane.

    Raises
    ------
    InputError
        When shapes and names do not fit together or pixels are not finite.
    """
    channels = [str(channel) for channel in channels]
    if image.ndim != 3 or len(image) != len(channels):
        raise InputError(
            f"an image of shape {image.shape} with channels {channels}", "(C, Y, X), C names"
        )
    if nuclear_channel in channels:
        plane = image[channels.index(nuclear_channel)].astype(float)
    elif nuclear_channel == "haematoxylin":
        plane = _haematoxylin(image)
    elif nuclear_channel == "luminance":
        plane = image.mean(axis=0, dtype=float)
    else:
        choices = [*channels, "haematoxylin", "luminance"]
        raise InputError(f"nuclear channel {nuclear_channel!r}", one_of(choices, nuclear_channel))
    if not np.isfinite(plane).all():
        raise InputError("pixels that are not finite", "finite intensities in the nuclear channel")
    return plane


def raster_order(labels: np.ndarray) -> np.ndarray:
    """Give objects the numbers 1 to n by their first pixels, row by row.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 for background.

    Returns
    -------
    ndarray of int32, shape (Y, X)
    """
    flat, count = labels.ravel(), labels.max(initial=0) + 1
    pixels = np.flatnonzero(flat)[::-1]
    first = np.full(count, flat.size)
    first[flat[pixels]] = pixels  # Of many written to one place the last stays: the first pixel.
    values = np.flatnonzero(first < flat.size)
    order = np.zeros(count, np.int32)
    order[values[np.argsort(first[values])]] = np.arange(1, len(values) + 1)
    return order[labels]


def _haematoxylin(image):
    if len(image) != 3:
        raise InputError(
            f"nuclear channel 'haematoxylin' in an image of {len(image)} channels",
            "an RGB image, or the name of a channel",
        )
    scale = np.iinfo(image.dtype).max if image.dtype.kind in "ui" else 1
    return color.rgb2hed(np.moveaxis(image / scale, 0, -1))[..., 0]


def _foreground(plane, diameter):
    area = np.pi * diameter**2 / 4
    # Hot pixels, fewer than a nucleus has, must not swell to the size of one.
    calm = _clip(plane, SMALLEST_NUCLEUS * area)
    smooth = filters.gaussian(calm, max(1.0, SMOOTHING * diameter))
    smooth -= _background(smooth, diameter)
    # A bright speck must not take the threshold away from the nuclei.
    clipped = _clip(smooth, min(BRIGHT_SPECK * area, 0.05 * plane.size))
    if np.ptp(clipped) <= 1e-9 * np.abs(plane).max():
        return np.zeros(plane.shape, bool)
    mask = smooth > filters.threshold_otsu(clipped)
    contrast = clipped[mask].mean() - clipped[~mask].mean()
    if contrast < SMALLEST_CONTRAST * clipped[~mask].std():
        return np.zeros(plane.shape, bool)
    mask = morphology.remove_small_holes(mask, max_size=int(LARGEST_HOLE * area))
    return morphology.remove_small_objects(mask, max_size=int(SMALLEST_NUCLEUS * area))


def _clip(plane, rank):
    """Bring the brightest pixels down to the one of that rank."""
    rank = max(1, int(rank))
    return np.minimum(plane, np.partition(plane.ravel(), -rank)[-rank])


def _background(smooth, diameter):
    window = 2 * int(BACKGROUND_WINDOW * diameter / 2) + 1
    background = ndimage.minimum_filter(smooth, window)
    for _ in range(2):
        background = ndimage.uniform_filter(background, window)
    return background


def _split(mask, diameter):
    distance = filters.gaussian(ndimage.distance_transform_edt(mask), SMOOTHING * diameter)
    peaks = feature.peak_local_max(
        distance,
        min_distance=max(1, round(SEED_DISTANCE * diameter)),
        labels=mask.astype(int),
        exclude_border=False,
    )
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, seeds, mask=mask)
    small = np.bincount(labels.ravel()) <= SMALLEST_NUCLEUS * np.pi * diameter**2 / 4
    labels[small[labels]] = 0
    return labels
