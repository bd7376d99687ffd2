"""From scores and verdicts to what a person reads: a figure a task, and the report."""


rule plot:
    input:
        scores=scores_of_task,
        verdicts=verdicts_of_task,
    output:
        figure=report(
            "results/figures/{task}.svg",
            caption="../report/figure.rst",
            category="Figures",
        ),
    log:
        "logs/plot/{task}.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        task=described_task,
        code=code("plot.py", "twinscope/figures", "twinscope/measures.py"),
    script:
        "../scripts/plot.py"


rule plot_detection:
    input:
        detection=detection_of_task,
    output:
        figure=report(
            "results/figures/{task}.detection.svg",
            caption="../report/detection.rst",
            category="Figures",
        ),
    log:
        "logs/plot_detection/{task}.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        task=described_task,
        code=code("plot_detection.py", "twinscope/figures"),
    script:
        "../scripts/plot_detection.py"


rule sheet:
    input:
        images=of_every_unit("results/{dataset}/images/{unit}.tif"),
        masks=of_every_unit("results/{dataset}/masks/{unit}.tif"),
        indices=of_every_unit("results/{dataset}/images/{unit}.parquet"),
    output:
        sheet="results/figures/sheets/{dataset}.jpg",
    log:
        "logs/sheet/{dataset}.log",
    conda:
        "../../envs/figures.yaml"
    params:
        channels=channels_of,
        rows=side_of_sheet(0),
        columns=side_of_sheet(1),
        title=lambda wildcards: wildcards.dataset,
        scaled=is_scaled,
        code=code("sheet.py", "twinscope/figures"),
    script:
        "../scripts/sheet.py"


rule publish:
    input:
        detection="results/detection.tsv",
        detection_figures=collect(
            "results/figures/{task}.detection.svg", task=classifications()
        ),
        scores="results/scores.tsv",
        verdicts="results/verdicts.tsv",
        flags="results/flags.tsv",
        rankings="results/rankings.tsv",
        figures=collect("results/figures/{task}.svg", task=tasks),
        models=models_wanted(),
        quality="results/quality.tsv",
        quality_flags="results/quality.flags.tsv",
        overlays=of_all_units("results/{dataset}/quality/{unit}.jpg"),
        template=HERE.parent / "report/report.html.j2",
    output:
        report="results/report.html",
    log:
        "logs/publish.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        title=config["title"],
        order=list(tasks),
        detected=classifications(),
        units=of_all_units("{dataset}/{unit}"),
        settings=part(config, "seed", "twin_seeds", "draws", "margin", "least_margin"),
        tables={
            "datasets": list(datasets.values()),
            "tasks": list(tasks.values()),
            "models": [row for row in models.values() if row["role"] == "model"],
            "baselines": [row for row in baselines.values() if row["role"] != "twin"],
        },
        code=code(
            *("publish.py", "twinscope/reporting", "twinscope/figures"),
            "twinscope/measures.py",
        ),
    script:
        "../scripts/publish.py"
