"""Units that are not needed: what they explain, others explain nearly as well.

Spikes of a neuron that vary more than noise make clusters at the edges of its own, and two neurons that often fire
together one of their overlaps. Both are tight and lie where no template does, so that nothing about them is odd; but
without them the traces become only a little less likely. A neuron's own spikes fit no other template.
"""

import numpy as np

from simsort.sorting.own.pursuit import MARGIN, Pursuit

MOST_PER_PIECE = 12  # spikes of a unit that are looked at
REACH = 45  # samples: what is found so near is another explanation of a spike
HALF = 150  # samples of traces on either side
GAP = MARGIN // 2 + 20  # between stretches, so that none is seen in the next
LEAST_WORTH = 2.4  # of the log odds, the mean over spikes
LIMITS = -3.0, 10.0  # of a spike: what another order of taking spikes out loses or wins says little
MOST_SHARE = 0.35  # of the spikes of a unit that would have some of them
OFTEN = 0.5  # so many of the spikes have to go to such units
FEWEST = 15


class Worth:
    """What the traces tell of what units explain that others cannot.

    Parameters
    ----------
    pursuit : Pursuit

    Attributes
    ----------
    asked : array, (n_units,) bool
        Units that are looked at: those with few spikes beside others.
    losses : list of lists
        Of every unit, what is lost at some of its spikes where it is left out.
    takers : array, (n_units, n_units)
        At how many of them the other unit is found in its place.
    """

    def __init__(self, pursuit: Pursuit):
        self.pursuit, templates = pursuit, pursuit.templates
        n_units = len(templates.counts)
        self.losses: list[list] = [[] for _ in range(n_units)]
        self.takers = np.zeros((n_units, n_units), dtype=int)
        self.rivals = [row[row >= 0] for row in pursuit.sees]
        self.counts = np.where(templates.is_noise, 0.0, templates.counts)  # noise is not what a neuron's spikes go to
        largest = np.array([self.counts[its].max(initial=0.0) for its in self.rivals])
        self.asked = ~templates.is_noise & (templates.counts < MOST_SHARE * largest)

    def see(self, traces: np.ndarray, start_s: float, first: int, last: int) -> None:
        """Look at spikes between two samples of a piece of traces that begins at a time."""
        pursuit = self.pursuit
        means = pursuit.means_at(start_s + traces.shape[1] / pursuit.fs / 2)
        units = np.arange(len(means))
        scores = pursuit.scores(pursuit.features(traces), means, units)
        spikes = pursuit.explain(scores.copy(), means, units)
        inside = (spikes.sample >= max(first, HALF)) & (spikes.sample < min(last, traces.shape[1] - HALF))
        for unit in np.unique(spikes.unit[inside & self.asked[spikes.unit]]):
            sample = spikes.sample[inside & (spikes.unit == unit)]
            sample = sample[np.linspace(0, len(sample) - 1, min(len(sample), MOST_PER_PIECE)).round().astype(int)]
            self.see_unit(unit, stretches(scores, self.rivals[unit], sample), means, len(sample))

    def see_unit(self, unit: int, scores: np.ndarray, means: np.ndarray, n_spikes: int) -> None:
        """Explain stretches of its rivals' scores around spikes of a unit with it and without it."""
        rivals, penalties = self.rivals[unit], self.pursuit.penalties
        others = rivals != unit
        without = self.pursuit.explain(scores[others], means, rivals[others])
        with_it = self.pursuit.explain(scores, means, rivals)
        for number in range(n_spikes):
            middle = GAP + HALF + number * (2 * HALF + GAP)
            one, other = (found.only(np.abs(found.sample - middle) <= REACH) for found in (with_it, without))
            # that an overlap takes two rare events in place of one does not speak for its being a neuron
            rarer = penalties[other.unit].sum() - penalties[one.unit].sum()
            self.losses[unit].append(one.gain.sum() - other.gain.sum() - max(rarer, 0.0))
            n_units = len(self.takers)
            self.takers[unit] += np.bincount(other.unit, minlength=n_units) > np.bincount(one.unit, minlength=n_units)

    def add(self, losses: list, takers: np.ndarray) -> None:
        """Add what was seen elsewhere."""
        for own, its in zip(self.losses, losses):
            own += its
        self.takers += takers

    def superfluous(self) -> np.ndarray:
        """Return which units (n_units,) are not needed, as their spikes go to larger units that are.

        One whose spikes go to a unit that may not be needed itself is asked again when that one is gone.
        """
        n_seen = np.array([len(losses) for losses in self.losses])
        mean = np.array([np.clip(losses, *LIMITS).mean() if losses else np.inf for losses in self.losses])
        more = self.counts[:, None] < MOST_SHARE * self.counts
        taken = np.where(more, self.takers, 0)
        little = (n_seen >= FEWEST) & (mean < LEAST_WORTH)
        return little & (taken[:, ~little].sum(axis=1) >= OFTEN * n_seen)


def stretches(scores: np.ndarray, units: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the scores of some units around some samples one after another, with nothing between them."""
    found = np.zeros((len(units), GAP + len(sample) * (2 * HALF + GAP)), dtype=np.float32)
    for number, middle in enumerate(sample):
        start = GAP + number * (2 * HALF + GAP)
        found[:, start:start + 2 * HALF] = scores[units, middle - HALF:middle + HALF]
    return found
