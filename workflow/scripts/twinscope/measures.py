"""What is measured, whatever the kind of task: which way is up, and what may be compared."""

from typing import NamedTuple

from twinscope.metrics import METRICS


class Measure(NamedTuple):
    """A metric as intervals, verdicts and figures see it.

    Attributes
    ----------
    higher_is_better : bool
    floor, ceiling : float
        The worst and the best value it can take; infinite where there is none.
    comparable : bool
        Whether verdicts are drawn from it. How batches mix is a finding, not a merit: what knows
        nothing mixes them best. A similarity has another scale in each representation, a share of
        significant groups hangs on its own test, and what is not resampled has no paired draws.
    """

    higher_is_better: bool = True
    floor: float = 0.0
    ceiling: float = 1.0
    comparable: bool = True

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value it can take."""
        return min(self.floor, self.ceiling), max(self.floor, self.ceiling)


# Why a score has no interval although it is defined.
NOT_RESAMPLED = "one number of the whole set, which is not resampled"
INFINITE = float("inf")
FINDING = Measure(comparable=False)
MEASURES = {
    **{name: Measure(m.higher_is_better, m.floor, m.ceiling) for name, m in METRICS.items()},
    **dict.fromkeys(("map", "nsc", "nscb", "percentile"), Measure()),
    **dict.fromkeys(("active", "consistent"), FINDING),
    "similarity": Measure(floor=-INFINITE, ceiling=INFINITE, comparable=False),
    "energy": Measure(ceiling=INFINITE, comparable=False),
    **dict.fromkeys(("recall", "recall_upper", "recall_lower", "average_precision"), Measure()),
    **dict.fromkeys(("pearson", "pearson_slide", "pearson_partial"), Measure(floor=-1.0)),
    "spearman": Measure(floor=-1.0, comparable=False),
    "r2": Measure(floor=-INFINITE, comparable=False),
    **dict.fromkeys(("ilisi", "clisi", "kbet", "kbet_per_label", "bras", "pcr_batch"), FINDING),
    **dict.fromkeys(("silhouette_batch", "silhouette_label", "pcr_label"), FINDING),
    **dict.fromkeys(("graph_connectivity", "robustness_index"), FINDING),
}
