"""Simulate one unit: images, true masks and the true factors of every image and cell."""

from twinscope import files, jobs
from twinscope.sources import folder, simulated

jobs.start(snakemake)
out, params, unit = snakemake.output, snakemake.params, snakemake.wildcards.unit
arguments = dict(params.arguments)
design, seed = arguments.pop("design", None), arguments.pop("seed", None)
pictures = simulated.simulate(design, unit, seed, workers=snakemake.threads, **arguments)
total, what = simulated.number(design, arguments), f"simulate {snakemake.wildcards.dataset} {unit}"
table, objects = files.write_pictures(
    out.images, out.masks, out.cells, jobs.progress(pictures, total, what), params.channels
)
files.write_index(out.table, table)
files.write_index(out.objects, objects)
index = folder.arrange(table, params.dataset, out.table)
manifest = files.manifest(params.root, index, folder.path_columns(index))
files.write_tsv(out.manifest, manifest)
