"""Score one representation on one task."""

from twinscope import evaluation, files, jobs, representations

jobs.start(snakemake)
task = snakemake.params.task
found = [files.read_features(path) for path in snakemake.input.profiles]
found = [(*representations.unpack(data), representations.layers(data)) for data in found]
more = {
    name: files.read_table(path)
    for name, path in zip(snakemake.params.more, snakemake.input.more, strict=True)
}
result = evaluation.evaluate(
    evaluation.profiles(found, task),
    files.read_index(snakemake.input.folds),
    task,
    {"representation": snakemake.wildcards.representation, **snakemake.params.representation},
    more=more,
    seed=snakemake.params.seed,
    draws=snakemake.params.draws,
)
result.scores.insert(0, "dataset", snakemake.wildcards.dataset)
files.write_tsv(snakemake.output.scores, result.scores)
files.write_index(snakemake.output.predictions, result.items)
files.write_index(snakemake.output.draws, result.draws)
