"""Search for the constants of the classical segmenter, on simulated images only.

A constant takes its best value on a first set of seeds if the gain over its present value is
beyond two standard errors there, and again above zero on a second set of seeds. What passes is
then tried together on a third.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope.segmentation import classical, scoring, training_images

CONSTANTS = {
    "SMOOTHING": (0.0125, 0.025, 0.0375, 0.05, 0.0625, 0.075, 0.1),
    "BACKGROUND_WINDOW": (1.0, 1.25, 1.5, 1.75, 2.0, 3.0),
    "SEED_DISTANCE": (0.2, 0.25, 0.3, 0.35, 0.4, 0.5),
    "SMALLEST_NUCLEUS": (0.02, 0.035, 0.05, 0.075, 0.1, 0.15),
    "LARGEST_HOLE": (0.1, 0.25, 0.5, 1.0),
    "BRIGHT_SPECK": (0.1, 0.25, 0.5, 1.0),
    "SMALLEST_CONTRAST": (2.8, 3.2, 3.6, 4.0),
}


def main() -> None:
    """Vary one constant at a time, and print every gain and what the rule makes of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="of each set; none trains anything")
    number = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    first, second, third = (looks(range(start, start + number)) for start in (7000, 8000, 9000))
    present = {name: getattr(classical, name) for name in CONSTANTS}
    usual = f1_of(first)
    print(f"{len(usual)} scenes, mean F1 at 0.5 and 0.75 {usual.mean():.4f}")
    print(f"{'constant':<20}{'value':>8}{'gain':>10}{'± SE':>8}")
    chosen = {}
    for name, values in CONSTANTS.items():
        gains = {v: gain({name: v}, first, usual) for v in values if v != present[name]}
        for value in values:
            line = "{:>+10.4f}{:>8.4f}".format(*gains[value]) if value in gains else " present"
            print(f"{name:<20}{value:>8g}{line}", flush=True)
        best = max(gains, key=lambda value: gains[value][0])
        if gains[best][0] > 2 * gains[best][1]:
            again = gain({name: best}, second)
            verdict = "taken" if again[0] > 0 else "refused"
            print("again {:+.4f} ± {:.4f}:".format(*again), verdict, flush=True)
            chosen |= {name: best} if again[0] > 0 else {}
    if chosen:
        print(chosen, "together {:+.4f} ± {:.4f}".format(*gain(chosen, third)))


def looks(seeds: range) -> list:
    """Give every second scene of the seeds, as it is and in another look, and its nuclei."""
    pairs = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for scene in list(training_images.scenes(seed))[::2]:
            pairs.append(([scene.plane, training_images.dress(scene, rng)], scene.nuclei))
    return pairs


def gain(changes: dict, scenes: list, usual: np.ndarray | None = None) -> tuple[float, float]:
    """Give the mean gain in F1 of changed constants and its standard error over scenes."""
    usual = f1_of(scenes) if usual is None else usual
    present = {name: getattr(classical, name) for name in changes}
    _set(changes)
    found = f1_of(scenes) - usual
    _set(present)
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))


def f1_of(scenes: list) -> np.ndarray:
    """F1 of each scene; 0 or 1 where there are no nuclei.

    The mean over its looks, and over the true typical diameter, one that is a third too small and
    one that is half too large.
    """
    means = []
    for planes, truth in scenes:
        found = []
        for plane in planes:
            for wrong in (2 / 3, 1.0, 3 / 2):
                labels = classical.segment(
                    plane[None],
                    channels=("dna",),
                    nuclear_channel="dna",
                    microns_per_pixel=1.0,
                    nucleus_diameter=wrong * training_images.DIAMETER,
                )
                scores = scoring.score(truth, labels)["F1"]
                found.append(scores.mean() if truth.any() else float(not labels.any()))
        means.append(np.mean(found))
    return np.array(means)


def _set(constants):
    for name, value in constants.items():
        setattr(classical, name, value)


if __name__ == "__main__":
    main()
