"""What a baseline can see in principle, held against what a simulated perturbation changes."""

from collections.abc import Iterable, Mapping

from twinscope.sources.simulated.causes import CAUSES
from twinscope.sources.simulated.effects import PERTURBATIONS

# Genes that follow the slide or nothing: with slides kept whole, no picture tells of them.
UNSEEN = ("high_slide", "high_none")
ALL = {"count", "size", "shape", "texture", "organelle", "actin", "intensity", "position"}


def expected(
    classes: Iterable[str], functions: Mapping[str, str], target: str = ""
) -> dict[str, dict[str, str]]:
    """Say which representation must see a class, and which cannot.

    Parameters
    ----------
    classes : iterable of str
        Effects or perturbations of the simulator; others are left out.
    functions : mapping
        Representation to its function; "network" for networks.
    target : str
        Column of the classes: genes of which no image tells are known by it.

    Returns
    -------
    dict
        Class to representation to "yes" (it reads something that the class changes) or "no" (it
        reads nothing of it). A representation is left out where the design does not decide: a
        network, or a baseline that a change reaches only faintly.
    """
    if target in UNSEEN:
        blind = [name for name, what in functions.items() if what != "true-factors"]
        return {name: dict.fromkeys(sorted(blind), "no") for name in sorted(set(classes))}
    found = {}
    for name in sorted(set(classes)):
        effect = PERTURBATIONS[name].effect if name in PERTURBATIONS else name
        if effect not in CAUSES:
            continue
        changed = CAUSES[effect]
        answers = {who: _answer(what, changed) for who, what in sorted(functions.items())}
        found[name] = {who: answer for who, answer in answers.items() if answer}
    return found


def _answer(function: str, changed: frozenset[str]) -> str:
    sees, blind = READS.get(function, ((), ()))
    if changed & set(sees):
        return "yes"
    return "no" if changed <= set(blind) else ""


def _reads(*sees: str, faint: Iterable[str] = ()) -> tuple[set[str], set[str]]:
    """Pair what a function sees with what it is blind to: all else but what reaches it faintly."""
    return set(sees), ALL - set(sees) - set(faint)


# Function to (what it sees, what it is blind to). Position reaches images through the edge effect.
READS: dict[str, tuple[set[str], set[str]]] = {
    "cell-count": _reads("count", faint=("size", "position")),
    "nuclear-shape": _reads("size", "shape", faint=("position",)),
    "nuclear-intensity": _reads("intensity", faint=("organelle", "texture", "size", "position")),
    "nuclear-texture": _reads(
        "texture", faint=("organelle", "size", "shape", "intensity", "position")
    ),
    "cell-shape": _reads(faint=("count", "size", "shape", "position")),
    "organelles": _reads(
        *("organelle", "actin"), faint=("intensity", "size", "shape", "count", "position")
    ),
    "intensity-moments": _reads(
        *("count", "intensity"), faint=("size", "texture", "organelle", "position", "shape")
    ),
    "intensity-histogram": _reads(
        *("count", "intensity"), faint=("size", "texture", "organelle", "position", "shape")
    ),
    "tissue-fraction": _reads("count", faint=("size", "intensity", "position")),
    "layout": _reads(faint=("count", "position")),
    "graph": _reads("count", faint=("size", "shape", "position")),
    "composition": _reads("size", "shape", faint=("count", "position")),
    # Drawn as centroids it sees no shape, drawn as masks a coarse one.
    "mask-network": _reads("count", faint=("size", "shape", "position")),
    "channel-correlation": _reads(faint=ALL),
    "thumbnail": _reads("count", faint=ALL - {"count"}),
    "pixel-components": _reads("count", faint=ALL - {"count"}),
    "random-patches": _reads("count", "intensity", faint=ALL - {"count", "intensity"}),
    "haralick": _reads("texture", faint=ALL - {"texture"}),
    "lbp": _reads("texture", faint=ALL - {"texture"}),
    "granularity": _reads("count", faint=ALL - {"count"}),
    "power-spectrum": _reads(faint=ALL),
    "classical": _reads(
        *("size", "shape", "texture", "intensity"),
        faint=("organelle", "actin", "count", "position"),
    ),
    "position": _reads("position"),
    "well": _reads("position"),
    "plate-order": _reads(faint=("position",)),
    "coordinates": _reads("position"),
    "file-size": _reads("count", faint=ALL - {"count"}),
    "batch": _reads(),
    "noise": _reads(),
    "constant": _reads(),
    "true-factors": _reads(*(ALL - {"position"}), faint=("position",)),
}
