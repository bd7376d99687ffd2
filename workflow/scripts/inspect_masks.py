"""Judge the masks of one unit: sums, flags, and its worst, median and best image."""

from twinscope import files, jobs, quality
from twinscope.figures import composite, overlays

jobs.start(snakemake)
given, params = snakemake.input, snakemake.params
dataset, unit = snakemake.wildcards.dataset, snakemake.wildcards.unit
index, cells = files.read_index(given.index), files.read_index(given.cells)
images = quality.images(index, cells, params.diameter)
found = quality.summarise(images, cells, params.diameter)
named, scaled = {"dataset": dataset, "unit": unit}, params.get("scaled", True)
for path, table in (
    (snakemake.output.quality, found.assign(segmentation=params.segmentation, scaled=scaled)),
    (snakemake.output.flags, quality.flags(found)),
):
    files.write_tsv(path, table.assign(**named)[[*named, *table]])
chosen = quality.choose(images)
stack, masks = files.Stack(given.images), files.Labels(given.masks)
limits = composite.limits((stack[k] for k in chosen.index), params.channels)
tiles = ((item, stack[k], masks[k]) for k, item in chosen["item"].items())
look = {"channels": params.channels, "limits": limits, "scaled": scaled}
drawn = overlays.draw(tiles, chosen, title=f"Masks of {dataset} {unit}", **look)
files.write_bytes(snakemake.output.overlay, drawn)
