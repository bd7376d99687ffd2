"""The same for a model and its twins in one job: what differs from the rules of a single one."""


use rule describe as describe_family with:
    output:
        features=of_family("results/{dataset}/features/{representation}/{unit}.h5ad"),
    log:
        "logs/describe_family/{dataset}/{representation}/{unit}.log",
    wildcard_constraints:
        representation=pattern([name for name in FAMILIES if name in baselines]),
    params:
        baselines=by_name(
            part_of(baselines, "representation", "function", "arguments"), family
        ),


use rule gather as gather_family with:
    input:
        features=for_each(
            of_every_unit("results/{dataset}/features/{representation}/{unit}.h5ad"),
            family,
        ),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        features=of_family("results/{dataset}/features/{representation}.h5ad"),
    log:
        "logs/gather_family/{dataset}/{representation}.log",
    wildcard_constraints:
        representation=pattern(FAMILIES),


use rule align as align_family with:
    input:
        features=of_family("results/{dataset}/features/{representation}.h5ad"),
    output:
        profiles=of_family(
            "results/{dataset}/profiles/{alignment}/{representation}.h5ad"
        ),
    log:
        "logs/align_family/{dataset}/{alignment}/{representation}.log",
    wildcard_constraints:
        representation=pattern(FAMILIES),


use rule evaluate as evaluate_family with:
    input:
        profiles=for_each(profiles_of, family),
        folds="results/{dataset}/splits/{task}.parquet",
        more=for_each(more_files_of, family),
    output:
        scores=of_family("results/{dataset}/scores/{task}/{representation}.tsv"),
        predictions=of_family("results/{dataset}/items/{task}/{representation}.parquet"),
        draws=of_family("results/{dataset}/draws/{task}/{representation}.parquet"),
    log:
        "logs/evaluate_family/{dataset}/{task}/{representation}.log",
    benchmark:
        "benchmarks/evaluate_family/{dataset}/{task}/{representation}.tsv"
    wildcard_constraints:
        representation=pattern(FAMILIES),
    params:
        representations=by_name(standing_of, family),
