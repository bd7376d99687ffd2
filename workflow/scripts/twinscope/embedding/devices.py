"""Where a network runs, how precisely, and what makes it quick there."""

import ctypes
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# mallopt of glibc: M_TRIM_THRESHOLD, M_MMAP_MAX and M_ARENA_MAX, and what they are set to.
MALLOC = {-1: 2**31 - 1, -4: 0, -8: 1}


def best_device() -> str:
    """Return the best device that is there: CUDA, Apple's MPS, or the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision_on(device: str, allowed: str) -> str:
    """Return what a network is computed in: half precision on a CUDA GPU only."""
    return allowed if device.startswith("cuda") else "float32"


def name_of(device: str) -> str:
    """Return the kind of device: another GPU may round otherwise."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def keep_memory() -> None:
    """Let the process keep freed memory for the next layer, where the C library is glibc.

    Giving it back and asking for it anew takes as long as the layers of a small convolutional
    network. All threads then share one arena, which only works if it is said before a second
    thread asks for memory: importing this package says it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for option, value in MALLOC.items() if mallopt else ():
        mallopt(option, value)


def settle(device: str) -> None:
    """Let float32 be float32 on a GPU, and convolutions deterministic."""
    if device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True


def arithmetic(device: str, precision: str, compiled: bool) -> AbstractContextManager:
    """Return the context of a forward pass."""
    if device == "cpu" and not compiled and torch.backends.mkldnn.is_available():
        return _Convolved()
    if precision != "float32":
        return torch.autocast("cuda", getattr(torch, precision))
    return nullcontext()


class _Convolved(TorchFunctionMode):
    """Linear layers over tokens as the convolutions of one pixel that they are.

    Both give the same to rounding (a ViT-S differs by 2e-6 of its largest value). oneDNN computes
    the convolution, and on an AMD EPYC it takes half the time of the matrix product of MKL; other
    processors were not tried. The dilation means nothing to one pixel: it keeps torch from its
    own, slower, convolution of few images.
    """

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        if function is functional.linear and arguments[0].ndim > 2 and not named:
            return _convolved(*arguments)
        return function(*arguments, **named)


def _convolved(x: torch.Tensor, weight: torch.Tensor, bias=None) -> torch.Tensor:
    if x.dtype != torch.float32 or weight.dtype != torch.float32:
        return functional.linear(x, weight, bias)
    flat = x.reshape(len(x), -1, 1, x.shape[-1]).permute(0, 3, 1, 2)
    out = functional.conv2d(flat, weight[:, :, None, None], bias, dilation=2)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))
