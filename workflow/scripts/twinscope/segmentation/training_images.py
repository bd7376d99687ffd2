"""Simulated pictures made into nuclear planes with their nuclei, and those given many looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import ndimage

from twinscope.sources import simulated
from twinscope.sources.simulated.fields import noise

from .classical import nuclear_plane, raster_order

# Typical diameter of a nucleus in a scene, pixels.
DIAMETER = 16.0


@dataclass(frozen=True)
class Scene:
    """A simulated nuclear plane and its true nuclei.

    Attributes
    ----------
    plane : (Y, X) float32 array
        0 is the darkest per cent of the picture and 1 the nuclei, on average.
    nuclei : (Y, X) int32 array
        0 for background, then 1 to n.
    """

    plane: np.ndarray
    nuclei: np.ndarray


def scenes(seed: int, size: int = 192) -> Iterator[Scene]:
    """Draw scenes with the simulator's two designs: sparse, crowded and empty ones.

    The DNA channel of cultures and the haematoxylin of tissue. Cultured cells do not touch, so
    in most cultures two or three pictures are laid over each other until nuclei meet and overlap.

    Parameters
    ----------
    seed : int
        Another seed gives other scenes.
    size : int
        Side, pixels.

    Yields
    ------
    Scene
    """
    for number, (layers, micron, arguments) in enumerate(CULTURES):
        given = {"size": size, "microns_per_pixel": micron / DIAMETER, "rows": 4, "columns": 6}
        pictures = simulated.simulate("cells", f"training-{number}", seed, **given, **arguments)
        rng = np.random.default_rng([seed, number])
        for _ in range(8):
            group = islice(pictures, layers)
            yield _overlay(rng, [(picture.image[0], picture.nuclei) for picture in group])
    for number, (micron, arguments) in enumerate(TISSUES):
        given = {"size": size, "microns_per_pixel": micron / DIAMETER, "slides": 4, "spots": 3}
        for picture in simulated.simulate(
            "tissue", f"training-{number}", seed, **given, **arguments
        ):
            plane = nuclear_plane(picture.image, ("red", "green", "blue"), "haematoxylin")
            yield _scene(plane, picture.nuclei)
    for _ in range(EMPTY):
        yield Scene(np.zeros((size, size), np.float32), np.zeros((size, size), np.int32))


def dress(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Give a scene one of very many looks; its nuclei stay where they are.

    Brightness from nucleus to nucleus, strength of texture, debris, blur, light out of focus,
    uneven background, contrast, saturation, noise and grey levels, each drawn anew.

    Parameters
    ----------
    scene : Scene
    rng : numpy.random.Generator

    Returns
    -------
    (Y, X) float32 array
        Whole numbers from 0 to at most a few hundred.
    """
    plane = _stain(scene, rng) + _debris(rng, scene.plane.shape)
    plane = ndimage.gaussian_filter(plane, 0.12 * DIAMETER * rng.random() ** 2)
    plane = plane + _background(plane, rng)
    plane = plane - plane.min()
    plane = (plane / max(plane.max(), 1e-6)) ** np.exp(rng.uniform(-0.7, 0.7))
    if rng.random() < 0.25:
        plane = np.minimum(plane, np.quantile(plane, rng.uniform(0.9, 1)))
    grain = noise(rng, plane.shape, rng.uniform(0.5, 1.5) if rng.random() < 0.4 else 0)
    plane = plane + 0.12 * rng.random() ** 2 * np.sqrt(0.2 + plane) * grain
    levels = np.exp(rng.uniform(np.log(12), np.log(255)))
    return np.rint(np.clip(plane, 0, None) * levels).astype(np.float32)


def _stain(scene, rng):
    """Vary brightness from nucleus to nucleus, and make chromatin calmer or rougher."""
    inside = scene.nuclei > 0
    if not inside.any():
        return scene.plane
    gain = np.exp(rng.uniform(0, 0.7) * rng.standard_normal(scene.nuclei.max() + 1))
    gain[0] = rng.uniform(0.3, 2.5)
    gain = ndimage.gaussian_filter(gain.astype(np.float32)[scene.nuclei], 0.7)
    plane = scene.plane * gain
    plane = plane / max(np.percentile(plane[inside], 80), 1e-6)
    calm = ndimage.gaussian_filter(np.where(inside, plane, 0), 2)
    calm = calm / np.maximum(ndimage.gaussian_filter(inside.astype(np.float32), 2), 1e-3)
    return np.where(inside, plane + rng.uniform(-0.5, 1) * (calm - plane), plane)


