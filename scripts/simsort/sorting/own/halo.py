"""What templates leave behind: the mean of the traces at a unit's spikes, once these have been taken out.

Templates are a few features on the channels of one group. Of a large unit much more is seen: on far channels, before
and after, and in details of its form. What is left of it would be taken for spikes of smaller units.
"""

import numpy as np

from simsort.sorting.own.basis import EDGE, LONG_BEFORE, LONG_SAMPLES, cut

FARTHEST_UM = 250.0
MOST_PER_PIECE = 12  # spikes of a unit that are looked at
FEWEST = 20
LEAST_Z = 4.0  # a channel's mean must differ so much from that of noise


class Halo:
    """Means of what is left of the traces at spikes.

    Parameters
    ----------
    means : array, (n_units, n_knots, n_channels, n_features)
        The templates.
    contacts_um : array, (n_channels, 2)
    before : array, (n_units, n_channels, long_samples)
        What was known to be left and has been taken out too.
    """

    def __init__(self, means: np.ndarray, contacts_um: np.ndarray, before: np.ndarray):
        self.before = before
        main = np.linalg.norm(means, axis=3).sum(axis=1).argmax(axis=1)
        distance_um = np.linalg.norm(contacts_um[main][:, None] - contacts_um, axis=2)
        self.channels = [np.flatnonzero(row <= FARTHEST_UM) for row in distance_um]
        self.sums = np.zeros((len(means), len(contacts_um), LONG_SAMPLES), dtype=np.float32)
        self.counts = np.zeros(len(means))

    def see(self, left: np.ndarray, sample: np.ndarray, unit: np.ndarray) -> None:
        """Add the spikes of a piece; `left` are its traces without them."""
        inside = (sample >= LONG_BEFORE) & (sample < left.shape[1] - LONG_SAMPLES)
        for one in np.unique(unit[inside]):
            rows = np.flatnonzero(inside & (unit == one))
            rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_PER_PIECE)).round().astype(int)]
            snippets = cut(left, self.channels[one], sample[rows], LONG_BEFORE, LONG_SAMPLES)
            self.sums[one, self.channels[one]] += snippets.sum(axis=0)
            self.counts[one] += len(rows)

    def means(self) -> np.ndarray:
        """Return the whole rest (n_units, n_channels, long_samples), nothing on channels where there is only noise."""
        counts = np.maximum(self.counts, 1)[:, None, None].astype(np.float32)
        means = self.sums / counts
        size = (means**2).sum(axis=2, keepdims=True) * counts
        clear = (size > LONG_SAMPLES + LEAST_Z * np.sqrt(2 * LONG_SAMPLES)) & (counts >= FEWEST)
        shrunk = np.clip(1 - LONG_SAMPLES / np.maximum(size, 1e-9), 0, 1)  # what is not noise of the mean
        ramp = np.ones(LONG_SAMPLES, dtype=np.float32)
        ramp[:EDGE], ramp[-EDGE:] = np.linspace(0, 1, EDGE), np.linspace(1, 0, EDGE)
        return self.before + np.where(clear, means * shrunk * ramp, 0.0).astype(np.float32)
