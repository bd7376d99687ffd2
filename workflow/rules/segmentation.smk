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
    conda:
        "../../envs/imaging.yaml"
    params:
        dataset=part_of(datasets, "dataset", *NUCLEI),
    script:
        "../scripts/segment.py"


rule measure:
    input:
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
        code=code("measure.py", "twinscope/cells.py"),
    script:
        "../scripts/measure.py"
