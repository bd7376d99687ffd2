"""Correct one representation for batch effects."""

from twinscope import alignment, files, jobs, representations

jobs.start(snakemake)
name = snakemake.wildcards.alignment
values, index, names, provenance = representations.unpack(
    files.read_features(snakemake.input.features)
)
if (provenance.get("fit") or {}).get("kind") == "composition":
    name = "none"  # Nuclei, not yet features: their clusters are learned within folds.
aligned = alignment.align(name, values, index["batch"], representations.controls(index))
if aligned.n_constant:
    jobs.log.info("%d features with constant controls in a batch: only centred", aligned.n_constant)
provenance["alignment"] = name
files.write_features(snakemake.output.profiles, aligned.features, index, names, provenance)
