"""Write the study's report: one page that needs nothing else."""

from twinscope import files, jobs, reporting

jobs.start(snakemake)
given = snakemake.input
order = snakemake.params.order
page = reporting.page(
    files.read_text(given.template),
    title=snakemake.params.title,
    **{name: files.read_tsv(given[name]) for name in reporting.TABLES},
    figures=files.texts(order, given.figures),
    detection_figures=files.texts(snakemake.params.detected, given.detection_figures),
    networks=[files.read_provenance(path) for path in given.models],
    overlays=files.Contents(dict(zip(snakemake.params.units, given.overlays, strict=True))),
    tables=snakemake.params.tables,
    settings=snakemake.params.settings,
    versions=jobs.versions(*reporting.PACKAGES),
)
files.write_text(snakemake.output.report, page)
