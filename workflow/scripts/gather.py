"""Put the units of representations together, beside all that is known of each item."""

from twinscope import files, jobs, representations

jobs.start(snakemake)
made = snakemake.output.features
indices = [files.read_index(path) for path in snakemake.input.indices]
for path, paths in zip(made, jobs.shares(snakemake.input.features, len(made)), strict=True):
    parts = [files.read_features(part) for part in paths]
    values, index, names, provenance = representations.gather(parts, indices)
    layers = representations.gather_layers(parts, index)
    files.write_features(path, values, index, names, provenance, layers=layers)
