"""Signal to noise ratio of true units, measured in the recording."""

import numpy as np

BAND_HZ = (300.0, 6000.0)
BEFORE_MS, AFTER_MS = 1.0, 1.5
MAX_SPIKES = 500


def measure_snr(recording, truth, *, seed: int = 0) -> np.ndarray:
    """Return each unit's largest mean peak over its channel's noise, both between 300 and 6000 Hz.

    Parameters
    ----------
    recording : BaseRecording
        The recording.
    truth : BaseSorting
        Its true units.
    seed : int, default: 0
        Chooses the at most 500 spikes that are averaged and the parts the noise is measured in.

    Returns
    -------
    snr : np.ndarray
        One value per unit; 0 for units without spikes.
    """
    from spikeinterface import get_noise_levels
    from spikeinterface.preprocessing import bandpass_filter

    fs_hz = recording.get_sampling_frequency()
    band = bandpass_filter(recording, BAND_HZ[0], min(BAND_HZ[1], 0.475 * fs_hz), dtype="float32")
    noise = get_noise_levels(band, return_in_uV=False, random_slices_kwargs=dict(seed=seed), progress_bar=False)
    noise = np.where(noise > 0, noise, np.inf)  # a flat channel shows nothing
    rng = np.random.default_rng(seed)
    return np.array([np.max(np.abs(mean_spike(band, truth, unit, rng)) / noise, initial=0.0)
                     for unit in truth.unit_ids])


def mean_spike(band, truth, unit, rng) -> np.ndarray:
    """Return a unit's mean spike: samples x channels; nothing if it has no whole spike."""
    fs_hz = band.get_sampling_frequency()
    before, after = int(BEFORE_MS * fs_hz / 1000), int(AFTER_MS * fs_hz / 1000)
    places = [(segment, sample) for segment in range(truth.get_num_segments())
              for sample in truth.get_unit_spike_train(unit, segment_index=segment)
              if before <= sample < band.get_num_samples(segment) - after]
    if not places:
        return np.zeros((0, band.get_num_channels()))
    chosen = rng.choice(len(places), min(MAX_SPIKES, len(places)), replace=False)
    spikes = [band.get_traces(segment, places[i][1] - before, places[i][1] + after)
              for i in np.sort(chosen) for segment in [places[i][0]]]
    return np.mean(spikes, axis=0)
