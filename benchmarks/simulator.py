"""Time and memory of a simulated 384-well plate with 2 sites of 512 x 512 x 5."""

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope.sources import simulated

LIMIT = 240.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=24, help="fewer columns, a shorter run")
    columns = parser.parse_args().columns
    began, count = time.monotonic(), 0
    for _ in simulated.simulate("cells", "plate-1", 0, size=512, rows=16, columns=columns, sites=2):
        count += 1
    seconds = time.monotonic() - began
    plate = seconds / count * 384 * 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} images on one core, {seconds / count:.3f} s each, peak memory {peak:.0f} MB")
    print(f"simulator ours={plate:.0f}s reference={LIMIT:.0f}s ratio={plate / LIMIT:.2f}")


if __name__ == "__main__":
    main()
