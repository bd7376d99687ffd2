"""What decides a stored vector: of the image, and of the network; and how it is told to readers."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from twinscope import inputs
from twinscope.embedding import devices
from twinscope.embedding.forward import Forward, Vectors
from twinscope.models import Network

# Counts up when the same network and image would give other numbers: stored results are then old.
VERSION = 1


def of_image(image: np.ndarray, channels: Sequence[str], levels: np.ndarray | None) -> str:
    """Fingerprint of all that an image brings to its vector.

    Parameters
    ----------
    image : (C, Y, X) array
        Its pixels.
    channels : sequence of C str
        Their names.
    levels : (C, 2) array or None
        The levels of intensity that it shares with others.
    """
    shared = None if levels is None else np.asarray(levels, np.float64).tolist()
    head = [str(image.dtype), image.shape, list(channels), shared]
    digest = hashlib.sha256(json.dumps(head).encode())
    digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()


def of_network(forward: Forward, answer: Vectors) -> str:
    """Fingerprint of all but the image and the batch size that decides a vector.

    Besides what is declared (weights, preprocessing, versions) it holds the network's answer to
    one fixed input, to the bit: a change of code, library or processor that nobody declared is
    seen by what it does.
    """
    vector, layers = answer
    digest = hashlib.sha256(vector.tobytes())
    for name in layers:
        digest.update(name.encode() + layers[name].tobytes())
    said = {
        "version": VERSION,
        "weights": forward.network.checksum,
        "inputs": inputs.describe(forward.network),
        "torch": torch.__version__,
        "device": devices.name_of(forward.device),
        "precision": forward.precision,
        "compiled": forward.compiled,
        "answer": digest.hexdigest(),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def provenance(network: Network, row: Mapping, versions: Mapping, facts: Mapping) -> dict:
    """Say how a representation was made: the row, the weights, the preprocessing, the device.

    Parameters
    ----------
    network : Network
        What embedded.
    row, versions : mapping
        Its row of models.tsv; versions of packages.
    facts : mapping
        Those of `Embedded`.
    """
    described = inputs.describe(network)
    return {
        "row": dict(row),
        "weights_sha256": network.checksum,
        "input_size": described.pop("size"),
        **described,
        **facts,
        "versions": dict(versions),
    }
