"""Take the masks of one unit as they came with the images."""

from twinscope import cropping, files, jobs
from twinscope.sources import folder

jobs.start(snakemake)
dataset, table, root = snakemake.params.dataset, snakemake.input.table, snakemake.params.root
index = folder.arrange(files.read_table(table), dataset, dataset.get("location", table))
index = folder.of_unit(index, snakemake.params.unit, dataset, table)
sizes = files.image_sizes(root, files.read_tsv(snakemake.input.manifest))
tiles = files.read_index(snakemake.input.tiles)
masks = files.read_masks(root, index, snakemake.params.column)
what = f"adopt {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
cut = cropping.cut_labels(jobs.progress(masks, len(index), what), sizes, tiles)
files.write_labels(snakemake.output.masks, cut, len(tiles))
