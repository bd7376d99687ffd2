"""Give every tile of one unit its label, batch, group and all else the user's table says."""

from twinscope import cropping, files, jobs
from twinscope.sources import folder

jobs.start(snakemake)
dataset, table = snakemake.params.dataset, snakemake.input.table
index = folder.arrange(files.read_table(table), dataset, dataset.get("location", table))
index = folder.of_unit(index, snakemake.params.unit, dataset, table)
tiles = files.read_index(snakemake.input.tiles)
files.write_index(snakemake.output.index, cropping.annotate(tiles, index))
