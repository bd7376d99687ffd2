"""From stacks of images to one row a nucleus: masks, then measurements of each."""


rule segment:
    input:
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        masks="results/{dataset}/masks/{unit}.tif",
    log:
        "logs/segment/{dataset}/{unit}.log",
    benchmark:
        "benchmarks/segment/{dataset}/{unit}.tsv"
    wildcard_constraints:
        dataset=pattern(set(datasets) - set(given)),
    conda:
        "../../envs/imaging.yaml"
    params:
        dataset=part_of(datasets, "dataset", *NUCLEI),
    script:
        "../scripts/segment.py"


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
