"""What the benchmarks of statistics share: a row of the table, the clock, and the figure."""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope.figures import style

COLUMNS = 3


class Row(NamedTuple):
    """One comparison: `size` of `unit`s, seconds of both, and what else there is to say.

    `reference` is NaN where nothing was compared; `wanted` is the least ratio, or the most seconds
    where it ends in s; `note` says what was found to be equal, and how the reference was run.
    """

    name: str
    unit: str
    size: int
    setting: str
    ours: float
    reference: float
    wanted: str
    note: str

    @property
    def line(self) -> str:
        """The row in words."""
        ratio = f"reference={self.reference:.2f}s ratio={self.reference / self.ours:.1f} "
        wanted = f"wanted {self.wanted} " if self.wanted else ""
        return (
            f"{self.name}, {self.size} {self.unit}, {self.setting}: ours={self.ours:.2f}s "
            f"{ratio if np.isfinite(self.reference) else ''}{wanted}({self.note})"
        )


def timed(function: Callable, rounds: int = 1) -> tuple[float, object]:
    """Return the median seconds of so many rounds, and what the last one gave."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = function()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), found


def told(rows: Iterable[Row]) -> list[Row]:
    """Print rows as they come, and keep them."""
    kept = []
    for row in rows:
        print(row.line, flush=True)
        kept.append(row)
    return kept


def table(rows: Iterable[Row]) -> str:
    """Lay rows out as the columns of a table in Markdown."""
    lines = ["| what | size | setting | ours | reference | ratio | wanted |", "|---" * 7 + "|"]
    for row in rows:
        compared = np.isfinite(row.reference)
        cells = row.name, f"{row.size:,} {row.unit}", row.setting, f"{row.ours:.2f} s"
        cells += (
            f"{row.reference:,.1f} s" if compared else "",
            f"{row.reference / row.ours:,.1f}" if compared else "",
            row.wanted,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(rows: Iterable[Row]) -> str:
    """Draw seconds against size on logarithmic axes, one panel a name, as an SVG document."""
    from matplotlib.figure import Figure

    panels = {}
    for row in rows:
        panels.setdefault(row.name, []).append(row)
    panels = {name: some for name, some in panels.items() if len({r.size for r in some}) > 1}
    height = -(-len(panels) // COLUMNS)
    with style.applied():
        drawn = Figure(figsize=(3.6 * COLUMNS, 3.1 * height + 0.4), layout="constrained")
        axes = drawn.subplots(height, COLUMNS, squeeze=False).ravel()
        for panel, (name, some) in zip(axes, panels.items(), strict=False):
            _panel(panel, name, sorted(some, key=lambda row: row.size))
        for panel in axes[len(panels) :]:
            panel.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False)
        return style.svg(drawn)


def _panel(panel, name: str, rows: list[Row]) -> None:
    """Ours and the reference; where one size was measured in several settings, the first."""
    rows = list({row.size: row for row in reversed(rows)}.values())
    rows.sort(key=lambda row: row.size)
    size = np.array([row.size for row in rows], dtype=float)
    lines = (
        ("TwinScope", "#0072B2", "o", [row.ours for row in rows]),
        ("reference", "#D55E00", "s", [row.reference for row in rows]),
    )
    for label, colour, marker, seconds in lines:
        panel.plot(size, seconds, marker=marker, color=colour, label=label, ms=5)
    for row in (rows[0], rows[-1]):
        # Of two numbers at one size the larger stands above its point, the smaller below.
        known = sorted(
            (seconds, colour)
            for seconds, colour in ((row.ours, lines[0][1]), (row.reference, lines[1][1]))
            if np.isfinite(seconds)
        )
        for place, (seconds, colour) in enumerate(known):
            said = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
            where = {"xytext": (0, 6 if place else -14), "textcoords": "offset points"}
            at = (row.size, seconds)
            panel.annotate(said, at, fontsize=8, color=colour, ha="center", **where)
    panel.set(xscale="log", yscale="log", xlabel=rows[0].unit, ylabel="seconds")
    panel.set_title(name, fontsize=10, loc="left")
    panel.set_xticks(size, [f"{int(x):,}" for x in size], rotation=35, ha="right")
    panel.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    panel.minorticks_off()
    panel.margins(x=0.2, y=0.3)
    panel.grid(color=style.RULE, lw=0.6)
    panel.set_axisbelow(True)
