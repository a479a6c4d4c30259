"""SCAM: a transformer over single samples of all channels, each of which sees what came before on every channel.

Tokens are in the order of time, the channels of one sample side by side, so that the mask is a staircase of blocks: the
half above it is never computed. On a GPU that is `flex_attention` with its block mask, elsewhere a few pieces of
queries against the keys they may see.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional

from simsort.models.ceed_form import CeedForm

PIECES = 6  # of the queries on a CPU: 7/12 of the dense work, each piece still large
SCALE_UM = 100.0
N_FREQUENCIES = 6


@dataclass(frozen=True, kw_only=True)
class ScamConfig:
    """Sizes of SCAM.

    Parameters
    ----------
    n_layers, n_heads : int, default: 20 and 4
    width : int, default: 64
        32 for one channel, as published.
    dim : int, default: 5
        Of the embedding.
    single_dim : int, default: 128
        What the transformer gives of one channel.
    geometry : bool, default: False
        Whether tokens are told where their channel lies; as published they are told the sample only.
    """

    n_layers: int = 20
    n_heads: int = 4
    width: int = 64
    dim: int = 5
    single_dim: int = 128
    geometry: bool = False


def staircase(n_channels: int, n_times: int, device=None) -> torch.Tensor:
    """Return the mask (n_times * n_channels,) ** 2: True where a token's sample is not before the key's."""
    time = torch.arange(n_times, device=device).repeat_interleave(n_channels)
    return time[:, None] >= time[None]


def dense_attention(query, key, value, n_channels: int) -> torch.Tensor:
    """Return attention under a full mask, the plain way: what the others are measured against."""
    mask = staircase(n_channels, query.shape[2] // n_channels, query.device)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1) @ value


def piecewise_attention(query, key, value, n_channels: int) -> torch.Tensor:
    """Return the same as `dense_attention`, of pieces of the queries and the keys that each of them may see."""
    n_times = query.shape[2] // n_channels
    edges = [round(n_times * piece / PIECES) * n_channels for piece in range(PIECES + 1)]
    mask = staircase(n_channels, n_times, query.device)
    parts = [functional.scaled_dot_product_attention(query[:, :, first:last], key[:, :, :last], value[:, :, :last],
                                                     attn_mask=mask[first:last, :last])
             for first, last in zip(edges, edges[1:]) if last > first]
    return torch.cat(parts, dim=2)


@lru_cache(maxsize=8)
def block_mask(n_channels: int, n_tokens: int, device: str):
    """Return `flex_attention`'s mask of a staircase."""
    from torch.nn.attention.flex_attention import create_block_mask

    def not_before(batch, head, query, key):
        return query // n_channels >= key // n_channels
    return create_block_mask(not_before, None, None, n_tokens, n_tokens, device=device)


@lru_cache(maxsize=1)
def compiled_flex():
    """Return `flex_attention`, compiled once."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


def flex(query, key, value, n_channels: int) -> torch.Tensor:
    """Return the same, with blocks of the mask left out in one kernel; for GPUs."""
    return compiled_flex()(query, key, value, block_mask=block_mask(n_channels, query.shape[2], str(query.device)))


def attend(query, key, value, n_channels: int) -> torch.Tensor:
    """Return attention (n, n_heads, n_tokens, head_width) by the way that suits the mask and the device."""
    if n_channels == 1:  # the staircase is the triangle that torch's own kernels know
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    return (flex if query.is_cuda else piecewise_attention)(query, key, value, n_channels)


class Block(nn.Module):
    """Masked attention, then an MLP for each token; norms come first."""

    def __init__(self, config: ScamConfig):
        super().__init__()
        width = config.width
        self.n_heads = config.n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, tokens: torch.Tensor, n_channels: int, attention) -> torch.Tensor:
        """Mix tokens (n, n_tokens, width)."""
        n, n_tokens, width = tokens.shape
        qkv = self.qkv(self.norm_1(tokens)).view(n, n_tokens, 3, self.n_heads, width // self.n_heads)
        mixed = attention(*qkv.permute(2, 0, 3, 1, 4), n_channels)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(n, n_tokens, width))
        return tokens + self.mlp(self.norm_2(tokens))


class Scam(nn.Module):
    """Waveforms in, the last token's answer out.

    Parameters
    ----------
    form : CeedForm
    config : ScamConfig

    Attributes
    ----------
    attention : callable
        `attend`; another one with the same answer may be put in its place.
    """

    def __init__(self, form: CeedForm, config: ScamConfig):
        super().__init__()
        self.n_channels, self.attention = form.n_channels, attend
        self.embed, self.time = nn.Linear(1, config.width), nn.Embedding(form.n_samples, config.width)
        self.place = nn.Linear(4 * N_FREQUENCIES + 2, config.width) if config.geometry else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.single_dim if form.n_channels == 1 else config.dim, bias=False)
        wave_numbers = torch.pi / SCALE_UM * 2.0 ** (torch.arange(N_FREQUENCIES) / 2)
        self.register_buffer("wave_numbers", wave_numbers, persistent=False)
        self.apply(begin)
        for block in self.blocks:  # what is added to the stream starts small, as in GPT-2
            for layer in (block.out, block.mlp[2]):
                nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * config.n_layers))

    def forward(self, waveforms: torch.Tensor, offsets_um: torch.Tensor | None = None) -> torch.Tensor:
        """Return answers (n, dim) of waveforms (n, n_channels, n_samples), offsets_um (n, n_channels, 2)."""
        tokens = self.embed(waveforms.transpose(1, 2)[..., None])  # n x time x channel x width
        tokens = tokens + self.time.weight[:, None]
        if self.place is not None:
            phases = (offsets_um[..., None] * self.wave_numbers).flatten(2)
            places = torch.cat([torch.sin(phases), torch.cos(phases), offsets_um / SCALE_UM], dim=2)
            tokens = tokens + self.place(places)[:, None]
        tokens = tokens.flatten(1, 2)
        for block in self.blocks:
            tokens = block(tokens, self.n_channels, self.attention)
        return self.head(self.norm(tokens[:, -1]))


def begin(module: nn.Module) -> None:
    """Start weights as GPT-2 does."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
