"""Random spike trains, coloured noise, and templates added to traces."""

import numpy as np

RATES_HZ = (1.0, 12.0)
REFRACTORY_S = 0.003
AMPLITUDE_STD = 0.07
N_JITTERS = 4  # sub-sample positions of a spike


def draw_trains(rng, n_units: int, duration_s: float, fs_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw Poisson trains with a refractory period, rates spread evenly on a logarithmic scale.

    Returns
    -------
    samples, labels : np.ndarray
        Sample and unit of every spike, in time.
    """
    samples, labels = [], []
    for unit in range(n_units):
        rate_hz = np.exp(rng.uniform(*np.log(RATES_HZ)))
        gaps_s = REFRACTORY_S + rng.exponential(1 / rate_hz - REFRACTORY_S, int(1.5 * rate_hz * duration_s) + 50)
        times_s = np.cumsum(gaps_s)
        times_s = times_s[times_s < duration_s]
        samples.append((times_s * fs_hz).astype("int64"))
        labels.append(np.full(len(times_s), unit))
    samples, labels = np.concatenate(samples), np.concatenate(labels)
    order = np.argsort(samples, kind="stable")
    return samples[order], labels[order]


def coloured_noise(rng, n_samples: int, positions_um: np.ndarray, fs_hz: float, std_uv: float,
                   range_um: float) -> np.ndarray:
    """Draw Gaussian noise that falls with frequency and is shared by contacts near one another.

    Parameters
    ----------
    rng : np.random.Generator
        Random numbers.
    n_samples : int
        Length.
    positions_um : np.ndarray
        Contacts x 2.
    fs_hz : float
        Sampling rate.
    std_uv : float
        Standard deviation of the part above 300 Hz.
    range_um : float
        Distance at which the correlation has fallen to 1/e.

    Returns
    -------
    noise : np.ndarray
        Samples x contacts, float32, uV.
    """
    distances_um = np.linalg.norm(positions_um[:, None] - positions_um[None], axis=-1)
    mixing = np.linalg.cholesky(np.exp(-distances_um / range_um) + 1e-6 * np.eye(len(positions_um)))
    frequencies_hz = np.fft.rfftfreq(n_samples, 1 / fs_hz)
    # Between 1/f and white, as the background of distant cells is; nothing at rest.
    spectrum = np.sqrt(1 / (1 + (frequencies_hz / 1500.0) ** 2) + 0.1) * (frequencies_hz > 1)
    spectrum *= np.sqrt(1 + 300.0 / np.maximum(frequencies_hz, 1))
    in_band = np.sqrt((spectrum[frequencies_hz >= 300] ** 2).sum() / len(frequencies_hz))
    noise = np.empty((n_samples, len(positions_um)), dtype="float32")
    for channel in range(len(positions_um)):
        white = rng.standard_normal(n_samples).astype("float32")
        noise[:, channel] = np.fft.irfft(np.fft.rfft(white) * spectrum, n_samples) * (std_uv / in_band)
    return noise @ mixing.T.astype("float32")


def inject(rng, traces: np.ndarray, samples: np.ndarray, labels: np.ndarray, templates: np.ndarray, n_before: int,
           steps: np.ndarray, bins_per_sample: float) -> None:
    """Add templates to traces, each spike with an amplitude and a sub-sample shift of its own.

    Parameters
    ----------
    rng : np.random.Generator
        Random numbers.
    traces : np.ndarray
        Samples x channels, changed in place.
    samples, labels : np.ndarray
        Sample and unit of every spike.
    templates : np.ndarray
        Units x steps x samples x channels.
    n_before : int
        Samples of a template before the spike's sample.
    steps : np.ndarray
        Bins x units, index of the displacement.
    bins_per_sample : float
        Bins of `steps` in one sample.
    """
    from scipy.ndimage import shift

    length = templates.shape[2]
    offsets = (np.arange(N_JITTERS) + 0.5) / N_JITTERS - 0.5
    factors = rng.normal(1.0, AMPLITUDE_STD, len(samples))
    jitters = rng.integers(0, N_JITTERS, len(samples))
    bins = np.minimum((samples * bins_per_sample).astype("int64"), len(steps) - 1)
    made = {}
    for sample, unit, time_bin, jitter, factor in zip(samples, labels, bins, jitters, factors):
        start = sample - n_before
        if start < 0 or start + length > len(traces):
            continue
        key = (unit, steps[time_bin, unit], jitter)
        if key not in made:
            made[key] = shift(templates[key[:2]], (offsets[jitter], 0), order=3).astype("float32")
        traces[start:start + length] += np.float32(factor) * made[key]
