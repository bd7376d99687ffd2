"""Collect what is known of the masks of the whole study."""

from twinscope import files, jobs

jobs.start(snakemake)
for name in ("quality", "flags"):
    parts = [files.read_tsv(path) for path in snakemake.input[name]]
    files.write_tsv(snakemake.output[name], files.concatenate(parts))
