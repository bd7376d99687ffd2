# The door: lets `snakemake` be called from the top of the repository. An included file never
# sets the default target, so it is stated here.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
    localrule: True
