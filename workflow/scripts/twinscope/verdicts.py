"""Judge a representation against its baselines and its untrained twins."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import t as student

from twinscope import families
from twinscope.statistics import ZERO, holm, standard_error

ALPHA = 0.05
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
    *("n_groups", "n_seeds", "reason"),
]


def equivalence_margin(
    baselines: Sequence[float],
    chance: float,
    ceiling: float,
    fraction: float = 0.10,
    floor: float = 0.01,
) -> float:
    """Return the difference that is too small to matter.

    Parameters
    ----------
    baselines : sequence of float
        Scores of the baselines of every family but "null"; NaN is left out.
    chance : float
        Chance level, which stands in when no baseline has a score.
    ceiling : float
        The best score there is, as from `ceiling`.
    fraction : float
        Share of the gap between the best baseline and the ceiling.
    floor : float
        The smallest margin.

    Returns
    -------
    float
        max(fraction × gap, floor), in units of the metric.
    """
    up = 1 if ceiling >= chance else -1
    gaps = up * (ceiling - np.asarray(list(baselines), dtype=float))
    gaps = gaps[np.isfinite(gaps)]
    # A baseline can lie above an estimated ceiling: then no gap is left, and the floor holds.
    gap = gaps.min() if len(gaps) else abs(ceiling - chance)
    return float(max(fraction * gap, floor))


def ceiling(truth: Sequence[float], best: float) -> float:
    """Return the score that nothing can be expected to exceed.

    Parameters
    ----------
    truth : sequence of float
        Scores of the true factors; NaN, or none where nobody knows them.
    best : float
        The best value of the metric.

    Returns
    -------
    float
        The score of the true factors that is nearest to the best value, or the best value.
    """
    known = np.asarray(list(truth), dtype=float)
    known = known[np.isfinite(known)]
    return float(known[np.abs(best - known).argmin()]) if len(known) else float(best)


def compare(
    model: str,
    scores: Mapping[str, tuple[float, np.ndarray]],
    others: Mapping[str, str],
    twins: Sequence[str],
    margin: float,
    n_groups: int,
    higher_is_better: bool = True,
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

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, scope "one": a row for each baseline and twin, sorted, and one against
        "twins". p values are two-sided; `p_holm` is adjusted over the baselines, over the twins
        one by one, and not at all for the twins as a sample, which is one question asked before;
        `p_equivalence` is from two one-sided tests. What is undefined is NaN, with an empty
        verdict and a reason.
    """
    sign = 1 if higher_is_better else -1
    rows = [
        _row(model, [name], family, scores, sign, margin, n_groups) | {"against": name}
        for name, family in sorted(others.items())
    ]
    rows += [
        _row(model, [name], "twin", scores, sign, margin, n_groups) | {"against": name}
        for name in sorted(twins)
    ]
    rows.append(_row(model, sorted(twins), "twin", scores, sign, margin, n_groups, sample=True))
    table = pd.DataFrame(rows)
    asked = np.repeat([0, 1, 2], [len(others), len(twins), 1])
    table["p_holm"] = (
        table["p"].astype(float).groupby(asked).transform(lambda p: holm(p.to_numpy()))
    )
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
    model: str, names: Sequence[str], family: str, scores, sign, margin, n_groups, sample=False
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
        error, df = standard_error(difference, n_groups), n_groups - 1
        if sample:
            error, df = _with_seeds(error, df, values)
        reason = "" if np.isfinite(error) else "undefined in more than half of the draws"
    if reason:
        return row | {"reason": reason}
    return row | _test(row["delta"], error, df, margin, len(draws))


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


def _with_seeds(error: float, df: int, values: np.ndarray) -> tuple[float, float]:
    """Add the variance between seeds; degrees of freedom by Welch and Satterthwaite."""
    n_seeds = len(values)
    seeds = values.var(ddof=1) * (1 + 1 / n_seeds)
    total = error**2 + seeds
    if total <= ZERO**2:
        return 0.0, df
    return float(np.sqrt(total)), total**2 / (error**4 / df + seeds**2 / (n_seeds - 1))


def _test(delta: float, error: float, df: float, margin: float, n_draws: int) -> dict:
    """Interval, two-sided test of no difference, and two one-sided tests of equivalence."""
    if error == 0:
        smallest = 1 / (n_draws + 1)
        same = abs(delta) <= ZERO
        near = 0.0 if same else smallest if abs(delta) < margin else 1.0
        p = 1.0 if same else smallest
        return {"lower": delta, "upper": delta, "p": p, "p_equivalence": near}
    reach = student.ppf(1 - ALPHA / 2, df) * error
    outside = max(
        student.sf((delta + margin) / error, df), student.cdf((delta - margin) / error, df)
    )
    return {
        "lower": delta - reach,
        "upper": delta + reach,
        "p": 2 * student.sf(abs(delta) / error, df),
        "p_equivalence": outside,
    }


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
