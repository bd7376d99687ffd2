"""Draw which representation sees which class of one task."""

from twinscope import files, jobs
from twinscope.figures import detection as figure

jobs.start(snakemake)
table = files.read_tsv(snakemake.input.detection)
files.write_text(snakemake.output.figure, figure.draw(table, snakemake.params.task))
