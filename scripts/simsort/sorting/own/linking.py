"""One neuron that several clusters hold: its trough lies now on the channels of one group, now on those of another.

Where the tissue moves this is the rule on dense probes. Two such clusters look alike where both are, at the times that
both have, or where the one ends and the other begins; together they are the neuron's template at all times.
"""

from dataclasses import dataclass

import numpy as np

from simsort.sorting.own.separation import (
    ENOUGH_PAIRS, REFRACTORY_SHARE, SHARED_TIME, common_time, nearest_knots, refractoriness)
from simsort.sorting.own.templates import BY_UNIT, Templates

SAME_CHANGE = 0.35  # relative distance of two templates of one neuron
KEPT_CHANGE = 0.7  # the same, if they keep each other's refractory period: tissue that moves fast changes a lot
MOST_SHIFT = 10  # samples between its troughs on two channels
SAME_ENERGY = 0.6  # of each lies on the channels that both see
LOCKED_S, LOCKED_SHARE = 0.001, 0.4
MUCH_SMALLER = 0.75
STRANGERS = 0.5  # of chance's refractory pairs: they are not one neuron
LENT = 8.0  # spikes' worth that neighbouring knots lend to each


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How much alike two units look.

    Parameters
    ----------
    change : float
        Their distance, relative to the smaller one, less what noise adds; infinite where too little is seen by both.
    lag : int
        Samples by which the second one comes late.
    shared : float
        Share of time that both fire in.
    """

    change: float
    lag: int
    shared: float


class Comparison:
    """Tells how much alike units look.

    Parameters
    ----------
    templates : Templates
    responses : array, (n_lags, n_features, n_features)
        `template @ responses[lag]` is the template seen `first_lag + lag` samples late.
    first_lag : int

    Attributes
    ----------
    sees : array, (n_units, n_channels) bool
        Channels on which a unit is known.
    """

    def __init__(self, templates: Templates, responses: np.ndarray, first_lag: int):
        self.templates = templates
        self.turns = responses[np.arange(-MOST_SHIFT, MOST_SHIFT + 1) - first_lag]
        self.sees = templates.means.any(axis=(1, 3))

    def likeness(self, one: int, other: int) -> Likeness:
        """Compare two units at the times that both have, else where the one ends and the other begins."""
        templates, channels = self.templates, self.sees[one] & self.sees[other]
        a, b = templates.occupancy[one], templates.occupancy[other]
        both = common_time(a, b)
        shared = float(both.sum())
        if shared > SHARED_TIME:
            knots = knots_other = np.flatnonzero(both > 0)
            weights = both[knots] / both[knots].sum()
        else:
            closest = nearest_knots(a, b)
            if closest is None:
                return Likeness(change=np.inf, lag=0, shared=shared)
            (knots, knots_other), weights = np.array(closest)[:, None], np.ones(1)
        first, second = templates.means[one][knots], templates.means[other][knots_other]
        seen, seen_other = first[:, channels], second[:, channels]
        energy, energy_other = weighted_energy(seen, weights), weighted_energy(seen_other, weights)
        if (energy < SAME_ENERGY * weighted_energy(first, weights)
                or energy_other < SAME_ENERGY * weighted_energy(second, weights)):
            return Likeness(change=np.inf, lag=0, shared=shared)
        late = np.einsum("kcq,lqr->lkcr", seen, self.turns)
        squared = np.einsum("lkcr,k->l", (late - seen_other) ** 2, weights)
        error = weights @ (1 / (a[knots] + LENT) + 1 / (b[knots_other] + LENT)) * seen[0].size
        best = int(squared.argmin())
        change = np.sqrt(max(squared[best] - error, 0) / max(min(energy, energy_other), 1e-9))
        return Likeness(change=float(change), lag=best - MOST_SHIFT, shared=shared)


class Linker(Comparison):
    """Compares and joins units.

    Parameters
    ----------
    templates : Templates
        Is changed.
    trains : list of arrays
        Spike times in s; is changed.
    responses, first_lag
        See `Comparison`.
    """

    def __init__(self, templates: Templates, trains: list, responses: np.ndarray, first_lag: int):
        super().__init__(templates, responses, first_lag)
        self.trains = trains
        self.sizes = sizes_of(templates.means)

    def link(self) -> Templates:
        """Return the units without those that are another one, or what its subtraction left behind."""
        templates, gone = self.templates, self.templates.is_noise.copy()
        for one in np.argsort(-templates.counts, kind="stable"):
            if gone[one]:
                continue
            while same := [other for other in self.overlapping(one, ~gone) if self.are_one(one, other)]:
                gone[same] = True
            gone |= self.left_by(one, ~gone)
        return templates.only(~gone | templates.is_noise)

    def overlapping(self, one: int, there: np.ndarray) -> np.ndarray:
        """Return smaller units that may be the same one, by the channels that they are seen on."""
        counts = self.templates.counts
        there = there & (counts <= counts[one])
        there[one] = False
        near = np.flatnonzero(there)
        return near[(self.sees[near] & self.sees[one]).any(axis=1)]

    def are_one(self, one: int, other: int) -> bool:
        """Decide whether two units are one neuron; if so and they hold different spikes, join them in the first."""
        alike = self.likeness(one, other)
        back = self.likeness(other, one)
        change, apart = min(alike.change, back.change), self.templates.group[one] != self.templates.group[other]
        # within a group the mixture has judged already, from the spikes themselves
        if change >= (KEPT_CHANGE if apart else SAME_CHANGE):
            return False
        found, expected = refractoriness(self.trains[one], self.trains[other])
        if expected >= ENOUGH_PAIRS:
            most = STRANGERS if change < SAME_CHANGE else REFRACTORY_SHARE
            same = found <= most * expected
        else:
            same = change < SAME_CHANGE
        if not same:
            return False
        if apart or alike.shared <= SHARED_TIME:
            self.join(one, other, alike.lag if alike.change <= back.change else -back.lag)
        return True

    def join(self, one: int, other: int, lag: int) -> None:
        """Make of two units one, by what each knows of a time and a channel; `lag`: the second one's lateness."""
        templates = self.templates
        earlier = templates.means[other] @ self.turns[MOST_SHIFT - lag]
        own, its = (np.where(self.sees[unit], (templates.occupancy[unit] + 1e-3)[:, None], 0.0)[:, :, None]
                    for unit in (one, other))
        known = own + its > 0
        templates.means[one] = np.where(known, (own * templates.means[one] + its * earlier)
                                        / np.where(known, own + its, 1.0), 0.0)
        self.sizes[one] = sizes_of(templates.means[[one]])[0]
        self.sees[one] |= self.sees[other]
        templates.occupancy[one] += templates.occupancy[other]
        self.trains[one] = np.union1d(self.trains[one], self.trains[other])
        templates.counts[one] = max(len(self.trains[one]), templates.counts[one])

    def left_by(self, one: int, there: np.ndarray) -> np.ndarray:
        """Return which units (n_units,) are much smaller and come right with the spikes of one."""
        left = np.zeros(len(there), dtype=bool)
        for other in np.flatnonzero(there & (self.sizes < MUCH_SMALLER * self.sizes[one])):
            left[other] = other != one and locked(self.trains[other], self.trains[one])
        return left


