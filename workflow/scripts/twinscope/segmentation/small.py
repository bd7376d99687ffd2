"""Cellpose with a small network of our own, trained on simulated images and nothing else."""

import io
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from cellpose import core
from cellpose.train import train_seg

from twinscope.errors import InputError

from .classical import diameter_in_pixels, nuclear_plane
from .flows import FEWEST_PIXELS, follow
from .training_images import DIAMETER, Scene, dress, scenes
from .unet import Small, SmallUNet, views

LEARNING_RATE = 5e-3
BATCH = 8
CROP = 128
# Sums are split by the number of threads: with one, a machine's cores change nothing.
THREADS = 1


class Dressed(Sequence):
    """Scenes that look different at every look, as a sequence that Cellpose's training takes.

    Parameters
    ----------
    scenes : sequence of Scene
    seed : int
        Of the looks, in the order in which they are taken.
    """

    def __init__(self, scenes: Sequence[Scene], seed: int):
        self.scenes, self.rng = scenes, np.random.default_rng([seed, 1])

    def __len__(self) -> int:
        """Count the scenes."""
        return len(self.scenes)

    def __getitem__(self, number: int) -> np.ndarray:
        """Dress one scene anew, (3, Y, X) float32."""
        return views(dress(self.scenes[number], self.rng), DIAMETER)


def train(
    drawn: Sequence[Scene] | None = None,
    *,
    seed: int = 0,
    epochs: int = 120,
    scenes_per_epoch: int = 40,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[bytes, pd.DataFrame]:
    """Train the small network on simulated scenes, with Cellpose's flows, loss and schedule.

    Runs on the CPU with one thread whatever the machine has, so that one seed gives the same
    bytes on any number of cores; another processor or version of PyTorch may round otherwise.

    Parameters
    ----------
    drawn : sequence of Scene, optional
        What to train on, pictures of one size; by default those of `training_images.scenes`.
    seed : int
        Of the scenes, their looks and the initial weights. The crops follow Cellpose's own seeds.
    epochs, scenes_per_epoch : int
        With fewer than 100 epochs Cellpose does not lower the learning rate at the end.
    progress : callable, optional
        Called after every epoch with the epochs done and their number.

    Returns
    -------
    checkpoint : bytes
        Weights, for `load`.
    log : DataFrame
        One row an epoch: epoch (from 1), loss (flows and cell probability, mean of the epoch).
    """
    drawn = list(scenes(seed) if drawn is None else drawn)
    with torch.random.fork_rng(devices=[]), _numpy_kept(), _threads(THREADS):
        torch.manual_seed(seed)
        net = SmallUNet().to(memory_format=torch.channels_last)
        net.register_forward_hook(_counter(-(-scenes_per_epoch // BATCH), epochs, progress))
        # Cellpose insists on leaving a file, and looks for nuclei in scenes that have none.
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, losses, _ = train_seg(
                net,
                train_data=Dressed(drawn, seed),
                train_labels=[scene.nuclei.copy() for scene in drawn],
                normalize=False,
                batch_size=BATCH,
                learning_rate=LEARNING_RATE,
                weight_decay=1e-4,
                n_epochs=epochs,
                nimg_per_epoch=scenes_per_epoch,
                min_train_masks=0,
                bsize=CROP,
                scale_range=1.0,
                save_path=folder,
                model_name="small",
            )
    log = pd.DataFrame({"epoch": np.arange(1, epochs + 1), "loss": losses})
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    return file.getvalue(), log


def load(checkpoint: bytes) -> Small:
    """Load a small network, on a GPU (CUDA or Apple's MPS) if there is one.

    Parameters
    ----------
    checkpoint : bytes
        As made by `train`.

    Returns
    -------
    Small

    Raises
    ------
    InputError
        When the bytes are not a whole checkpoint of this network.
    """
    net = SmallUNet()
    try:
        net.load_state_dict(torch.load(io.BytesIO(checkpoint), "cpu", weights_only=True))
    except Exception as error:
        # Damaged bytes make the reader raise whatever it likes; code, an UnpicklingError.
        why = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        raise InputError(
            f"a checkpoint of {len(checkpoint)} bytes that does not fit ({why})",
            "the whole checkpoint of a small network of this version",
        ) from error
    return Small(net, core.assign_device(gpu=True)[0])


def describe(network: Small) -> dict:
    """Say what was loaded, for the provenance of masks."""
    return {"network": "small, trained on simulated images", "device": network.device.type}


def segment(
    image: np.ndarray,
    *,
    channels: tuple[str, ...],
    nuclear_channel: str,
    microns_per_pixel: float,
    nucleus_diameter: float = 10.0,
    network: Small,
) -> np.ndarray:
    """Segment nuclei with a small network.

    The nuclear plane is normalised (see `views`), resized so that nuclei are 16 pixels wide, and
    passed through the network; its flows are followed in the pixels of the image. On the CPU one
    thread is used, so that masks do not depend on how many there are.

    It learned bright nuclei of the simulator's two designs. On others it was seen to cut nuclei of
    three diameters and more in two, to miss large pale ones in tissue, and to draw outlines inside
    the halo of blurred ones. It finds a nucleus in up to 5 % of images of mere noise.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        uint8, uint16 or float. Float colour images are taken to lie in 0..1.
    channels : sequence of str, length C
        Names of the channels, in order.
    nuclear_channel : str
        The name of a channel, "haematoxylin" (the image is RGB) or "luminance".
    microns_per_pixel : float
        Pixel size.
    nucleus_diameter : float
        Typical diameter in µm.
    network : Small
        As loaded by `load`.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n for the nuclei in raster order of their first pixels.

    Raises
    ------
    InputError
        When the nuclear channel is not there, lengths are not positive, or pixels are not finite.

    References
    ----------
    Stringer et al. 2021, Nat. Methods 18:100 (flows). Pachitariu and Stringer 2022, Nat. Methods
    19:1634 (training).
    """
    plane = nuclear_plane(image, channels, nuclear_channel)
    diameter = diameter_in_pixels(plane.shape, microns_per_pixel, nucleus_diameter)
    side = max(*plane.shape, FEWEST_PIXELS) * DIAMETER / diameter + 16
    with _threads(THREADS):
        return follow(
            network,
            np.moveaxis(views(plane, diameter), 0, -1),
            diameter,
            DIAMETER,
            normalize=False,
            bsize=int(min(256, 16 * np.ceil(side / 16))),
            niter=int(20 + 3 * diameter),
        )


def _counter(batches, epochs, progress):
    seen = 0

    def count(*_):
        nonlocal seen
        seen += 1
        if progress is not None and seen % batches == 0:
            progress(seen // batches, epochs)

    return count


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _numpy_kept() -> Iterator[None]:
    """Give NumPy's global generator, which Cellpose seeds, its state back."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
