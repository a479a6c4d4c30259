"""The first clusters: from the densest place that no cluster explains, followed forwards and backwards in time."""

import numpy as np

from simsort.sorting.own.mixture import DriftingMixture

NEIGHBOUR = 12  # the density is that of so many nearest events
MOST_TRIES = 200
DENSEST_Z = 5.0  # a seed's neighbours are within this many chi-squared deviations
BALL_Z = 1.0
FOLLOW_Z = 2.5
PRIOR_SPIKES = 5.0
BLOCK = 2000
REFRESH = 4  # clusters between recomputations of the density


def seed_clusters(mixture: DriftingMixture, *, window_s: float = 40.0, most: int = 60) -> None:
    """Add clusters to a mixture, one after another, until no dense place is left.

    Parameters
    ----------
    mixture : DriftingMixture
    window_s : float
        Time over which a cluster is taken to stand still.
    most : int
        Clusters at the end.
    """
    n_features = mixture.n_features
    mixture.expect()
    free = mixture.responsibilities[:, -1] > 0.5
    dead = np.zeros(mixture.n_events, dtype=bool)
    density = neighbour_distances(mixture, free, window_s)
    limit = 2 * chi_squared(n_features, DENSEST_Z)
    for _ in range(MOST_TRIES):
        candidates = np.where(free & ~dead, density, np.inf)
        seed = int(candidates.argmin()) if len(candidates) else 0
        if mixture.n_clusters >= most or not len(candidates) or not candidates[seed] < limit:
            return
        members = follow(mixture, seed, free, window_s)
        if len(members) < mixture.settings.fewest:
            dead[members] = True
            dead[seed] = True
            continue
        weight = np.zeros(mixture.n_events)
        weight[members] = 1.0
        mixture.add(mixture.moving_mean(weight)[None], np.array([len(members) / mixture.n_events]))
        mixture.fit_newest(2)
        is_due = mixture.n_clusters % REFRESH == 0
        if is_due:
            mixture.fit(2)
        free = mixture.responsibilities[:, -1] > 0.5
        if is_due:
            density = neighbour_distances(mixture, free, window_s)


def chi_squared(n_features: int, z: float) -> float:
    """Return mean plus z standard deviations of the chi-squared law."""
    return n_features + z * np.sqrt(2 * n_features)


def neighbour_distances(mixture: DriftingMixture, free: np.ndarray, window_s: float) -> np.ndarray:
    """Return the squared distance of every free event to its n-th neighbour near in time, infinite elsewhere."""
    found = np.full(mixture.n_events, np.inf)
    rows = np.flatnonzero(free)
    times_s, features = mixture.times_s[rows], mixture.features[rows]
    squares = (features**2).sum(axis=1)
    end_s = times_s[-1] if len(times_s) else 0.0
    for start_s in np.arange(0, end_s + 1e-9, window_s):
        first, last = np.searchsorted(times_s, [start_s, start_s + window_s])
        around_first, around_last = np.searchsorted(times_s, [start_s - window_s / 2, start_s + 1.5 * window_s])
        if last == first or around_last - around_first <= NEIGHBOUR:
            continue
        around, around_squares = features[around_first:around_last], squares[around_first:around_last]
        for start in range(first, last, BLOCK):  # a busy window has too many pairs for one array
            some = slice(start, min(start + BLOCK, last))
            squared = squares[some, None] + around_squares - 2 * features[some] @ around.T
            found[rows[some]] = np.partition(squared, NEIGHBOUR, axis=1)[:, NEIGHBOUR]
    return found


def follow(mixture: DriftingMixture, seed: int, free: np.ndarray, window_s: float) -> np.ndarray:
    """Return the free events of the cluster around a seed, found window after window."""
    rows = np.flatnonzero(free)
    times_s = mixture.times_s[rows]
    centre_s = mixture.times_s[seed]
    first, last = np.searchsorted(times_s, [centre_s - window_s, centre_s + window_s])
    near = rows[first:last]
    ball = chi_squared(mixture.n_features, BALL_Z)
    squared = ((mixture.features[near] - mixture.features[seed]) ** 2).sum(axis=1)
    inside = near[squared < 2 * ball]
    for _ in range(3):
        mean = mixture.features[inside].mean(axis=0)
        chosen = near[distances_to(mixture, near, mean) < 2 * ball / 1.6]
        if len(chosen) < 3:
            break
        inside = chosen
    mean = mixture.features[inside].mean(axis=0)
    members = [inside]
    for direction in (1, -1):
        members.append(walk(mixture, rows, times_s, mean, centre_s, direction * window_s / 2))
    return np.unique(np.concatenate(members))


def walk(mixture: DriftingMixture, rows, times_s, mean, centre_s: float, step_s: float) -> np.ndarray:
    """Follow a mean in one direction of time; return the events that it met."""
    members = [np.zeros(0, dtype=np.int64)]
    limit = chi_squared(mixture.n_features, FOLLOW_Z)
    half_s = abs(step_s) / 2
    while 0 <= centre_s <= mixture.times_s[-1]:
        centre_s += step_s
        first, last = np.searchsorted(times_s, [centre_s - 2 * half_s, centre_s + 2 * half_s])
        near = rows[first:last]
        met = near[:0]
        for _ in range(2):
            met = near[distances_to(mixture, near, mean) < limit]
            if len(met):
                weight = len(met) / (len(met) + PRIOR_SPIKES)
                mean = (1 - weight) * mean + weight * mixture.features[met].mean(axis=0)
        members.append(met)
    return np.concatenate(members)


def distances_to(mixture: DriftingMixture, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return squared distances of events to a mean that stands still."""
    if not len(rows):
        return np.zeros(0)
    still = np.broadcast_to(mean.astype(float), (1, mixture.n_knots, mixture.n_features))
    return mixture.distances(np.ascontiguousarray(still), rows)[0][:, 0]
