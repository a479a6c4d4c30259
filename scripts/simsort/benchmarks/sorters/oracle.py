"""What the data allow: the true spikes, classified with the true templates at the true displacement.

Each true spike's snippet, on the channels nearest to its own unit, is given to the unit under which it is most likely:
a multivariate normal with the unit's template at that moment as mean (the best of five sub-sample shifts) and the
covariance, in space and time, of snippets without spikes; the prior is the unit's rate. Detection is perfect;
collisions stay in. No sorter knows as much, so that what it misses is what the data do not hold (but for collisions).
"""

import numpy as np

from simsort.evaluation.protocol import score_sorting
from simsort.sorting.own.nearest import distance_to_nearest

BAND_HZ = (300.0, 6000.0)
FILTER_ORDER = 5
BEFORE_MS, AFTER_MS = 0.4, 0.6  # longer ones hold more collisions than spike
N_CHANNELS = 12
BLOCK = 48  # channels filtered at once
N_NOISE = 6000
SHIFTS = (-0.5, -0.25, 0.0, 0.25, 0.5)  # of a sample
# A unit below this many noise levels on the channels looked at can neither be the spike nor spoil the noise.
MIN_PEAK = 1.0
MIN_VARIANCE = 0.01  # of the mean, so that directions outside the band carry no weight


def filter_templates(templates: np.ndarray, fs_hz: float) -> np.ndarray:
    """Filter templates (... x samples x channels) as recordings are filtered, as if zeros surrounded them."""
    from scipy.signal import butter, sosfiltfilt

    margin = int(0.01 * fs_hz)
    sections = butter(FILTER_ORDER, BAND_HZ, btype="bandpass", fs=fs_hz, output="sos")
    width = [(0, 0)] * (templates.ndim - 2) + [(margin, margin), (0, 0)]
    filtered = sosfiltfilt(sections, np.pad(templates, width), axis=-2)
    return filtered[..., margin:-margin, :].astype("float32")


def oracle_scores(case, truth, noise_uv: np.ndarray, *, seed: int = 0) -> dict:
    """Classify the true spikes and score the trains by the protocol.

    Parameters
    ----------
    case : Case
        The recording, as it is stored, with its templates aligned to the spikes.
    truth : BaseSorting
        Its true units, in the order of the templates.
    noise_uv : np.ndarray
        Noise of each channel in `BAND_HZ`.
    seed : int, default: 0
        Of the snippets of noise.

    Returns
    -------
    scores : dict
        Those of `simsort.evaluation.protocol.score_sorting`.
    """
    from spikeinterface import NumpySorting

    labels = classify(case, noise_uv, seed)
    units = np.arange(len(case.templates))
    found = NumpySorting.from_samples_and_labels([case.samples], [labels], case.fs_hz, unit_ids=units)
    return score_sorting(truth, found.remove_empty_units())


def classify(case, noise_uv: np.ndarray, seed: int) -> np.ndarray:
    """Return the most likely unit of each true spike."""
    band = BandTraces(case.recording)
    before, after = (int(span_ms * case.fs_hz / 1000) for span_ms in (BEFORE_MS, AFTER_MS))
    window = slice(case.n_before - before, case.n_before + after)
    peaks = np.zeros((case.templates.shape[0], case.templates.shape[3]))
    for unit, template in enumerate(case.templates):
        peaks[unit] = np.abs(filter_templates(template, case.fs_hz)).max(axis=(0, 1)) / noise_uv
    labels = case.labels.copy()
    for channels, units in sorted(neighbourhoods(peaks, case.recording.get_channel_locations()).items()):
        mine = np.flatnonzero(np.isin(case.labels, units))
        if not len(mine):
            continue
        near = np.flatnonzero(peaks[:, channels].max(axis=1) >= MIN_PEAK)
        near = np.union1d(near, units)
        traces = band.of(channels)
        templates = filter_templates(case.templates[near][..., list(channels)], case.fs_hz)[:, :, window]
        whiten = whitening(traces, noise_times(case, near, window, len(traces), seed), window, case.n_before)
        snippets = cut(traces, case.samples[mine], window, case.n_before) @ whiten
        labels[mine] = near[most_likely(case, snippets, case.samples[mine], near, templates, whiten)]
    return labels


