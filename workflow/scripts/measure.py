"""Measure every nucleus of one unit, and its cell where that is known, in µm."""

from itertools import repeat

from twinscope import cells, files, jobs

jobs.start(snakemake)
images, masks = files.Stack(snakemake.input.images), files.Labels(snakemake.input.masks)
path = snakemake.input.get("cells")
bodies = files.Labels(path) if path else repeat(None, len(images))
tiles = files.read_index(snakemake.input.tiles).itertuples()
given = {"channels": tuple(snakemake.params.channels)}
what = f"measure {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
seen = zip(tiles, jobs.progress(images, len(images), what), masks, bodies, strict=True)
tables = [
    cells.measure(
        image, mask, item=t.item, microns_per_pixel=t.microns_per_pixel, cell_labels=body, **given
    )
    for t, image, mask, body in seen
]
files.write_index(snakemake.output.cells, files.concatenate(tables))
