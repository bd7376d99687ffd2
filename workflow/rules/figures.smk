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
        code=code("plot.py", "twinscope/figures", "twinscope/metrics.py"),
    script:
        "../scripts/plot.py"


rule publish:
    input:
        scores="results/scores.tsv",
        verdicts="results/verdicts.tsv",
        flags="results/flags.tsv",
        figures=collect("results/figures/{task}.svg", task=tasks),
        models=models_wanted(),
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
        settings=part(config, "seed", "twin_seeds", "draws", "margin", "least_margin"),
        tables={
            "datasets": list(datasets.values()),
            "tasks": list(tasks.values()),
            "models": [row for row in models.values() if row["role"] == "model"],
            "baselines": list(baselines.values()),
        },
        code=code("publish.py", "twinscope/reporting", "twinscope/figures"),
    script:
        "../scripts/publish.py"
