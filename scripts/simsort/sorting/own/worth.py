"""Units that are not needed: what they explain, others explain nearly as well.

Spikes of a neuron that vary more than noise make clusters at the edges of its own, and two neurons that often fire
together one of their overlaps. Both are tight and lie where no template does, so that nothing about them is odd; but
without them the traces become only a little less likely. A neuron's own spikes fit no other template.

Asked are short stretches around some of a unit's spikes, out of which all spikes farther away were taken.
"""

from dataclasses import replace

import numpy as np

from simsort.sorting.own.basis import LONG_BEFORE, LONG_SAMPLES
from simsort.sorting.own.evenly import some_of_each
from simsort.sorting.own.pursuit import N_LAGS, NEVER, Pursuit, Spikes

MOST_PER_PIECE = 12  # spikes of a unit that are looked at
REACH = 45  # samples: what is found so near is another explanation of a spike
HALF = 60  # samples on either side in which spikes are explained anew: REACH, and what dead times of others reach into
WIDTH = 2 * HALF + 1
GAP = N_LAGS  # samples between stretches, so that none is seen in the next; traces are cut out wider by LONG_SAMPLES
LEAST_WORTH = 2.4  # of the log odds, the mean over spikes
LIMITS = -3.0, 10.0  # of a spike: what another order of taking spikes out loses or wins says little
MOST_SHARE = 0.35  # of the spikes of a unit that would have some of them
OFTEN = 0.5  # so many of the spikes have to go to such units
FEWEST = 15
SURE = 4.0  # standard errors of the mean above the least worth: asking on would not change it


class Worth:
    """What the traces tell of what units explain that others cannot.

    Parameters
    ----------
    pursuit : Pursuit
    asked : array, (n_units,) bool, optional
        Units that are looked at, if they have few spikes beside others; None: all such.

    Attributes
    ----------
    asked : array, (n_units,) bool
        Units that are looked at.
    losses : list of lists
        Of every unit, what is lost at some of its spikes where it is left out.
    takers : array, (n_units, n_units)
        At how many of them the other unit is found in its place.
    """

    def __init__(self, pursuit: Pursuit, asked: np.ndarray | None = None):
        self.pursuit, templates = pursuit, pursuit.templates
        n_units = len(templates.counts)
        self.losses: list[list] = [[] for _ in range(n_units)]
        self.takers = np.zeros((n_units, n_units), dtype=int)
        self.rivals = [row[row >= 0] for row in pursuit.sees]
        self.counts = np.where(templates.is_noise, 0.0, templates.counts)  # noise is not what a neuron's spikes go to
        largest = np.array([self.counts[its].max(initial=0.0) for its in self.rivals])
        self.asked = ~templates.is_noise & (templates.counts < MOST_SHARE * largest)
        if asked is not None:
            self.asked &= asked

    def see(self, traces: np.ndarray, start_s: float, first: int, last: int) -> None:
        """Look at spikes between two samples of a piece of traces that begins at a time."""
        pursuit = self.pursuit
        means = pursuit.means_in(traces, start_s)
        units = np.arange(len(means))
        scores = pursuit.scores(traces, means)
        left = traces.copy()
        spikes = pursuit.explain(scores.copy(), means, units, left)
        pursuit.take(spikes, scores, means, units)
        inside = (spikes.sample >= first) & (spikes.sample < last) & self.asked[spikes.unit]
        for unit, rows in some_of_each(spikes, inside, HALF + LONG_SAMPLES, traces.shape[1], MOST_PER_PIECE):
            self.see_unit(unit, spikes, rows, scores, left, means)

    def see_unit(self, unit: int, spikes: Spikes, rows: np.ndarray, scores: np.ndarray, traces: np.ndarray,
                 means: np.ndarray) -> None:
        """Explain anew, with a unit and without it, what was found around some of its spikes.

        Parameters
        ----------
        unit : int
        spikes : Spikes
            All that were found.
        rows : array
            Of its spikes among them, those that are looked at.
        scores : array, (n_units, n_samples)
        traces : array, (n_channels, n_samples)
            Both without all spikes.
        means : array
        """
        rivals, penalties = self.rivals[unit], self.pursuit.penalties
        others, at = rivals != unit, spikes.sample[rows]
        scores = stretches(scores[rivals], at, HALF, HALF, NEVER)
        traces = stretches(traces, at, HALF + LONG_BEFORE, HALF + LONG_SAMPLES - LONG_BEFORE, 0.0)
        self.pursuit.put_back(around(spikes, at), scores, traces, means, rivals)
        without = self.pursuit.explain(scores[others], means, rivals[others], traces.copy())
        with_it = self.pursuit.explain(scores, means, rivals, traces)
        for middle in middles(len(at)):
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

    def unsettled(self) -> np.ndarray:
        """Return which units (n_units,) of those asked have not shown yet that they are needed."""
        clipped = [np.clip(losses, *LIMITS) for losses in self.losses]
        least = np.array([its.mean() - SURE * its.std() / np.sqrt(len(its)) if len(its) >= FEWEST else -np.inf
                          for its in clipped])
        return self.asked & (least < LEAST_WORTH)

    def little(self) -> np.ndarray:
        """Return which units (n_units,) explain little that others cannot."""
        mean = np.array([np.clip(losses, *LIMITS).mean() if losses else np.inf for losses in self.losses])
        return (self.n_seen() >= FEWEST) & (mean < LEAST_WORTH)

    def n_seen(self) -> np.ndarray:
        """Return at how many of its spikes each unit was looked at."""
        return np.array([len(losses) for losses in self.losses])

    def superfluous(self) -> np.ndarray:
        """Return which units (n_units,) are not needed, as their spikes go to larger units that are.

        One whose spikes go to a unit that may not be needed itself is asked again when that one is gone.
        """
        more = self.counts[:, None] < MOST_SHARE * self.counts
        taken, little = np.where(more, self.takers, 0), self.little()
        return little & (taken[:, ~little].sum(axis=1) >= OFTEN * self.n_seen())


def around(spikes: Spikes, middle: np.ndarray) -> Spikes:
    """Return the spikes around some samples, with their places in stretches of those."""
    number, row = np.nonzero(np.abs(spikes.sample - middle[:, None]) <= HALF)
    return replace(spikes.only(row), sample=spikes.sample[row] - middle[number] + middles(len(middle))[number])


def stretches(values: np.ndarray, sample: np.ndarray, before: int, after: int, between: float) -> np.ndarray:
    """Return values around some samples one after another, and what stands between them."""
    found = np.full((len(values), GAP + len(sample) * (WIDTH + GAP)), between, dtype=np.float32)
    for at, middle in zip(middles(len(sample)), sample):
        found[:, at - before:at + after + 1] = values[:, middle - before:middle + after + 1]
    return found


def middles(n: int) -> np.ndarray:
    """Return where the middles (n,) of stretches lie."""
    return GAP + HALF + (WIDTH + GAP) * np.arange(n)
