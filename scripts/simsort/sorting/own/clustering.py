"""Find the clusters of one neighbourhood's events: seeds, merges, splits."""

from dataclasses import replace

import numpy as np

from simsort.sorting.own.mixture import DriftingMixture, MixtureSettings
from simsort.sorting.own.seeding import seed_clusters
from simsort.sorting.own.structure import drop_small, merge_clusters, split_clusters

STRICT = dict(contamination=0.02, background_z=2.5)  # while seeds are sought, little is explained away
N_ROUNDS = 3


def find_clusters(features, times_s, duration_s: float, derivative, settings: MixtureSettings | None = None, *,
                  labels=None, window_s: float = 40.0, most: int = 60) -> DriftingMixture:
    """Cluster events that may drift.

    Parameters
    ----------
    features, times_s, duration_s, derivative
        See `DriftingMixture`.
    settings : MixtureSettings | None
    labels : array, (n_events,) int | None
        Clusters to begin with, -1 for none.
    window_s : float
        Time over which a cluster stands still.
    most : int
        Clusters at first.

    Returns
    -------
    DriftingMixture
    """
    settings = settings or MixtureSettings()
    mixture = DriftingMixture(features, times_s, duration_s, derivative, replace(settings, **STRICT))
    if labels is not None and labels.max() >= 0:
        weights = [(labels == label).astype(float) for label in np.unique(labels[labels >= 0])]
        means = np.stack([mixture.moving_mean(weight) for weight in weights])
        mixture.add(means, np.array([weight.mean() for weight in weights]))
        mixture.fit(2)
    seed_clusters(mixture, window_s=window_s, most=most)
    mixture.fit(5)
    merge_clusters(mixture)
    mixture.settings = settings
    mixture.fit(8)
    restructure(mixture, N_ROUNDS)
    mixture.fit(8)
    return mixture


def restructure(mixture: DriftingMixture, n_rounds: int) -> None:
    """Split and merge until nothing changes, at most so many times."""
    for _ in range(n_rounds):
        n_split, n_merged = split_clusters(mixture), merge_clusters(mixture)
        drop_small(mixture)
        if n_split == 0 or n_split <= n_merged:
            return
