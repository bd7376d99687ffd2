"""Judge a representation against its baselines and its untrained twins."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from twinscope import families
from twinscope.equivalence import ALPHA, tested, with_seeds
from twinscope.statistics import holm, standard_error

POOLED = "twins"
FAMILIES = {
    "twin": ("twin",),
    "structure": families.STRUCTURE,
    "shortcut": families.SHORTCUT,
    "null": families.NULL,
}
COLUMNS = [
    *("representation", "against", "family", "scope", "value", "against_value", "delta"),
    *("lower", "upper", "p", "p_holm", "p_equivalence", "margin", "verdict"),
    *("n_groups", "n_seeds", "gain", "detectable", "reason"),
]


def compare(
    model: str,
    scores: Mapping[str, tuple[float, np.ndarray]],
    others: Mapping[str, str],
    twins: Sequence[str],
    margin: float,
    n_groups: int,
    higher_is_better: bool = True,
    ceiling: float = np.nan,
    crossed: bool = False,
) -> pd.DataFrame:
    """Compare one representation with each baseline, each twin, and its twins as a sample.

    Differences are paired by resample. Against the twins the untrained network is a random
    effect: the question is whether the model is better than another draw of it, so that the
    variance of the difference is that of the resampling plus s² (1 + 1 / S), s² between S seeds.

    Parameters
    ----------
    model : str
        The representation judged.
    scores : mapping of str to (value, draws)
        One metric of the model, the others and the twins, on the same items, resampled alike.
    others : mapping of str to str
        Baselines, with their families.
    twins : sequence of str
        Untrained twins of the model, one a seed.
    margin : float
        Differences smaller than this are equivalent.
    n_groups : int
        Number of groups resampled.
    higher_is_better : bool
        Whether to turn the sign, so that a positive delta is always better.
    ceiling : float
        The best score that can be expected.
    crossed : bool
        Whether scores are cross-validated: their differences vary by more than draws of
        predictions show (`statistics.standard_error`).

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, scope "one": a row for each baseline and twin, sorted, and one against
        "twins". p values are two-sided; `p_holm` is adjusted over the baselines, over the twins
        one by one, and not at all for the twins as a sample, which is one question asked before;
        `p_equivalence` is from two one-sided tests. `gain` is the share of the way from the other
        to the ceiling, (m - b) / (c - b), NaN where the other is there already, and `detectable`
        the smallest difference that it could have seen (`equivalence.tested`). What is undefined
        is NaN, with an empty verdict and a reason.
    """
    sign = 1 if higher_is_better else -1
    rows = [
        _row(model, [name], family, scores, sign, margin, n_groups, crossed) | {"against": name}
        for name, family in sorted(others.items())
    ]
    rows += [
        _row(model, [name], "twin", scores, sign, margin, n_groups, crossed) | {"against": name}
        for name in sorted(twins)
    ]
    rows.append(
        _row(model, sorted(twins), "twin", scores, sign, margin, n_groups, crossed, sample=True)
    )
    table = pd.DataFrame(rows)
    asked = np.repeat([0, 1, 2], [len(others), len(twins), 1])
    table["p_holm"] = (
        table["p"].astype(float).groupby(asked).transform(lambda p: holm(p.to_numpy()))
    )
    way = sign * (ceiling - table["against_value"].astype(float))
    table["gain"] = table["delta"].astype(float) / way.where(way > 0)
    table["verdict"] = [
        _verdict(*row) for row in table[["delta", "p_holm", "p_equivalence"]].values
    ]
    return table[COLUMNS]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Draw one verdict on each family of baselines, and one on all of them.

    The least favourable comparison decides: worse, else equivalent, else undecided, else better;
    among equals the one with the smallest difference. Twins count once, as a sample.

    Parameters
    ----------
    rows : DataFrame
        From `compare`, of one model and one metric.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: the deciding row of each family present (scope "family") and of all
        (scope "overall", family empty), with `against` naming it. `reason` counts and names the
        comparisons left out as undefined.
    """
    rows = rows[(rows["family"] != "twin") | (rows["against"] == POOLED)]
    tables = {family: rows[rows["family"].isin(members)] for family, members in FAMILIES.items()}
    known = rows[rows["family"].isin(sum(FAMILIES.values(), ()))]
    summary = [
        _decide(table) | {"family": family, "scope": "family"}
        for family, table in tables.items()
        if len(table)
    ]
    summary.append(_decide(known) | {"family": "", "scope": "overall"})
    return pd.DataFrame(summary)[COLUMNS]


def _row(
    model: str,
    names: Sequence[str],
    family: str,
    scores,
    sign,
    margin,
    n_groups,
    crossed,
    sample=False,
) -> dict:
    """Compare with one representation, or with a sample of representations."""
    value, draws = scores[model]
    values = np.array([scores[name][0] for name in names], dtype=float)
    row = dict.fromkeys(COLUMNS, np.nan) | {
        "representation": model,
        "against": POOLED,
        "family": family,
        "scope": "one",
        "value": value,
        "margin": margin,
        "n_groups": n_groups,
        "n_seeds": len(names) if family == "twin" else 0,
        "against_value": values.mean() if len(values) else np.nan,
        "reason": "",
    }
    error, df, reason = np.nan, np.nan, _missing(model, value, names, values, n_groups, sample)
    if not reason:
        row["delta"] = sign * (value - row["against_value"])
        difference = draws - np.mean([scores[name][1] for name in names], axis=0)
        error, df = standard_error(difference, n_groups, crossed), n_groups - 1
        if sample:
            error, df = with_seeds(error, df, values)
        reason = "" if np.isfinite(error) else "undefined in more than half of the draws"
    if reason:
        return row | {"reason": reason}
    return row | tested(row["delta"], error, df, margin, len(draws))


def _missing(model, value, names, values, n_groups, sample) -> str:
    """Say why a comparison cannot be made, or nothing."""
    if not np.isfinite(value):
        return f"the score of {model} is undefined"
    if sample and len(names) < 2:
        return f"{len(names)} twin seeds: 2 or more are needed to know how seeds differ"
    if not np.isfinite(values).all():
        lost = [name for name, one in zip(names, values, strict=True) if not np.isfinite(one)]
        return f"the score of {', '.join(lost)} is undefined"
    return "fewer than 2 groups to resample" if n_groups < 2 else ""


def _verdict(delta: float, p_holm: float, p_equivalence: float) -> str:
    if not np.isfinite([delta, p_holm, p_equivalence]).all():
        return ""
    if p_equivalence < ALPHA:
        return "equivalent"
    if p_holm < ALPHA:
        return "better" if delta > 0 else "worse"
    return "undecided"


def _decide(table: pd.DataFrame) -> dict:
    """Return the row that decides, with the count of those left out."""
    lost = table[table["verdict"] == ""]
    note = f"{len(lost)} of {len(table)} undefined: " + ", ".join(sorted(lost["against"]))
    for verdict in ("worse", "equivalent", "undecided", "better"):
        chosen = table[table["verdict"] == verdict]
        if len(chosen):
            least = chosen.sort_values(["delta", "against"], kind="stable").iloc[0].to_dict()
            return least | {"reason": note if len(lost) else ""}
    kept = ("representation", "value", "margin", "n_groups")
    empty = dict.fromkeys(COLUMNS, np.nan) | {"against": "", "verdict": ""}
    first = table.iloc[0] if len(table) else {}
    return empty | {key: first[key] for key in kept if len(table)} | {"reason": note}
