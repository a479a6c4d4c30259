"""The drifting mixture, on clusters whose place and noise are known."""

import numpy as np
import pytest

from simsort.sorting.own.clustering import find_clusters
from simsort.sorting.own.mixture import DriftingMixture, MixtureSettings
from simsort.sorting.own.separation import has_valley, pairs_within, refractoriness
from simsort.sorting.own.structure import best_cut

DURATION_S = 200.0
DERIVATIVE = np.array([[0.0, 0.1], [-0.1, 0.0]])


def moving_clusters(seed, starts, ends, n_each=400):
    """Clusters that move in straight lines, with noise of variance 1 in every feature."""
    rng = np.random.default_rng(seed)
    times_s, features, labels = [], [], []
    for label, (start, end) in enumerate(zip(starts, ends)):
        t = np.sort(rng.uniform(0, DURATION_S, n_each))
        mean = np.array(start) + (t / DURATION_S)[:, None] * (np.array(end) - np.array(start))
        times_s.append(t)
        features.append(mean + rng.normal(size=mean.shape))
        labels.append(np.full(n_each, label))
    order = np.argsort(np.concatenate(times_s))
    return tuple(np.concatenate(part)[order] for part in (times_s, features, labels))


def agreement(found, labels, n_true):
    """Smallest share of a true cluster's events that lie in one found cluster of its own."""
    best = [np.bincount(found[(labels == label) & (found >= 0)]) for label in range(n_true)]
    assert len({counts.argmax() for counts in best}) == n_true
    return min(counts.max() / (labels == label).sum() for label, counts in enumerate(best))


def test_clusters_that_cross_each_others_place_are_followed():
    starts = [(12, 0, 0, 0), (0, 0, 12, 0), (-9, -9, 0, 9)]
    ends = [(0, 0, 12, 0), (0, 12, 0, 0), (-9, 0, 9, 9)]  # the first ends where the second began
    times_s, features, labels = moving_clusters(0, starts, ends)
    mixture = find_clusters(features, times_s, DURATION_S, DERIVATIVE)
    assert mixture.n_clusters == 3
    assert agreement(mixture.labels(), labels, 3) > 0.95


def test_one_moving_cluster_stays_one():
    times_s, features, _ = moving_clusters(1, [(15, 0, 0, 0)], [(0, 15, 0, 0)])
    assert find_clusters(features, times_s, DURATION_S, DERIVATIVE).n_clusters == 1


def test_same_seedless_input_same_clusters():
    times_s, features, _ = moving_clusters(2, [(12, 0, 0, 0), (0, 12, 0, 0)], [(9, 3, 0, 0), (0, 12, 3, 0)])
    one, other = (find_clusters(features, times_s, DURATION_S, DERIVATIVE) for _ in range(2))
    assert np.array_equal(one.means, other.means) and np.array_equal(one.labels(), other.labels())


def test_distances_are_those_of_the_full_covariance():
    rng = np.random.default_rng(3)
    features, mean = rng.normal(size=(50, 4)), np.array([5.0, -3.0, 2.0, 1.0])
    settings = MixtureSettings(amplitude_sd=0.2, jitter_sd=0.7)
    mixture = DriftingMixture(features, np.linspace(0, 1, 50), 1.0, DERIVATIVE, settings)
    squared, half_log_det = mixture.distances(np.broadcast_to(mean, (1, mixture.n_knots, 4)).copy())
    slope = np.concatenate([mean[:2] @ DERIVATIVE, mean[2:] @ DERIVATIVE])
    covariance = np.eye(4) + 0.04 * np.outer(mean, mean) + 0.49 * np.outer(slope, slope)
    rest = features.astype(np.float32) - mean
    assert np.allclose(squared[:, 0], (rest @ np.linalg.inv(covariance) * rest).sum(axis=1), rtol=1e-5)
    assert np.allclose(half_log_det[:, 0], 0.5 * np.linalg.slogdet(covariance)[1])


def test_a_moving_mean_is_the_plain_mean_where_nothing_moves():
    times_s, features, _ = moving_clusters(4, [(3, 4, 5, 6)], [(3, 4, 5, 6)])
    mixture = DriftingMixture(features, times_s, DURATION_S, DERIVATIVE, MixtureSettings(stiffness=1e5))
    mean = mixture.moving_mean(np.ones(len(features)))
    assert np.allclose(mean, features.mean(axis=0), atol=0.01)


@pytest.mark.parametrize("distance, expected", [(1.0, False), (6.0, True)])
def test_a_valley_is_seen_between_peaks_far_apart_only(distance, expected):
    rng = np.random.default_rng(5)
    is_one = np.arange(600) < 300
    position = rng.normal(size=600) + np.where(is_one, distance / 2, -distance / 2)
    assert bool(has_valley(position, is_one, distance)) == expected


def test_refractory_pairs_are_missing_within_a_neuron_and_there_between_two():
    rng = np.random.default_rng(6)
    train = np.cumsum(0.003 + rng.exponential(0.05, 4000))
    half = rng.random(4000) < 0.5
    found, expected = refractoriness(train[half], train[~half])
    assert found == 0 and expected > 20
    other = np.cumsum(0.003 + rng.exponential(0.05, 4000))
    found, expected = refractoriness(train, other)
    assert 0.7 < found / expected < 1.3


def test_pairs_are_counted_both_ways_round():
    assert pairs_within(np.array([1.0, 2.0]), np.array([1.001, 1.999]), 0.0005, 0.002) == 2


def test_the_best_cut_lies_between_two_heaps():
    assert 1.5 < best_cut(np.r_[np.linspace(0, 1, 50), np.linspace(9, 10, 50)]) < 9.0
