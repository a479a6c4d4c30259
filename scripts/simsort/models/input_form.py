"""The form of what the networks are given: sampling rate, band, threshold and size of the snippets."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class InputForm:
    """How traces become events; the same in training and in sorting.

    Parameters
    ----------
    sampling_frequency_hz : float, default: 30000.0
        Other recordings are resampled.
    band_hz : (float, float), default: (300.0, 6000.0)
    n_before, n_samples : int, default: 24 and 64
        Samples of a snippet before the trough, and in all.
    n_channels : int, default: 12
        Most channels around a trough.
    radius_um : float, default: 100.0
        Farthest of them.
    threshold : float, default: 3.5
        Least depth of a trough in noise levels.
    exclude_ms, exclude_um : float, default: 0.3 and 75.0
        A trough is the deepest so far around, in time and space.
    """

    sampling_frequency_hz: float = 30000.0
    band_hz: tuple = (300.0, 6000.0)
    n_before: int = 24
    n_samples: int = 64
    n_channels: int = 12
    radius_um: float = 100.0
    threshold: float = 3.5
    exclude_ms: float = 0.3
    exclude_um: float = 75.0

    def __post_init__(self):
        object.__setattr__(self, "band_hz", tuple(float(value) for value in self.band_hz))  # JSON has lists

    @property
    def exclude_samples(self) -> int:
        """`exclude_ms` in samples."""
        return round(self.exclude_ms * self.sampling_frequency_hz / 1000)

    def as_dict(self) -> dict:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {"band_hz": list(self.band_hz)}