class BandTraces:
    """Filtered traces of a few channels at a time; channels are filtered in blocks, of which the last ones are kept.

    Parameters
    ----------
    recording : BaseRecording
        The recording.
    """

    def __init__(self, recording):
        from spikeinterface.preprocessing import bandpass_filter

        self._band = bandpass_filter(recording, *BAND_HZ, dtype="float32")
        self._blocks = {}

    def of(self, channels: tuple) -> np.ndarray:
        """Return samples x channels, in uV."""
        wanted = dict.fromkeys(channel // BLOCK for channel in channels)
        self._blocks = {index: self._blocks[index] if index in self._blocks else self._read(index) for index in wanted}
        return np.stack([self._blocks[channel // BLOCK][:, channel % BLOCK] for channel in channels], axis=1)

    def _read(self, index: int) -> np.ndarray:
        ids = self._band.channel_ids[index * BLOCK:(index + 1) * BLOCK]
        return self._band.get_traces(channel_ids=ids, return_in_uV=True)


def neighbourhoods(peaks: np.ndarray, locations_um: np.ndarray) -> dict[tuple, np.ndarray]:
    """Return the units by the channels on which their spikes are looked at: the nearest to each unit's best channel."""
    best = peaks.argmax(axis=1)
    found = {}
    for unit, channel in enumerate(best):
        distances = np.linalg.norm(locations_um - locations_um[channel], axis=1)
        nearest = tuple(sorted(np.argsort(distances, kind="stable")[:N_CHANNELS].tolist()))
        found.setdefault(nearest, []).append(unit)
    return {channels: np.array(units) for channels, units in found.items()}


def noise_times(case, near: np.ndarray, window: slice, n_samples: int, seed: int) -> np.ndarray:
    """Return times at which no unit of the neighbourhood has a spike, those farthest from spikes if there are few."""
    length = window.stop - window.start
    spikes = case.samples[np.isin(case.labels, near)]
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(2 * length, n_samples - 2 * length, 20 * N_NOISE))
    distance = distance_to_nearest(times, spikes)
    free = np.flatnonzero(distance > length)
    if len(free) >= N_NOISE:
        return times[rng.choice(free, N_NOISE, replace=False)]
    return times[np.argsort(-distance, kind="stable")[:N_NOISE]]


def cut(traces: np.ndarray, times: np.ndarray, window: slice, n_before: int) -> np.ndarray:
    """Return snippets at some times, one row each: spikes x (samples x channels)."""
    offsets = np.arange(window.start, window.stop) - n_before
    return traces[times[:, None] + offsets].reshape(len(times), -1)


def whitening(traces: np.ndarray, times: np.ndarray, window: slice, n_before: int) -> np.ndarray:
    """Return the matrix that makes snippets of noise white, from snippets of noise."""
    covariance = np.cov(cut(traces, times, window, n_before), rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, MIN_VARIANCE * values.mean())
    return (vectors / np.sqrt(values)).astype("float32")


def most_likely(case, snippets, times, near, templates, whiten) -> np.ndarray:
    """Return for each whitened snippet the index into `near` of the most likely unit."""
    scores = np.full((len(near), len(snippets)), -np.inf, dtype="float32")
    rates = np.bincount(case.labels, minlength=len(case.templates))
    for row, unit in enumerate(near):
        if not rates[unit]:
            continue
        steps = case.steps_of(unit, times)
        for step in np.unique(steps):
            at = np.flatnonzero(steps == step)
            means = shifted_copies(templates[row, step]) @ whiten  # shifts x dimensions
            likelihood = snippets[at] @ means.T - 0.5 * (means**2).sum(axis=1)
            scores[row, at] = likelihood.max(axis=1) + np.log(rates[unit])
    return scores.argmax(axis=0)


def shifted_copies(template: np.ndarray) -> np.ndarray:
    """Return a template (samples x channels) at sub-sample shifts, one row each."""
    from scipy.ndimage import shift

    return np.stack([shift(template, (by, 0), order=3, mode="nearest").ravel() for by in SHIFTS]).astype("float32")
