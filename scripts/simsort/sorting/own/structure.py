"""Merging and splitting the clusters of a mixture."""

import numpy as np

from simsort.sorting.own.handover import hand_over
from simsort.sorting.own.mixture import DriftingMixture
from simsort.sorting.own.separation import (
    CLOSE_D, ENOUGH_PAIRS, FAR_D, LARGE_CHANGE, Pair, are_one, at_times, between, has_valley, measure, refractoriness)

FARTHEST = 12.0  # pairs beyond this distance are not looked at
FASTEST_D = 8.0  # jump of a neuron that takes over from itself: it did not move in a straight line
MOST_PASSES = 6
SPLIT_D = 2.2
SPLIT_SHARE = 0.5  # of chance's refractory pairs: two halves that have them are two neurons
OUTLIER_Z = 8.0


def merge_clusters(mixture: DriftingMixture) -> int:
    """Merge clusters that are one neuron, closest first; return how many were merged away."""
    total = 0
    for _ in range(MOST_PASSES):
        occupancy, rows, are_noise = mixture.occupancy(), events_of(mixture), mixture.are_noise()
        trains = [mixture.times_s[its] for its in rows]
        pairs = sorted(((pair_of(mixture, one, other, occupancy, rows, are_noise), one, other)
                        for one in range(mixture.n_clusters) for other in range(one)), key=lambda item: item[0].d)
        gone, touched = set(), set()
        for pair, one, other in pairs:
            if pair.d > FARTHEST:
                break
            noisy = are_noise[one] or are_noise[other]
            if one in touched or other in touched or not are_one(mixture, one, other, pair, trains, noisy):
                continue
            mixture.means[one] = mixture.moving_mean(mixture.responsibilities[:, [one, other]].sum(axis=1))
            mixture.shares[one] += mixture.shares[other]
            gone.add(other)
            touched |= {one, other}
        if not gone:
            return total
        mixture.keep(np.array([cluster for cluster in range(mixture.n_clusters) if cluster not in gone]))
        mixture.fit(3)
        total += len(gone)
    return total


def pair_of(mixture: DriftingMixture, one: int, other: int, occupancy, rows: list, are_noise) -> Pair:
    """Measure the distance of two clusters; it is small if the one takes over from the other without a jump."""
    if not (are_noise[one] or are_noise[other]):
        jump = hand_over(mixture, rows[one], rows[other])
        if jump is not None and (jump.d < CLOSE_D or jump.d < FASTEST_D and jump.relative < LARGE_CHANGE):
            return Pair(d=jump.d / FASTEST_D, relative=jump.relative, shared=0.0)
    return measure(mixture, one, other, occupancy)


def events_of(mixture: DriftingMixture) -> list[np.ndarray]:
    """Return the events of every cluster."""
    labels = mixture.labels()
    return [np.flatnonzero(labels == cluster) for cluster in range(mixture.n_clusters)]


def trains_of(mixture: DriftingMixture) -> list[np.ndarray]:
    """Return the spike times in s of every cluster."""
    return [mixture.times_s[rows] for rows in events_of(mixture)]


def split_clusters(mixture: DriftingMixture) -> int:
    """Split clusters that hold two neurons; return how many were split."""
    new_means, new_shares = [], []
    for cluster in range(mixture.n_clusters):
        halves = split(mixture, cluster)
        if halves is None:
            continue
        (mixture.means[cluster], mean), (mixture.shares[cluster], share) = halves
        new_means.append(mean)
        new_shares.append(share)
    if new_means:
        mixture.add(np.array(new_means), np.array(new_shares))
        mixture.fit(5)
    return len(new_means)


def split(mixture: DriftingMixture, cluster: int):
    """Return the means and shares of two halves of a cluster, None if it is one neuron."""
    rows = np.flatnonzero(mixture.responsibilities[:, cluster] > 0.5)
    fewest, n = mixture.settings.fewest, len(rows)
    if n < 2 * fewest:
        return None
    _, _, alone, _ = fit_few(mixture, rows, np.ones((n, 1)), 3)
    best = None
    for is_one in first_halves(mixture, cluster, rows):
        if is_one.sum() < 5 or (~is_one).sum() < 5:
            continue
        guess = np.stack([is_one, ~is_one], axis=1).astype(float)
        means, shares, likelihood, weights = fit_few(mixture, rows, guess, 8)
        if weights.sum(axis=0).min() >= fewest and (best is None or likelihood > best[2]):
            best = means, shares, likelihood, weights
    # Bayesian information criterion, for one more moving mean
    if best is None or best[2] - alone < 0.5 * mixture.n_features * np.log(n):
        return None
    means, shares, _, weights = best
    if not are_two(mixture, rows, means, weights[:, 0] > weights[:, 1]):
        return None
    return means, shares * n / mixture.n_events


