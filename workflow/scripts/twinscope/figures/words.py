"""How numbers, verdicts and choices are put into words, the same in figures and report."""

import math
from collections.abc import Iterable, Mapping

UNDEFINED = "undefined"


def number(value: float, digits: int = 2) -> str:
    """Write a number with a fixed number of decimals; what is not finite is undefined.

    Parameters
    ----------
    value : float
    digits : int
        Decimals.

    Returns
    -------
    str
        With a true minus sign, and never a negative zero.
    """
    value = float(value)
    if not math.isfinite(value):
        return UNDEFINED
    # Adding 0.0 turns the -0.0 that rounding can leave into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """Write a difference with its sign."""
    text = number(value, digits)
    return f"+{text}" if math.isfinite(float(value)) and round(float(value), digits) > 0 else text


def bracket(lower: float, upper: float, digits: int = 2) -> str:
    """Write an interval; one that has no ends says so."""
    if not (math.isfinite(float(lower)) and math.isfinite(float(upper))):
        return "[interval undefined]"
    return f"[{number(lower, digits)}, {number(upper, digits)}]"


def p_value(value: float) -> str:
    """Write a p value with two significant digits, small ones as a bound."""
    value = float(value)
    if not math.isfinite(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def percent(share: float) -> str:
    """Write a share; what is not zero never reads 0 %."""
    return "< 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def whole(value: float) -> str:
    """Write a count that may be missing."""
    return str(int(value)) if math.isfinite(float(value)) else "–"


def count(number: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{number} {noun if number == 1 else PLURALS.get(noun, f'{noun}s')}"


def score(row: Mapping, digits: int = 2) -> str:
    """Write a score with its 95 % interval."""
    value = number(row["value"], digits)
    return value if value == UNDEFINED else f"{value} {bracket(row['lower'], row['upper'], digits)}"


def twins(found) -> str:
    """Write what a model's twins score: mean and range, and how many have no score."""
    if not found.seeds:
        return "none run"
    lost = f"{found.seeds - found.defined} of {found.seeds} undefined"
    if not found.defined:
        return lost
    told = f"mean {number(found.mean)}, range {number(found.low)} to {number(found.high)}"
    return told if found.defined == found.seeds else f"{told}, {lost}"


def metric(name: str, capital: bool = False) -> str:
    """Write the name of a metric."""
    said = choice(METRICS, name)
    return f"{said[:1].upper()}{said[1:]}" if capital else said


def family(name: str) -> str:
    """Write the name of a family inside a table."""
    return choice(FAMILIES, name).lower()


def distinct(values: Iterable[str]) -> str:
    """Write each of some values once, sorted."""
    return ", ".join(sorted(set(values)))


def join(parts: list[str]) -> str:
    """Put parts into one enumeration."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def text(value) -> str:
    """Read a cell that should hold text; a missing one is empty."""
    return value if isinstance(value, str) else ""


def choice(names: dict[str, str], value: str) -> str:
    """Write the name of an alignment, probe or metric; one not known here stands for itself."""
    return names.get(value, value)


def badge(verdict: str) -> str:
    """Write a verdict with its sign."""
    return f"{SYMBOLS[verdict]} {verdict or UNDEFINED}"


METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "log_loss": "log-loss",
    "map": "mean average precision",
    "active": "share that is active",
    "nsc": "not-same-compound match",
    "nscb": "not-same-compound-or-batch match",
    "percentile": "percentile among controls",
    "consistent": "share that is consistent",
    "similarity": "similarity of replicates",
    "energy": "energy distance to controls",
    "recall": "recall in both tails",
    "recall_upper": "recall in the upper tail",
    "recall_lower": "recall in the lower tail",
    "average_precision": "average precision",
    "pearson": "Pearson correlation",
    "pearson_slide": "Pearson correlation within slides",
    "pearson_partial": "Pearson correlation beside total counts",
    "r2": "R²",
    "spearman": "Spearman correlation",
    "ilisi": "iLISI (batches)",
    "clisi": "cLISI (labels)",
    "kbet": "kBET",
    "kbet_per_label": "kBET within labels",
    "bras": "BRAS",
    "pcr_batch": "PCR of batches",
    "pcr_label": "PCR of labels",
    "silhouette_batch": "silhouette of batches",
    "silhouette_label": "silhouette of labels",
    "graph_connectivity": "graph connectivity",
    "robustness_index": "robustness index",
}
PROBES = {
    "logistic": "logistic regression",
    "knn": "k-nearest neighbours",
    "means": "nearest class mean of few",
    "all": "all items",
    "active": "active ones",
    "max": "best concentration",
    "hest-compat": "HEST's protocol",
    "corrected-raw": "ridge, raw counts",
    "corrected-raw-pca": "ridge on components, raw counts",
    "corrected-cp10k": "ridge, counts per 10,000",
    "corrected-cp10k-pca": "ridge on components, counts per 10,000",
}
ALIGNMENTS = {
    "none": "no alignment",
    "standardize": "standardized per batch",
    "center-scale": "centred and scaled per batch",
    "robust-mad": "median and MAD per batch",
    "pca-cs": "principal components, centred and scaled per batch",
    "tvn": "typical variation normalization",
    "tvn-shrink": "typical variation normalization, shrunk",
    "sphering": "sphered",
    "harmony": "Harmony",
}
FAMILIES = {
    "pretrained": "Models",
    "untrained": "Models without pretraining",
    "planted": "Planted factors",
    "twin": "Untrained twins",
    "count": "Count",
    "shape": "Shape",
    "layout": "Layout of cells",
    "graph": "Graph of cells",
    "composition": "Composition",
    "mask": "Mask image",
    "structure": "Structure",
    "intensity": "Intensity",
    "pixels": "Pixels",
    "texture": "Texture",
    "classical": "Classical profile",
    "shortcut": "Shortcuts",
    "null": "Null",
    "truth": "True factors (ceiling)",
}
AGAINST = {
    "better": "better than",
    "equivalent": "equivalent to",
    "worse": "worse than",
    "undecided": "undecided against",
    "": "undefined against",
}
SYMBOLS = {"better": "▲", "equivalent": "=", "worse": "▼", "undecided": "?", "": "–"}
KINDS = {
    "structure": "structural baseline",
    "shortcut": "shortcut",
    "null": "null baseline",
}
PLURALS = {"class": "classes"}
