"""Random generators that depend on names alone, so that any unit or well is made by itself."""

import hashlib

import numpy as np


def generator(seed: int, *names: object) -> np.random.Generator:
    """Make the generator that belongs to a seed and a chain of names.

    Parameters
    ----------
    seed : int
        Seed of the study, not negative.
    *names : object
        What the generator is for, such as a design, a unit, a well and a site. Their text is hashed
        with SHA-256, so neither ``PYTHONHASHSEED`` nor the order of calls matters.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by a ``SeedSequence`` of the seed and the hash.
    """
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([int(seed), *map(int, words)]))
