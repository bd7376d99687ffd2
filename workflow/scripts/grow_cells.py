"""Grow whole cells from the nuclei in the images of one unit."""

from twinscope import files, jobs
from twinscope.segmentation import whole

jobs.start(snakemake)
images, nuclei = files.Stack(snakemake.input.images), files.Labels(snakemake.input.masks)
scales = files.read_index(snakemake.input.tiles)["microns_per_pixel"]
given = {name: snakemake.params[name] for name in ("channels", "cell_channel")}
what = f"grow cells {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
grown = (
    whole.grow(image, labels, microns_per_pixel=scale, **given)
    for image, labels, scale in zip(
        jobs.progress(images, len(images), what), nuclei, scales, strict=True
    )
)
files.write_labels(snakemake.output.masks, grown, len(images))
