"""The same for all twins of a model in one job: what differs from the rules of a single one."""


use rule embed as embed_twins with:
    input:
        unpack(levels_of),
        unpack(lambda wildcards: calibration_of(twins_of(wildcards)[0])),
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    output:
        features=of_twins("results/{dataset}/features/{representation}/{unit}.h5ad"),
    log:
        "logs/embed_twins/{dataset}/{representation}/{unit}.log",
    benchmark:
        "benchmarks/embed_twins/{dataset}/{representation}/{unit}.tsv"
    params:
        networks=by_name(network_of, twins_of),


use rule describe as describe_twins with:
    output:
        features=of_twins("results/{dataset}/features/{representation}/{unit}.h5ad"),
    log:
        "logs/describe_twins/{dataset}/{representation}/{unit}.log",
    wildcard_constraints:
        representation=pattern([name for name in FAMILIES if name in baselines]),
    params:
        baselines=by_name(
            part_of(baselines, "representation", "function", "arguments"), twins_of
        ),


use rule gather as gather_twins with:
    input:
        features=for_twins(
            of_every_unit("results/{dataset}/features/{representation}/{unit}.h5ad")
        ),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        features=of_twins("results/{dataset}/features/{representation}.h5ad"),
    log:
        "logs/gather_twins/{dataset}/{representation}.log",
    wildcard_constraints:
        representation=pattern(FAMILIES),


use rule align as align_twins with:
    input:
        features=of_twins("results/{dataset}/features/{representation}.h5ad"),
    output:
        profiles=of_twins(
            "results/{dataset}/profiles/{alignment}/{representation}.h5ad"
        ),
    log:
        "logs/align_twins/{dataset}/{alignment}/{representation}.log",
    wildcard_constraints:
        representation=pattern(FAMILIES),


use rule evaluate as evaluate_twins with:
    input:
        profiles=for_twins(profiles_of),
        folds="results/{dataset}/splits/{task}.parquet",
        more=for_twins(more_files_of),
    output:
        scores=of_twins("results/{dataset}/scores/{task}/{representation}.tsv"),
        predictions=of_twins("results/{dataset}/items/{task}/{representation}.parquet"),
        draws=of_twins("results/{dataset}/draws/{task}/{representation}.parquet"),
    log:
        "logs/evaluate_twins/{dataset}/{task}/{representation}.log",
    benchmark:
        "benchmarks/evaluate_twins/{dataset}/{task}/{representation}.tsv"
    wildcard_constraints:
        representation=pattern(FAMILIES),
    params:
        representations=by_name(standing_of, twins_of),
