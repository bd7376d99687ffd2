"""From images and cells to representations: one file shape, whatever made it."""


rule embed:
    input:
        unpack(levels_of),
        unpack(calibration_of),
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        features=of_family("results/{dataset}/features/{representation}/{unit}.h5ad"),
    log:
        "logs/embed/{dataset}/{representation}/{unit}.log",
    benchmark:
        "benchmarks/embed/{dataset}/{representation}/{unit}.tsv"
    wildcard_constraints:
        representation=pattern([name for name in FAMILIES if name in models]),
    priority: 50
    conda:
        "../../envs/torch.yaml"
    # The other half is for jobs that go on beside it.
    threads: max(1, (workflow.resource_settings.cores or 2) // 2)
    resources:
        gpu=1,
    params:
        networks=by_name(network_of, family),
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
        features=["results/{dataset}/features/{representation}/{unit}.h5ad"],
    log:
        "logs/describe/{dataset}/{representation}/{unit}.log",
    wildcard_constraints:
        representation=pattern(SINGLES),
    conda:
        "../../envs/imaging.yaml"
    params:
        baselines=by_name(part_of(baselines, "representation", "function", "arguments")),
        channels=channels_of,
        code=code_of_baselines(),
    script:
        "../scripts/describe.py"


rule gather:
    input:
        features=of_every_unit(
            "results/{dataset}/features/{representation}/{unit}.h5ad"
        ),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        features=["results/{dataset}/features/{representation}.h5ad"],
    log:
        "logs/gather/{dataset}/{representation}.log",
    wildcard_constraints:
        representation=pattern(SINGLES),
    conda:
        "../../envs/evaluation.yaml"
    params:
        code=code("gather.py", "twinscope/representations.py"),
    script:
        "../scripts/gather.py"
