"""What units look like on all channels at all times, put together from the clusters of every group."""

from dataclasses import dataclass, replace

import numpy as np

from simsort.sorting.own.basis import LONG_SAMPLES
from simsort.sorting.own.groups import Group
from simsort.sorting.own.mixture import DriftingMixture

MOST_KNOT_CHANNELS = 36_000  # a template's knots times channels: half an hour of 384 channels, days of a tetrode
BY_UNIT = ("means", "occupancy", "counts", "is_noise", "group", "rest")


@dataclass(frozen=True, kw_only=True)
class Templates:
    """Moving templates in features.

    Parameters
    ----------
    means : array, (n_units, n_knots, n_channels, n_features) float32
    step_s : float
        Between knots.
    occupancy : array, (n_units, n_knots)
        Events behind each, around each knot.
    counts : array, (n_units,)
        All events behind each.
    is_noise : array, (n_units,) bool
        Units that are only noise: they are not reported.
    group : array, (n_units,)
        Number of the group of channels in which each was found.
    rest : array, (n_units, n_channels, long_samples) float32
        What units do beyond their features, in whitened traces.
    """

    means: np.ndarray
    step_s: float
    occupancy: np.ndarray
    counts: np.ndarray
    is_noise: np.ndarray
    group: np.ndarray
    rest: np.ndarray

    def only(self, chosen) -> "Templates":
        """Return some of the units."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in BY_UNIT})

    def main_channels(self) -> np.ndarray:
        """Return the channel (n_units,) on which each unit is largest."""
        return np.linalg.norm(self.means, axis=3).sum(axis=1).argmax(axis=1)

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


def expand(mixture: DriftingMixture, directions: np.ndarray, group: Group, number: int, n_channels: int) -> Templates:
    """Put a group's clusters on all channels, 0 where the group does not look.

    Parameters
    ----------
    mixture : DriftingMixture
    directions : array, (n_features of the group, n_features of the mixture)
    group : Group
    number : int
        Of the group.
    n_channels : int
    """
    n_clusters, n_knots, n_local = mixture.n_clusters, mixture.n_knots, len(group.channels)
    means = np.zeros((n_clusters, n_knots, n_channels, len(directions) // n_local), dtype=np.float32)
    means[:, :, group.channels] = (mixture.means @ directions.T).reshape(n_clusters, n_knots, n_local, -1)
    return Templates(means=means, step_s=mixture.step_s, occupancy=mixture.occupancy(),
                     counts=mixture.responsibilities[:, :-1].sum(axis=0), is_noise=mixture.are_noise(),
                     group=np.full(n_clusters, number),
                     rest=np.zeros((n_clusters, n_channels, LONG_SAMPLES), dtype=np.float32))


def knot_spacing_s(least_s: float, duration_s: float, n_channels: int) -> float:
    """Return the seconds between knots: more than the least where templates would take too much memory.

    Of a long recording only pieces are learnt from, so that knots farther apart rest on as many spikes.
    """
    return max(least_s, duration_s / max(MOST_KNOT_CHANNELS // n_channels - 1, 1))


def join(parts: list[Templates]) -> Templates:
    """Return the units of all groups in one."""
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in BY_UNIT})
