"""Find dead and noisy channels and those outside the brain."""

import numpy as np
from spikeinterface import get_random_data_chunks
from spikeinterface.preprocessing import detect_bad_channels

# The coherence of a channel is judged against the median of 11 neighbours; below two such windows it means nothing.
N_NEIGHBORS = 11
MIN_CHANNELS_FOR_COHERENCE = 2 * N_NEIGHBORS
# Thresholds of the AIND pipeline (International Brain Laboratory 2022, Spike sorting pipeline for the IBL).
COHERENCE_PSD = dict(method="coherence+psd", dead_channel_threshold=-0.5, noisy_channel_threshold=1.0,
                     outside_channel_threshold=-0.3, outside_channels_location="top", n_neighbors=N_NEIGHBORS)
MAD_FACTOR = 5.0  # SpikeInterface's own for its method "mad"


def find_bad_channels(recording, seed: int, job_kwargs: dict) -> tuple[dict, list[str]]:
    """Label the bad channels of a filtered recording.

    Probes with fewer than 22 channels (tetrodes) and recordings without gains to uV cannot be judged by coherence:
    there a channel is "noise" above 5 times and "dead" below a fifth of the median noise level.

    Parameters
    ----------
    recording : BaseRecording
        Filtered recording.
    seed : int
        Seed of the chunks looked at.
    job_kwargs : dict
        SpikeInterface's job keywords.

    Returns
    -------
    labels : dict
        `{channel id: "dead" | "noise" | "out"}` of the bad ones only.
    warnings : list of str
        Why another method than coherence and power spectrum was used.
    """
    n_channels = recording.get_num_channels()
    if n_channels >= MIN_CHANNELS_FOR_COHERENCE and recording.has_scaleable_traces():
        _, labels = detect_bad_channels(recording, **COHERENCE_PSD, seed=seed, job_kwargs=job_kwargs)
        warnings = []
    else:
        labels = _labels_by_noise_level(recording, seed)
        why = (f"{n_channels} channels are too few for coherence" if n_channels < MIN_CHANNELS_FOR_COHERENCE
               else "the recording has no gains to uV")
        warnings = [f"bad channels were looked for by noise level only: {why}"]
    return {channel: str(label) for channel, label in zip(recording.channel_ids, labels) if label != "good"}, warnings


def _labels_by_noise_level(recording, seed: int) -> np.ndarray:
    """Label each channel by the median absolute deviation of its traces relative to the median channel's."""
    chunks = get_random_data_chunks(recording, return_in_uV=recording.has_scaleable_traces(), seed=seed)
    deviations = np.median(np.abs(chunks - np.median(chunks, axis=0)), axis=0)  # (n_channels,)
    usual = np.median(deviations)
    labels = np.full(deviations.size, "good", dtype="U5")
    labels[deviations > MAD_FACTOR * usual] = "noise"
    labels[(deviations < usual / MAD_FACTOR) | (deviations == 0)] = "dead"
    return labels
