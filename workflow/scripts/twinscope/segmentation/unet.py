"""The small network: a U-Net behind Cellpose's interface, and what it sees of an image."""

import numpy as np
import torch
from cellpose import models, vit
from scipy import ndimage
from torch import nn
from torch.nn import functional

from .training_images import DIAMETER

WIDTHS = (16, 32, 64, 96)


class SmallUNet(vit.BaseModel):
    """A U-Net with the interface that Cellpose expects of a network."""

    def __init__(self):
        super().__init__(dtype=torch.float32)
        self.backbone = "small_unet"
        steps = list(zip(WIDTHS[:-1], WIDTHS[1:], strict=True))
        self.down = nn.ModuleList([_block(3, WIDTHS[0]), *(_block(a, b) for a, b in steps)])
        self.up = nn.ModuleList(_block(a + b, a) for a, b in steps)
        self.out = nn.Conv2d(WIDTHS[0], 3, 1)

    def forward(self, pixels):
        """Give flows and cell probability, and the empty style that Cellpose still expects."""
        kept = []
        for level, block in enumerate(self.down):
            pixels = block(functional.max_pool2d(pixels, 2) if level else pixels)
            kept.append(pixels)
        for level in reversed(range(len(self.up))):
            pixels = functional.interpolate(pixels, scale_factor=2.0)
            pixels = self.up[level](torch.cat([kept[level], pixels], 1))
        return self.out(pixels), torch.zeros((len(pixels), 256), device=pixels.device)


class Small(models.CellposeModel):
    """Cellpose's evaluation round a network that it did not make.

    Parameters
    ----------
    net : SmallUNet
    device : torch.device
    """

    def __init__(self, net: SmallUNet, device: torch.device):
        self.net, self.device, self.gpu = net.to(device).eval(), device, device.type != "cpu"
        self.backbone, self.pretrained_model = net.backbone, None


def views(plane: np.ndarray, diameter: float) -> np.ndarray:
    """Normalise a nuclear plane, in the three forms that the network sees.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Bright nuclei.
    diameter : float
        Of a nucleus, pixels.

    Returns
    -------
    ndarray of float32, shape (3, Y, X)
        From 0 (the darkest per cent) to 1 (the brightest quarter of a nucleus): as it is; its
        square root, for dim nuclei; and over the brightest within a diameter, for uneven images.
    """
    sharp = ndimage.gaussian_filter(plane, max(0.0, (diameter / DIAMETER - 1) / 2))
    smooth = ndimage.gaussian_filter(plane, max(0.5, 0.05 * diameter))
    low = np.percentile(smooth, 1)
    rank = max(1, int(min(np.pi * diameter**2 / 16, 0.05 * plane.size)))
    span = np.partition(smooth.ravel(), -rank)[-rank] - low
    if span <= 1e-9 * np.abs(plane).max():
        return np.zeros((3, *plane.shape), np.float32)
    linear, smooth = (np.clip((one - low) / span, 0, 1.5) for one in (sharp, smooth))
    window = int(2 * diameter) | 1
    bright = ndimage.uniform_filter(ndimage.maximum_filter(smooth, window), window)
    local = np.clip(linear / np.maximum(bright, 0.05), 0, 1.5)
    return np.stack([linear, np.sqrt(linear), local]).astype(np.float32)


def _block(before, after):
    layers = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)
