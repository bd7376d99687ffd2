"""Say which representation tells each class of one task from the reference."""

from twinscope import detection, files, jobs, visibility

jobs.start(snakemake)
standings, functions = snakemake.params.representations, snakemake.params.functions
items = {
    name: files.read_index(path)
    for name, path in zip(standings, snakemake.input.predictions, strict=True)
}
labels = {label for table in items.values() for label in table["label"]}
target = snakemake.params.target
expected = visibility.expected(labels, functions, target) if functions else {}
table = detection.detect(
    items, standings, snakemake.params.task, **snakemake.params.settings, expected=expected
)
table.insert(0, "dataset", snakemake.wildcards.dataset)
files.write_tsv(snakemake.output.detection, table)
