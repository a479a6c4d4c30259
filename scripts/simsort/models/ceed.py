"""CEED's encoder of fully connected layers, and the projector that both of its encoders end in."""

from dataclasses import dataclass

import torch
from torch import nn

from simsort.models.ceed_form import CeedForm
from simsort.models.scam import Scam, ScamConfig

WIDTHS = (768, 512, 256)
PROJECTOR_WIDTH = 512


@dataclass(frozen=True, kw_only=True)
class MlpConfig:
    """Sizes of the fully connected encoder: 1.82 million parameters with 11 channels, as published.

    Parameters
    ----------
    n_layers : int, default: 3
        Hidden layers, of the widths 768, 512, 256 and again 256.
    dim : int, default: 5
        Of the embedding.
    projector : bool, default: True
        Whether the embedding is taken after a projector, as published; False: there is none.
    """

    n_layers: int = 3
    dim: int = 5
    projector: bool = True


def projector(dim_in: int, dim_out: int) -> nn.Sequential:
    """Return the projector: two hidden layers of 512."""
    return nn.Sequential(nn.Linear(dim_in, PROJECTOR_WIDTH), nn.ReLU(), nn.Linear(PROJECTOR_WIDTH, PROJECTOR_WIDTH),
                         nn.ReLU(), nn.Linear(PROJECTOR_WIDTH, dim_out))


def begin(module: nn.Module) -> None:
    """Start a layer so that differences between spikes keep their size (He et al. 2015, ICCV).

    By torch's own start biases outweigh them after a few layers: of waveforms of depth 1 all embeddings are then one
    point, which the loss does not lead away from.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


class MlpEncoder(nn.Module):
    """Fully connected layers over all samples of all channels.

    Parameters
    ----------
    form : CeedForm
    config : MlpConfig
    """

    def __init__(self, form: CeedForm, config: MlpConfig):
        super().__init__()
        self.form, self.config = form, config
        widths = [form.n_channels * form.n_samples, *(WIDTHS + WIDTHS[-1:] * 9)[:config.n_layers]]
        layers = [layer for before, after in zip(widths, widths[1:]) for layer in (nn.Linear(before, after), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], config.dim))
        self.projector = projector(config.dim, config.dim) if config.projector else nn.Identity()

    def forward(self, waveforms: torch.Tensor, offsets_um: torch.Tensor | None = None) -> torch.Tensor:
        """Return embeddings (n, dim) of waveforms (n, n_channels, n_samples); positions are not looked at."""
        return self.projector(self.layers(waveforms.flatten(1))).float()

    def contrast(self, waveforms: torch.Tensor, offsets_um: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the loss compares: the embedding itself, which lies after the projector."""
        return self(waveforms, offsets_um)


class ScamEncoder(nn.Module):
    """SCAM, the transformer with a mask that is causal in time and open among channels.

    With several channels the embedding lies before the projector; of one channel, the transformer's 128 numbers go
    into fully connected layers, and the embedding lies after them.

    Parameters
    ----------
    form : CeedForm
    config : ScamConfig
    """

    def __init__(self, form: CeedForm, config: ScamConfig):
        super().__init__()
        self.form, self.config = form, config
        self.single = form.n_channels == 1
        self.trunk = Scam(form, config)
        if self.single:
            widths = (config.single_dim, *WIDTHS)
            layers = [layer for before, after in zip(widths, widths[1:])
                      for layer in (nn.Linear(before, after), nn.ReLU())]
            self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], config.dim))
        self.projector = nn.Sequential(nn.Linear(config.dim, 512), nn.ReLU(), nn.Linear(512, 128), nn.ReLU(),
                                       nn.Linear(128, config.dim))
        for part in (self.layers, self.projector) if self.single else (self.projector,):
            part.apply(begin)

    def forward(self, waveforms: torch.Tensor, offsets_um: torch.Tensor | None = None) -> torch.Tensor:
        """Return embeddings (n, dim) of waveforms (n, n_channels, n_samples), offsets (n, n_channels, 2)."""
        last = self.trunk(waveforms, offsets_um)
        return (self.layers(last) if self.single else last).float()

    def contrast(self, waveforms: torch.Tensor, offsets_um: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the loss compares: the projection of the embedding."""
        return self.projector(self(waveforms, offsets_um)).float()
