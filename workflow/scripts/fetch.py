"""List the files of one unit of the user's own images, with sizes and checksums."""

from twinscope import files, jobs
from twinscope.sources import folder

jobs.start(snakemake)
dataset, table = snakemake.params.dataset, snakemake.input.table
index = folder.arrange(files.read_table(table), dataset, table)
index = folder.of_unit(index, snakemake.params.unit, dataset, table)
manifest = files.manifest(snakemake.params.root, index, folder.path_columns(index))
files.write_tsv(snakemake.output.manifest, manifest)
jobs.log.info("%d images, %d files", len(index), len(manifest))
