"""Channels in groups: events are clustered with those whose trough lies on channels of the same group."""

from dataclasses import dataclass

import numpy as np

MOST_IN_ONE = 8
REACH_UM = 70.0
MOST_CHANNELS = 14


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels whose events are clustered together.

    Parameters
    ----------
    centres : array, (n,)
        Channels of the troughs.
    channels : array, (n,)
        Channels of the features, the centres among them.
    """

    centres: np.ndarray
    channels: np.ndarray


def make_groups(contacts_um: np.ndarray, n_centres: int = 4) -> list[Group]:
    """Divide channels into groups of neighbours.

    A probe of a few channels close together is one group; others are cut along their depth, shank by shank.

    Parameters
    ----------
    contacts_um : array, (n_channels, 2)
    n_centres : int
        Channels of a group whose events it gets.
    """
    contacts_um = np.asarray(contacts_um, dtype=float)
    n_channels = len(contacts_um)
    if n_channels <= MOST_IN_ONE and np.ptp(contacts_um, axis=0).max() <= 2 * REACH_UM:
        everything = np.arange(n_channels)
        return [Group(centres=everything, channels=everything)]
    groups = []
    for shank in shanks(contacts_um[:, 0]):
        order = shank[np.lexsort((contacts_um[shank, 0], contacts_um[shank, 1]))]
        for part in np.array_split(order, max(round(len(order) / n_centres), 1)):
            middle = contacts_um[part].mean(axis=0)
            distance_um = np.linalg.norm(contacts_um - middle, axis=1)
            near = np.flatnonzero(distance_um <= REACH_UM)
            near = near[np.argsort(distance_um[near], kind="stable")][:MOST_CHANNELS]
            groups.append(Group(centres=np.sort(part), channels=np.union1d(part, near)))
    return groups


def shanks(x_um: np.ndarray, gap_um: float = 120.0) -> list[np.ndarray]:
    """Return the channels of each shank: columns with gaps between them."""
    order = np.argsort(x_um, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(x_um[order]) > gap_um) + 1)
