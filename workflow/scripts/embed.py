"""Embed the images of one unit with a model and with each of its twins."""

from twinscope import embedding, files, jobs, levels, models, networks

jobs.start(snakemake)
given, asked = snakemake.input, snakemake.params
images, tiles = files.Stack(given.images), files.read_index(given.tiles)
shared = levels.read(given, "levels", asked.channels, files.read_index)
ends = levels.read(given, "calibration_levels", asked.channels, files.read_index)
run = {"threads": snakemake.threads, "store": files.open_store(snakemake.config["store"])}
sizes = {"size": lambda step: step.images, "free": lambda step: step.stored}
for path, (name, row) in zip(snakemake.output.features, asked.networks.items(), strict=True):
    what = f"embed {snakemake.wildcards.dataset} {name} {snakemake.wildcards.unit}"
    network = models.load(row)
    if networks.is_calibrated(row):
        network = models.calibrated(network, files.Stack(given.calibration), asked.channels, ends)
    found = embedding.embed(
        *(images, network, asked.channels, shared),
        **{**asked.run, **run},
        watch=lambda steps, what=what: jobs.progress(steps, len(images), what, **sizes),
    )
    jobs.log.info("%s: %d of %d images computed", what, found.computed, len(images))
    made = embedding.provenance(network, row, jobs.versions("torch", "timm"), found.facts)
    names = range(found.vectors.shape[1])
    files.write_features(path, found.vectors, tiles[["item"]], names, made, found.layers)
