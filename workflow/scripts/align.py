"""Correct representations for batch effects."""

from twinscope import alignment, files, jobs, representations

jobs.start(snakemake)
for given, made in zip(snakemake.input.features, snakemake.output.profiles, strict=True):
    name = snakemake.wildcards.alignment
    values, index, names, provenance = representations.unpack(data := files.read_features(given))
    if (provenance.get("fit") or {}).get("kind") == "composition":
        name = "none"  # Nuclei, not yet features: their clusters are learned within folds.
    batches, controls = index["batch"], representations.controls(index)
    aligned = alignment.align(name, values, batches, controls)
    layers = {
        layer: alignment.align(name, X, batches, controls).features
        for layer, X in representations.layers(data).items()
    }
    constant = f"{aligned.n_constant} features with constant controls in a batch are only centred"
    jobs.log.info("; ".join([constant, *aligned.notes]))
    if aligned.components:
        names = alignment.named([], aligned.features.shape[1])
    provenance |= {"alignment": name, "alignment_notes": list(aligned.notes)}
    files.write_features(made, aligned.features, index, names, provenance, layers=layers)
