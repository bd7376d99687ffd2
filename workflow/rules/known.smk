"""What is known of a study before its first job, for the doctor."""


def first_of_unit(dataset, unit):
    """How many images a unit has, and the files of the first."""
    rows = rows_of_unit(dataset, unit)
    first = [rows[column].iloc[0] for column in folder.path_columns(rows)]
    return {"number": len(rows), "first": first}


def listed_of(dataset):
    """What the table of images says of each unit; simulated ones are known by name alone."""
    if dataset not in indices:
        return {"units": dict.fromkeys(units[dataset])}
    root = str(Path(datasets[dataset]["location"]).parent)
    members = {unit: first_of_unit(dataset, unit) for unit in units[dataset]}
    return {"root": root, "units": members}


def environments():
    """Contents of the environments of the rules, by name."""
    paths = sorted((HERE.parents[1] / "envs").glob("*.yaml"))
    return {path.stem: files.read_schema(path) for path in paths}


def made_by_conda():
    """Which environments conda has made already; None where packages come another way."""
    methods = {method.name for method in workflow.deployment_settings.deployment_method}
    if "CONDA" not in methods:
        return None
    there = Path(workflow.persistence.conda_env_path).glob("*.yaml")
    done = [p for p in there if p.with_suffix(".env_setup_done").exists()]
    texts = {files.read_text(path) for path in done}
    paths = sorted((HERE.parents[1] / "envs").glob("*.yaml"))
    return {path.stem: files.read_text(path) in texts for path in paths}


def known_of_study(wildcards):
    listed = {dataset: listed_of(dataset) for dataset in datasets}
    tables = {"datasets": datasets, "models": models, "baselines": baselines}
    tables |= {"tasks": tasks, "listed": listed}
    return {"study": tables, "packages": environments(), "conda": made_by_conda()}
