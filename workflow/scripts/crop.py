"""Cut the images of one unit into tiles and write them as one stack."""

from twinscope import cropping, files, jobs

jobs.start(snakemake)
manifest = files.read_tsv(snakemake.input.manifest)
root, dataset = snakemake.params.root, snakemake.params.dataset
tiles = cropping.plan(files.image_sizes(root, manifest), dataset.get("tile"))
what = f"crop {snakemake.wildcards.dataset} {snakemake.wildcards.unit}"
images = jobs.progress(files.read_images(root, manifest), manifest["item"].nunique(), what)
cut = cropping.cut(images, tiles, dataset["channels"])
files.write_stack(snakemake.output.images, cut, len(tiles), dataset["channels"])
files.write_index(snakemake.output.tiles, tiles)
