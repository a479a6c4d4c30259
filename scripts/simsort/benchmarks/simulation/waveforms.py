"""Measures of mean spikes, the same for simulated and real ones. NumPy and SciPy only."""

import numpy as np

from simsort.simulation.library import statistics

PADDING_S = 0.02  # of zeros on either side, so that the filter sees no edge
LONGEST_MS = 2.0  # the peak after the trough is looked for so far
SPREAD_SHARE = 0.12  # of the largest amplitude, as in Jia et al. 2019


def high_pass(waveforms: np.ndarray, sampling_frequency_hz: float) -> np.ndarray:
    """Return waveforms (..., n_samples) after a 300 Hz high-pass, as the pipeline's preprocessing filters."""
    padding = round(PADDING_S * sampling_frequency_hz)
    padded = np.pad(waveforms, [(0, 0)] * (waveforms.ndim - 1) + [(padding, padding)])
    return statistics.highpass(padded, sampling_frequency_hz)[..., padding:-padding]


def trough_to_peak_ms(waveform: np.ndarray, sampling_frequency_hz: float) -> float:
    """Return the time from the negative peak to the largest value within 2 ms after it, in ms.

    Parameters
    ----------
    waveform : array (n_samples,)
        Mean spike on its largest channel.
    sampling_frequency_hz : float
        In Hz.
    """
    end = int(np.argmin(waveform)) + round(LONGEST_MS / 1000 * sampling_frequency_hz) + 1
    return float(statistics.trough_to_peak_ms(waveform[:end], sampling_frequency_hz))


def amplitudes(waveforms: np.ndarray) -> np.ndarray:
    """Return the peak-to-peak amplitude (n_channels,) of waveforms (n_channels, n_samples)."""
    return np.ptp(waveforms, axis=-1)


def spread_um(amplitude: np.ndarray, depths_um: np.ndarray) -> float:
    """Return the extent along the probe of the contacts that reach 12 % of the largest amplitude, in um.

    Parameters
    ----------
    amplitude : array (n_channels,)
        Of one unit.
    depths_um : array (n_channels,)
        Positions of the contacts along the probe.
    """
    loud = np.asarray(depths_um)[amplitude >= SPREAD_SHARE * np.max(amplitude)]
    return float(np.ptp(loud))


def quantiles(values) -> dict:
    """Return number, median and 5th, 25th, 75th and 95th percentiles of values; None without any."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return {"n": 0, "median": None}
    low, quarter, median, three_quarters, high = np.percentile(values, [5, 25, 50, 75, 95])
    return {"n": len(values), "p05": float(low), "p25": float(quarter), "median": float(median),
            "p75": float(three_quarters), "p95": float(high)}
