"""What the jobs of one unit are given: images, masks, levels, and what of the tables they hang on."""


def levels_of(wildcards):
    """The levels that images of a plate share, for networks that are shown them so."""
    if representations[wildcards.representation]["intensity"] != "plate":
        return {}
    images = f"results/{wildcards.dataset}/images/{wildcards.unit}"
    return {"levels": f"{images}.levels.parquet"}


def calibration_of(wildcards):
    """The images that set the running statistics of twins: one unit's, for all units."""
    rows = [representations[name] for name in names_of_family(wildcards.representation)]
    if not any(networks.is_calibrated(row) for row in rows):
        return {}
    first = next(iter(units[wildcards.dataset]))
    images = f"results/{wildcards.dataset}/images/{first}"
    found = {"calibration": f"{images}.tif"}
    if rows[0]["intensity"] == "plate":
        found["calibration_levels"] = f"{images}.levels.parquet"
    return found


def code_of_baselines():
    scales = "twinscope/sources/simulated/scales.py"
    return code("describe.py", "twinscope/baselines", scales)


def arguments_of(wildcards):
    return datasets[wildcards.dataset]["arguments"]


def unit_of(wildcards):
    return units[wildcards.dataset][wildcards.unit]


def digest_of_unit(wildcards):
    """Fingerprint of what the table of images says of a unit; other units may change freely."""
    if wildcards.dataset not in indices:
        return ""
    return folder.digest(rows_of_unit(wildcards.dataset, wildcards.unit))


def pixel_digest_of_unit(wildcards):
    return folder.digest(rows_of_unit(wildcards.dataset, wildcards.unit), True)


def image_files_of(wildcards):
    rows = rows_of_unit(wildcards.dataset, wildcards.unit)
    root = Path(datasets[wildcards.dataset]["location"]).parent
    return [str(root / p) for c in folder.path_columns(rows) for p in rows[c]]


def batch_digest_of_unit(wildcards):
    if wildcards.dataset not in indices:
        return ""
    rows = rows_of_unit(wildcards.dataset, wildcards.unit)
    return folder.digest(rows[["item", "batch"]])


def mask_digest_of_unit(wildcards):
    if wildcards.dataset not in indices:
        return ""
    return folder.mask_digest(rows_of_unit(wildcards.dataset, wildcards.unit))


def given_masks(column):
    """An input function: the masks that came with the images of a unit."""

    def found(wildcards):
        if wildcards.dataset not in indices:
            name = {"mask:nuclei": "masks", "mask:cells": "cells"}[column]
            return f"resources/{wildcards.dataset}/{wildcards.unit}/{name}"
        rows = rows_of_unit(wildcards.dataset, wildcards.unit)
        root = Path(datasets[wildcards.dataset]["location"]).parent
        return [str(root / path) for path in rows[column]]

    return found


def checkpoint_of(wildcards):
    """The small segmenter, for data sets that are segmented with it."""
    if datasets[wildcards.dataset]["segmentation"] != "cellpose-small":
        return {}
    return {"checkpoint": "results/segmenters/cellpose-small.bin"}


def env_of_segmenter(wildcards):
    name = datasets[wildcards.dataset]["segmentation"]
    return "cellpose" if name.startswith("cellpose") else "imaging"


def cell_masks_of(wildcards):
    """The masks of whole cells, where there are any."""
    if not {"cell_mask", "cell_channel"} & set(datasets[wildcards.dataset]):
        return {}
    return {"cells": f"results/{wildcards.dataset}/masks/{wildcards.unit}.cells.tif"}


def root_of(wildcards):
    """The folder that the paths in a manifest start from."""
    row = datasets[wildcards.dataset]
    if row["source"] == "folder":
        return str(Path(row["location"]).parent)
    return f"resources/{wildcards.dataset}/{wildcards.unit}"


def table_of_images(wildcards):
    row = datasets[wildcards.dataset]
    if row["source"] == "folder":
        return ancient(row["location"])
    return f"resources/{wildcards.dataset}/{wildcards.unit}/table.parquet"
