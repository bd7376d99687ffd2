"""Train the small segmenter on simulated images."""

from twinscope import files, jobs
from twinscope.segmentation import small

jobs.start(snakemake)
params = snakemake.params
told = jobs.counter("train the small segmenter", "passes")
checkpoint, log = small.train(seed=params.seed, epochs=params.epochs, progress=told)
files.write_bytes(snakemake.output.checkpoint, checkpoint)
files.write_tsv(snakemake.output.losses, log)
