"""Ask whether replicates of a perturbation are more alike than so many negative controls."""

from twinscope.kinds.asked import Asked, Run, averaged
from twinscope.kinds.wells import wells
from twinscope.retrieval.replicates import replicate_consistency

ALPHA = 0.05


def evaluate(asked: Asked) -> list[Run]:
    """Score perturbations by their replicates' likeness, and by how far they lie from controls.

    Items are perturbations. `percentile` is the share of groups of controls that are less alike
    than the replicates, 0.5 by chance, and `consistent` the share of perturbations with p below
    5 % after Benjamini and Hochberg. Mean similarity and energy distance, which no two
    representations have on one scale, stand beside with what groups of controls give.
    """
    X, meta = wells(asked)
    found = replicate_consistency(
        X, meta, name=asked.similarity, draws=asked.draws, seed=asked.seed
    )
    groups = found.groups.rename(columns={"consistency": "similarity", "energy_distance": "energy"})
    # p counts the replicates themselves among the placements: half a count keeps chance at 0.5.
    placements = groups["n_null"] + ~groups["exact"].astype(bool)
    groups["percentile"] = 1 - groups["p"] + 0.5 / placements
    groups["consistent"] = (groups["p_adjusted"] < ALPHA).where(groups["p_adjusted"].notna())
    groups["consistent"] = groups["consistent"].astype(float)
    chance = {
        "percentile": 0.5,
        "consistent": 0.0,
        "similarity": "chance",
        "energy": "energy_chance",
    }
    scores = []
    for name in asked.task["metrics"]:
        table = groups
        if name == "energy":
            table = groups.assign(reason=groups["energy_reason"])
        scores.append(averaged(name, table, asked, name, chance[name]))
    return [Run("all", groups.assign(key=groups["group"]), scores)]
