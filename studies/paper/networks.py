"""Published networks that are in no library: each is built here, untrained or from its file.

Every function takes the path of the weights, or None for an untrained network, and a seed, and
returns the module and what it expects of its input. Weights have to fit name by name.
"""

import re

import timm
import torch
from safetensors.torch import load_file
from timm.models.swin_transformer import checkpoint_filter_fn
from timm.models.vision_transformer import ParallelScalingBlock
from torch import nn

CLIP = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
}
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
ONE_CHANNEL = {"mean": (0.0,), "std": (1.0,), "channels": 1, "policy": "per-channel"}


def conch(weights, seed):
    """CONCH: ViT-B/16 at 448 pixels and a query that attends to its tokens (Lu et al. 2024)."""
    trunk = timm.create_model("vit_base_patch16_224", img_size=448, num_classes=0)
    pooler = nn.ModuleDict(
        {
            "attn_pool_contrast": _Query(512, context=768, heads=8),
            "ln_contrast": nn.LayerNorm(512),
        }
    )
    module = _Conch(trunk, pooler)
    return _filled(module, weights, "visual."), {"input_size": 448, **CLIP}


def conch_v15(weights, seed):
    """CONCH v1.5: ViT-L/16 with positions of 224 pixels at 448, and a query (Ding et al. 2024)."""
    trunk = timm.create_model("vit_large_patch16_224", num_classes=0, init_values=1e-6)
    trunk.patch_embed.strict_img_size = False
    module = _filled(_ConchV15(trunk, width=768, heads=8), weights)
    return module, {"input_size": 448, "interpolation": "bilinear", **IMAGENET}


def ctranspath(weights, seed):
    """CTransPath: Swin-T whose patches are cut by convolutions (Wang et al. 2022)."""
    module = timm.create_model("swin_tiny_patch4_window7_224", embed_layer=_ConvStem, num_classes=0)
    expects = {"input_size": 224, "interpolation": "bilinear", **IMAGENET}
    return _filled(module, weights, renamed=checkpoint_filter_fn), expects


def openphenom(weights, seed):
    """OpenPhenom's encoder, shown one channel at a time (Kraus et al. 2024)."""
    trunk = timm.create_model(
        "vit_small_patch16_224",
        **{"img_size": 256, "in_chans": 1, "num_classes": 0, "global_pool": "avg"},
        **{"init_values": 1e-4, "qkv_bias": False, "qk_norm": True},
        block_fn=ParallelScalingBlock,
    )
    trunk.pos_embed = nn.Parameter(_waves(384, 16), requires_grad=False)
    module = _Scaled(trunk, mean_of_patches=True)
    return _filled(module, weights, "encoder.vit_backbone."), {"input_size": 256, **ONE_CHANNEL}


def morphem(weights, seed):
    """MorphEm: ViT-S/16 of one channel, trained by DINO on CHAMMI-75."""
    module = _Scaled(timm.create_model("vit_small_patch16_224", in_chans=1, num_classes=0))
    return _filled(module, weights), {"input_size": 224, **ONE_CHANNEL}


def cell_dino(weights, seed):
    """Channel-adaptive DINO: ViT-L/16 of one channel (De Lorenci et al. 2025)."""
    trunk = timm.create_model("vit_large_patch16_224", in_chans=1, num_classes=0, init_values=1.0)
    module = _filled(_Scaled(trunk), weights, renamed=_unchunked)
    return module, {"input_size": 224, **ONE_CHANNEL}


def subcell(weights, seed):
    """SubCell for nucleus and protein: ViT-B/16 at 448 pixels, gated attention of two heads.

    Each channel stands for both, as in the benchmark of CHAMMI-75.
    """
    trunk = timm.create_model("vit_base_patch16_224", img_size=448, in_chans=2, num_classes=0)
    return _filled(_SubCell(trunk), weights), {"input_size": 448, **ONE_CHANNEL}


class _Query(nn.Module):
    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, width))
        self.attn = nn.MultiheadAttention(
            width, heads, kdim=context, vdim=context, batch_first=True
        )
        self.ln_q, self.ln_k = nn.LayerNorm(width), nn.LayerNorm(context)

    def forward(self, tokens):
        keys = self.ln_k(tokens)
        query = self.ln_q(self.query).expand(len(tokens), -1, -1)
        return self.attn(query, keys, keys, need_weights=False)[0][:, 0]


class _Conch(nn.Module):
    def __init__(self, trunk: nn.Module, pooler: nn.ModuleDict):
        super().__init__()
        self.trunk = trunk
        self.attn_pool_contrast, self.ln_contrast = pooler.values()

    def forward(self, images):
        return self.ln_contrast(self.attn_pool_contrast(self.trunk.forward_features(images)))


