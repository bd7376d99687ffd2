"""Simulate one unit: images, true masks and the true factors of every image and cell."""

from twinscope import files, jobs
from twinscope.sources import folder, simulated

jobs.start(snakemake)
out, unit = snakemake.output, snakemake.wildcards.unit
pictures = simulated.simulate(unit=unit, **snakemake.params.arguments)
watched = jobs.progress(pictures, None, f"simulate {snakemake.wildcards.dataset} {unit}")
table, objects = files.write_pictures(out.images, out.masks, watched, snakemake.params.channels)
files.write_index(out.table, table)
files.write_index(out.objects, objects)
index = folder.arrange(table, snakemake.params.dataset, out.table)
manifest = files.manifest(snakemake.params.root, index, folder.path_columns(index))
files.write_tsv(out.manifest, manifest)
