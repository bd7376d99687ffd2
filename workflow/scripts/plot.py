"""Draw every representation on one task."""

from twinscope import files, jobs
from twinscope.figures import scores as figure

jobs.start(snakemake)
scores = files.concatenate([files.read_tsv(path) for path in snakemake.input.scores])
verdicts = files.read_tsv(snakemake.input.verdicts)
files.write_text(snakemake.output.figure, figure.draw(scores, verdicts, snakemake.params.task))
