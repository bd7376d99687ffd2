"""Segmenters on real nuclei drawn by hand; and with --speed, beside the bare library calls.

Nothing is trained, chosen or tuned on the real images: they are looked at here only, at the end.
"""

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage import feature, filters, io, measure
from skimage.segmentation import find_boundaries, watershed

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope import cells
from twinscope.segmentation import classical, scoring
from twinscope.sources import simulated

DATA = Path(__file__).parents[2] / "shared/data/dsb2018_nuclei"
# Typical diameter of a nucleus in pixels: what a user would state for images like these.
DIAMETERS = {
    "fluorescence 256x256": 14.0,
    "fluorescence 256x320": 20.0,
    "fluorescence 360x360": 46.0,
    "fluorescence 520x696": 29.0,
    "histology_colour 256x320": 21.0,
}
SIZE, PICTURES = 512, 12
MICRONS = 0.65


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real images")
    parser.add_argument("--checkpoint", type=Path, help="small network; trained first if absent")
    parser.add_argument("--published", help="also run this published network, e.g. cpsam_v2")
    parser.add_argument("--overlays", type=Path, help="write worst, median and best of each group")
    parser.add_argument("--speed", type=int, metavar="N", help="time N images instead")
    parser.add_argument("--only", help="with --speed, one row of the table in this process")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.only:
        print(speed(RUNS[given.only], given), peak())
    elif given.speed:
        compare_speed(given)
    elif not given.data.exists():
        print(f"skipped: no real images in {given.data}")
    else:
        accuracy(given)


def accuracy(given: argparse.Namespace) -> None:
    """Score every segmenter on every real image, and print a table by group."""
    segmenters = {"classical": classical.segment, "cellpose-small": small(given.checkpoint)}
    if given.published:
        from twinscope.segmentation import cellpose

        segmenters[given.published] = partial(
            cellpose.segment, network=cellpose.load(given.published)
        )
    rows, pictures = [], {}
    for row in pd.read_csv(given.data / "metadata.csv").itertuples():
        group = f"{row.modality} {row.size}"
        if group in DIAMETERS:
            image = np.atleast_3d(io.imread(given.data / row.image))[..., :3]
            truth = io.imread(given.data / row.mask).astype(int)
            for name, segmenter in segmenters.items():
                labels = run(segmenter, image, group)
                rows.append({"segmenter": name, "group": group, **outcome(truth, labels)})
                pictures.setdefault((name, group), []).append((image, truth, labels))
    table = pd.DataFrame(rows)
    print(summary(table).to_string(index=False))
    if given.overlays:
        given.overlays.mkdir(parents=True, exist_ok=True)
        for (name, group), shown in pictures.items():
            found = table[(table["segmenter"] == name) & (table["group"] == group)]
            order = np.argsort(found["F1@0.5"].to_numpy(), kind="stable")
            picks = [shown[order[k]] for k in (0, len(order) // 2, -1)]
            path = given.overlays / f"{name}-{group.replace(' ', '-')}.png"
            io.imsave(path, np.concatenate([overlay(*pick) for pick in picks], 1))


def small(checkpoint: Path | None) -> Callable:
    """Load the small network of a checkpoint, or train one now."""
    from twinscope.segmentation import small

    if checkpoint and checkpoint.exists():
        content = checkpoint.read_bytes()
    else:
        began = time.process_time()
        content, _ = small.train()
        print(f"trained in {time.process_time() - began:.0f} s of one core")
        if checkpoint:
            checkpoint.write_bytes(content)
    return partial(small.segment, network=small.load(content))


def run(segmenter: Callable, image: np.ndarray, group: str) -> np.ndarray:
    stained = group.startswith("histology")
    return segmenter(
        np.moveaxis(image, -1, 0),
        channels=("red", "green", "blue")[: image.shape[-1]],
        nuclear_channel="haematoxylin" if stained else "luminance",
        microns_per_pixel=10 / DIAMETERS[group],
        nucleus_diameter=10.0,
    )


def outcome(truth: np.ndarray, labels: np.ndarray) -> dict:
    scores = scoring.score(truth, labels)["F1"]
    there, found = len(np.unique(truth[truth > 0])), len(np.unique(labels[labels > 0]))
    return {"F1@0.5": scores[0], "F1@0.75": scores[1], "true": there, "found": found}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (group, name), part in table.groupby(["group", "segmenter"]):
        row = {"group": group, "segmenter": name, "images": len(part)}
        row |= part[["F1@0.5", "F1@0.75"]].mean().round(3).to_dict()
        row |= {"count r": round(part["true"].corr(part["found"]), 3)}
        row |= {"true": part["true"].sum(), "found": part["found"].sum()}
        rows.append(row)
    return pd.DataFrame(rows)


def overlay(image: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Draw true outlines green, predicted ones red, and yellow where they meet."""
    grey = image.mean(axis=-1, keepdims=True) if image.mean() < 100 else image
    picture = np.clip(grey / np.percentile(grey, 99.5), 0, 1) ** 0.6 * np.ones(3)
    picture = np.kron(picture, np.ones((2, 2, 1)))
    for axis, outlines in ((1, truth), (0, labels)):
        edge = find_boundaries(np.kron(outlines, np.ones((2, 2), int)), mode="inner")
        picture[edge] = np.where(np.arange(3) == axis, 1, picture[edge] * (axis == 0))
        picture[edge, 2] = 0
    picture = (picture * 255).astype(np.uint8)
    return np.pad(picture, ((0, 0), (0, 8), (0, 0)), constant_values=255)


def compare_speed(given: argparse.Namespace) -> None:
    """Run every row in a process of its own, so that each has its own peak of memory.

    Ours is run on a tenth of the images, too: its memory must not grow with their number. The
    small network takes part where a checkpoint is given.
    """
    for name in ("segment", "measure", *(["small"] if given.checkpoint else [])):
        ours, most = timed(name, given.speed, given)
        few = timed(name, max(given.speed // 10, 1), given)[1]
        bare, others = timed(f"{name}-bare", given.speed, given)
        print(
            f"{name} ours={ours:.3f}s reference={bare:.3f}s ratio={ours / bare:.2f} an image of "
            f"{given.speed}; peak ours={most:.0f}MB ({few:.0f}MB for a tenth of the images) "
            f"reference={others:.0f}MB"
        )


def timed(name: str, images: int, given: argparse.Namespace) -> list[float]:
    """Seconds an image and peak memory, MB, of one row in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--speed", str(images)]
    command += ["--checkpoint", str(given.checkpoint)] if given.checkpoint else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()[-2:]]


def speed(make: Callable, given: argparse.Namespace) -> float:
    """Seconds an image of 512 x 512, after a first one that warms up.

    A few pictures are gone through again and again, each in a copy of its own.
    """
    arguments = {"size": SIZE, "microns_per_pixel": MICRONS, "rows": 6, "columns": 8}
    pictures = simulated.simulate("cells", "speed", 0, **arguments)
    some = [(p.image[:1], p.nuclei) for p in islice(pictures, PICTURES)]
    task, seconds = make(given), []
    for image, nuclei in islice(cycle(some), given.speed + 1):
        began = time.perf_counter()
        task(image.copy(), nuclei.astype(np.int32))
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[1:]))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours_classical(given):
    return lambda image, truth: classical.segment(image, **ASKED)


