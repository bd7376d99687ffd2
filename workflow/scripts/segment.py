"""Find the nuclei in the images of one unit."""

from twinscope import files, jobs, segmentation

jobs.start(snakemake)
images = files.Stack(snakemake.input.images)
scales = files.read_index(snakemake.input.tiles)["microns_per_pixel"]
arguments = dict(snakemake.params.dataset)
name, network = arguments.pop("segmentation"), arguments.pop("network", None)
if snakemake.input.get("checkpoint"):
    network = files.read_bytes(snakemake.input.checkpoint)
loaded, made = segmentation.load(name, network)
what = f"segment {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
masks = (
    segmentation.segment(name, image, microns_per_pixel=scale, **arguments, **loaded)
    for image, scale in zip(jobs.progress(images, len(images), what), scales, strict=True)
)
files.write_labels(snakemake.output.masks, masks, len(images))
given = {k: v for k, v in snakemake.params.dataset.items() if k != "channels"}
files.write_json(snakemake.output.provenance, given | made)
