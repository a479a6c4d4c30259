"""One robust normalisation for training and sorting: traces in units of their noise, without its correlation in space.

Every channel is divided by its robust noise level and whitened with the channels around it (ZCA, as whitening changes
waveforms least: Kessy, Lewin & Strimmer 2018, Am Stat 72:309). The covariance is that of quiet samples: with spikes in
it, large units would be shrunk.
"""

from dataclasses import dataclass

import numpy as np

RADIUS_UM = 120.0
MOST_NEIGHBOURS = 24
LOUD = 3.5  # noise levels; a sample beyond is taken for part of a spike
LOUD_MARGIN_MS = 0.5
SHRINKAGE = 0.02  # towards independent channels
MAD_TO_SD = 1.4826
FEWEST_QUIET = 200
ALL_AT_ONCE, ROWS = 64, 32


@dataclass(frozen=True, kw_only=True)
class Whitening:
    """A linear map of channels that gives noise of variance 1, uncorrelated between neighbours.

    Parameters
    ----------
    matrix : array, (n_channels, n_channels) float32
        `matrix @ traces_uv` is whitened; rows of dead channels are 0.
    noise_uv : array, (n_channels,)
        Robust noise levels.
    """

    matrix: np.ndarray
    noise_uv: np.ndarray

    def __call__(self, traces_uv: np.ndarray) -> np.ndarray:
        """Return traces (..., n_channels, n_samples) whitened."""
        n_channels = len(self.matrix)
        if n_channels <= ALL_AT_ONCE:
            return self.matrix @ traces_uv
        whitened = np.empty(traces_uv.shape, dtype=np.result_type(self.matrix, traces_uv))
        for rows, its in by_rows(self.matrix, traces_uv):
            whitened[..., rows, :] = its
        return whitened


def fit_whitening(traces_uv: np.ndarray, contacts_um: np.ndarray, sampling_frequency_hz: float) -> Whitening:
    """Measure the noise of band-passed traces.

    Parameters
    ----------
    traces_uv : array, (n_channels, n_samples)
        A few seconds of filtered traces, pieces put one after another.
    contacts_um : array, (n_channels, 2)
    sampling_frequency_hz : float

    Returns
    -------
    Whitening
    """
    traces_uv = np.asarray(traces_uv, dtype=np.float32)
    noise_uv = np.array([noise_level(trace) for trace in traces_uv])  # one by one: medians copy what they are taken of
    alive = noise_uv > 0
    scale = np.where(alive, 1 / np.where(alive, noise_uv, 1), 0).astype(np.float32)
    scaled = traces_uv * scale[:, None]
    covariance = quiet_covariance(scaled, round(LOUD_MARGIN_MS * sampling_frequency_hz / 1000))
    matrix = local_zca(covariance, np.asarray(contacts_um, dtype=float), alive) * scale
    after = np.array([noise_level(trace) for _, its in by_rows(matrix.astype(np.float32), traces_uv) for trace in its])
    return Whitening(matrix=(matrix / np.where(after > 0, after, 1)[:, None]).astype(np.float32), noise_uv=noise_uv)


def by_rows(matrix: np.ndarray, traces: np.ndarray):
    """Yield slices of rows of a matrix that is mostly 0, and its product with traces (..., n_channels, n) there."""
    for first in range(0, len(matrix), ROWS):
        rows = slice(first, first + ROWS)
        near = np.flatnonzero(matrix[rows].any(axis=0))
        yield rows, matrix[rows][:, near] @ traces[..., near, :]


def noise_level(trace: np.ndarray) -> float:
    """Return the robust standard deviation of a trace (n_samples,) from the median absolute value."""
    return np.median(np.abs(trace)) * MAD_TO_SD


def quiet_covariance(scaled: np.ndarray, margin: int) -> np.ndarray:
    """Return the covariance of channels over samples where both are quiet."""
    from scipy.ndimage import maximum_filter1d

    loud = maximum_filter1d((np.abs(scaled) > LOUD).astype(np.uint8), 2 * margin + 1, axis=1)
    quiet = (loud == 0).astype(np.float32)
    masked = scaled * quiet
    counts = quiet @ quiet.T
    covariance = (masked @ masked.T) / np.maximum(counts, 1)
    variances = np.where(np.diag(counts) >= FEWEST_QUIET, np.diag(covariance), 1.0)
    covariance = np.where(counts >= FEWEST_QUIET, covariance, 0.0)
    np.fill_diagonal(covariance, np.maximum(variances, 1e-3))
    return covariance


def local_zca(covariance: np.ndarray, contacts_um: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Return the whitening matrix whose every row comes from the channels around one."""
    n_channels = len(covariance)
    matrix = np.zeros((n_channels, n_channels))
    for channel in np.flatnonzero(alive):
        distance_um = np.linalg.norm(contacts_um - contacts_um[channel], axis=1)
        near = np.flatnonzero((distance_um <= RADIUS_UM) & alive)
        near = np.sort(near[np.argsort(distance_um[near], kind="stable")[:MOST_NEIGHBOURS]])
        local = covariance[np.ix_(near, near)]
        local = (1 - SHRINKAGE) * local + SHRINKAGE * np.diag(np.diag(local))
        values, vectors = np.linalg.eigh(local)
        values = np.maximum(values, 0.05 * np.median(values))  # pairwise covariances need not be positive definite
        inverse_root = (vectors / np.sqrt(values)) @ vectors.T
        matrix[channel, near] = inverse_root[np.flatnonzero(near == channel)[0]]
    return matrix
