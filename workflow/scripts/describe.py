"""Describe the images of one unit by one or several baselines."""

from twinscope import baselines, files, jobs

jobs.start(snakemake)
unit = baselines.Unit(
    index=files.read_index(snakemake.input.index),
    channels=tuple(snakemake.params.channels),
    cells=files.read_index(snakemake.input.cells),
    images=files.Stack(snakemake.input.images),
    masks=files.Labels(snakemake.input.masks),
)
what = f"describe {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
rows = jobs.one_by_one(snakemake.params.baselines, what)
for path, (_, row) in zip(snakemake.output.features, rows, strict=True):
    features = baselines.describe(row["function"], unit, row["arguments"])
    provenance = {
        "row": row,
        **{key: features.attrs.get(key) for key in ("absent", "fit", "select")},
        "versions": jobs.versions("numpy"),
    }
    values, index = features.to_numpy(), unit.index[["item"]]
    files.write_features(path, values, index, features, provenance)
