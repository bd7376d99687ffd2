"""From stacks of images to one row a nucleus: masks, then measurements of each."""


# What the small segmenter has learned of is simulated; a change of code does not train it anew.
rule train_segmenter:
    output:
        checkpoint="results/segmenters/cellpose-small.bin",
        losses="results/segmenters/cellpose-small.tsv",
    log:
        "logs/train_segmenter.log",
    benchmark:
        "benchmarks/train_segmenter.tsv"
    conda:
        "../../envs/cellpose.yaml"
    params:
        seed=config["seed"],
        epochs=config["segmenter_epochs"],
    script:
        "../scripts/train_segmenter.py"


rule segment:
    input:
        unpack(checkpoint_of),
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        masks="results/{dataset}/masks/{unit}.tif",
        provenance="results/{dataset}/masks/{unit}.json",
    log:
        "logs/segment/{dataset}/{unit}.log",
    benchmark:
        "benchmarks/segment/{dataset}/{unit}.tsv"
    wildcard_constraints:
        dataset=pattern(set(datasets) - set(given)),
    conda:
        lambda wildcards: f"../../envs/{env_of_segmenter(wildcards)}.yaml"
    resources:
        gpu=lambda wildcards: int(
            datasets[wildcards.dataset]["segmentation"] == "cellpose"
        ),
    params:
        dataset=part_of(datasets, "dataset", *NUCLEI),
    script:
        "../scripts/segment.py"


rule grow_cells:
    input:
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
        masks="results/{dataset}/masks/{unit}.tif",
    output:
        masks="results/{dataset}/masks/{unit}.cells.tif",
    log:
        "logs/grow_cells/{dataset}/{unit}.log",
    wildcard_constraints:
        dataset=pattern(set(datasets) - set(given)),
    conda:
        "../../envs/imaging.yaml"
    params:
        channels=channels_of,
        cell_channel=lambda wildcards: datasets[wildcards.dataset]["cell_channel"],
    script:
        "../scripts/grow_cells.py"


rule adopt:
    input:
        masks=given_masks("mask:nuclei"),
        table=table_of_images,
        manifest="resources/{dataset}/{unit}/manifest.tsv",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        masks="results/{dataset}/masks/{unit}.tif",
    log:
        "logs/adopt/{dataset}/{unit}.log",
    wildcard_constraints:
        dataset=pattern(given),
    conda:
        "../../envs/imaging.yaml"
    params:
        dataset=part_of(datasets, "dataset", *MASKS),
        unit=unit_of,
        rows=mask_digest_of_unit,
        root=root_of,
        column="mask:nuclei",
    script:
        "../scripts/adopt.py"


use rule adopt as adopt_cells with:
    input:
        masks=given_masks("mask:cells"),
        table=table_of_images,
        manifest="resources/{dataset}/{unit}/manifest.tsv",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        masks="results/{dataset}/masks/{unit}.cells.tif",
    log:
        "logs/adopt/{dataset}/{unit}.cells.log",
    params:
        dataset=part_of(datasets, "dataset", *MASKS),
        unit=unit_of,
        rows=mask_digest_of_unit,
        root=root_of,
        column="mask:cells",


rule inspect_masks:
    input:
        images="results/{dataset}/images/{unit}.tif",
        masks="results/{dataset}/masks/{unit}.tif",
        cells="results/{dataset}/cells/{unit}.parquet",
        index="results/{dataset}/images/{unit}.parquet",
    output:
        quality="results/{dataset}/quality/{unit}.tsv",
        flags="results/{dataset}/quality/{unit}.flags.tsv",
        overlay="results/{dataset}/quality/{unit}.jpg",
    log:
        "logs/inspect_masks/{dataset}/{unit}.log",
    conda:
        "../../envs/figures.yaml"
    params:
        channels=channels_of,
        diameter=lambda wildcards: datasets[wildcards.dataset]["nucleus_diameter"],
        segmentation=lambda wildcards: datasets[wildcards.dataset]["segmentation"],
        scaled=is_scaled,
        code=code("inspect_masks.py", "twinscope/quality.py", "twinscope/figures"),
    script:
        "../scripts/inspect_masks.py"


rule collect_quality:
    input:
        quality=of_all_units("results/{dataset}/quality/{unit}.tsv"),
        flags=of_all_units("results/{dataset}/quality/{unit}.flags.tsv"),
    output:
        quality="results/quality.tsv",
        flags="results/quality.flags.tsv",
    log:
        "logs/collect_quality.log",
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        code=code("collect_quality.py"),
    script:
        "../scripts/collect_quality.py"


rule measure:
    input:
        unpack(cell_masks_of),
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
        masks="results/{dataset}/masks/{unit}.tif",
    output:
        cells="results/{dataset}/cells/{unit}.parquet",
    log:
        "logs/measure/{dataset}/{unit}.log",
    conda:
        "../../envs/imaging.yaml"
    params:
        channels=channels_of,
        code=code("measure.py", "twinscope/cells"),
    script:
        "../scripts/measure.py"
