"""Embed the images of one unit with one network."""

from twinscope import embedding, files, jobs, levels, models

jobs.start(snakemake)
given, asked = snakemake.input, snakemake.params
images, tiles = files.Stack(given.images), files.read_index(given.tiles)
shared = levels.read(given, "levels", asked.channels, files.read_index)
network = models.load(asked.network)
if "calibration" in given.keys():  # noqa: SIM118
    ends = levels.read(given, "calibration_levels", asked.channels, files.read_index)
    network = models.calibrated(network, files.Stack(given.calibration), asked.channels, ends)
what = "embed {dataset} {representation} {unit}".format(**snakemake.wildcards)
store = files.open_store(snakemake.config["store"])
sizes = {"size": lambda step: step.images, "free": lambda step: step.stored}
found = embedding.embed(
    *(images, network, asked.channels, shared),
    **{**asked.run, "threads": snakemake.threads, "store": store},
    watch=lambda steps: jobs.progress(steps, len(images), what, **sizes),
)
jobs.log.info("%s: %d of %d images computed", what, found.computed, len(images))
made = embedding.provenance(network, asked.network, jobs.versions("torch", "timm"), found.facts)
path, X = snakemake.output.features, found.vectors
files.write_features(path, X, tiles[["item"]], range(X.shape[1]), made, found.layers)
