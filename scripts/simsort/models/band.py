"""The band-pass filter of training windows, on any device, and resampling to the network's rate in the same step."""

from functools import lru_cache

import numpy as np
import torch

ORDER = 5  # as `spikeinterface.preprocessing.bandpass_filter`, forwards and backwards


@lru_cache(maxsize=32)
def response(n_samples: int, sampling_frequency_hz: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Return the gain (n_frequencies,) of a Butterworth band-pass run forwards and backwards."""
    from scipy.signal import butter, sosfreqz

    corners_hz = [low_hz, min(high_hz, 0.475 * sampling_frequency_hz)]
    sos = butter(ORDER, corners_hz, btype="bandpass", fs=sampling_frequency_hz, output="sos")
    frequencies_hz = np.fft.rfftfreq(n_samples, 1 / sampling_frequency_hz)
    return (np.abs(sosfreqz(sos, worN=frequencies_hz, fs=sampling_frequency_hz)[1]) ** 2).astype(np.float32)


def band_pass(traces: torch.Tensor, sampling_frequency_hz: float, band_hz: tuple, to_hz: float) -> torch.Tensor:
    """Filter windows and bring them to another sampling rate; some ms at both ends are wrong afterwards.

    Parameters
    ----------
    traces : tensor, (..., n_samples)
    sampling_frequency_hz, to_hz : float
        From and to which rate.
    band_hz : (float, float)

    Returns
    -------
    filtered : tensor, (..., round(n_samples * to_hz / sampling_frequency_hz))
    """
    n_samples = traces.shape[-1]
    n_after = round(n_samples * to_hz / sampling_frequency_hz)
    gain = torch.as_tensor(response(n_samples, sampling_frequency_hz, *band_hz), device=traces.device)
    spectrum = torch.fft.rfft(traces) * gain
    return torch.fft.irfft(spectrum, n=n_after) * (n_after / n_samples)
