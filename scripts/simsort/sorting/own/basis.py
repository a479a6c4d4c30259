"""A few features of each channel's snippet, in units of the noise, and back."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import toeplitz
from scipy.ndimage import minimum_filter1d

N_BEFORE, N_SAMPLES = 24, 64  # of the window that features see
LONG_BEFORE, LONG_SAMPLES = 30, 100  # of the window that is taken out of the traces
N_SHIFTS = 8
QUIET = 3.5
QUIET_SAMPLES = 31
FLOOR = 1e-3  # least power of the noise in any direction, of the largest
EDGE = 10
RIDGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Linear features of snippets.

    Parameters
    ----------
    shifts : array, (n_shifts,)
        Fractions of a sample.
    filters : array, (n_shifts, n_samples, n_features) float32
        `snippet @ filters[i]` are the features of a spike that came `shifts[i]` samples late; noise gives variance 1.
    derivative : array, (n_features, n_features)
        Features of the time derivative, per sample.
    waveforms : array, (n_features, long_samples) float32
        `features @ waveforms` is the long snippet.
    """

    shifts: np.ndarray
    filters: np.ndarray
    derivative: np.ndarray
    waveforms: np.ndarray

    @property
    def n_features(self) -> int:
        """Number of features of one channel."""
        return self.filters.shape[2]

    def __call__(self, snippets: np.ndarray, delays: np.ndarray) -> np.ndarray:
        """Return features (n, n_channels * n_features) of snippets (n, n_channels, n_samples) that came late."""
        index = np.rint((delays - self.shifts[0]) * (len(self.shifts) - 1)).astype(int)
        found = np.empty((*snippets.shape[:2], self.n_features), dtype=np.float32)
        for shift in np.unique(index):
            rows = index == shift
            found[rows] = snippets[rows] @ self.filters[shift]
        return found.reshape(len(snippets), -1)


def noise_products(whitened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the products of quiet samples of traces (n_channels, n) with later ones, summed, and how many those are.

    Both (n_samples,), by lag.
    """
    products, counts = np.zeros(N_SAMPLES), np.zeros(N_SAMPLES)
    for trace in whitened:  # one by one, as products of all would be copies of all
        quiet = minimum_filter1d((np.abs(trace) < QUIET).astype(np.float32), QUIET_SAMPLES)
        masked = trace * quiet
        for lag in range(N_SAMPLES):
            n = max(len(trace) - lag, 0)
            products[lag] += masked[:n] @ masked[lag:]
            counts[lag] += quiet[:n] @ quiet[lag:]
    return products, counts


def noise_covariance(products: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the covariance in time (n_samples, n_samples) of noise from what `noise_products` returns."""
    return toeplitz(products / np.maximum(counts, 1.0))


def delays_of(snippets: np.ndarray) -> np.ndarray:
    """Return how late the trough of single-channel snippets (n, n_samples) is, in -0.5 to 0.5 samples."""
    before, at, after = (snippets[:, N_BEFORE + step] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    return np.clip((before - after) / 2 / np.where(np.abs(bend) > 1e-6, bend, 1e-6), -0.5, 0.5)


def fit_basis(snippets: np.ndarray, long_snippets: np.ndarray, covariance: np.ndarray, n_features: int) -> Basis:
    """Find the features that hold most of what spikes are and noise is not.

    Parameters
    ----------
    snippets : array, (n, n_samples)
        Of many events, each on the channel of its trough.
    long_snippets : array, (n, long_samples)
        The same events.
    covariance : array, (n_samples, n_samples)
        Of the noise.
    n_features : int

    Returns
    -------
    Basis
    """
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, FLOOR * values.max())
    whitener, colour = (vectors / np.sqrt(values)) @ vectors.T, (vectors * np.sqrt(values)) @ vectors.T
    main = np.linalg.svd(snippets @ whitener, full_matrices=False)[2][:n_features]
    filters, short = whitener @ main.T, main @ colour
    spline, samples = CubicSpline(np.arange(N_SAMPLES), filters, axis=0), np.arange(N_SAMPLES)
    shifts = np.arange(N_SHIFTS + 1) / N_SHIFTS - 0.5
    bank = np.stack([spline(np.clip(samples - shift, 0, N_SAMPLES - 1)) for shift in shifts])
    features = snippets @ filters
    ridge = RIDGE * np.trace(features.T @ features) * np.eye(n_features)
    waveforms = np.linalg.solve(features.T @ features + ridge, features.T @ long_snippets)
    ramp = np.ones(LONG_SAMPLES)
    ramp[:EDGE], ramp[-EDGE:] = np.linspace(0, 1, EDGE), np.linspace(1, 0, EDGE)
    return Basis(shifts=shifts, filters=bank.astype(np.float32), derivative=np.gradient(short, axis=1) @ filters,
                 waveforms=(waveforms * ramp).astype(np.float32))


def cut(traces: np.ndarray, channels: np.ndarray, sample: np.ndarray, n_before: int = N_BEFORE,
        n_samples: int = N_SAMPLES) -> np.ndarray:
    """Return snippets (n, n_channels, n_samples) of traces (n_channels_of_probe, n) around samples (n,)."""
    steps = np.arange(-n_before, n_samples - n_before)
    return traces[np.asarray(channels)[None, :, None], (sample[:, None] + steps)[:, None, :]]
