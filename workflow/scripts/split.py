"""Decide which items a task is asked of and how they fall into folds."""

from twinscope import files, jobs, tasks

jobs.start(snakemake)
index = files.concatenate([files.read_index(path) for path in snakemake.input.indices])
folds, flags = tasks.split(index, snakemake.params.task, snakemake.params.seed)
files.write_index(snakemake.output.folds, folds)
files.write_tsv(snakemake.output.flags, flags)
for flag in flags.itertuples():
    jobs.log.info("%s: %s", flag.flag, flag.detail)
