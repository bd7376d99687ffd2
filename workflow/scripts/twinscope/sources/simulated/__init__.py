"""Images whose truth is known: simulated cell culture and tissue, with masks and causes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from numbers import Integral

from twinscope.errors import InputError, one_of

from . import cells, tissue
from .arguments import Number
from .picture import Picture
from .workers import in_order

__all__ = ["DESIGNS", "Design", "Picture", "channels", "check", "number", "simulate"]


@dataclass(frozen=True)
class Design:
    """A kind of image: its channels, how arguments are checked, how pictures are made.

    Attributes
    ----------
    channels : tuple of str
    check : callable
        Arguments to complete arguments.
    number : callable
        Complete arguments to the number of pictures of a unit.
    parts : callable
        Unit, seed and complete arguments to what each picture is to be, in order.
    picture : callable
        Unit, seed, complete arguments and one part to a picture.
    """

    channels: tuple[str, ...]
    check: Callable[[dict], dict]
    number: Callable[[dict], int]
    parts: Callable[[str, int, dict], Iterable]
    picture: Callable[[str, int, dict, tuple], Picture]


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


def number(design: str, arguments: dict) -> int:
    """Count the pictures that a unit of a design will have.

    Parameters
    ----------
    design : str
        A key of `DESIGNS`.
    arguments : dict
        As given in a table; see ``docs/simulator.md``.

    Returns
    -------
    int

    Raises
    ------
    InputError
        As `check`.
    """
    return _design(design).number(check(design, arguments))


def simulate(design: str, unit: str, seed: int, workers: int = 1, **arguments) -> Iterator[Picture]:
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
    workers : int
        Processes that make pictures, two each ahead of what is asked for; they come in the same
        order and with the same bytes as from one.
    **arguments
        See ``docs/simulator.md``.

    Returns
    -------
    iterator of Picture

    Raises
    ------
    InputError
        At once, before the first picture, for a bad design, seed, argument or number of workers.
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed = {seed!r}", "a whole number, 0 or more")
    chosen, workers = _design(design), Number(1, 1, 1024, whole=True).check("workers", workers)
    seed, complete = int(seed), chosen.check(arguments)
    task = partial(chosen.picture, unit, seed, complete)
    return in_order(task, chosen.parts(unit, seed, complete), workers)


def _design(name: str) -> Design:
    if name not in DESIGNS:
        raise InputError(f"design {name!r}", one_of(DESIGNS, name))
    return DESIGNS[name]


DESIGNS: dict[str, Design] = {
    "cells": Design(tuple(cells.CHANNELS), cells.check, cells.number, cells.parts, cells.picture),
    "tissue": Design(
        ("red", "green", "blue"), tissue.check, tissue.number, tissue.parts, tissue.picture
    ),
}