def bare_classical(given):
    """Make the library calls of the method and nothing else: the same filters and watershed."""

    def task(image, truth):
        smooth = filters.gaussian(image[0].astype(float), 1.0)
        background = ndimage.minimum_filter(smooth, 69)
        smooth -= ndimage.uniform_filter(ndimage.uniform_filter(background, 69), 69)
        mask = smooth > filters.threshold_otsu(smooth)
        distance = filters.gaussian(ndimage.distance_transform_edt(mask), 1.0)
        peaks = feature.peak_local_max(distance, min_distance=7, labels=measure.label(mask))
        seeds = np.zeros(mask.shape, int)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        return watershed(-distance, seeds, mask=mask)

    return task


def ours_measure(given):
    return lambda image, truth: cells.measure(
        image, truth, item="a", channels=("dna",), microns_per_pixel=MICRONS
    )


def bare_measure(given):
    names = ("label", "area", "perimeter", "axis_major_length", "axis_minor_length")
    names += ("eccentricity", "solidity", "orientation", "intensity_mean", "intensity_std")
    return lambda image, truth: measure.regionprops_table(truth, image[0], properties=names)


def ours_small(given):
    segmenter = small(given.checkpoint)
    return lambda image, truth: segmenter(image, **ASKED)


def bare_small(given):
    import torch

    torch.set_num_threads(1)
    from twinscope.segmentation.training_images import DIAMETER

    model = small(given.checkpoint).keywords["network"]
    diameter = 30 * ASKED["nucleus_diameter"] / MICRONS / DIAMETER
    return lambda image, truth: model.eval(
        np.repeat(image[0].astype(np.float32)[..., None], 3, 2), channel_axis=-1, diameter=diameter
    )


ASKED = {
    **{"channels": ("dna",), "nuclear_channel": "dna"},
    **{"microns_per_pixel": MICRONS, "nucleus_diameter": 15.0},
}
RUNS = {
    "segment": ours_classical,
    "segment-bare": bare_classical,
    "measure": ours_measure,
    "measure-bare": bare_measure,
    "small": ours_small,
    "small-bare": bare_small,
}

if __name__ == "__main__":
    main()
