"""What the jobs of a task are given, whatever its kind."""

from twinscope.kinds import KINDS, aligns_within

# What scores of any kind hang on; each kind adds its own.
SCORING = [
    "evaluation.py",
    "kinds/asked.py",
    "kinds/asking.py",
    "kinds/wells.py",
    "fitted.py",
]
SCORING += ["alignment", "statistics.py", "measures.py"]
SCORING += ["baselines/composition.py", "baselines/cooccurrence.py"]


def code_of_task(wildcards):
    """Fingerprint of what scores a task of this kind, so that work on another runs nothing."""
    kind = tasks[wildcards.task]["kind"]
    own = f"kinds/{kind.replace('-', '_')}.py"
    parts = [f"twinscope/{part}" for part in (*SCORING, own, *KINDS[kind].parts)]
    return code("evaluate.py", *sorted(set(parts)))


def asked_of(wildcards):
    """What a score depends on in the row of its task."""
    row = tasks[wildcards.task]
    return part(row, *QUESTIONS, "level", *questions.OWN)


def profiles_of(wildcards):
    """Aligned representations; where controls are items, as it is: aligned by the task itself."""
    plain = "results/{dataset}/features/{representation}.h5ad"
    aligned = "results/{dataset}/profiles/{alignment}/{representation}.h5ad"
    row = tasks[wildcards.task]
    names = ["none"] if aligns_within(row) else row["alignments"]
    return [
        (plain if name == "none" else aligned).format(alignment=name, **wildcards)
        for name in names
    ]


def more_of(wildcards):
    """Tables that a task needs besides, by name: the user's, shipped pairs, what is active."""
    row = tasks[wildcards.task]
    shipped = {name: f"resources/relations/{name}.tsv" for name in questions.SHIPPED}
    found = {
        name: shipped.get(given, given) for name, given in questions.tables(row).items()
    }
    if "active" in row:
        path = "results/{dataset}/items/{active}/{representation}.parquet"
        found["active"] = path.format(active=row["active"], **wildcards)
    return found


def more_files_of(wildcards):
    return list(more_of(wildcards).values())


def of_every_representation(path):
    """An input function: one file for each representation of a data set."""

    def found(wildcards):
        names = representations_of(wildcards.dataset)
        return collect(path, representation=names, **wildcards)

    return found


def classifications():
    """Tasks that tell classes apart, of which it is also asked which classes these are."""
    return [name for name, row in tasks.items() if row["kind"] == "classification"]
