"""Probes of thousands of channels are sorted block by block, so that memory does not grow with their number."""

import numpy as np
from scipy.spatial import cKDTree

from simsort.sorting.own.evenly import evenly
from simsort.sorting.own.traces import Traces

MOST_CHANNELS = 512  # sorted as a whole
MARGIN_UM = 120.0
N_SPIKES = 25
BEFORE, AFTER = 12, 24  # samples of a spike that are looked at


def channel_blocks(contacts_um: np.ndarray, most: int = MOST_CHANNELS) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide channels into blocks of neighbours.

    Parameters
    ----------
    contacts_um : array, (n_channels, 2)
    most : int
        Channels that are not divided.

    Returns
    -------
    blocks : list of (centres, channels)
        Each channel is a centre of one block; `channels` are the centres and those near them.
    """
    everything = np.arange(len(contacts_um))
    if len(everything) <= most:
        return [(everything, everything)]
    blocks = []
    for centres in halved(everything, contacts_um, most // 2):
        near = cKDTree(contacts_um[centres]).query(contacts_um, distance_upper_bound=MARGIN_UM)[0]
        blocks.append((centres, np.flatnonzero(np.isfinite(near))))
    return blocks


def halved(channels: np.ndarray, contacts_um: np.ndarray, most: int) -> list[np.ndarray]:
    """Cut channels across the longer side until no part has more than so many."""
    if len(channels) <= most:
        return [np.sort(channels)]
    places_um = contacts_um[channels]
    axis = np.ptp(places_um, axis=0).argmax()
    order = channels[np.lexsort((places_um[:, 1 - axis], places_um[:, axis]))]
    middle = len(order) // 2
    return halved(order[:middle], contacts_um, most) + halved(order[middle:], contacts_um, most)


def main_channels(traces: Traces, trains: list[np.ndarray]) -> np.ndarray:
    """Return the channel (n_units,) on which each unit's mean waveform is deepest, in noise levels.

    Parameters
    ----------
    traces : Traces
    trains : list of arrays
        Spike samples of every unit.
    """
    found = np.empty(len(trains), dtype=int)
    for unit, train in enumerate(trains):
        inside = train[(train >= BEFORE) & (train < traces.n_samples - AFTER)]
        chosen = inside[evenly(len(inside), N_SPIKES)]
        snippets = [traces.recording.get_traces(start_frame=sample - BEFORE, end_frame=sample + AFTER)
                    for sample in chosen]
        found[unit] = traces.whitening(np.mean(snippets, axis=0).T).min(axis=1).argmin()
    return found
