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
    parser.add_argument("--workers", type=int, default=2, help="processes that make pictures")
    given = parser.parse_args()
    arguments = {"size": 512, "rows": 16, "columns": given.columns, "sites": 2}
    began, count = time.monotonic(), 0
    for _ in simulated.simulate("cells", "plate-1", 0, workers=given.workers, **arguments):
        count += 1
    seconds = time.monotonic() - began
    plate = seconds / count * 384 * 2
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(who).ru_maxrss for who in whose) / 1024
    print(f"{count} images by {given.workers} processes in {seconds:.1f} s as run")
    print(f"{seconds / count:.3f} s an image, peak memory of the largest process {peak:.0f} MB")
    print(f"simulator ours={plate:.0f}s reference={LIMIT:.0f}s ratio={plate / LIMIT:.2f}")


if __name__ == "__main__":
    main()
