"""Coloured and spatially correlated noise that can be made at any sample, in any order, with the same bytes.

The noise is made block by block. A block's spectrum is drawn from a counter-based generator (Philox) keyed by the seed
and the block's number, shaped, turned into time, mixed among channels by a Cholesky factor, and faded into its
neighbours with weights whose squares sum to one, so that the variance stays constant.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError

NOISE_STREAM = 102
SPIKE_BAND_HZ = (300.0, 6000.0)
SHORTEST_FADE = 1000  # samples over which a block fades into the next
LOWEST_HZ = 1.0
INT16_RMS = np.sqrt((2.0**32 - 1) / 12)  # of integers uniform over -32768..32767
N_TAILS_KEPT = 4


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """Parametric noise, in the place of what is not simulated: electrode, amplifier and cells beyond the background.

    Parameters
    ----------
    level_uv : float, default: 6.0
        RMS of a channel between 300 and 6000 Hz; Neuropixels in cortex: 5-12 uV with the background cells (Jun et al.
        2017, Nature 551:232; Steinmetz et al. 2021, Science 372:eabf4588).
    independent_fraction : float, default: 0.6
        Share of the variance that every contact has for itself (thermal noise and amplifier).
    length_um : float, default: 60.0
        The shared part's correlation falls to 1/e over this distance.
    knee_hz : float, default: 1000.0
        Below this frequency noise rises as 1/f over the white floor.
    """

    level_uv: float = 6.0
    independent_fraction: float = 0.6
    length_um: float = 60.0
    knee_hz: float = 1000.0

    def __post_init__(self):
        for name, low, high in (("level_uv", 0, 1e5), ("independent_fraction", 0, 1), ("length_um", 1e-3, np.inf),
                                ("knee_hz", 0, np.inf)):
            if not low <= getattr(self, name) <= high:
                raise UserError(f"noise {name} was given {getattr(self, name)}", f"allowed: {low} to {high}")


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """Stationary Gaussian noise whose covariance is a spatial times a temporal one.

    Parameters
    ----------
    mixing_uv : array, (n_channels, n_channels)
        Factor of the spatial covariance: `mixing_uv @ mixing_uv.T` in uV^2, over all frequencies.
    frequencies_hz : array, (n_frequencies,)
        Where the power spectrum is given; linear between, constant beyond.
    power : array, (n_frequencies,)
        Its shape, in any unit.
    """

    mixing_uv: np.ndarray
    frequencies_hz: np.ndarray
    power: np.ndarray

    @classmethod
    def from_covariances(cls, spatial, temporal, *, sampling_frequency_hz: float,
                         scale_uv: float = 1.0) -> "NoiseModel":
        """Make a model of a spatial (n_channels, n_channels) and a temporal (n_lags, n_lags) covariance.

        Parameters
        ----------
        spatial, temporal : array
            Covariances; the temporal one is averaged along its diagonals and only its shape is used.
        sampling_frequency_hz : float
            Sampling rate of the temporal covariance.
        scale_uv : float, default: 1.0
            What one unit of the spatial covariance's square root is in uV.

        Raises
        ------
        UserError
            If a matrix is not square and finite, or the spatial one is not a covariance.
        """
        spatial, temporal = np.asarray(spatial, dtype=float), np.asarray(temporal, dtype=float)
        for name, matrix in (("spatial", spatial), ("temporal", temporal)):
            if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
                raise UserError(f"the {name} covariance has shape {matrix.shape} or holds values that are not finite",
                                "give a square matrix of numbers")
        lags = np.array([np.diag(temporal, k).mean() for k in range(len(temporal))])
        lags *= 0.5 * (1 + np.cos(np.pi * np.arange(len(lags)) / len(lags)))  # for a smooth, nearly positive spectrum
        spectrum = np.fft.rfft(np.concatenate([lags, lags[:0:-1]])).real
        power = np.maximum(spectrum, 1e-4 * spectrum.max())
        frequencies_hz = np.fft.rfftfreq(2 * len(lags) - 1, 1 / sampling_frequency_hz)
        return cls(mixing_uv=factor(spatial) * scale_uv, frequencies_hz=frequencies_hz, power=power)

    def covariance_uv2(self) -> np.ndarray:
        """Return the spatial covariance (n_channels, n_channels) in uV^2."""
        return self.mixing_uv @ self.mixing_uv.T

    def amplitudes(self, n_samples: int, sampling_frequency_hz: float) -> np.ndarray:
        """Return what to multiply int16 spectra (n_samples // 2 + 1,) with, for a time course of variance 1."""
        frequencies_hz = np.fft.rfftfreq(n_samples, 1 / sampling_frequency_hz)
        power = np.interp(frequencies_hz, self.frequencies_hz, self.power)
        power[frequencies_hz < LOWEST_HZ] = 0.0
        if n_samples % 2 == 0:
            power[-1] = 0.0  # the coefficient at half the sampling rate has no imaginary part: leave it out
        # irfft of X has variance (2 / n^2) sum E|X|^2, and E|X|^2 is twice that of the real part.
        variance = 4 * INT16_RMS**2 * power.sum() / n_samples**2
        return np.sqrt(power / variance)

    def at_channels(self, channels) -> "NoiseModel":
        """Return the model of some of the channels (indices)."""
        return NoiseModel(mixing_uv=factor(self.covariance_uv2()[np.ix_(channels, channels)]),
                          frequencies_hz=self.frequencies_hz, power=self.power)


def factor(covariance: np.ndarray) -> np.ndarray:
    """Return a matrix A with A @ A.T = covariance: Cholesky's, or a symmetric root where that fails for rounding."""
    covariance = (covariance + covariance.T) / 2
    if not covariance.any():
        return np.zeros_like(covariance)
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        if values.min() < -1e-3 * values.max():
            raise UserError("the spatial covariance has negative eigenvalues", "give a covariance matrix") from None
        return vectors * np.sqrt(np.maximum(values, 0.0))


def default_noise(settings: NoiseSettings, positions_um: np.ndarray, sampling_frequency_hz: float) -> NoiseModel:
    """Return the parametric noise at contacts (n_channels, 2 or 3)."""
    distances_um = np.linalg.norm(positions_um[:, None] - positions_um[None], axis=-1)
    own = settings.independent_fraction
    correlation = own * np.eye(len(positions_um)) + (1 - own) * np.exp(-distances_um / settings.length_um)
    frequencies_hz = np.concatenate([[0.0], np.geomspace(LOWEST_HZ, sampling_frequency_hz / 2, 200)])
    power = 1 + settings.knee_hz / np.maximum(frequencies_hz, LOWEST_HZ)
    grid_hz = np.arange(1.0, sampling_frequency_hz / 2)
    density = np.interp(grid_hz, frequencies_hz, power)
    in_band = (grid_hz >= SPIKE_BAND_HZ[0]) & (grid_hz <= SPIKE_BAND_HZ[1])
    variance_uv2 = settings.level_uv**2 * density.sum() / density[in_band].sum()
    return NoiseModel(mixing_uv=factor(correlation * variance_uv2), frequencies_hz=frequencies_hz, power=power)


def fit_noise(recording, *, duration_s: float = 10.0, chunk_s: float = 0.5, threshold: float = 5.0,
              seed: int = 0) -> NoiseModel:
    """Fit noise to a recording: covariance and spectrum of stretches between its spikes.

    Parameters
    ----------
    recording : BaseRecording
        In uV if it has gains. Filter it as the noise shall be.
    duration_s : float, default: 10.0
        How much of it to look at.
    chunk_s : float, default: 0.5
        Length of the stretches.
    threshold : float, default: 5.0
        Samples within 1 ms of a peak above this many noise levels (MAD) are left out.
    seed : int, default: 0
        Seed of the choice of stretches.

    Returns
    -------
    model : NoiseModel
    """
    from scipy.signal import welch

    frequency_hz = recording.sampling_frequency
    n_samples, size = recording.get_num_samples(0), int(chunk_s * frequency_hz)
    if n_samples < size:
        raise UserError(f"the recording has {n_samples} samples", f"give at least {size} to fit noise")
    rng = np.random.default_rng([seed, NOISE_STREAM])
    starts = np.sort(rng.integers(0, n_samples - size + 1, max(1, round(duration_s / chunk_s))))
    covariances, spectra = [], []
    for start in starts:
        traces = recording.get_traces(segment_index=0, start_frame=start, end_frame=start + size,
                                      return_in_uV=recording.has_scaleable_traces()).astype(float)
        traces -= np.median(traces, axis=0)
        quiet = traces.copy()
        quiet[near_peaks(traces, threshold, int(1e-3 * frequency_hz))] = 0.0
        covariances.append(quiet.T @ quiet / max(np.count_nonzero(quiet.any(axis=1)), 1))
        frequencies_hz, power = welch(quiet, fs=frequency_hz, nperseg=min(1024, size), axis=0)
        spectra.append(power.mean(axis=1))
    return NoiseModel(mixing_uv=factor(np.mean(covariances, axis=0)), frequencies_hz=frequencies_hz,
                      power=np.mean(spectra, axis=0))


def near_peaks(traces: np.ndarray, threshold: float, margin: int) -> np.ndarray:
    """Return which samples (n_samples,) lie within `margin` of a value beyond `threshold` noise levels."""
    levels = np.median(np.abs(traces), axis=0) / 0.6745
    loud = (np.abs(traces) > threshold * np.maximum(levels, 1e-12)).any(axis=1)
    return np.convolve(loud, np.ones(2 * margin + 1), mode="same") > 0.5


class NoiseGenerator:
    """Noise of one recording, block by block.

    Parameters
    ----------
    model : NoiseModel
    block_samples : int
        Samples of a block.
    sampling_frequency_hz : float
    seed : int
    """

    def __init__(self, model: NoiseModel, block_samples: int, sampling_frequency_hz: float, seed: int):
        from scipy.fft import next_fast_len

        self.block_samples = block_samples
        self.n_samples = next_fast_len(block_samples + SHORTEST_FADE, real=True)  # of one draw
        self.fade_samples = self.n_samples - block_samples  # of it fade into the next block
        self.seed = seed
        self.amplitudes = model.amplitudes(self.n_samples, sampling_frequency_hz).astype(np.float32)
        self.mixing_uv = np.ascontiguousarray(model.mixing_uv, dtype=np.float32)
        angle = (np.arange(self.fade_samples) + 0.5) / self.fade_samples * np.pi / 2
        self.fade_in, self.fade_out = np.sin(angle).astype(np.float32), np.cos(angle).astype(np.float32)
        self.tails: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to add."""
        return not self.mixing_uv.any()

    def raw_spectrum(self, block: int) -> np.ndarray:
        """Return the integers behind a block: (n_channels, n_samples + 2) int16, real and imaginary parts in turn.

        They are uniform, not Gaussian: a sample is a sum over thousands of them, so it is Gaussian.
        """
        generator = np.random.Philox(key=[self.seed % 2**64, NOISE_STREAM], counter=[0, 0, 0, block])
        shape = (len(self.mixing_uv), 2 * (self.n_samples // 2 + 1))
        words = generator.random_raw(-(-shape[0] * shape[1] // 4)).astype("<u8", copy=False)
        return words.view("<i2")[: shape[0] * shape[1]].reshape(shape)

    def draw(self, block: int) -> np.ndarray:
        """Return one draw (n_channels, n_samples) float32, before fading."""
        from scipy.fft import irfft

        spectrum = self.raw_spectrum(block).astype(np.float32).view(np.complex64)
        spectrum *= self.amplitudes
        independent = irfft(spectrum, n=self.n_samples, axis=1, overwrite_x=True)  # n_channels x n_samples
        return self.mixing_uv @ independent

    def block_uv(self, block: int) -> np.ndarray:
        """Return a block of noise (n_channels, block_samples), float32, uV."""
        if self.is_silent:
            return np.zeros((len(self.mixing_uv), self.block_samples), dtype=np.float32)
        drawn = self.draw(block)
        self.keep_tail(block, drawn)
        if block > 0:
            if block - 1 not in self.tails:
                self.keep_tail(block - 1, self.draw(block - 1))
            drawn[:, : self.fade_samples] *= self.fade_in
            drawn[:, : self.fade_samples] += self.fade_out * self.tails[block - 1]
        return drawn[:, : self.block_samples]

    def keep_tail(self, block: int, drawn: np.ndarray) -> None:
        """Remember what fades into the next block."""
        self.tails[block] = drawn[:, self.block_samples:].copy()
        while len(self.tails) > N_TAILS_KEPT:
            self.tails.popitem(last=False)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "tails": OrderedDict()}
