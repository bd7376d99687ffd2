"""Levels of intensity that the images of a plate share, for networks that compare brightness."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from twinscope import images as pixels


def measure(images: Iterable[np.ndarray], channels: Sequence[str]) -> pd.DataFrame:
    """Percentiles 0.1 and 99.9 of each channel of each image.

    Parameters
    ----------
    images : iterable of (C, Y, X) arrays
        Looked at one by one.
    channels : sequence of C str
        Their channels' names.

    Returns
    -------
    DataFrame
        One row an image, columns ``low:channel`` and ``high:channel``.
    """
    rows = [pixels.percentiles(image).ravel() for image in images]
    return pd.DataFrame(np.array(rows).reshape(-1, 2 * len(channels)), columns=_columns(channels))


def share(levels: pd.DataFrame, batches: Sequence) -> pd.DataFrame:
    """Give each image the median levels of the images of its batch.

    A median needs no two images at once, and one image full of debris does not move it. The typical
    image then loses 0.2 % of its pixels to the ends of the range, a brighter one more.

    Parameters
    ----------
    levels : DataFrame
        As from `measure`.
    batches : sequence
        What was imaged together, one value an image.

    Returns
    -------
    DataFrame
        As `levels`.
    """
    return levels.groupby(np.asarray(batches, dtype=str)).transform("median")


def read(paths, name: str, channels: Sequence[str], reader: Callable) -> np.ndarray | None:
    """Levels as an array, of a job that may have none.

    Parameters
    ----------
    paths : Namedlist
        A job's input.
    name : str
        Which of them holds levels, if any.
    channels : sequence of C str
        The data set's channels.
    reader : callable
        Reads the table.

    Returns
    -------
    (n, C, 2) float64 array or None
    """
    if name not in paths.keys():  # noqa: SIM118
        return None
    values = reader(paths[name])[_columns(channels)].to_numpy(np.float64)
    return values.reshape(len(values), len(channels), 2)


def _columns(channels: Sequence[str]) -> list[str]:
    return [f"{end}:{channel}" for channel in channels for end in ("low", "high")]
