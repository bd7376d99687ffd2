"""Collect the scores, verdicts, flags and detections of the whole study, and how choices rank."""

from twinscope import files, jobs, rankings

jobs.start(snakemake)
for name in ("scores", "verdicts", "flags", "detection"):
    parts = [files.read_tsv(path) for path in snakemake.input[name]]
    files.write_tsv(snakemake.output[name], files.concatenate(parts))
scores = files.read_tsv(snakemake.output.scores)
files.write_tsv(snakemake.output.rankings, rankings.of_study(scores))
