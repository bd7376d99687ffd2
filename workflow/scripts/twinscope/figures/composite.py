"""Images of any channels as colours, on one scale for all of them, and outlines of masks."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

LOW, HIGH, PIXELS = 2.0, 99.8, 20_000
GAMMA, SUM = 0.9, 2.6
Limits = Sequence[tuple[float, float]]


def composite(
    image: np.ndarray, channels: Sequence[str], limits: Limits | None = None
) -> np.ndarray:
    """Show an image of any channels in colour.

    A colour image is shown as it is, one channel in grey. Of several channels, each is light of
    its colour in `colours`, and the lights are added; of more than three, all but the blue of
    nuclei are dimmed, so that where many lie over each other they do not burn out.

    Parameters
    ----------
    image : (C, Y, X) array
    channels : sequence of str
        Names of the channels.
    limits : sequence of (low, high), optional
        Intensities shown black and full, one pair a channel; else those of this image alone,
        which hide that one image is brighter than another.

    Returns
    -------
    (Y, X, 3) uint8 array
        Pixels that are NaN are black.
    """
    limits = limits if limits is not None else _shared([image], channels)
    low, high = np.array(limits, float).T[:, :, None, None]
    shares = np.nan_to_num(np.clip((image - low) / (high - low), 0, 1))
    if is_colour(channels):
        return _bytes(np.moveaxis(shares, 0, -1))
    shares = shares**GAMMA
    light = np.zeros((*image.shape[1:], 3))
    for share, colour in zip(shares, colours(channels), strict=True):
        dimmed = 1.0 if colour == BLUE else min(1.0, SUM / max(len(channels) - 1, 1))
        light += share[..., None] * (dimmed / 255 * np.array(colour))
    return _bytes(np.minimum(light, 1))


def limits(images: Iterable[np.ndarray], channels: Sequence[str]) -> list[tuple[float, float]]:
    """Find limits of display that many images share, so that an effect on intensity is seen.

    Parameters
    ----------
    images : iterable of (C, Y, X) arrays
        All of one data set; their order does not matter.
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    list of (low, high)
        Percentiles 2 and 99.8 of each channel over evenly spaced pixels of all images, those
        that are not finite left out; high is above low whatever the images. Colour images keep
        their black and their hue: 0 to 255, or from 0 to the highest of three percentiles.
    """
    return _shared(images, channels)


def _shared(images: Iterable[np.ndarray], channels: Sequence[str]) -> list[tuple[float, float]]:
    parts, eight = [], True
    for image in images:
        step = max(1, round((image[0].size / PIXELS) ** 0.5))
        parts.append(image[:, ::step, ::step].reshape(len(image), -1))
        eight &= image.dtype == np.uint8
    colour = is_colour(channels)
    if colour and eight:
        return [(0.0, 255.0)] * 3
    found = [_ends(np.concatenate([part[c] for part in parts])) for c in range(len(channels))]
    if colour:
        return [(0.0, max(high for _, high in found))] * 3
    return found


def colours(channels: Sequence[str]) -> list[tuple[int, int, int]]:
    """Give every channel a colour: known stains their usual one, others one not yet taken.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels.

    Returns
    -------
    list of (red, green, blue)
        0 to 255; white for a single channel, grey for transmitted light.
    """
    if len(channels) == 1:
        return [(255, 255, 255)]
    known = [_stain(name) for name in channels]
    chosen = [colour if colour not in known[:k] else None for k, colour in enumerate(known)]
    free = [colour for colour in OTHERS if colour not in chosen]
    for k, colour in enumerate(chosen):
        if colour is None:
            chosen[k] = GREY if known[k] == GREY else (free or list(OTHERS))[0]
            free = free[1:] if free else []
    return chosen


def is_colour(channels: Sequence[str]) -> bool:
    """Say whether channels are those of a colour camera, by their names."""
    return [name.lower() for name in channels] in (["red", "green", "blue"], ["r", "g", "b"])


def outline(rgb: np.ndarray, labels: np.ndarray, colour: Sequence[int]) -> np.ndarray:
    """Draw the outlines of labels, one pixel wide and inside of them.

    Parameters
    ----------
    rgb : (Y, X, 3) uint8 array
    labels : (Y, X) int array
        0 is background.
    colour : sequence of int
        Red, green and blue, 0 to 255.

    Returns
    -------
    (Y, X, 3) uint8 array
        A new array.
    """
    from skimage.segmentation import find_boundaries

    drawn = rgb.copy()
    drawn[find_boundaries(labels, connectivity=1, mode="inner")] = colour
    return drawn


def _ends(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values.astype(float), (LOW, HIGH))
    return float(low), float(high) if high > low else float(low) + 1.0


def _bytes(shares: np.ndarray) -> np.ndarray:
    return np.round(255 * shares).astype(np.uint8)


def _stain(name: str) -> tuple[int, int, int] | None:
    """Look a stain up by the words of its name, which capitals may separate: OrigDNA."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    for pattern, colour in STAINS.items():
        if any(re.fullmatch(pattern, word) for word in words):
            return colour
    return None


# Saturated, since several are added; no two differ in red against green alone.
GREY = (120, 120, 120)
BLUE, GREEN, CYAN, ORANGE = (0, 70, 255), (0, 225, 0), (0, 205, 205), (255, 90, 0)
MAGENTA, YELLOW, RED = (255, 0, 170), (225, 215, 0), (255, 30, 60)
OTHERS = (GREEN, MAGENTA, CYAN, ORANGE, YELLOW, BLUE, RED)
STAINS = {
    "rna|syto|nucleol.*": CYAN,
    "dna|hoechst|dapi|draq|nuc|nucle.*|hist.*": BLUE,
    "er|cona|concanavalin|endoplasm.*": GREEN,
    "agp|actin|phalloidin|golgi|wga": ORANGE,
    "mito.*": MAGENTA,
    "brightfield|bf|phase|dic|transmitted": GREY,
}
