"""Hold every class of one task against its reference class, feature by feature."""

from twinscope import contrasts, files, jobs, representations

jobs.start(snakemake)
cards = snakemake.wildcards
values, index, names, _ = representations.unpack(files.read_features(snakemake.input.features))
folds = files.read_index(snakemake.input.folds).set_index("item")
places = index.index[index["item"].isin(folds.index)]
chosen = folds.loc[index.loc[places, "item"]]
table = contrasts.contrast(
    values[places],
    names,
    chosen["label"].to_numpy(str),
    chosen["group"].to_numpy(str),
    index.loc[places, "batch"].to_numpy(str),
    snakemake.params.reference,
)
table.insert(0, "task", cards.task)
table.insert(1, "representation", cards.representation)
files.write_tsv(snakemake.output.contrasts, table)
