"""Channels of images and channels of networks: which reach which, by name."""

from collections.abc import Sequence

from twinscope.errors import InputError, one_of

COLOURS = 3
# Policies that show each channel by itself, and those whose channels a row names.
SINGLE = ("per-channel", "per-channel-mean")
NAMED = ("chosen", "native", "adapted")
POLICIES = ("rgb", *SINGLE, *NAMED)


def positions(policy: str, wanted: Sequence[str], channels: Sequence[str]) -> list[int]:
    """Which channels of an image reach a network, in its order.

    Parameters
    ----------
    policy : {"rgb", "per-channel", "per-channel-mean", "chosen", "native", "adapted"}
        How channels reach the network.
    wanted : sequence of str
        For ``chosen``, ``native`` and ``adapted``, the names of the channels it takes.
    channels : sequence of str
        The names of the image's channels.

    Returns
    -------
    list of int
        Places in `channels`.

    Raises
    ------
    InputError
        If a channel is not there, or ``rgb`` meets an image without exactly three.
    """
    if policy == "rgb" and len(channels) != COLOURS:
        found = f"rgb, and {len(channels)} channels ({', '.join(channels)})"
        raise InputError(found, f"three channels, or one of {', '.join(POLICIES[1:])}")
    if policy not in NAMED:
        return list(range(len(channels)))
    for name in wanted:
        if name not in channels:
            expected = one_of(channels, name)
            raise InputError(f"no channel {name!r}, which {policy} takes", expected)
    return [list(channels).index(name) for name in wanted]
