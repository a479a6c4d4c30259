"""Units that are none: what the others leave behind where their templates do not fit, or where they overlap.

Such a unit's events do not look alike, so that more than noise is left where its spikes were taken out, or they come
with those of other units and are hardly more likely than nothing, or only the largest of many stretches of noise were
large enough, so that they are less likely than spikes of that size are.
"""

import numpy as np

from simsort.sorting.own.basis import LONG_BEFORE, LONG_SAMPLES, cut
from simsort.sorting.own.pursuit import Pursuit, Spikes
from simsort.sorting.own.templates import Templates

NEAR_SAMPLES = 20
MAIN_CHANNELS = 0.3  # of the largest
MOST_REST = 1.3  # left variance relative to what is usual
REST_PER_ENERGY = 8e-4  # a large unit's variation leaves more
LARGE = 15.0  # units up to this size tell what is usual, and have to be so
COMPANY, COMPANY_PER_GAIN = 0.15, 0.01
LEAST_GAIN, SMALL_GAIN = 0.75, 20.0  # of what is to be expected, and up to where this is asked for
FEWEST = 20


class Judgement:
    """What the spikes of a pursuit tell of its units.

    Parameters
    ----------
    pursuit : Pursuit

    Attributes
    ----------
    facts : list of lists
        Of every unit the `(left variance, gain, is near a spike of another unit on its channels, chance of that)` of its
        spikes.
    """

    def __init__(self, pursuit: Pursuit):
        self.pursuit = pursuit
        size = sizes_on_channels(pursuit.templates)
        self.main = [np.flatnonzero(row >= MAIN_CHANNELS * row.max()) for row in size]
        self.energy = (size**2).sum(axis=1)
        self.facts: list[list] = [[] for _ in self.main]

    def see(self, traces: np.ndarray, start_s: float, spikes: Spikes, inside: np.ndarray) -> None:
        """Look at a piece of traces, its spikes and which of them, none of noise, to count."""
        inside = inside & (spikes.sample >= LONG_BEFORE) & (spikes.sample < traces.shape[1] - LONG_SAMPLES)
        left = self.pursuit.residual(traces, start_s, spikes)
        basis, sees, is_noise = self.pursuit.basis, self.pursuit.sees, self.pursuit.templates.is_noise
        for unit in np.unique(spikes.unit[inside]):
            rows = np.flatnonzero(inside & (spikes.unit == unit))
            sample = spikes.sample[rows]
            features = basis(cut(left, self.main[unit], sample), spikes.delay[rows])
            # only of units seen on channels of this one: on a long probe somebody always fires
            beside = np.isin(spikes.unit, sees[unit]) & ~is_noise[spikes.unit]
            ordered = np.sort(spikes.sample[beside])
            others = len(ordered) - (spikes.unit == unit).sum()
            near = (np.searchsorted(ordered, sample + NEAR_SAMPLES, "right")
                    - np.searchsorted(ordered, sample - NEAR_SAMPLES) > 1)
            chance = 1 - np.exp(-others * (2 * NEAR_SAMPLES + 1) / traces.shape[1])
            self.facts[unit].append(np.stack([(features**2).mean(axis=1), spikes.gain[rows], near,
                                              np.full(len(rows), chance)], axis=1))

    def add(self, facts: list) -> None:
        """Add what was seen elsewhere."""
        for own, other in zip(self.facts, facts):
            own += other

    def typical(self) -> tuple[np.ndarray, ...]:
        """Return of every unit (n_units,) left variance, gain, share near others and chance of that, number of spikes."""
        tables = [np.concatenate(rows) if rows else np.zeros((0, 4)) for rows in self.facts]
        columns = (np.array([reduce(table[:, column]) if len(table) else 0.0 for table in tables])
                   for column, reduce in enumerate((np.median, np.median, np.mean, np.mean)))
        return *columns, np.array([len(table) for table in tables])

    def are_false(self) -> np.ndarray:
        """Return which units (n_units,) are none by themselves; one of few spikes is given the benefit of the doubt."""
        left, gain, _, _, spikes = self.typical()
        known = spikes >= FEWEST
        if not known.any():
            return known
        telling = known & (self.energy <= LARGE**2)
        telling = telling if telling.any() else known
        most = MOST_REST * weighted_median(left[telling], spikes[telling]) + REST_PER_ENERGY * self.energy
        # a large unit varies, or what is left is another's that fires with it: it shows in its company
        unlike = (left > most) & (self.energy <= LARGE**2)
        return known & (unlike | are_tails(gain, self.energy, self.pursuit.penalties))

    def company(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how much of every unit (n_units,) comes with others beyond chance, and how much of a neuron may."""
        _, gain, near, chance, spikes = self.typical()
        share = np.where(spikes >= FEWEST, (near - chance) / np.maximum(1 - chance, 1e-9), 0.0)
        return share, COMPANY + COMPANY_PER_GAIN * gain


def sizes_on_channels(templates: Templates) -> np.ndarray:
    """Return the lengths (n_units, n_channels) of templates' means over time."""
    return np.linalg.norm(templates.means.mean(axis=1), axis=2)


def are_tails(gain: np.ndarray, energy: np.ndarray, penalties: np.ndarray, least: float = LEAST_GAIN) -> np.ndarray:
    """Return which units (n_units,) are the largest of many stretches of noise, by their spikes' typical gain."""
    return (gain < least * (energy / 2 - penalties)) & (gain < SMALL_GAIN)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the value below which half of the weight lies."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, 0.5 * cumulated[-1])])
