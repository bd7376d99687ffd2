"""Score one representation on one task."""

from twinscope import evaluation, files, jobs, representations

jobs.start(snakemake)
task = snakemake.params.task
found = [files.read_features(path) for path in snakemake.input.profiles]
found = [(*representations.unpack(data), representations.layers(data)) for data in found]
folds = files.read_index(snakemake.input.folds)
scores, items = evaluation.evaluate(
    evaluation.profiles(found, task),
    folds,
    task,
    {"representation": snakemake.wildcards.representation, **snakemake.params.representation},
    seed=snakemake.params.seed,
    draws=snakemake.params.draws,
)
scores.insert(0, "dataset", snakemake.wildcards.dataset)
files.write_tsv(snakemake.output.scores, scores)
files.write_index(snakemake.output.predictions, items)
