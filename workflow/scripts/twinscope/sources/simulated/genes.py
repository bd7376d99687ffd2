"""Spot-level counts of genes whose drivers, and the share of each, are declared."""

from dataclasses import dataclass

import numpy as np

from twinscope.errors import InputError, one_of

from .seeding import generator

DRIVERS = ("composition", "density", "morphology", "arrangement", "texture", "slide")
DISPERSION = 0.15
LIBRARY = 4000.0
LIBRARY_SPREAD = 0.35
SPREAD = 0.7


@dataclass(frozen=True)
class Panel:
    """Genes of a study.

    Attributes
    ----------
    names : tuple of str
    base : (genes,) array
        Mean log-rate: natural logarithm of the share of the library.
    loadings : (genes, drivers) array
        Signed square roots of the shares of `DRIVERS`.
    """

    names: tuple[str, ...]
    base: np.ndarray
    loadings: np.ndarray


def panel(seed: int, shares: dict[str, dict[str, float]]) -> Panel:
    """Make the genes of a study; a gene is the same in every unit.

    Parameters
    ----------
    seed : int
    shares : dict
        Gene to driver to its share of the variance of the log-rate.

    Returns
    -------
    Panel
    """
    base, loadings = np.zeros(len(shares)), np.zeros((len(shares), len(DRIVERS)))
    for i, (gene, drivers) in enumerate(shares.items()):
        rng = generator(seed, "tissue", "gene", gene)
        base[i] = np.log(rng.uniform(0.004, 0.015))
        size = np.sqrt([drivers.get(driver, 0.0) for driver in DRIVERS])
        loadings[i] = rng.choice([-1.0, 1.0], len(DRIVERS)) * size
    return Panel(tuple(shares), base, loadings)


def log_rates(rng: np.random.Generator, genes: Panel, drivers: dict[str, float]) -> np.ndarray:
    """Compute the log-rates of all genes in one spot.

    log-rate = base + 0.7 · (Σ ± sqrt(share_k) · driver_k + sqrt(1 - Σ share_k) · ε), with drivers
    of mean 0 and variance 1 that are independent of each other: driver k explains share_k of the
    variance.

    Parameters
    ----------
    rng : numpy.random.Generator
        For the unexplained rest, ε.
    genes : Panel
    drivers : dict of float
        Standardised value of each driver.

    Returns
    -------
    (genes,) array
    """
    known = genes.loadings @ np.array([drivers[name] for name in DRIVERS])
    rest = np.sqrt(np.clip(1 - (genes.loadings**2).sum(axis=1), 0, 1))
    return genes.base + SPREAD * (known + rest * rng.standard_normal(len(known)))


def counts(rng: np.random.Generator, log_rates: np.ndarray, library: float) -> np.ndarray:
    """Draw counts of a negative binomial law.

    Parameters
    ----------
    rng : numpy.random.Generator
    log_rates : (genes,) array
    library : float
        Counts expected of the whole spot.

    Returns
    -------
    (genes,) int array
        Of mean μ = library · rate and variance μ + 0.15 μ².
    """
    mean = library * np.exp(log_rates)
    return rng.poisson(mean * rng.gamma(1 / DISPERSION, DISPERSION, mean.shape))


def library(rng: np.random.Generator, depth: float) -> float:
    """Draw the library size of a spot on a slide of a given depth (1 is usual)."""
    return float(LIBRARY * depth * np.exp(LIBRARY_SPREAD * rng.standard_normal()))


@dataclass(frozen=True)
class Genes:
    """The argument ``genes``: how many, or each gene with its shares."""

    @property
    def default(self) -> dict:
        """Give one gene of each programme."""
        return dict(PROGRAMMES)

    def check(self, name: str, value) -> dict:
        """Return gene names to shares, or say what is wrong."""
        if isinstance(value, int) and not isinstance(value, bool):
            return _first(name, value)
        if not isinstance(value, dict):
            raise InputError(f"{name} = {value!r}", "a number of genes, or gene names to shares")
        return {str(gene): _shares(f"{name}.{gene}", shares) for gene, shares in value.items()}


def _first(name, number):
    """Name a number of genes, going round the programmes."""
    if not 0 <= number <= 1000:
        raise InputError(f"{name} = {number}", "a whole number from 0 to 1000")
    kinds = list(PROGRAMMES.items())
    turns = ((divmod(i, len(kinds))) for i in range(number))
    return {
        kinds[k][0] if turn == 0 else f"{kinds[k][0]}_{turn + 1}": kinds[k][1] for turn, k in turns
    }


def _shares(place, shares):
    if not isinstance(shares, dict):
        raise InputError(f"{place} = {shares!r}", "driver names to shares")
    for driver, share in shares.items():
        if driver not in DRIVERS:
            raise InputError(f"{place}: driver {driver!r}", one_of(DRIVERS, driver))
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise InputError(f"{place}.{driver} = {share!r}", "a share from 0 to 1")
    if sum(shares.values()) > 1 + 1e-9:
        raise InputError(f"{place}: shares that sum to {sum(shares.values()):g}", "at most 1")
    return {driver: float(share) for driver, share in shares.items()}


PROGRAMMES: dict[str, dict[str, float]] = {
    "composition": {"composition": 0.8},
    "density": {"density": 0.8},
    "morphology": {"morphology": 0.8},
    "arrangement": {"arrangement": 0.8},
    "texture": {"texture": 0.8},
    "slide": {"slide": 0.8},
    "none": {},
    "mixed": {"composition": 0.4, "morphology": 0.2, "density": 0.1, "slide": 0.1},
}
