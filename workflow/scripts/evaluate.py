"""Score representations on one task."""

from twinscope import evaluation, files, jobs, representations

jobs.start(snakemake)
given, made, asked = snakemake.input, snakemake.output, snakemake.params
folds, number = files.read_index(given.folds), len(asked.representations)
profiles, more = (jobs.shares(paths, number) for paths in (given.profiles, given.more))
what = f"evaluate {snakemake.wildcards.task}"
for k, (name, known) in enumerate(jobs.one_by_one(asked.representations, what)):
    read = [files.read_features(path) for path in profiles[k]]
    found = [(*representations.unpack(data), representations.layers(data)) for data in read]
    tables = [files.read_table(path) for path in more[k]]
    result = evaluation.evaluate(
        *(evaluation.profiles(found, asked.task), folds, asked.task),
        {"representation": name, **known},
        more=dict(zip(asked.more, tables, strict=True)),
        seed=asked.seed,
        draws=asked.draws,
    )
    result.scores.insert(0, "dataset", snakemake.wildcards.dataset)
    files.write_tsv(made.scores[k], result.scores)
    files.write_index(made.predictions[k], result.items)
    files.write_index(made.draws[k], result.draws)
