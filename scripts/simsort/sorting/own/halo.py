"""What templates leave behind: the mean of the traces at a unit's spikes, once these have been taken out.

Templates are a few features on the channels of one group. Of a large unit much more is seen: on far channels, before
and after, and in details of its form. What is left of it would be taken for spikes of smaller units.
"""

from dataclasses import replace

import numpy as np

from simsort.sorting.own.basis import EDGE, LONG_BEFORE, LONG_SAMPLES, cut
from simsort.sorting.own.evenly import some_of_each
from simsort.sorting.own.judgement import are_tails, sizes_on_channels
from simsort.sorting.own.pursuit import Pursuit, Spikes
from simsort.sorting.own.templates import Templates

FARTHEST_UM = 250.0
MOST_PER_PIECE = 12  # spikes of a unit that are looked at
FEWEST = 20
SURELY_NOISE = 0.4  # of the gain to be expected; templates may not be good yet
LEAST_Z = 4.0  # a channel's mean must differ so much from that of noise


class Halo:
    """Means of what is left of the traces at spikes.

    Parameters
    ----------
    pursuit : Pursuit
        Its templates have what was known to be left, which has been taken out too.
    contacts_um : array, (n_channels, 2)
    """

    def __init__(self, pursuit: Pursuit, contacts_um: np.ndarray):
        self.pursuit, templates = pursuit, pursuit.templates
        distance_um = np.linalg.norm(contacts_um[templates.main_channels()][:, None] - contacts_um, axis=2)
        self.channels = [np.flatnonzero(row <= FARTHEST_UM) for row in distance_um]
        # for every unit its channels' sums, the number of spikes behind them, and their gains
        self.sums = [[np.zeros((len(channels), LONG_SAMPLES), dtype=np.float32), 0, []] for channels in self.channels]

    def see(self, left: np.ndarray, spikes: Spikes) -> None:
        """Add the spikes of a piece; `left` are its traces without them."""
        inside = spikes.sample < left.shape[1] - LONG_SAMPLES
        for one, rows in some_of_each(spikes, inside, LONG_BEFORE, left.shape[1], MOST_PER_PIECE):
            snippets = cut(left, self.channels[one], spikes.sample[rows], LONG_BEFORE, LONG_SAMPLES)
            self.sums[one][0] += snippets.sum(axis=0)
            self.sums[one][1] += len(rows)
            self.sums[one][2] += spikes.gain[rows].tolist()

    def add(self, sums: list) -> None:
        """Add what was seen elsewhere."""
        for own, other in zip(self.sums, sums):
            own[0] += other[0]
            own[1] += other[1]
            own[2] += other[2]

    def known(self) -> Templates:
        """Return the templates with the whole rest, nothing of it on channels where there is only noise."""
        templates = self.pursuit.templates
        rest = templates.rest.copy()
        ramp = np.ones(LONG_SAMPLES, dtype=np.float32)
        ramp[:EDGE], ramp[-EDGE:] = np.linspace(0, 1, EDGE), np.linspace(1, 0, EDGE)
        for unit, (sums, count, _) in enumerate(self.sums):
            if count < FEWEST:
                continue
            means = sums / np.float32(count)
            size = (means**2).sum(axis=1, keepdims=True) * count
            clear = size > LONG_SAMPLES + LEAST_Z * np.sqrt(2 * LONG_SAMPLES)
            shrunk = np.clip(1 - LONG_SAMPLES / np.maximum(size, 1e-9), 0, 1)  # what is not noise of the mean
            rest[unit, self.channels[unit]] += np.where(clear, means * shrunk * ramp, 0.0).astype(np.float32)
        return replace(templates, rest=rest)

    def are_noise(self) -> np.ndarray:
        """Return which units (n_units,) are surely noise, by their spikes' typical gain."""
        gain = np.array([np.median(gains) if count >= FEWEST else np.inf for _, count, gains in self.sums])
        energy = (sizes_on_channels(self.pursuit.templates) ** 2).sum(axis=1)
        return are_tails(gain, energy, self.pursuit.penalties, SURELY_NOISE)
