"""One neuron that several clusters hold: its trough lies now on the channels of one group, now on those of another.

Where the tissue moves this is the rule on dense probes. Two such clusters look alike where both are, at the times that
both have, or where the one ends and the other begins; together they are the neuron's template at all times.
"""

from dataclasses import dataclass

import numpy as np

from simsort.sorting.own.parts import lock
from simsort.sorting.own.separation import (
    ENOUGH_PAIRS, REFRACTORY_SHARE, SHARED_TIME, common_time, nearest_knots, refractoriness)
from simsort.sorting.own.templates import BY_UNIT, Templates

SAME_CHANGE = 0.35  # relative distance of two templates of one neuron
KEPT_CHANGE = 0.7  # the same, if they keep each other's refractory period: tissue that moves fast changes a lot
MOST_SHIFT = 10  # samples between its troughs on two channels
SAME_ENERGY = 0.6  # of each lies on the channels that both see
MUCH_SMALLER = 0.75  # what is no tight part of another is left behind by it only if it is
STRANGERS = 0.5  # of chance's refractory pairs: they are not one neuron
MOSTLY = 0.5  # of its busiest time's spikes: at such times a unit is there
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
        self.responses, self.first_lag = responses, first_lag
        self.turns = responses[np.arange(-MOST_SHIFT, MOST_SHIFT + 1) - first_lag]
        self.sees = templates.means.any(axis=(1, 3))

    def likeness(self, one: int, other: int) -> Likeness:
        """Compare two units at the times that both have, and where the one hands over to the other if it does."""
        a, b = self.templates.occupancy[one], self.templates.occupancy[other]
        both = common_time(a, b)
        shared = float(both.sum())
        found = [Likeness(change=np.inf, lag=0, shared=shared)]
        if shared > SHARED_TIME:
            knots = np.flatnonzero(both > 0)
            found.append(self.compared(one, other, knots, knots, both[knots] / both[knots].sum(), shared))
        for knot, its in meeting_knots(a, b):
            found.append(self.compared(one, other, np.array([knot]), np.array([its]), np.ones(1), shared))
        return min(found, key=lambda likeness: likeness.change)

    def compared(self, one: int, other: int, knots: np.ndarray, knots_other: np.ndarray, weights: np.ndarray,
                 shared: float) -> Likeness:
        """Compare the one's templates at some knots with the other's at as many."""
        templates, channels = self.templates, self.sees[one] & self.sees[other]
        a, b = templates.occupancy[one], templates.occupancy[other]
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


def meeting_knots(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
    """Return the knots at which a unit hands over to another, as they lie in their occupancies; none if it does not.

    A neuron that moves is mostly the one unit, then mostly the other; what each holds at the other's time are its
    oddest spikes, or those of others.
    """
    mostly_a, mostly_b = np.where(a >= MOSTLY * a.max(), a, 0), np.where(b >= MOSTLY * b.max(), b, 0)
    closest = nearest_knots(mostly_a, mostly_b) if not ((mostly_a > 0) & (mostly_b > 0)).any() else None
    return [closest] if closest is not None else []


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
        """Return the units without those that are another one or a part of it."""
        templates, gone = self.templates, self.templates.is_noise.copy()
        for one in np.argsort(-templates.counts, kind="stable"):
            if gone[one]:
                continue
            while same := [other for other in self.overlapping(one, ~gone) if self.are_one(one, other)]:
                gone[same] = True
            gone |= self.take_parts(one, ~gone)
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

    def take_parts(self, one: int, there: np.ndarray) -> np.ndarray:
        """Return which smaller units (n_units,) are parts of one, whose template takes in what it did not know."""
        are_parts = np.zeros(len(there), dtype=bool)
        for other in np.flatnonzero(there & (self.sizes < self.sizes[one])):
            its = lock(self.trains[other], self.trains[one])
            if its.is_locked and (its.is_tight or self.sizes[other] < MUCH_SMALLER * self.sizes[one]):
                are_parts[other] = True
                if its.is_tight:
                    self.extend(one, other, its.lag)
        return are_parts

    def extend(self, one: int, part: int, lag: int) -> None:
        """Add to a template, on channels that it does not know, that of a part that comes `lag` samples late."""
        new, turn = self.sees[part] & ~self.sees[one], -lag - self.first_lag
        if not new.any() or not 0 <= turn < len(self.responses):
            return
        self.templates.means[one][:, new] = self.templates.means[part][:, new] @ self.responses[turn]
        self.sees[one] |= new
        self.sizes[one] = sizes_of(self.templates.means[[one]])[0]


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


def strangers(one_s: np.ndarray, other_s: np.ndarray) -> bool:
    """Tell whether two trains break each other's refractory period as often as chance would."""
    found, expected = refractoriness(one_s, other_s)
    return expected >= ENOUGH_PAIRS and found > STRANGERS * expected
