"""Write the study's report: one page that needs nothing else."""

from twinscope import files, jobs, reporting

jobs.start(snakemake)
given = snakemake.input
order = snakemake.params.order
figures = dict(zip(order, map(files.read_text, given.figures), strict=True))
seen = dict(zip(order, map(files.read_text, given.detection_figures), strict=True))
page = reporting.page(
    files.read_text(given.template),
    title=snakemake.params.title,
    scores=files.read_tsv(given.scores),
    verdicts=files.read_tsv(given.verdicts),
    flags=files.read_tsv(given.flags),
    detection=files.read_tsv(given.detection),
    figures=figures,
    detection_figures=seen,
    networks=[files.read_provenance(path) for path in given.models],
    tables=snakemake.params.tables,
    settings=snakemake.params.settings,
    versions=jobs.versions(*reporting.PACKAGES),
)
files.write_text(snakemake.output.report, page)
