"""The detector: is this trough a spike, and when exactly?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from simsort.models.input_form import InputForm
from simsort.models.trunk import Trunk, used_channels

SHIFT_UNIT_SAMPLES = 10.0  # the time head's output is in this unit, so that it starts at the right scale


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Sizes of the detector.

    Parameters
    ----------
    width, n_layers, n_heads, hidden_ratio : int
        Of the transformer.
    n_frequencies : int
        Fourier features of the coordinates.
    """

    width: int = 48
    n_layers: int = 2
    n_heads: int = 4
    hidden_ratio: int = 4
    n_frequencies: int = 6


class Detection(NamedTuple):
    """What the detector says of each event.

    Parameters
    ----------
    spike_logit : tensor, (n_events,)
    shift_samples : tensor, (n_events,)
        From the trough's sample to the spike's time.
    """

    spike_logit: torch.Tensor
    shift_samples: torch.Tensor


class Detector(nn.Module):
    """Judges troughs by their own channel's token.

    Parameters
    ----------
    form : InputForm
    config : DetectorConfig
    """

    def __init__(self, form: InputForm, config: DetectorConfig):
        super().__init__()
        self.form, self.config = form, config
        self.trunk = Trunk(form, **vars(config))
        self.head = nn.Linear(config.width, 2)

    def forward(self, snippets: torch.Tensor, offsets_um: torch.Tensor, is_there: torch.Tensor) -> Detection:
        """Judge events.

        Parameters
        ----------
        snippets : tensor, (n_events, n_channels, n_samples)
            Whitened traces in noise levels; the event's own channel first.
        offsets_um : tensor, (n_events, n_channels, 2)
        is_there : tensor, (n_events, n_channels) bool

        Returns
        -------
        Detection
        """
        tokens = self.trunk(*used_channels(snippets, offsets_um, is_there))
        answers = self.head(tokens[:, 0]).float()
        return Detection(spike_logit=answers[:, 0], shift_samples=SHIFT_UNIT_SAMPLES * answers[:, 1])
