"""Measure every nucleus of one unit, in µm."""

from twinscope import cells, files, jobs

jobs.start(snakemake)
images, masks = files.Stack(snakemake.input.images), files.Labels(snakemake.input.masks)
tiles = files.read_index(snakemake.input.tiles).itertuples()
channels = tuple(snakemake.params.channels)
what = f"measure {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
tables = [
    cells.measure(
        image, mask, item=t.item, channels=channels, microns_per_pixel=t.microns_per_pixel
    )
    for t, image, mask in zip(tiles, jobs.progress(images, len(images), what), masks, strict=True)
]
files.write_index(snakemake.output.cells, files.concatenate(tables))