def _debris(rng, shape):
    """Bright specks, and dim bodies out of focus."""
    debris = np.zeros(shape, np.float32)
    for _ in range(rng.integers(1, 12) if rng.random() < 0.4 else 0):
        speck = rng.random() < 0.6
        width = DIAMETER * (rng.uniform(0.02, 0.1) if speck else rng.uniform(0.6, 1.5))
        spot = [np.arange(side, dtype=np.float32) - rng.uniform(0, side) for side in shape]
        bell = [np.exp(-((line / width) ** 2) / 2) for line in spot]
        debris += rng.uniform(0.2, 1.5 if speck else 0.35) * np.outer(*bell)
    return debris


def _background(plane, rng):
    haze = ndimage.gaussian_filter(plane, rng.uniform(0.5, 2) * DIAMETER, truncate=2)
    slope = rng.normal(0, 0.3 * rng.random(), 2)
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in plane.shape)
    even = rng.uniform(0, 0.35) * haze + slope[0] * y[:, None] + slope[1] * x
    coarse = noise(rng, plane.shape, rng.uniform(2, 6) * DIAMETER)
    fine = noise(rng, plane.shape, rng.uniform(0.1, 1) * DIAMETER)
    return even + 0.12 * rng.random() * coarse + 0.15 * rng.random() ** 3 * fine


def _overlay(rng, layers):
    """Lay turned pictures over each other, leaving out a nucleus if a fifth of it is covered."""
    light = np.zeros(layers[0][1].shape, np.float32)
    found = np.zeros(light.shape, np.int32)
    for plane, nuclei in layers:
        turn = int(rng.integers(4))
        plane, nuclei = np.rot90(plane, turn), np.rot90(nuclei, turn).astype(np.int32)
        covered = np.bincount(nuclei[found > 0], minlength=nuclei.max() + 1)
        hidden = covered > 0.2 * np.bincount(nuclei.ravel())
        hidden[0] = False
        kept = np.where(hidden[nuclei], 0, nuclei)
        # The blurred rim of what is left out goes too, but nothing of its neighbours.
        gone = ndimage.binary_dilation(hidden[nuclei], iterations=3) & (kept == 0)
        light += np.where(gone, 0, plane - np.percentile(plane, 1))
        found = np.where((kept > 0) & (found == 0), kept + found.max(), found)
    return _scene(light, found)


def _scene(plane, nuclei):
    plane = plane - np.percentile(plane, 1)
    inside = nuclei > 0
    level = plane[inside].mean() if inside.any() else np.ptp(plane)
    return Scene((plane / max(level, 1e-6)).astype(np.float32), raster_order(nuclei))


EMPTY = 8
# Pictures in a scene, µm that become DIAMETER, and arguments of the design.
CULTURES = (
    (1, 14, {"density": 60, "effects": ["null"]}),
    (1, 14, {"density": 400, "effects": ["texture"]}),
    (1, 18, {"density": 1200, "effects": ["nuclear-shape", "texture"], "doses": [2.0]}),
    (2, 14, {"density": 600, "effects": ["nuclear-shape"], "doses": [1.0, 2.0]}),
    (2, 11, {"density": 1200, "effects": ["nuclear-size", "mixed"], "doses": [2.0]}),
    (3, 14, {"density": 1200, "effects": ["null"]}),
    (3, 17, {"density": 1200, "effects": ["nuclear-shape", "texture"], "doses": [1.0, 2.0]}),
    (3, 20, {"density": 1000, "effects": ["nuclear-size", "mixed"], "doses": [2.0]}),
)
TISSUES = (
    (7, {"regions": ["gland"]}),
    (7, {"regions": ["infiltrate"], "density": 1.2}),
    (8, {"regions": ["stroma"]}),
    (9, {"regions": ["tumour"], "density": 1.2}),
    (7, {"regions": ["gland", "infiltrate", "necrosis"]}),
    (10, {"regions": ["tumour", "infiltrate"]}),
)
