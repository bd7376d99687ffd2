"""What is wanted of a task, and of the whole study: lists of files for the rules that collect."""


def scores_of_task(wildcards):
    dataset = tasks[wildcards.task]["dataset"]
    return [
        f"results/{dataset}/scores/{wildcards.task}/{representation}.tsv"
        for representation in representations_of(dataset)
    ]


def verdicts_of_task(wildcards):
    dataset = tasks[wildcards.task]["dataset"]
    return f"results/{dataset}/verdicts/{wildcards.task}.tsv"


def described_task(wildcards):
    """A task with what its figure says of the data set."""
    task = tasks[wildcards.task]
    return {**task, "modality": datasets[task["dataset"]]["modality"]}


def standings_of(wildcards):
    names = representations_of(tasks[wildcards.task]["dataset"])
    return {name: part(representations[name], "role", "family", "of") for name in names}


def models_wanted():
    """One gathered representation of every network, for what it says of how it was made."""
    return [
        f"results/{dataset}/features/{name}.h5ad"
        for dataset in datasets
        for name in representations_of(dataset)
        if name in models
    ]


def of_every_task(path):
    return [
        path.format(dataset=row["dataset"], task=task) for task, row in tasks.items()
    ]


def scores_wanted():
    return [
        f"results/{row['dataset']}/scores/{task}/{representation}.tsv"
        for task, row in tasks.items()
        for representation in representations_of(row["dataset"])
    ]


def features_wanted():
    return [
        f"results/{dataset}/features/{representation}.h5ad"
        for dataset in datasets
        for representation in representations_of(dataset)
    ]