class _ConchV15(nn.Module):
    def __init__(self, trunk: nn.Module, width: int, heads: int):
        super().__init__()
        self.trunk = trunk
        self.attn_pool_contrast = _LinearQuery(width, trunk.embed_dim, heads)
        self.ln_contrast = nn.LayerNorm(width)

    def forward(self, images):
        trunk = self.trunk
        patches = trunk.patch_embed(images)
        tokens = torch.cat([trunk.cls_token.expand(len(images), -1, -1), patches], 1)
        tokens = trunk.norm(trunk.blocks(tokens + self._positions(patches.shape[1])))
        return self.ln_contrast(self.attn_pool_contrast(tokens))

    def _positions(self, count: int):
        """Stretch the positions as in training, which put a tenth of a patch on top."""
        first, rest = self.trunk.pos_embed[:, :1], self.trunk.pos_embed[:, 1:]
        old, new = int(rest.shape[1] ** 0.5), int(count**0.5)
        grid = rest.transpose(1, 2).unflatten(2, (old, old))
        grid = nn.functional.interpolate(grid, scale_factor=(new + 0.1) / old, mode="bicubic")
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], 1)


class _LinearQuery(nn.Module):
    """A query that attends to all tokens, with linear maps that have no bias."""

    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.randn(1, width))
        self.ln_k, self.ln_q = nn.LayerNorm(context), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(context, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)

    def forward(self, tokens):
        query = self.to_q(self.ln_q(self.query)).expand(len(tokens), -1, -1)
        parts = (query, *self.to_kv(self.ln_k(tokens)).chunk(2, -1))
        query, keys, values = (p.unflatten(2, (self.heads, -1)).transpose(1, 2) for p in parts)
        found = nn.functional.scaled_dot_product_attention(query, keys, values)
        return self.to_out(found.transpose(1, 2).flatten(2))[:, 0]


class _ConvStem(nn.Module):
    """Two halvings by convolution in place of patches of 4 pixels; channels last, as Swin wants."""

    def __init__(self, img_size, patch_size, in_chans, embed_dim, norm_layer, **_):
        super().__init__()
        layers, width = [], in_chans
        for wider in (embed_dim // 8, embed_dim // 4):
            conv = nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(wider), nn.ReLU()]
            width = wider
        self.proj = nn.Sequential(*layers, nn.Conv2d(width, embed_dim, 1))
        self.norm = norm_layer(embed_dim)
        self.grid_size = tuple(side // patch_size for side in img_size)

    def forward(self, images):
        return self.norm(self.proj(images).permute(0, 2, 3, 1))


class _Scaled(nn.Module):
    """A network that sees every channel of every image with mean 0 and variance 1."""

    def __init__(self, trunk: nn.Module, mean_of_patches: bool = False):
        super().__init__()
        self.trunk, self.mean_of_patches = trunk, mean_of_patches

    def forward(self, images):
        images = nn.functional.instance_norm(images, eps=1e-7)
        if self.mean_of_patches:
            return self.trunk.forward_features(images)[:, 1:].mean(1)
        return self.trunk(images)


class _SubCell(nn.Module):
    def __init__(self, trunk: nn.Module):
        super().__init__()
        self.trunk = trunk
        self.attention_v = nn.Sequential(nn.Linear(768, 512), nn.Tanh())
        self.attention_u = nn.Sequential(nn.Linear(768, 512), nn.GELU())
        self.attention = nn.Linear(512, 2)

    def forward(self, images):
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        both = ((images - low) / (high - low + 1e-6)).expand(-1, 2, -1, -1)
        tokens = self.trunk.forward_features(both)
        gate = self.attention(self.attention_v(tokens) * self.attention_u(tokens))
        return (gate.softmax(1).transpose(1, 2) @ tokens).flatten(1)


def _waves(width: int, side: int):
    """Sines and cosines of the row and the column of each patch; zero for the class token."""
    place = torch.arange(side, dtype=torch.float32)
    rows, columns = (grid.flatten() for grid in torch.meshgrid(place, place, indexing="ij"))
    speeds = 1e4 ** -(torch.arange(width // 4, dtype=torch.float32) / (width // 4))
    angles = [torch.outer(grid, speeds) for grid in (rows, columns)]
    waves = torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], 1)
    return torch.cat([torch.zeros(1, width), waves])[None]


def _unchunked(tensors, _):
    """Blocks that training kept in chunks, blocks.0.3, under their own number, blocks.3."""
    return {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", k): v for k, v in tensors.items()}


def _filled(module: nn.Module, weights, prefix: str = "", renamed=lambda tensors, _: tensors):
    if weights is None:
        return module
    path = str(weights)
    if path.endswith(".safetensors"):
        tensors = load_file(path)
    else:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    tensors = renamed(tensors.get("model", tensors), module)
    own = module.state_dict()
    named = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    # A file of the trunk alone does not say trunk.
    named = {k if k in own else f"trunk.{k}": v for k, v in named.items()}
    # Other towers, decoders and masks of training are left; each tensor of the network is needed.
    module.load_state_dict({k: v for k, v in named.items() if k in own}, strict=True)
    return module
