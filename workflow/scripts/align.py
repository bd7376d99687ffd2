"""Correct one representation for batch effects."""

from twinscope import alignment, files, jobs, representations

jobs.start(snakemake)
name = snakemake.wildcards.alignment
values, index, names, provenance = representations.unpack(
    files.read_features(snakemake.input.features)
)
aligned = alignment.align(name, values, index["batch"], representations.controls(index))
if aligned.n_constant:
    jobs.log.info("%d features with constant controls in a batch: only centred", aligned.n_constant)
provenance["alignment"] = name
files.write_features(snakemake.output.profiles, aligned.features, index, names, provenance)
