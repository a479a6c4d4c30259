"""A transformer over the channels around a trough.

Each channel is one token: its samples, and where it lies relative to the trough's channel. One set of weights serves
every geometry, since channels come with coordinates and not with numbers.
"""

import torch
from torch import nn
from torch.nn import functional

from simsort.models.input_form import InputForm


class Block(nn.Module):
    """Attention among channels, then an MLP for each; norms come first, which trains without tricks."""

    def __init__(self, width: int, n_heads: int, hidden_ratio: int):
        super().__init__()
        self.n_heads = n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = hidden_ratio * width
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, tokens: torch.Tensor, is_there: torch.Tensor) -> torch.Tensor:
        """Mix tokens (n_events, n_channels, width); `is_there` (n_events, n_channels)."""
        n_events, n_tokens, width = tokens.shape
        qkv = self.qkv(self.norm_1(tokens)).view(n_events, n_tokens, 3, self.n_heads, width // self.n_heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (n_events, n_heads, n_tokens, head_width)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_there[:, None, None, :])
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(n_events, n_tokens, width))
        return tokens + self.mlp(self.norm_2(tokens))


class Trunk(nn.Module):
    """Snippets on channels with coordinates in, one vector per channel out.

    Parameters
    ----------
    form : InputForm
    width, n_layers, n_heads, hidden_ratio : int
        Of the transformer.
    n_frequencies : int
        Fourier features of the coordinates.
    """

    def __init__(self, form: InputForm, *, width: int, n_layers: int, n_heads: int, hidden_ratio: int,
                 n_frequencies: int):
        super().__init__()
        self.radius_um = form.radius_um
        self.stem = nn.Sequential(nn.Linear(2 * form.n_samples, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.place = nn.Linear(4 * n_frequencies + 2, width)
        self.blocks = nn.ModuleList(Block(width, n_heads, hidden_ratio) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        # Wave lengths from twice the radius down to about a contact's size.
        wave_numbers = torch.pi / form.radius_um * 2.0 ** (torch.arange(n_frequencies) / 2)
        self.register_buffer("wave_numbers", wave_numbers, persistent=False)

    def places(self, offsets_um: torch.Tensor) -> torch.Tensor:
        """Return features (n_events, n_channels, n_features) of relative positions."""
        phases = (offsets_um[..., None] * self.wave_numbers).flatten(2)
        return torch.cat([torch.sin(phases), torch.cos(phases), offsets_um / self.radius_um], dim=2)

    def forward(self, snippets: torch.Tensor, offsets_um: torch.Tensor, is_there: torch.Tensor) -> torch.Tensor:
        """Return tokens (n_events, n_channels, width) of snippets (n_events, n_channels, n_samples)."""
        # Both scales: large spikes stay distinct, small ones visible.
        both = torch.cat([snippets / 10, torch.asinh(snippets) / 2], dim=2)
        tokens = self.stem(both) + self.place(self.places(offsets_um))
        for block in self.blocks:
            tokens = block(tokens, is_there)
        return self.norm(tokens)


def used_channels(snippets: torch.Tensor, offsets_um: torch.Tensor, is_there: torch.Tensor) -> tuple:
    """Return the three without the columns in which no event has a channel: a tetrode's events have four."""
    n_used = int(is_there.any(dim=0).sum())  # nearest first, so what is not there comes last
    return snippets[:, :n_used], offsets_um[:, :n_used], is_there[:, :n_used]


def summary(tokens: torch.Tensor, is_there: torch.Tensor) -> torch.Tensor:
    """Return the event's own channel and the mean of all beside each other (n_events, 2 * width)."""
    weights = is_there[:, :, None].to(tokens.dtype)
    return torch.cat([tokens[:, 0], (tokens * weights).sum(dim=1) / weights.sum(dim=1)], dim=1)
