"""What each effect changes and what each driver of a gene stands for, in words to check against."""

from twinscope.errors import InputError, one_of


def causes(effect: str) -> frozenset[str]:
    """Tell what an effect changes.

    Parameters
    ----------
    effect : str
        A key of `effects.EFFECTS`.

    Returns
    -------
    frozenset of str
        Of ``count``, ``size``, ``shape``, ``texture``, ``organelle``, ``actin``, ``intensity`` and
        ``position``; empty for an effect that changes nothing.

    Raises
    ------
    InputError
        For an unknown effect.
    """
    if effect not in CAUSES:
        raise InputError(f"effect {effect!r}", one_of(CAUSES, effect))
    return CAUSES[effect]


CAUSES: dict[str, frozenset[str]] = {
    "count": frozenset({"count"}),
    "nuclear-shape": frozenset({"shape"}),
    "nuclear-size": frozenset({"size"}),
    "texture": frozenset({"texture"}),
    "organelle": frozenset({"organelle"}),
    "actin": frozenset({"actin"}),
    "intensity": frozenset({"intensity"}),
    "mixed": frozenset({"count", "size", "texture", "organelle"}),
    "null": frozenset(),
    "position": frozenset({"position"}),
}
DRIVERS: dict[str, frozenset[str]] = {
    "composition": frozenset({"composition"}),
    "density": frozenset({"count"}),
    "morphology": frozenset({"size"}),
    "arrangement": frozenset({"arrangement"}),
    "texture": frozenset({"texture"}),
    "slide": frozenset({"slide"}),
}
