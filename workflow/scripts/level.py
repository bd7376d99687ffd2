"""Find the levels of intensity that the images of one plate of a unit share."""

from twinscope import files, jobs, levels

jobs.start(snakemake)
images, channels = files.Stack(snakemake.input.images), snakemake.params.channels
what = f"level {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
found = levels.measure(jobs.progress(images, len(images), what), channels)
batches = files.read_index(snakemake.input.index)["batch"]
files.write_index(snakemake.output.levels, levels.share(found, batches))
