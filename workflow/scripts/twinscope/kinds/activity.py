"""Ask whether replicates of a perturbation find each other among negative controls."""

from twinscope.kinds.asked import Asked, Run, averaged
from twinscope.kinds.wells import wells
from twinscope.retrieval.activity import activity

ALPHA = 0.05


def evaluate(asked: Asked) -> list[Run]:
    """Score the mean average precision of perturbations, and which share of them is active.

    Items are perturbations. Active are those with a permutation p value below 5 % after Benjamini
    and Hochberg; where nothing is to be found that is, nineteen times in twenty, none: chance 0.
    """
    X, meta = wells(asked)
    found = activity(X, meta, name=asked.similarity, permutations=asked.draws, seed=asked.seed)
    groups = found.groups.rename(columns={"mean_average_precision": "map"})
    groups["active"] = (groups["p_adjusted"] < ALPHA).where(groups["p_adjusted"].notna())
    groups["active"] = groups["active"].astype(float)
    chance = {"map": "chance", "active": 0.0}
    scores = [averaged(m, groups, asked, m, chance[m]) for m in asked.task["metrics"]]
    return [Run("all", groups.assign(key=groups["group"]), scores)]
