"""Images whose truth is known: simulated cell culture and tissue, with masks and causes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral

from twinscope.errors import InputError, one_of

from . import cells, tissue
from .picture import Picture

__all__ = ["DESIGNS", "Design", "Picture", "channels", "check", "simulate"]


@dataclass(frozen=True)
class Design:
    """A kind of image: its channels, how arguments are checked, how pictures are made."""

    channels: tuple[str, ...]
    check: Callable[[dict], dict]
    simulate: Callable[[str, int, dict], Iterator[Picture]]


def channels(design: str) -> tuple[str, ...]:
    """Name the channels of a design, in the order of its images.

    Parameters
    ----------
    design : str
        A key of `DESIGNS`.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        For an unknown design.
    """
    return _design(design).channels


def check(design: str, arguments: dict) -> dict:
    """Check the arguments of a design and fill in its defaults.

    Parameters
    ----------
    design : str
        A key of `DESIGNS`.
    arguments : dict
        As given in a table; see ``docs/simulator.md``.

    Returns
    -------
    dict
        Complete arguments.

    Raises
    ------
    InputError
        For an unknown design or argument, or a value that is not allowed.
    """
    return _design(design).check(arguments)


def simulate(design: str, unit: str, seed: int, **arguments) -> Iterator[Picture]:
    """Make the pictures of one unit (a plate, a set of slides), one at a time.

    Parameters
    ----------
    design : str
        A key of `DESIGNS`.
    unit : str
        Name of the unit; with the seed it decides everything about it, so that any unit is made
        alone and in any order.
    seed : int
        Seed of the study; the same seed gives the same bytes.
    **arguments
        See ``docs/simulator.md``.

    Returns
    -------
    iterator of Picture

    Raises
    ------
    InputError
        At once, before the first picture, for a bad design, seed or argument.
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed = {seed!r}", "a whole number, 0 or more")
    chosen = _design(design)
    return chosen.simulate(unit, int(seed), chosen.check(arguments))


def _design(name: str) -> Design:
    if name not in DESIGNS:
        raise InputError(f"design {name!r}", one_of(DESIGNS, name))
    return DESIGNS[name]


DESIGNS: dict[str, Design] = {
    "cells": Design(tuple(cells.CHANNELS), cells.check, cells.simulate),
    "tissue": Design(("red", "green", "blue"), tissue.check, tissue.simulate),
}
