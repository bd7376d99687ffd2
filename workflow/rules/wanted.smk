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


def detection_of_task(wildcards):
    dataset = tasks[wildcards.task]["dataset"]
    return f"results/{dataset}/detection/{wildcards.task}.tsv"


def side_of_sheet(side):
    """A parameter function: the columns of the index along one side of the contact sheet."""

    def found(wildcards):
        row = datasets[wildcards.dataset]
        return row.get("sheet", ["label", "batch"])[side].split("+")

    return found


def is_scaled(wildcards):
    """Whether µm per pixel are known, so that a scale bar means something."""
    return "microns_per_pixel" in datasets[wildcards.dataset]


def described_task(wildcards):
    """A task with what its figure says of the data set."""
    task = tasks[wildcards.task]
    return {**task, "modality": datasets[task["dataset"]]["modality"]}


def standings_of(wildcards):
    names = representations_of(tasks[wildcards.task]["dataset"])
    return {name: part(representations[name], "role", "family", "of") for name in names}


def functions_of(wildcards):
    """What each baseline computes, where the truth is known and says what it can see."""
    if datasets[wildcards.dataset]["source"] != "simulated":
        return {}
    names = representations_of(wildcards.dataset)
    return {name: representations[name].get("function", "network") for name in names}


def of_all_units(path):
    return [
        path.format(dataset=dataset, unit=unit)
        for dataset, members in units.items()
        for unit in members
    ]


def contrasts_wanted():
    """Feature by feature, for what can be read: baselines, on tasks that name a reference."""
    return [
        f"results/{row['dataset']}/contrasts/{task}/{name}.tsv"
        for task, row in tasks.items()
        for name in representations_of(row["dataset"])
        if "reference" in row and representations[name]["role"] == "baseline"
    ]


def sheets_wanted():
    return [f"results/figures/sheets/{dataset}.jpg" for dataset in datasets]


def models_wanted():
    """One gathered representation of every network, for what it says of how it was made."""
    return [
        f"results/{dataset}/features/{name}.h5ad"
        for dataset in datasets
        for name in representations_of(dataset)
        if name in models
    ]


def of_tasks(path, names):
    return [path.format(dataset=tasks[name]["dataset"], task=name) for name in names]


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
