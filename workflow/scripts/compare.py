"""Hold every model of one task against its twins and against every baseline."""

from twinscope import comparison, files, jobs

jobs.start(snakemake)
standings = snakemake.params.representations
items = {
    name: files.read_index(path)
    for name, path in zip(standings, snakemake.input.predictions, strict=True)
}
verdicts = comparison.compare(items, standings, snakemake.params.task, **snakemake.params.settings)
verdicts.insert(0, "dataset", snakemake.wildcards.dataset)
files.write_tsv(snakemake.output.verdicts, verdicts)
