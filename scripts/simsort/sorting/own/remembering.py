"""What a cluster was in the round before, where its group of channels and its features do not look."""

import numpy as np

from simsort.sorting.own.basis import LONG_BEFORE, N_BEFORE, N_SAMPLES, Basis
from simsort.sorting.own.templates import Templates

MOST_REST = 0.4  # of a unit's size
MOSTLY = 0.5  # of a cluster's events were the unit's


def remember(templates: Templates, found: np.ndarray, label: np.ndarray, known: Templates, basis: Basis) -> None:
    """Give clusters that were units before what these are on channels of other groups, and beyond their features."""
    for cluster in range(len(templates.counts)):
        before = label[found == cluster]
        units = np.bincount(before[before >= 0], minlength=1)
        if units.max() > MOSTLY * len(before):
            unit = units.argmax()
            templates.is_noise[cluster] |= known.is_noise[unit]
            inside, its = templates.means[cluster].any(axis=(0, 2)), known.rest[unit].copy()
            templates.means[cluster][:, ~inside] = known.means[unit][:, ~inside]
            # on its own channels the cluster's mean holds what is in the space of the features
            its[inside] = beyond(its[inside], basis)
            size = np.linalg.norm(templates.means[cluster].mean(axis=0) @ basis.waveforms)
            if np.linalg.norm(its) < MOST_REST * size:  # more is not its own, but that of a unit that fires with it
                templates.rest[cluster] = its


def beyond(waveforms: np.ndarray, basis: Basis) -> np.ndarray:
    """Return waveforms (n, long_samples) without what their features at the spike's time tell."""
    filters = basis.filters[len(basis.shifts) // 2]
    start = LONG_BEFORE - N_BEFORE
    turned = basis.waveforms[:, start:start + N_SAMPLES] @ filters
    features = waveforms[:, start:start + N_SAMPLES] @ filters
    return waveforms - features @ np.linalg.solve(turned, basis.waveforms)
