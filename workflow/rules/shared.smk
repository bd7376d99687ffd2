"""The same for all baselines that share jobs: what differs from the rules of a single one."""


use rule describe as describe_shared with:
    output:
        features=of_shared("results/{dataset}/features/{representation}/{unit}.h5ad"),
    log:
        "logs/describe_shared/{dataset}/{unit}.log",
    params:
        baselines=by_name(
            part_of(baselines, "representation", "function", "arguments"), shared
        ),


use rule gather as gather_shared with:
    input:
        features=for_each(
            of_every_unit("results/{dataset}/features/{representation}/{unit}.h5ad"),
            shared,
        ),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        features=of_shared("results/{dataset}/features/{representation}.h5ad"),
    log:
        "logs/gather_shared/{dataset}.log",


use rule align as align_shared with:
    input:
        features=of_shared("results/{dataset}/features/{representation}.h5ad"),
    output:
        profiles=of_shared(
            "results/{dataset}/profiles/{alignment}/{representation}.h5ad"
        ),
    log:
        "logs/align_shared/{dataset}/{alignment}.log",


use rule evaluate as evaluate_shared with:
    input:
        profiles=for_each(profiles_of, shared),
        folds="results/{dataset}/splits/{task}.parquet",
        more=for_each(more_files_of, shared),
    output:
        scores=of_shared("results/{dataset}/scores/{task}/{representation}.tsv"),
        predictions=of_shared("results/{dataset}/items/{task}/{representation}.parquet"),
        draws=of_shared("results/{dataset}/draws/{task}/{representation}.parquet"),
    log:
        "logs/evaluate_shared/{dataset}/{task}.log",
    benchmark:
        "benchmarks/evaluate_shared/{dataset}/{task}.tsv"
    params:
        representations=by_name(standing_of, shared),
