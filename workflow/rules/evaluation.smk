"""From representations to verdicts: alignment, folds, scores, comparisons."""


rule align:
    input:
        features=["results/{dataset}/features/{representation}.h5ad"],
    output:
        profiles=["results/{dataset}/profiles/{alignment}/{representation}.h5ad"],
    log:
        "logs/align/{dataset}/{alignment}/{representation}.log",
    wildcard_constraints:
        representation=pattern(SINGLES),
    conda:
        "../../envs/evaluation.yaml"
    params:
        code=code("align.py", "twinscope/alignment"),
    script:
        "../scripts/align.py"


rule split:
    input:
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        folds="results/{dataset}/splits/{task}.parquet",
        flags="results/{dataset}/splits/{task}.flags.tsv",
    log:
        "logs/split/{dataset}/{task}.log",
    # A task that cannot be scored should say so before the networks have run for hours.
    priority: 100
    conda:
        "../../envs/evaluation.yaml"
    params:
        task=part_of(tasks, "task", *SPLIT),
        seed=config["seed"],
        code=code(
            *("split.py", "twinscope/splits.py", "twinscope/flags.py"),
            *("twinscope/tasks.py", "twinscope/retrieval/designs.py"),
        ),
    script:
        "../scripts/split.py"


rule fetch_pairs:
    output:
        pairs="resources/relations/{source}.tsv",
    log:
        "logs/fetch_pairs/{source}.log",
    retries: 3
    conda:
        "../../envs/fetch.yaml"
    params:
        file=lambda wildcards: questions.SHIPPED[wildcards.source],
    script:
        "../scripts/fetch_pairs.py"


rule evaluate:
    input:
        profiles=profiles_of,
        folds="results/{dataset}/splits/{task}.parquet",
        more=more_files_of,
    output:
        scores=["results/{dataset}/scores/{task}/{representation}.tsv"],
        predictions=["results/{dataset}/items/{task}/{representation}.parquet"],
        draws=["results/{dataset}/draws/{task}/{representation}.parquet"],
    log:
        "logs/evaluate/{dataset}/{task}/{representation}.log",
    benchmark:
        "benchmarks/evaluate/{dataset}/{task}/{representation}.tsv"
    wildcard_constraints:
        representation=pattern(SINGLES),
    conda:
        "../../envs/evaluation.yaml"
    params:
        task=asked_of,
        representations=by_name(standing_of),
        more=lambda wildcards: list(more_of(wildcards)),
        seed=config["seed"],
        draws=config["draws"],
        code=code_of_task,
    script:
        "../scripts/evaluate.py"


rule compare:
    input:
        scores=of_every_representation(
            "results/{dataset}/scores/{task}/{representation}.tsv"
        ),
        predictions=of_every_representation(
            "results/{dataset}/items/{task}/{representation}.parquet"
        ),
        draws=of_every_representation(
            "results/{dataset}/draws/{task}/{representation}.parquet"
        ),
    output:
        verdicts="results/{dataset}/verdicts/{task}.tsv",
    log:
        "logs/compare/{dataset}/{task}.log",
    conda:
        "../../envs/evaluation.yaml"
    params:
        task=part_of(tasks, "task", *QUESTIONS),
        representations=standings_of,
        settings=part(config, "margin", "least_margin"),
        code=code(
            *("compare.py", "twinscope/comparison.py", "twinscope/verdicts.py"),
            *("twinscope/equivalence.py", "twinscope/measures.py"),
            "twinscope/statistics.py",
        ),
    script:
        "../scripts/compare.py"


rule detect:
    input:
        predictions=of_every_representation(
            "results/{dataset}/items/{task}/{representation}.parquet"
        ),
    output:
        detection="results/{dataset}/detection/{task}.tsv",
    log:
        "logs/detect/{dataset}/{task}.log",
    conda:
        "../../envs/evaluation.yaml"
    params:
        task=part_of(tasks, "task", *QUESTIONS, "reference"),
        representations=standings_of,
        functions=functions_of,
        target=lambda wildcards: tasks[wildcards.task]["target"],
        settings=part(config, "seed", "draws"),
        code=code(
            *("detect.py", "twinscope/detection.py", "twinscope/visibility.py"),
            "twinscope/sources/simulated/causes.py",
            *("twinscope/metrics.py", "twinscope/statistics.py"),
        ),
    script:
        "../scripts/detect.py"


rule contrast:
    input:
        features="results/{dataset}/features/{representation}.h5ad",
        folds="results/{dataset}/splits/{task}.parquet",
    output:
        contrasts="results/{dataset}/contrasts/{task}/{representation}.tsv",
    log:
        "logs/contrast/{dataset}/{task}/{representation}.log",
    conda:
        "../../envs/evaluation.yaml"
    params:
        reference=lambda wildcards: tasks[wildcards.task]["reference"],
        code=code("contrast.py", "twinscope/contrasts.py"),
    script:
        "../scripts/contrast.py"


rule collect_scores:
    input:
        detection=of_tasks("results/{dataset}/detection/{task}.tsv", classifications()),
        scores=scores_wanted(),
        verdicts=of_tasks("results/{dataset}/verdicts/{task}.tsv", tasks),
        flags=of_tasks("results/{dataset}/splits/{task}.flags.tsv", tasks),
    output:
        scores=report(
            "results/scores.tsv", caption="../report/scores.rst", category="Tables"
        ),
        verdicts=report(
            "results/verdicts.tsv",
            caption="../report/verdicts.rst",
            category="Tables",
        ),
        flags=report(
            "results/flags.tsv", caption="../report/flags.rst", category="Tables"
        ),
        detection=report(
            "results/detection.tsv",
            caption="../report/detection.rst",
            category="Tables",
        ),
        rankings=report(
            "results/rankings.tsv",
            caption="../report/rankings.rst",
            category="Tables",
        ),
    log:
        "logs/collect_scores.log",
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        code=code("collect_scores.py", "twinscope/rankings.py"),
    script:
        "../scripts/collect_scores.py"
