"""What units look like on all channels at all times, put together from the clusters of every group."""

from dataclasses import dataclass, replace

import numpy as np

from simsort.sorting.own.groups import Group
from simsort.sorting.own.mixture import DriftingMixture
from simsort.sorting.own.separation import ENOUGH_PAIRS, refractoriness

SAME_CHANGE = 0.3  # relative distance of two groups' templates of one neuron
SAME_ENERGY = 0.6  # of each lies on the channels that both groups see
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
        Units that are only noise: they compete for events, and are not reported.
    """

    means: np.ndarray
    step_s: float
    counts: np.ndarray
    is_noise: np.ndarray

    def only(self, chosen) -> "Templates":
        """Return some of the units."""
        return replace(self, means=self.means[chosen], counts=self.counts[chosen], is_noise=self.is_noise[chosen])

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


def expand(mixture: DriftingMixture, group: Group, n_channels: int, is_noise: np.ndarray) -> Templates:
    """Put a group's clusters on all channels, 0 where the group does not look."""
    means = np.zeros((mixture.n_clusters, mixture.n_knots, n_channels, len(mixture.derivative)), dtype=np.float32)
    means[:, :, group.channels] = mixture.means.reshape(mixture.n_clusters, mixture.n_knots, len(group.channels), -1)
    return Templates(means=means, step_s=mixture.step_s, counts=mixture.responsibilities[:, :-1].sum(axis=0),
                     is_noise=is_noise)


def join(parts: list[Templates]) -> Templates:
    """Return the units of all groups in one."""
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts])
                                for name in ("means", "counts", "is_noise")})


def merge_across(templates: Templates, groups: list[Group], group_of: np.ndarray, trains: list) -> Templates:
    """Merge units that neighbouring groups both found: one neuron whose trough is now here, now there.

    Parameters
    ----------
    templates : Templates
    groups : list of Group
    group_of : array, (n_units,)
    trains : list of arrays
        Spike times in s.
    """
    n_units = len(templates.counts)
    parent = np.arange(n_units)
    pairs = sorted(pair for one in range(n_units) for other in range(one)
                   if (pair := across(templates, groups, group_of, one, other)) is not None)
    for _, one, other in pairs:
        found, expected = refractoriness(trains[one], trains[other])
        if expected >= ENOUGH_PAIRS and found > STRANGERS * expected:
            continue
        parent[parent == parent[one]] = parent[other]
    kept = np.unique(parent)
    means = np.stack([united(templates, np.flatnonzero(parent == unit)) for unit in kept])
    counts = np.array([templates.counts[parent == unit].sum() for unit in kept])
    noise = np.array([templates.is_noise[parent == unit].all() for unit in kept])
    return replace(templates, means=means, counts=counts, is_noise=noise)


def across(templates: Templates, groups: list[Group], group_of: np.ndarray, one: int, other: int):
    """Return (relative distance, one, other) where two units of different groups look alike, None elsewhere."""
    if group_of[one] == group_of[other] or templates.is_noise[one] or templates.is_noise[other]:
        return None
    channels = np.intersect1d(groups[group_of[one]].channels, groups[group_of[other]].channels)
    if not len(channels):
        return None
    a, b = templates.means[one], templates.means[other]
    shared_a, shared_b = a[:, channels], b[:, channels]
    energies = [(shared_a**2).sum(), (shared_b**2).sum()]
    if energies[0] < SAME_ENERGY * (a**2).sum() or energies[1] < SAME_ENERGY * (b**2).sum():
        return None
    relative = float(np.sqrt(((shared_a - shared_b) ** 2).sum() / max(min(energies), 1e-9)))
    return (relative, one, other) if relative < SAME_CHANGE else None


def united(templates: Templates, units: np.ndarray) -> np.ndarray:
    """Return the mean of templates, on each channel of those that see it."""
    weights = templates.counts[units][:, None, None, None] * (templates.means[units] != 0).any(axis=(1, 3))[:, None, :, None]
    total = np.maximum(weights.sum(axis=0), 1e-9)
    return ((templates.means[units] * weights).sum(axis=0) / total).astype(np.float32)
