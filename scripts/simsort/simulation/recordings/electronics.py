"""What the amplifier and the converter add: line noise, artefacts, saturation, rounding to integers."""

from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError

LINE_STREAM, ARTEFACT_STREAM = 103, 104
ARTEFACT_DECAY_S = 0.004
N_HARMONICS = 3
ARTEFACT_TAIL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class ElectronicsSettings:
    """Converter and interference.

    Parameters
    ----------
    uv_per_bit : float, default: 2.34375
        Size of one step in uV (Neuropixels 1.0 at gain 500: 2.34375; Intan: 0.195).
    n_bits : int, default: 10
        Bits of the converter, whose range sets saturation; at most 16.
    channel_gain_spread : float, default: 0.0
        Standard deviation of the gain among channels, as a fraction; the saved gains stay nominal.
    line_noise_uv : float, default: 0.0
        Amplitude of the mains hum, common to all channels with up to 30 % difference.
    line_frequency_hz : float, default: 50.0
        Mains frequency; two weaker harmonics are added.
    artefacts_per_minute : float, default: 0.0
        Mean number of shared artefacts (a sharp rise and a decay of 4 ms).
    artefact_uv : float, default: 500.0
        Median size of the artefacts.
    """

    uv_per_bit: float = 2.34375
    n_bits: int = 10
    channel_gain_spread: float = 0.0
    line_noise_uv: float = 0.0
    line_frequency_hz: float = 50.0
    artefacts_per_minute: float = 0.0
    artefact_uv: float = 500.0

    def __post_init__(self):
        if not self.uv_per_bit > 0:
            raise UserError(f"electronics uv_per_bit was given {self.uv_per_bit}", "allowed: above 0")
        if not 2 <= self.n_bits <= 16:
            raise UserError(f"electronics n_bits was given {self.n_bits}", "allowed: 2 to 16")
        for name in ("channel_gain_spread", "line_noise_uv", "line_frequency_hz", "artefacts_per_minute",
                     "artefact_uv"):
            if not getattr(self, name) >= 0:
                raise UserError(f"electronics {name} was given {getattr(self, name)}", "allowed: 0 or more")


class Electronics:
    """The recording chain of one recording.

    Parameters
    ----------
    settings : ElectronicsSettings
    n_channels : int
    sampling_frequency_hz : float
    seed : int
    """

    def __init__(self, settings: ElectronicsSettings, n_channels: int, sampling_frequency_hz: float, seed: int):
        self.settings, self.seed, self.sampling_frequency_hz = settings, seed, float(sampling_frequency_hz)
        rng = np.random.default_rng([seed, LINE_STREAM])
        self.gains = (1 + settings.channel_gain_spread * rng.standard_normal(n_channels)).astype(np.float32)
        self.line_gains = rng.uniform(0.7, 1.3, (N_HARMONICS, n_channels)) / 3.0 ** np.arange(N_HARMONICS)[:, None]
        self.line_phases = rng.uniform(0, 2 * np.pi, N_HARMONICS)
        self.artefact_gains = rng.uniform(0.6, 1.4, n_channels)

    def add_interference(self, traces_uv: np.ndarray, first_sample: int) -> None:
        """Add line noise and artefacts to traces (n_channels, n_samples) in place and apply the channels' gains."""
        if self.settings.line_noise_uv > 0 or self.settings.artefacts_per_minute > 0:
            traces_uv += self.interference_uv(first_sample, traces_uv.shape[1])
        if self.settings.channel_gain_spread > 0:
            traces_uv *= self.gains[:, None]

    def interference_uv(self, first_sample: int, n_samples: int) -> np.ndarray:
        """Return line noise and artefacts (n_channels, n_samples) float32."""
        settings = self.settings
        times_s = (first_sample + np.arange(n_samples)) / self.sampling_frequency_hz
        orders = 2 * np.arange(N_HARMONICS) + 1  # odd harmonics: 50, 150, 250 Hz
        angles = 2 * np.pi * settings.line_frequency_hz * orders[:, None] * times_s + self.line_phases[:, None]
        total = settings.line_noise_uv * self.line_gains.T @ np.sin(angles)
        if settings.artefacts_per_minute > 0:
            total += self.artefact_gains[:, None] * self.artefacts_uv(times_s)
        return total.astype(np.float32)

    def artefacts_uv(self, times_s: np.ndarray) -> np.ndarray:
        """Return the shared artefacts (n_samples,); each second of the recording draws its own."""
        total = np.zeros(len(times_s))
        for second in range(max(int(times_s[0] - ARTEFACT_TAIL_S), 0), int(times_s[-1]) + 1):
            rng = np.random.default_rng([self.seed, ARTEFACT_STREAM, second])
            for _ in range(rng.poisson(self.settings.artefacts_per_minute / 60)):
                onset_s, size = second + rng.uniform(), rng.choice([-1.0, 1.0]) * rng.lognormal(sigma=0.5)
                since_s = times_s - onset_s
                during = (since_s >= 0) & (since_s < ARTEFACT_TAIL_S)
                shape = np.exp(-since_s[during] / ARTEFACT_DECAY_S)
                total[during] += self.settings.artefact_uv * size * shape
        return total

    def digitise(self, traces_uv: np.ndarray) -> np.ndarray:
        """Return the counts (n_samples, n_channels), int16, of traces (n_channels, n_samples), which it changes."""
        limit = 2 ** (self.settings.n_bits - 1)
        traces_uv *= np.float32(1 / self.settings.uv_per_bit)
        np.rint(traces_uv, out=traces_uv)
        np.clip(traces_uv, -limit, limit - 1, out=traces_uv)
        return np.ascontiguousarray(traces_uv.astype(np.int16).T)
