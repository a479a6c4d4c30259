"""The channels around each channel, as tables of fixed width."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Neighbourhoods:
    """Nearest channels of each channel, itself first.

    Parameters
    ----------
    channels : array, (n_channels, width) int64
        Padded with the channel itself.
    is_there : array, (n_channels, width) bool
        False where padded.
    offsets_um : array, (n_channels, width, 2) float32
        Position of each neighbour relative to the channel.
    """

    channels: np.ndarray
    is_there: np.ndarray
    offsets_um: np.ndarray


def neighbourhoods(contacts_um: np.ndarray, radius_um: float, width: int) -> Neighbourhoods:
    """Find the `width` nearest channels within a radius of each channel, by distance, then by number.

    Parameters
    ----------
    contacts_um : array, (n_channels, 2)
    radius_um : float
    width : int
        Most channels of a neighbourhood, the channel itself included.

    Returns
    -------
    Neighbourhoods
    """
    contacts_um = np.asarray(contacts_um, dtype=float)
    n_channels = len(contacts_um)
    channels = np.repeat(np.arange(n_channels)[:, None], width, axis=1)
    is_there = np.zeros((n_channels, width), dtype=bool)
    for channel in range(n_channels):
        distance_um = np.linalg.norm(contacts_um - contacts_um[channel], axis=1)
        distance_um[channel] = -1.0
        near = np.argsort(np.round(distance_um, 3), kind="stable")[:width]
        near = near[distance_um[near] <= radius_um]
        channels[channel, : len(near)] = near
        is_there[channel, : len(near)] = True
    offsets_um = (contacts_um[channels] - contacts_um[:, None]).astype(np.float32)
    return Neighbourhoods(channels=channels, is_there=is_there, offsets_um=offsets_um)