def are_two(mixture: DriftingMixture, rows, means, is_one) -> bool:
    """Decide whether two halves of a cluster are two neurons."""
    position, d = between(mixture, means[0], means[1], rows)
    if d < SPLIT_D:
        return False
    found, expected = refractoriness(mixture.times_s[rows[is_one]], mixture.times_s[rows[~is_one]])
    if expected >= ENOUGH_PAIRS and d < FAR_D and smaller_size(mixture, rows, means) >= mixture.settings.least_size:
        return found > SPLIT_SHARE * expected
    return has_valley(position, is_one, d)


def smaller_size(mixture: DriftingMixture, rows, means) -> float:
    """Return the length of the smaller one of two moving means at some events."""
    knot, place = mixture.knot[rows], mixture.place[rows]
    return min(float(np.linalg.norm(at_times(mean, knot, place), axis=1).mean()) for mean in means)


def first_halves(mixture: DriftingMixture, cluster: int, rows):
    """Yield guesses of how a cluster may be divided: along its widest directions, and by distance from its mean."""
    mean = mixture.moving_mean(mixture.responsibilities[rows, cluster], rows)
    rest = mixture.features[rows] - at_times(mean, mixture.knot[rows], mixture.place[rows])
    typical = mean.mean(axis=0)
    wide = np.stack([mixture.settings.amplitude_sd * typical,
                     mixture.settings.jitter_sd * mixture.slopes(typical[None])[0]], axis=1)
    values, vectors = np.linalg.eigh(np.eye(mixture.n_features) + wide @ wide.T)
    rest = rest @ ((vectors / np.sqrt(values)) @ vectors.T)
    squared = (rest**2).sum(axis=1)
    limit = np.sqrt(2 * mixture.n_features)
    inner = squared < mixture.n_features + OUTLIER_Z * limit
    if inner.sum() < 2 * mixture.settings.fewest:
        return
    values, vectors = np.linalg.eigh(np.cov(rest[inner].T))
    for direction in vectors.T[::-1][: 2 if values[-2] > 1.5 else 1]:
        yield rest @ direction > best_cut(rest @ direction)
    yield squared > mixture.n_features + 2 * limit


def best_cut(values: np.ndarray) -> float:
    """Return the cut that leaves the least variance within its two sides (Otsu 1979, IEEE Trans SMC 9:62)."""
    ordered = np.sort(values)
    n = len(ordered)
    sums, left = np.cumsum(ordered), np.arange(1, n)
    gain = left * (n - left) * (sums[:-1] / left - (sums[-1] - sums[:-1]) / (n - left)) ** 2
    low, high = max(int(0.02 * n), 3), min(int(0.98 * n), n - 4)
    cut = low + int(gain[low:high].argmax()) if high > low else n // 2
    return float(ordered[cut] + ordered[min(cut + 1, n - 1)]) / 2


def fit_few(mixture: DriftingMixture, rows, weights: np.ndarray, n_rounds: int):
    """Fit clusters to some events by themselves.

    Returns
    -------
    means : array, (n_clusters, n_knots, n_features)
    shares : array, (n_clusters,)
        Of these events.
    likelihood : float
    weights : array, (n, n_clusters)
    """
    for _ in range(n_rounds):
        means = np.stack([mixture.moving_mean(np.ascontiguousarray(column), rows) for column in weights.T])
        shares = np.maximum(weights.mean(axis=0), 1e-4)
        responsibilities, likelihood = mixture.expectation(means, shares, rows)
        weights = responsibilities[:, :-1]
    return means, shares, float(likelihood.sum()), weights


def drop_small(mixture: DriftingMixture) -> None:
    """Leave out clusters of too few events."""
    counts = mixture.responsibilities[:, :-1].sum(axis=0)
    if (counts < mixture.settings.fewest).any():
        mixture.keep(np.flatnonzero(counts >= mixture.settings.fewest))
        mixture.fit(3)
