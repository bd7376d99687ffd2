"""Look for what would stop the study: a table for the terminal, and the same as a file."""

import sys
from shutil import get_terminal_size

from twinscope import doctor, files, jobs

jobs.start(snakemake)
watch = jobs.counter("doctor", "networks")
findings = doctor.examine(**snakemake.params.known, watch=watch)
files.write_tsv(snakemake.log.table, doctor.table(findings))
is_seen = sys.stdout.isatty()
width = get_terminal_size().columns if is_seen else None
print(doctor.text(findings, width, colour=is_seen), flush=True)
sys.exit(doctor.failed(findings))
