"""Units that are not needed: what they explain, others explain nearly as well.

Spikes of a neuron that vary more than noise make clusters at the edges of its own, and two neurons that often fire
together one of their overlaps. Both are tight and lie where no template does, so that nothing about them is odd; but
without them the likelihood of the traces falls only a little. A neuron's own spikes fit no other template.
"""

import numpy as np

from simsort.sorting.own.pursuit import MARGIN, Pursuit, Spikes

MOST_PER_PIECE = 12  # spikes of a unit that are looked at
REACH = 45  # samples: what is found so near is another explanation of a spike
HALF = 150  # samples of traces on either side
GAP = MARGIN // 2 + 20  # between stretches, so that none is seen in the next
LEAST_WORTH = 2.4  # of the log likelihood, the mean over spikes
LIMITS = -3.0, 10.0  # of a spike: what another order of taking spikes out loses or wins says little
MOST_SHARE = 0.35  # of the spikes of the unit that would have them
FEWEST = 15


class Worth:
    """What the traces tell of what units explain that others cannot.

    Parameters
    ----------
    pursuit : Pursuit

    Attributes
    ----------
    losses : list of lists
        Of every unit, what is lost at some of its spikes where it is left out.
    takers : array, (n_units, n_units)
        How often the other unit is found in its place.
    """

    def __init__(self, pursuit: Pursuit):
        self.pursuit = pursuit
        templates = pursuit.templates
        n_units = len(templates.counts)
        self.losses: list[list] = [[] for _ in range(n_units)]
        self.takers = np.zeros((n_units, n_units), dtype=int)
        self.rivals = [row[row >= 0] for row in pursuit.sees]
        largest = np.array([templates.counts[its].max() for its in self.rivals])
        self.asked = ~templates.is_noise & (templates.counts < MOST_SHARE * largest)

    def see(self, traces: np.ndarray, start_s: float, spikes: Spikes, inside: np.ndarray) -> None:
        """Look at some of the spikes of a piece that are inside."""
        inside = inside & (spikes.sample >= HALF) & (spikes.sample < traces.shape[1] - HALF) & self.asked[spikes.unit]
        if not inside.any():
            return
        features = self.pursuit.features(traces)
        means = self.pursuit.means_at(start_s + traces.shape[1] / self.pursuit.fs / 2)
        for unit in np.unique(spikes.unit[inside]):
            sample = spikes.sample[inside & (spikes.unit == unit)]
            sample = sample[np.linspace(0, len(sample) - 1, min(len(sample), MOST_PER_PIECE)).round().astype(int)]
            self.see_unit(unit, stretches(features, sample), means, len(sample))

    def see_unit(self, unit: int, features: np.ndarray, means: np.ndarray, n_spikes: int) -> None:
        """Explain stretches of features around spikes of a unit with it and without it."""
        rivals, penalties = self.rivals[unit], self.pursuit.penalties
        scores = self.pursuit.scores(features, means, rivals)
        others = rivals != unit
        with_it = self.pursuit.explain(scores.copy(), means, rivals)
        without = self.pursuit.explain(scores[others], means, rivals[others])
        for number in range(n_spikes):
            middle = GAP + HALF + number * (2 * HALF + GAP)
            first, second = (found.only(np.abs(found.sample - middle) <= REACH) for found in (with_it, without))
            # that an overlap takes two rare events in place of one does not speak for its being a neuron
            rarer = penalties[second.unit].sum() - penalties[first.unit].sum()
            self.losses[unit].append(first.gain.sum() - second.gain.sum() - max(rarer, 0.0))
            n_units = len(self.takers)
            more = np.bincount(second.unit, minlength=n_units) - np.bincount(first.unit, minlength=n_units)
            self.takers[unit] += np.maximum(more, 0)

    def add(self, losses: list, takers: np.ndarray) -> None:
        """Add what was seen elsewhere."""
        for own, other in zip(self.losses, losses):
            own += other
        self.takers += takers

    def superfluous(self) -> np.ndarray:
        """Return which units (n_units,) are not needed while all others stay, but for those others themselves."""
        counts = self.pursuit.templates.counts
        worth = np.array([np.clip(losses, *LIMITS).mean() if len(losses) >= FEWEST else np.inf for losses in self.losses])
        taker = self.takers.argmax(axis=1)
        few = self.takers.any(axis=1) & (counts < MOST_SHARE * counts[taker])
        little = few & (worth < LEAST_WORTH)
        return little & ~little[taker]


def stretches(features: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the features around some samples one after another, with nothing between them."""
    found = np.zeros((*features.shape[:2], GAP + len(sample) * (2 * HALF + GAP)), dtype=np.float32)
    for number, middle in enumerate(sample):
        start = GAP + number * (2 * HALF + GAP)
        found[:, :, start:start + 2 * HALF] = features[:, :, middle - HALF:middle + HALF]
    return found
