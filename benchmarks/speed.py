"""Statistics beside the libraries that others use: one table, and growth with size as a figure.

Ours, the reference and their ratio come from one run, and what both compute is asserted to be equal
before a row is printed; what that is, and how a reference was run that would take too long, each
row says. Best with nothing else running.
"""

import argparse
import os
from pathlib import Path

import million
import probes
import relations
import retrieval
import ridge
from measuring import figure, table, told

QUESTIONS = {
    **{"retrieval": retrieval.measure, "ridge": ridge.measure, "probes": probes.measure},
    "relations": relations.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=QUESTIONS, nargs="*", default=list(QUESTIONS))
    parser.add_argument("--large", action="store_true", help="a million items, too")
    parser.add_argument("--figure", type=Path, help="where to draw growth with size, an SVG")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores")
    asked = [QUESTIONS[name] for name in given.only] + [million.measure] * given.large
    rows = [row for ask in asked for row in told(ask())]
    print(f"load {os.getloadavg()[0]:.1f} after\n\n{table(rows)}")
    if given.figure:
        given.figure.parent.mkdir(parents=True, exist_ok=True)
        given.figure.write_text(figure(rows))


if __name__ == "__main__":
    main()
