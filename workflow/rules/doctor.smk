"""Before the study: whether machine, packages, networks, weights and disks will do.

`doctor` has no output, so that it runs whenever it is asked for; and its table is a log, so that
it stays when the job fails.
"""


rule doctor:
    log:
        "logs/doctor.log",
        table="results/doctor.tsv",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    threads: 2
    params:
        known=known_of_study,
    script:
        "../scripts/doctor.py"
