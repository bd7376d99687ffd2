"""Draw the contact sheet of one data set: images, and the outlines of their masks."""

from functools import cache

from twinscope import files, jobs
from twinscope.figures import composite, sheet

jobs.start(snakemake)
given, params = snakemake.input, snakemake.params
tables = [files.read_index(path) for path in given.indices]
places = [(unit, k) for unit, table in enumerate(tables) for k in range(len(table))]
chosen = sheet.choose(files.concatenate(tables), params.rows, params.columns)
stack, labels = cache(files.Stack), cache(files.Labels)
found = [(t.row, t.column, *places[t.Index]) for t in chosen.itertuples()]
images = (stack(given.images[unit])[k] for _, _, unit, k in found)
limits = composite.limits(images, params.channels)
tiles = (
    (row, column, stack(given.images[unit])[k], labels(given.masks[unit])[k])
    for row, column, unit, k in found
)
look = {"title": params.title, "channels": params.channels, "limits": limits}
drawn = sheet.draw(tiles, chosen, **look, scaled=params.get("scaled", True))
files.write_bytes(snakemake.output.sheet, drawn)
