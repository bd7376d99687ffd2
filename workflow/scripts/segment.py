"""Find the nuclei in the images of one unit."""

from twinscope import files, jobs, segmentation

jobs.start(snakemake)
images = files.Stack(snakemake.input.images)
scales = files.read_index(snakemake.input.tiles)["microns_per_pixel"]
arguments = dict(snakemake.params.dataset)
name = arguments.pop("segmentation")
what = f"segment {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
masks = (
    segmentation.segment(name, image, microns_per_pixel=scale, **arguments)
    for image, scale in zip(jobs.progress(images, len(images), what), scales, strict=True)
)
files.write_labels(snakemake.output.masks, masks, len(images))
