"""Tell a recording without spikes from a sorter that failed: most sorters crash on silence."""

import numpy as np
from scipy.stats import norm
from spikeinterface import get_noise_levels

THRESHOLD = 5.0  # in noise levels, the detection threshold of most sorters
# Peaks of a quiet recording are counted in tens; the first real unit of 0.1 Hz, the sorters' own limit, brings more.
MORE_THAN_NOISE = 2.0
FEW_PEAKS = 10


def count_peaks(recording, seed: int, job_kwargs: dict) -> tuple[int, float]:
    """Count negative peaks beyond 5 noise levels, and how many Gaussian noise of that level would have.

    Returns
    -------
    n_peaks : int
        Peaks found, one per event and neighbourhood.
    n_expected : float
        Samples of all channels times the tail of the normal distribution.
    """
    from spikeinterface.sortingcomponents.peak_detection import detect_peaks

    noise = get_noise_levels(recording, return_in_uV=False, random_slices_kwargs=dict(seed=seed), **job_kwargs)
    alive = noise > 0  # a flat channel has no peaks; its threshold would be zero
    if not alive.any():
        return 0, 0.0
    if not alive.all():
        recording, noise = recording.select_channels(recording.channel_ids[alive]), noise[alive]
    peaks = detect_peaks(recording, method="locally_exclusive", job_kwargs=job_kwargs,
                         method_kwargs=dict(noise_levels=noise, peak_sign="neg", detect_threshold=THRESHOLD))
    n_expected = float(recording.get_total_samples()) * recording.get_num_channels() * norm.sf(THRESHOLD)
    return int(np.size(peaks)), n_expected


def is_silent(recording, seed: int, job_kwargs: dict) -> bool:
    """Tell whether a recording holds no more peaks than noise would."""
    n_peaks, n_expected = count_peaks(recording, seed, job_kwargs)
    return n_peaks <= FEW_PEAKS + MORE_THAN_NOISE * n_expected
