"""Describe the images of one unit by one baseline."""

from twinscope import baselines, files, jobs

jobs.start(snakemake)
row = snakemake.params.baseline
unit = baselines.Unit(
    index=files.read_index(snakemake.input.index),
    channels=tuple(snakemake.params.channels),
    cells=files.read_index(snakemake.input.cells),
    images=files.Stack(snakemake.input.images),
    masks=files.Labels(snakemake.input.masks),
)
features = baselines.describe(row["function"], unit, row["arguments"])
provenance = {
    "row": row,
    **{key: features.attrs.get(key) for key in ("absent", "fit", "select")},
    "versions": jobs.versions("numpy"),
}
files.write_features(
    snakemake.output.features, features.to_numpy(), unit.index[["item"]], features, provenance
)
