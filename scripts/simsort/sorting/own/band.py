"""A recording in the band of spikes and without what all channels have in common, quickly: it is read several times."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfreqz
from spikeinterface.core import get_chunk_with_margin
from spikeinterface.preprocessing.basepreprocessor import BasePreprocessor, BasePreprocessorSegment

ORDER = 5
TURNED = 1024  # samples turned from rows to columns at a time: they fit in a processor's cache


class InBand(BasePreprocessor):
    """A recording without what is slower or faster than spikes: a Butterworth filter, forwards and backwards.

    The same as SpikeInterface's `bandpass_filter`, with the filter's response multiplied to the spectrum.

    Parameters
    ----------
    recording : BaseRecording
        Of floating-point samples.
    low_hz, high_hz : float
    margin_ms : float
        Is read beyond both ends of what is asked for; the filter has to have decayed by then.
    """

    def __init__(self, recording, low_hz: float, high_hz: float, margin_ms: float = 20.0):
        super().__init__(recording)
        fs = recording.get_sampling_frequency()
        sos = butter(ORDER, [low_hz, high_hz], "bandpass", fs=fs, output="sos")
        margin = round(margin_ms * fs / 1000)
        for segment in recording.segments:
            self.add_recording_segment(_InBandSegment(segment, sos, margin))
        self._kwargs = dict(recording=recording, low_hz=low_hz, high_hz=high_hz, margin_ms=margin_ms)


class _InBandSegment(BasePreprocessorSegment):
    def __init__(self, parent, sos: np.ndarray, margin: int):
        super().__init__(parent)
        self.sos, self.margin, self.responses = sos, margin, {}

    def get_traces(self, start_frame, end_frame, channel_indices):
        traces, before, after = get_chunk_with_margin(self.parent_recording_segment, start_frame, end_frame,
                                                      channel_indices, self.margin, add_reflect_padding=True)
        n_samples = len(traces)
        whole = next_fast_len(n_samples + self.margin, real=True)
        level = traces.mean(axis=0)  # else the padding would be a step
        padded = np.zeros((traces.shape[1], whole), dtype=traces.dtype)
        for first in range(0, n_samples, TURNED):
            last = min(first + TURNED, n_samples)
            padded[:, first:last] = (traces[first:last] - level).T
        spectrum = rfft(padded, axis=1)
        spectrum *= self.response(whole, spectrum.shape[1]).astype(traces.dtype)
        return irfft(spectrum, whole, axis=1, overwrite_x=True)[:, before:n_samples - after].T

    def response(self, n_samples: int, n_frequencies: int) -> np.ndarray:
        """Return what the filter leaves of each frequency, kept for the next piece, which mostly is as long."""
        if n_samples not in self.responses:
            places = np.linspace(0, np.pi, n_frequencies) * (n_samples // 2 * 2 / n_samples)
            self.responses = {n_samples: np.abs(sosfreqz(self.sos, places)[1]) ** 2}
        return self.responses[n_samples]


class WithoutCommonMedian(BasePreprocessor):
    """A recording without the median of all channels.

    The same as SpikeInterface's `common_reference`, without the detour of `numpy.median` that costs most of it.

    Parameters
    ----------
    recording : BaseRecording
        Of floating-point samples.
    """

    def __init__(self, recording):
        super().__init__(recording)
        for segment in recording.segments:
            self.add_recording_segment(_WithoutCommonMedianSegment(segment))
        self._kwargs = dict(recording=recording)


class _WithoutCommonMedianSegment(BasePreprocessorSegment):
    def get_traces(self, start_frame, end_frame, channel_indices):
        traces = self.parent_recording_segment.get_traces(start_frame, end_frame, slice(None))
        return (traces - median(traces)[:, None])[:, channel_indices]


def median(values: np.ndarray) -> np.ndarray:
    """Return the median of every row of a table (n, n_columns)."""
    half = values.shape[1] // 2
    parted = np.partition(values, half, axis=1)
    if values.shape[1] % 2:
        return parted[:, half].copy()
    return (parted[:, half] + parted[:, :half].max(axis=1)) / 2
