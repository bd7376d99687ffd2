"""From a network's tokens or feature map to one vector an image."""

import torch

from twinscope.errors import InputError, one_of


def pool(
    tokens: torch.Tensor, how: str, *, class_tokens: int = 1, registers: int = 0
) -> torch.Tensor:
    """Pool tokens into one vector an image; registers never count.

    Parameters
    ----------
    tokens : (B, N, d) Tensor
        Class tokens first, then registers, then patches.
    how : {"token", "mean", "both"}
        The class token, the mean of the patches, or one beside the other.
    class_tokens : int
        0 or 1.
    registers : int
        Tokens between the class token and the patches that stand for no place in the image.

    Returns
    -------
    (B, d) or, for both, (B, 2 d) Tensor

    Raises
    ------
    InputError
        If there is no such pooling, no class token, or no patch is left.
    """
    if how not in POOLINGS:
        raise InputError(repr(how), one_of(POOLINGS, how))
    if how != "mean" and not class_tokens:
        raise InputError(f"{how!r} and no class token", "mean")
    first = class_tokens + registers
    if first >= tokens.shape[1]:
        found = f"{registers} registers among {tokens.shape[1]} tokens"
        raise InputError(found, "registers, and patches after them")
    patches = tokens[:, first:].mean(1)
    if how == "mean":
        return patches
    return tokens[:, 0] if how == "token" else torch.cat([tokens[:, 0], patches], 1)


class Pooled(torch.nn.Module):
    """A network whose tokens, (B, N, d), or map, (B, d, y, x), are pooled.

    Parameters
    ----------
    network : Module
        Gives a tensor, or an output with `last_hidden_state`. A map with channels last is told by
        the network's own `output_fmt` (``NHWC``).
    how, class_tokens, registers
        As for `pool`; a map has neither class token nor registers, and is averaged.
    """

    def __init__(self, network: torch.nn.Module, how: str, class_tokens: int, registers: int):
        super().__init__()
        self.network = network
        self.how, self.class_tokens, self.registers = how, class_tokens, registers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, inputs, y, x) to (B, d) or (B, 2 d)."""
        output = self.network(images)
        return self.pooled(getattr(output, "last_hidden_state", output))

    def pooled(self, tokens: torch.Tensor) -> torch.Tensor:
        """Pool tokens or a map of the network's."""
        if tokens.ndim == 4:
            last = str(getattr(self.network, "output_fmt", "")) == "NHWC"
            return tokens.mean((1, 2) if last else (2, 3))
        counts = {"class_tokens": self.class_tokens, "registers": self.registers}
        return pool(tokens, self.how, **counts)


POOLINGS = ("token", "mean", "both")
