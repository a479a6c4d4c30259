"""SimSort's networks as published, for four channels at 10 kHz: a baseline (Zhang et al. 2025, arXiv 2502.03198)."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from simsort.models.input_form import InputForm

PAPER_FORM = InputForm(sampling_frequency_hz=10000.0, band_hz=(300.0, 3000.0), n_before=20, n_samples=60, n_channels=4)


@dataclass(frozen=True, kw_only=True)
class PaperDetectorConfig:
    """Sizes of the detector: 3.16 million parameters as published.

    Parameters
    ----------
    width, n_layers, n_heads, hidden : int
    dropout : float
    """

    width: int = 256
    n_layers: int = 4
    n_heads: int = 4
    hidden: int = 1024
    dropout: float = 0.2


@dataclass(frozen=True, kw_only=True)
class PaperEncoderConfig:
    """Sizes of the encoder: 0.80 million parameters as published.

    Parameters
    ----------
    width : int
        Of the GRU's state, which is the embedding.
    svd_rank : int
        Waveforms of a batch are reduced to so many components: the answers depend on the batch.
    """

    width: int = 512
    svd_rank: int = 8


class PaperDetector(nn.Module):
    """Every sample of four channels attends to every other of its window.

    Parameters
    ----------
    form : InputForm
    config : PaperDetectorConfig
    """

    def __init__(self, form: InputForm, config: PaperDetectorConfig):
        super().__init__()
        self.form, self.config = form, config
        self.embed = nn.Linear(form.n_channels, config.width)
        layer = nn.TransformerEncoderLayer(config.width, config.n_heads, config.hidden, config.dropout,
                                           batch_first=True)
        self.layers = nn.TransformerEncoder(layer, config.n_layers, enable_nested_tensor=False)
        self.head = nn.Linear(config.width, 1)

    def forward(self, traces: torch.Tensor) -> torch.Tensor:
        """Return one logit per sample (n, n_samples) of standardised traces (n, n_channels, n_samples)."""
        tokens = self.embed(traces.transpose(1, 2))
        return self.head(self.layers(tokens + positions(tokens.shape[1], tokens)))[:, :, 0].float()


class PaperEncoder(nn.Module):
    """A GRU over the samples of a waveform; its last state is the embedding.

    Parameters
    ----------
    form : InputForm
    config : PaperEncoderConfig
    """

    def __init__(self, form: InputForm, config: PaperEncoderConfig):
        super().__init__()
        self.form, self.config = form, config
        self.gru = nn.GRU(form.n_channels, config.width, batch_first=True)

    def forward(self, waveforms_uv: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, width) of waveforms (n, n_channels, n_samples)."""
        flat = waveforms_uv.flatten(1).float()
        rank = min(self.config.svd_rank, *flat.shape)
        _, _, vectors = torch.linalg.svd(flat, full_matrices=False)
        smooth = (flat @ vectors[:rank].T @ vectors[:rank]).view_as(waveforms_uv)
        return self.gru(smooth.transpose(1, 2))[1][0].float()


def positions(n_samples: int, like: torch.Tensor) -> torch.Tensor:
    """Return sinusoidal codes (n_samples, width) of places."""
    width = like.shape[2]
    place = torch.arange(n_samples, device=like.device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10000.0) / width))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=2).flatten(1).to(like.dtype)