def link_units(templates: Templates, trains: list, responses: np.ndarray, first_lag: int) -> Templates:
    """Return templates in which every neuron is one unit; see `Linker` for what is given, which is left as it is."""
    own = Templates(step_s=templates.step_s, **{name: getattr(templates, name).copy() for name in BY_UNIT})
    return Linker(own, list(trains), responses, first_lag).link()


def sizes_of(means: np.ndarray) -> np.ndarray:
    """Return the lengths (n_units,) of templates' means over time."""
    return np.linalg.norm(means.mean(axis=1), axis=(1, 2))


def weighted_energy(means: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted sum of squares of templates (n_knots, n_channels, n_features)."""
    return float((means**2).sum(axis=(1, 2)) @ weights)


def locked(train_s: np.ndarray, other_s: np.ndarray) -> bool:
    """Tell whether most events of a train come right with another's: what its subtraction left behind."""
    if not len(train_s) or not len(other_s):
        return False
    near = np.searchsorted(other_s, train_s + LOCKED_S) - np.searchsorted(other_s, train_s - LOCKED_S) > 0
    chance = 2 * LOCKED_S * len(other_s) / max(other_s[-1] - other_s[0], LOCKED_S)
    return near.mean() - chance > LOCKED_SHARE


def strangers(one_s: np.ndarray, other_s: np.ndarray) -> bool:
    """Tell whether two trains break each other's refractory period as often as chance would."""
    found, expected = refractoriness(one_s, other_s)
    return expected >= ENOUGH_PAIRS and found > STRANGERS * expected
