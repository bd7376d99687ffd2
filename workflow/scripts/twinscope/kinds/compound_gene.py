"""Ask whether a compound lies nearer to the genes it acts on than to genes it leaves alone."""

import pandas as pd

from twinscope.errors import InputError
from twinscope.kinds.asked import Asked, Run, averaged
from twinscope.relations import compounds

NONE = "no compound with both known targets and known non-targets in the map"


def evaluate(asked: Asked) -> list[Run]:
    """Average the precision of compounds, at the best of their concentrations and at each.

    Wells with a compound are told by the column `compound`; the others are wells of genes, named
    by the task's label. Items are compounds.
    """
    X = asked.features()
    own = asked.column(asked.task["compound"], "compound").fillna("").astype(str)
    has, control = (own != "").to_numpy(), _controls(asked)
    dose = pd.to_numeric(asked.column(asked.task["concentration"], "concentration"), "coerce")
    if dose[has].isna().any():
        key = asked.keys["key"][has & dose.isna().to_numpy()].iloc[0]
        what = f"no concentration of {key!r}", "a number for each compound"
        raise InputError(*what, "tasks.tsv", asked.name, "concentration")
    genes = asked.keys["label"].to_numpy(str)
    of_genes = ~has & ~control
    wells = pd.DataFrame({"compound": own[has], "concentration": dose[has]})
    sampled = compounds.sample(_activities(asked), genes[of_genes], asked.seed)
    named = sampled["compound"].unique()
    known = wells["compound"].isin(named).to_numpy()
    if not known.any():
        raise InputError(
            NONE, "compounds and genes as the data set names them", "tasks.tsv", asked.name, "pairs"
        )
    wells, Z = wells[known].reset_index(drop=True), X[has][known]
    items = compounds.score(Z, wells, X[of_genes], genes[of_genes], sampled, asked.seed)
    items = items.rename(columns={"compound": "group"}).assign(key=items["compound"])
    return [_run(asked, level, table) for level, table in items.groupby("concentration", sort=True)]


def _run(asked: Asked, level: str, table: pd.DataFrame) -> Run:
    table = table.reset_index(drop=True)
    probe = level if level == compounds.MAXIMUM else f"at {level}"
    return Run(probe, table, [averaged("average_precision", table, asked, "ap", "chance")])


def _activities(asked: Asked) -> pd.DataFrame:
    """Return what is known of compounds, amounts as numbers."""
    table, file = asked.more["activities"].copy(), asked.task["pairs"][0]
    if "nanomolar" in table:
        text = table["nanomolar"].astype(str).str.strip()
        table["nanomolar"] = pd.to_numeric(text.where(text != ""), errors="coerce")
        odd = table["nanomolar"].isna() & (text != "")
        if odd.any():
            found = repr(text[odd].iloc[0])
            raise InputError(found, "a number", file, odd.index[odd][0] + 2, "nanomolar")
    return table


def _controls(asked: Asked):
    if "control" not in asked.meta:
        return False
    return asked.column("control", "level").astype(bool).to_numpy()
