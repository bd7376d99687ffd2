"""Intermediate layers of networks: which a row asks for, and what they are called."""

from collections.abc import Mapping, Sequence

from twinscope.errors import one_of
from twinscope.models import bad


def wanted(row: Mapping, known: Sequence[str]) -> dict[str, int]:
    """Names and numbers of the layers that a row asks for, from first to last.

    Parameters
    ----------
    row : mapping
        `layers`: ``all``, or names of the family's own, or numbers from 0, or from -1 at the end.
    known : sequence of str
        The family's names of all layers in the order in which images pass them.

    Returns
    -------
    dict
        ``{"block_07": 7}``: names that sort as the layers follow.

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    asked = row.get("layers", [])
    if not asked:
        return {}
    if not known:
        expected = "nothing: this network gives no layers"
        raise bad(row, "layers", ", ".join(map(repr, asked)), expected)
    numbers = range(len(known)) if "all" in asked else {_number(row, k, known) for k in asked}
    return {f"block_{number:02d}": number for number in sorted(numbers)}


def _number(row: Mapping, asked: str, known: Sequence[str]) -> int:
    if asked in known:
        return list(known).index(asked)
    try:
        return range(len(known))[int(asked)]
    except (ValueError, IndexError):
        expected = f"all, a number below {len(known)}, or {one_of(known, asked)}"
        raise bad(row, "layers", repr(asked), expected) from None
