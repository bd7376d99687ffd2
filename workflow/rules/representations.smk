"""From images and cells to representations: one file shape, whatever made it."""


rule embed:
    input:
        unpack(levels_of),
        unpack(calibration_of),
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        features="results/{dataset}/features/{representation}/{unit}.h5ad",
    log:
        "logs/embed/{dataset}/{representation}/{unit}.log",
    benchmark:
        "benchmarks/embed/{dataset}/{representation}/{unit}.tsv"
    wildcard_constraints:
        representation=pattern(models),
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        gpu=1,
    params:
        network=network_of,
        channels=channels_of,
        run={"batch_size": config["batch_size"], "compiled": config["compile"]},
    script:
        "../scripts/embed.py"


rule describe:
    input:
        images="results/{dataset}/images/{unit}.tif",
        index="results/{dataset}/images/{unit}.parquet",
        masks="results/{dataset}/masks/{unit}.tif",
        cells="results/{dataset}/cells/{unit}.parquet",
    output:
        features="results/{dataset}/features/{representation}/{unit}.h5ad",
    log:
        "logs/describe/{dataset}/{representation}/{unit}.log",
    wildcard_constraints:
        representation=pattern(baselines),
    conda:
        "../../envs/imaging.yaml"
    params:
        baseline=part_of(representations, "representation", "function", "arguments"),
        channels=channels_of,
        code=code(
            *("describe.py", "twinscope/baselines"),
            "twinscope/sources/simulated/scales.py",
        ),
    script:
        "../scripts/describe.py"


rule gather:
    input:
        features=of_every_unit(
            "results/{dataset}/features/{representation}/{unit}.h5ad"
        ),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        features="results/{dataset}/features/{representation}.h5ad",
    log:
        "logs/gather/{dataset}/{representation}.log",
    conda:
        "../../envs/evaluation.yaml"
    params:
        code=code("gather.py", "twinscope/representations.py"),
    script:
        "../scripts/gather.py"
