"""From where the images are to one stack a unit: `resources/` in, `results/*/images/` out.

No fingerprint of code above `embed` and `segment`: what runs again here runs them again, too.
"""


rule fetch:
    input:
        images=image_files_of,
        table=table_of_images,
    output:
        manifest="resources/{dataset}/{unit}/manifest.tsv",
    log:
        "logs/fetch/{dataset}/{unit}.log",
    wildcard_constraints:
        dataset=pattern(folders),
    # What networks wait for goes first, since they take longest.
    priority: 50
    conda:
        "../../envs/fetch.yaml"
    params:
        dataset=part_of(datasets, "dataset", *READING),
        unit=unit_of,
        root=root_of,
        rows=pixel_digest_of_unit,
    script:
        "../scripts/fetch.py"


rule simulate:
    output:
        images=directory("resources/{dataset}/{unit}/images"),
        masks=directory("resources/{dataset}/{unit}/masks"),
        cells=directory("resources/{dataset}/{unit}/cells"),
        table="resources/{dataset}/{unit}/table.parquet",
        objects="resources/{dataset}/{unit}/objects.parquet",
        manifest="resources/{dataset}/{unit}/manifest.tsv",
    log:
        "logs/simulate/{dataset}/{unit}.log",
    wildcard_constraints:
        dataset=pattern(set(datasets) - set(folders)),
    priority: 50
    conda:
        "../../envs/imaging.yaml"
    params:
        arguments=arguments_of,
        dataset=part_of(datasets, "dataset", "image", "item", "microns_per_pixel"),
        channels=channels_of,
        root=root_of,
    script:
        "../scripts/simulate.py"


rule crop:
    input:
        manifest="resources/{dataset}/{unit}/manifest.tsv",
    output:
        images="results/{dataset}/images/{unit}.tif",
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
    log:
        "logs/crop/{dataset}/{unit}.log",
    priority: 50
    conda:
        "../../envs/imaging.yaml"
    params:
        dataset=part_of(datasets, "dataset", "channels", "tile", "image"),
        root=root_of,
    script:
        "../scripts/crop.py"


rule annotate:
    input:
        tiles="results/{dataset}/images/{unit}.tiles.parquet",
        table=table_of_images,
    output:
        index="results/{dataset}/images/{unit}.parquet",
    log:
        "logs/annotate/{dataset}/{unit}.log",
    conda:
        "../../envs/imaging.yaml"
    params:
        dataset=part_of(datasets, "dataset", *READING),
        unit=unit_of,
        rows=digest_of_unit,
        code=code("annotate.py", "twinscope/sources/folder.py"),
    script:
        "../scripts/annotate.py"


rule level:
    input:
        images="results/{dataset}/images/{unit}.tif",
        index=ancient("results/{dataset}/images/{unit}.parquet"),
    output:
        levels="results/{dataset}/images/{unit}.levels.parquet",
    log:
        "logs/level/{dataset}/{unit}.log",
    conda:
        "../../envs/imaging.yaml"
    params:
        channels=channels_of,
        batches=batch_digest_of_unit,
    script:
        "../scripts/level.py"
