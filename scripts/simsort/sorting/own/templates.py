"""What units look like on all channels at all times, put together from the clusters of every group."""

from dataclasses import dataclass, replace

import numpy as np

from simsort.sorting.own.basis import LONG_SAMPLES
from simsort.sorting.own.groups import Group
from simsort.sorting.own.mixture import DriftingMixture
from simsort.sorting.own.separation import ENOUGH_PAIRS, refractoriness

SAME_CHANGE = 0.35  # relative distance of two templates of one neuron
MOST_SHIFT = 10  # samples between its troughs on two channels
SAME_ENERGY = 0.6  # of each lies on the channels that both see
LOCKED_S, LOCKED_SHARE = 0.001, 0.4
MUCH_SMALLER = 0.75
BY_UNIT = ("means", "counts", "is_noise", "rest")
STRANGERS = 0.5  # of chance's refractory pairs: they are not one neuron


@dataclass(frozen=True, kw_only=True)
class Templates:
    """Moving templates in features.

    Parameters
    ----------
    means : array, (n_units, n_knots, n_channels, n_features) float32
    step_s : float
        Between knots.
    counts : array, (n_units,)
        Events behind each.
    is_noise : array, (n_units,) bool
        Units that are only noise: they are not reported.
    rest : array, (n_units, n_channels, long_samples) float32
        What units do beyond their features, in whitened traces.
    """

    means: np.ndarray
    step_s: float
    counts: np.ndarray
    is_noise: np.ndarray
    rest: np.ndarray

    def only(self, chosen) -> "Templates":
        """Return some of the units."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in BY_UNIT})

    def knots(self, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the knot before each time, and how far it is towards the next."""
        position = np.clip(np.asarray(times_s) / self.step_s, 0, self.means.shape[1] - 1 - 1e-9)
        knot = position.astype(np.int64)
        return knot, position - knot

    def at(self, units: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return the templates (n, n_channels, n_features) of units at times."""
        knot, place = self.knots(times_s)
        place = place[:, None, None].astype(np.float32)
        return self.means[units, knot] * (1 - place) + self.means[units, knot + 1] * place


def expand(mixture: DriftingMixture, directions: np.ndarray, group: Group, n_channels: int,
           is_noise: np.ndarray) -> Templates:
    """Put a group's clusters on all channels, 0 where the group does not look.

    Parameters
    ----------
    mixture : DriftingMixture
    directions : array, (n_features of the group, n_features of the mixture)
    group : Group
    n_channels : int
    is_noise : array, (n_clusters,) bool
    """
    n_clusters, n_knots, n_local = mixture.n_clusters, mixture.n_knots, len(group.channels)
    means = np.zeros((n_clusters, n_knots, n_channels, len(directions) // n_local), dtype=np.float32)
    means[:, :, group.channels] = (mixture.means @ directions.T).reshape(n_clusters, n_knots, n_local, -1)
    return Templates(means=means, step_s=mixture.step_s, counts=mixture.responsibilities[:, :-1].sum(axis=0),
                     is_noise=is_noise, rest=np.zeros((n_clusters, n_channels, LONG_SAMPLES), dtype=np.float32))


def join(parts: list[Templates]) -> Templates:
    """Return the units of all groups in one."""
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in BY_UNIT})


def without_duplicates(templates: Templates, responses: np.ndarray, first_lag: int, trains: list) -> Templates:
    """Leave out units that are another one seen from elsewhere: one neuron whose trough is now here, now there.

    Parameters
    ----------
    templates : Templates
    responses : array, (n_lags, n_features, n_features)
        `template @ responses[lag]` is the template seen `first_lag + lag` samples late.
    first_lag : int
    trains : list of arrays
        Spike times in s.
    """
    gone = np.zeros(len(templates.counts), dtype=bool)
    lags = np.arange(-MOST_SHIFT, MOST_SHIFT + 1) - first_lag
    late = np.einsum("ukcq,lqr->ulcr", templates.means, responses[lags]) / templates.means.shape[1]
    means = templates.means.mean(axis=1)
    for one in np.argsort(-templates.counts, kind="stable"):
        if gone[one] or templates.is_noise[one]:
            continue
        for other in np.flatnonzero(~gone & ~templates.is_noise):
            if other == one:
                continue
            error = 1 / templates.counts[one] + 1 / templates.counts[other]
            least = min(change(late[one], means[other], error), change(late[other], means[one], error))
            if (templates.counts[other] <= templates.counts[one] and least < SAME_CHANGE
                    and not strangers(trains[one], trains[other])):
                gone[other] = True
            elif locked(trains[other], trains[one]) and smaller(templates, other, one):
                gone[other] = True
    return templates.only(~gone)


def change(late: np.ndarray, other: np.ndarray, error: float) -> float:
    """Return the least relative distance of a template, at several lags, from another, where both are seen.

    Parameters
    ----------
    late : array, (n_lags, n_channels, n_features)
    other : array, (n_channels, n_features)
    error : float
        Variance of the templates' difference in every feature.
    """
    channels = (late[MOST_SHIFT] != 0).any(axis=1) & (other != 0).any(axis=1)
    shared, shared_other = late[:, channels], other[channels]
    seen, seen_other = (shared[MOST_SHIFT] ** 2).sum(), (shared_other**2).sum()
    if seen < SAME_ENERGY * (late[MOST_SHIFT] ** 2).sum() or seen_other < SAME_ENERGY * (other**2).sum():
        return np.inf
    squared = ((shared - shared_other) ** 2).sum(axis=(1, 2)).min() - error * shared_other.size
    return float(np.sqrt(max(squared, 0) / max(min(seen, seen_other), 1e-9)))


def smaller(templates: Templates, one: int, other: int) -> bool:
    """Tell whether a template is much smaller than another."""
    return np.linalg.norm(templates.means[one].mean(axis=0)) < MUCH_SMALLER * np.linalg.norm(
        templates.means[other].mean(axis=0))


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
