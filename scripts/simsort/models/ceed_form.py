"""The form of what CEED's networks are given: a window of neighbouring channels around the largest one."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from simsort.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CeedForm:
    """How spikes become waveforms; the same in training and in use.

    Parameters
    ----------
    n_channels : int, default: 11
        1, 5, 11 or 21: channels in the order of depth, the largest in the middle.
    sampling_frequency_hz : float, default: 30000.0
        Other recordings are resampled.
    band_hz : (float, float), default: (300.0, 6000.0)
    n_before, n_samples : int, default: 42 and 121
        Samples before the trough, and in all.
    shape_only : bool, default: False
        Whether each waveform is divided by its largest absolute value.
    """

    n_channels: int = 11
    sampling_frequency_hz: float = 30000.0
    band_hz: tuple = (300.0, 6000.0)
    n_before: int = 42
    n_samples: int = 121
    shape_only: bool = False

    def __post_init__(self):
        object.__setattr__(self, "band_hz", tuple(float(value) for value in self.band_hz))  # JSON has lists

    @property
    def reach(self) -> int:
        """Channels on either side of the middle one; also how far a window is moved when training."""
        return self.n_channels // 2

    @property
    def n_wide(self) -> int:
        """Channels that are kept for training, so that the window can be moved."""
        return self.n_channels + 2 * self.reach

    def middle(self, wide):
        """Return the channels (n, n_channels, ...) in the middle of wide windows (n, n_wide, ...)."""
        return wide[:, self.reach:self.reach + self.n_channels]

    def must_be(self, other: "CeedForm", what: str) -> None:
        """Refuse what has another form.

        Raises
        ------
        UserError
            Naming the first field that differs.
        """
        for name, value in asdict(self).items():
            if name != "shape_only" and value != getattr(other, name):  # both take the same waveforms
                raise UserError(f"{what}: {name} is {value}, {getattr(other, name)} is needed",
                                "make the spikes again with the same settings, in a folder of their own")

    def as_dict(self) -> dict:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {"band_hz": list(self.band_hz)}

    def as_json(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(self.as_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "CeedForm":
        """Return what `as_json` wrote."""
        return cls(**json.loads(text))


def shape_of(waveforms):
    """Return waveforms (n, n_channels, n_samples), arrays or tensors, divided by their largest absolute value."""
    if isinstance(waveforms, np.ndarray):
        largest = np.abs(waveforms).max(axis=(1, 2), keepdims=True)
        return waveforms / np.maximum(largest, 1e-6)
    return waveforms / waveforms.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
