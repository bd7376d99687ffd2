"""Put the units of one representation together, beside all that is known of each item."""

from twinscope import files, jobs, representations

jobs.start(snakemake)
parts = [files.read_features(path) for path in snakemake.input.features]
indices = [files.read_index(path) for path in snakemake.input.indices]
values, index, names, provenance = representations.gather(parts, indices)
layers = representations.gather_layers(parts, index)
files.write_features(snakemake.output.features, values, index, names, provenance, layers=layers)
