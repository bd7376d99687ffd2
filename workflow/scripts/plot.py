"""Draw every representation on one task."""

from twinscope import files, jobs
from twinscope.figures import findings, selection
from twinscope.figures import scores as figure

jobs.start(snakemake)
scores = files.concatenate([files.read_tsv(path) for path in snakemake.input.scores])
verdicts = files.read_tsv(snakemake.input.verdicts)
task = snakemake.params.task
drawn = (
    figure.draw(scores, verdicts, task) if selection.is_merit(task) else findings.draw(scores, task)
)
files.write_text(snakemake.output.figure, drawn)
