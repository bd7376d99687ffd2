"""Hold every model of one task against its twins and against every baseline."""

from twinscope import comparison, evaluation, files, jobs

jobs.start(snakemake)
given = snakemake.input
standings = snakemake.params.representations
results = {
    name: evaluation.Evaluated(files.read_tsv(s), files.read_index(i), files.read_index(d))
    for name, s, i, d in zip(standings, given.scores, given.predictions, given.draws, strict=True)
}
verdicts = comparison.compare(
    results, standings, snakemake.params.task, **snakemake.params.settings
)
verdicts.insert(0, "dataset", snakemake.wildcards.dataset)
files.write_tsv(snakemake.output.verdicts, verdicts)
