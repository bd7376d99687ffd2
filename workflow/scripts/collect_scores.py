"""Collect the scores, verdicts, flags and detections of the whole study."""

from twinscope import files, jobs

jobs.start(snakemake)
for name in ("scores", "verdicts", "flags", "detection"):
    parts = [files.read_tsv(path) for path in snakemake.input[name]]
    files.write_tsv(snakemake.output[name], files.concatenate(parts))
