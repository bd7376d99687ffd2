"""What a baseline can see in principle, held against what changes in simulated images."""

from collections.abc import Iterable, Mapping

from twinscope.sources.simulated.causes import CAUSES, DRIVERS
from twinscope.sources.simulated.effects import PERTURBATIONS
from twinscope.sources.simulated.genes import PROGRAMMES

HIGH = "high_"
# Of a driver that explains less of a gene, a baseline may see too little to be asked for it.
SHARE = 0.2
# With slides kept whole no picture tells of the slide.
HIDDEN = {"slide"}
CULTURE = {"count", "size", "shape", "texture", "organelle", "actin", "intensity", "position"}
TISSUE = {"composition", "count", "size", "arrangement", "texture"}


def expected(
    classes: Iterable[str], functions: Mapping[str, str], target: str = ""
) -> dict[str, dict[str, str]]:
    """Say which representation must see a class, and which cannot.

    Parameters
    ----------
    classes : iterable of str
        Effects or perturbations of the simulator, or the classes of a target that says whether a
        gene of `PROGRAMMES` is high; others are left out.
    functions : mapping
        Representation to its function; "network" for networks.
    target : str
        Column of the classes: ``high_{gene}`` for genes.

    Returns
    -------
    dict
        Class to representation to "yes" (it reads something that the class changes) or "no" (it
        reads nothing of it). A representation is left out where the design does not decide: a
        network, or a baseline that a change reaches only faintly.
    """
    found = {}
    for name in sorted(set(classes)):
        cause = _of_gene(target) or _of_effect(name)
        if cause:
            answers = {who: _answer(what, *cause) for who, what in sorted(functions.items())}
            found[name] = {who: answer for who, answer in answers.items() if answer}
    return found


def _of_effect(name: str):
    """Look up who reads what of cultures and what an effect changes, all of it clearly."""
    effect = PERTURBATIONS[name].effect if name in PERTURBATIONS else name
    return (OF_EFFECTS, CAUSES[effect], CAUSES[effect]) if effect in CAUSES else None


def _of_gene(target: str):
    """Look up who reads what of tissue, what drives a gene, and what drives much of it."""
    gene = target.removeprefix(HIGH)
    if gene == target or gene not in PROGRAMMES:
        return None
    shares = PROGRAMMES[gene]
    much = (DRIVERS[driver] for driver, share in shares.items() if share >= SHARE)
    drivers = (DRIVERS[driver] for driver in shares)
    return OF_GENES, frozenset().union(*drivers), frozenset().union(*much)


def _answer(function: str, reads: Mapping, changed: frozenset[str], strong: frozenset[str]) -> str:
    if changed <= HIDDEN:
        return "" if changed and function == "true-factors" else "no"
    if function not in reads:
        return ""
    sees, faint = reads[function]
    if strong & sees:
        return "yes"
    return "no" if changed.isdisjoint(sees | faint) else ""


def _reads(*sees: str, faint: Iterable[str] = ()) -> tuple[set[str], set[str]]:
    """Pair what a function sees with what reaches it faintly; it is blind to all else."""
    return set(sees), set(faint)


# Function to (what it sees, what reaches it faintly). Position shows through the edge effect.
OF_EFFECTS: dict[str, tuple[set[str], set[str]]] = {
    "cell-count": _reads("count", faint=("size", "position")),
    "nuclear-shape": _reads("size", "shape", faint=("position",)),
    "nuclear-intensity": _reads("intensity", faint=("organelle", "size", "position")),
    "nuclear-texture": _reads(
        "texture", faint=("organelle", "size", "shape", "intensity", "position")
    ),
    "cell-shape": _reads(faint=("count", "size", "shape", "position")),
    "organelles": _reads(
        *("organelle", "actin"), faint=("intensity", "size", "shape", "count", "position")
    ),
    "intensity-moments": _reads(
        *("count", "intensity"), faint=("size", "organelle", "position", "shape")
    ),
    "intensity-histogram": _reads(
        *("count", "intensity"), faint=("size", "organelle", "position", "shape")
    ),
    "tissue-fraction": _reads("count", faint=("size", "intensity", "position")),
    "layout": _reads(faint=("count", "position")),
    "graph": _reads("count", faint=("size", "shape", "position")),
    "composition": _reads("size", "shape", faint=("count", "position")),
    # Drawn as centroids it sees no shape, drawn as masks a coarse one.
    "mask-network": _reads("count", faint=("size", "shape", "position")),
    "channel-correlation": _reads(faint=CULTURE - {"texture"}),
    "thumbnail": _reads("count", faint=CULTURE - {"count"}),
    "pixel-components": _reads("count", faint=CULTURE - {"count"}),
    "random-patches": _reads("count", "intensity", faint=CULTURE - {"count", "intensity"}),
    "haralick": _reads("texture", faint=CULTURE - {"texture"}),
    "lbp": _reads("texture", faint=CULTURE - {"texture"}),
    "granularity": _reads("count", "texture", faint=CULTURE - {"count", "texture"}),
    "power-spectrum": _reads("texture", faint=CULTURE - {"texture"}),
    "classical": _reads(
        *("size", "shape", "texture", "intensity"),
        faint=("organelle", "actin", "count", "position"),
    ),
    "position": _reads("position"),
    "well": _reads("position"),
    "plate-order": _reads(faint=("position",)),
    "coordinates": _reads("position"),
    "file-size": _reads("count", faint=CULTURE - {"count"}),
    "batch": _reads(),
    "noise": _reads(),
    "constant": _reads(),
    "true-factors": _reads(*(CULTURE - {"position"}), faint=("position",)),
}
# A gene is asked for on slides that were not fitted on, whose stains differ: what reads light, and
# not its form within a nucleus, sees a change of nuclei faintly. Nuclei keep a distance of their
# own size, so their spacing tells how dense they lie; the cell count knows the area they cover.
# Shape and texture of nuclei tell types apart, and a texture is measured on more of a larger one.
LIGHT = _reads(faint=TISSUE)
NOTHING = _reads()
OF_GENES: dict[str, tuple[set[str], set[str]]] = {
    "cell-count": _reads("count", faint=("size", "composition", "arrangement")),
    "tissue-fraction": _reads(faint=TISSUE - {"texture"}),
    "nuclear-shape": _reads("size", "composition"),
    "layout": _reads("count", "arrangement", faint=("composition",)),
    "graph": _reads("count", "arrangement", faint=("composition", "size")),
    "composition": _reads("size", "composition", faint=("count", "arrangement")),
    "mask-network": _reads("count", faint=("size", "composition", "arrangement")),
    "nuclear-intensity": LIGHT,
    "intensity-moments": LIGHT,
    "intensity-histogram": LIGHT,
    "channel-correlation": LIGHT,
    "optical-density": LIGHT,
    "thumbnail": LIGHT,
    "pixel-components": LIGHT,
    "random-patches": LIGHT,
    "nuclear-texture": _reads("texture", faint=("size", "composition", "count", "arrangement")),
    "haralick": LIGHT,
    "lbp": LIGHT,
    "granularity": LIGHT,
    "power-spectrum": LIGHT,
    "classical": _reads("size", "texture", faint=TISSUE - {"size", "texture"}),
    "file-size": LIGHT,
    "position": NOTHING,
    "coordinates": NOTHING,
    "batch": NOTHING,
    "library-size": NOTHING,
    "noise": NOTHING,
    "constant": NOTHING,
    "true-factors": _reads(*TISSUE),
}
