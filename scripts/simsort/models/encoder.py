"""The encoder: whose spike is it? Two embeddings, in which spikes of one neuron scatter with variance 1."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from simsort.models.input_form import InputForm
from simsort.models.trunk import Trunk, summary, used_channels


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes of the encoder.

    Parameters
    ----------
    width, n_layers, n_heads, hidden_ratio : int
        Of the transformer.
    n_frequencies : int
        Fourier features of the coordinates.
    local_dim, identity_dim : int
        Of the two embeddings.
    """

    width: int = 64
    n_layers: int = 4
    n_heads: int = 4
    hidden_ratio: int = 4
    n_frequencies: int = 6
    local_dim: int = 16
    identity_dim: int = 16


class Embedding(NamedTuple):
    """Where the encoder puts each event.

    Parameters
    ----------
    local : tensor, (n_events, local_dim)
        Spikes of a neuron, at one displacement of the probe, scatter with variance 1.
    identity : tensor, (n_events, identity_dim)
        The same over all displacements.
    """

    local: torch.Tensor
    identity: torch.Tensor


class Encoder(nn.Module):
    """Places events in two spaces.

    Parameters
    ----------
    form : InputForm
    config : EncoderConfig
    """

    def __init__(self, form: InputForm, config: EncoderConfig):
        super().__init__()
        self.form, self.config = form, config
        sizes = dict(vars(config))
        dims = [sizes.pop("local_dim"), sizes.pop("identity_dim")]
        self.trunk = Trunk(form, **sizes)
        self.head_local, self.head_identity = (
            nn.Sequential(nn.Linear(2 * config.width, config.width), nn.GELU(), nn.Linear(config.width, dim))
            for dim in dims)

    def forward(self, snippets: torch.Tensor, offsets_um: torch.Tensor, is_there: torch.Tensor) -> Embedding:
        """Place events; see `Detector.forward` for what is given."""
        snippets, offsets_um, is_there = used_channels(snippets, offsets_um, is_there)
        both = summary(self.trunk(snippets, offsets_um, is_there), is_there)
        return Embedding(local=self.head_local(both).float(), identity=self.head_identity(both).float())
