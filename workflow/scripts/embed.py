"""Embed the images of one unit with one network."""

from twinscope import embedding, files, jobs, models

jobs.start(snakemake)
row, cards = snakemake.params.network, snakemake.wildcards
images = files.Stack(snakemake.input.images)
tiles = files.read_index(snakemake.input.tiles)
network = models.load(row)
what = f"embed {cards.dataset} {cards.representation} {cards.unit}"
vectors = embedding.embed(
    images,
    network,
    threads=snakemake.threads,
    batch_size=snakemake.params.batch_size,
    watch=lambda batches: jobs.progress(batches, len(images), what, size=len),
)
provenance = embedding.provenance(network, row, jobs.versions("torch", "timm"))
files.write_features(
    snakemake.output.features, vectors, tiles[["item"]], range(vectors.shape[1]), provenance
)
