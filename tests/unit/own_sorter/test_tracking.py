"""Neurons that move fast: followed spike by spike, and pieces of one that take over from each other."""

import numpy as np
import pytest

from simsort.sorting.own.clustering import find_clusters
from simsort.sorting.own.handover import best_cut_s, hand_over
from simsort.sorting.own.mixture import DriftingMixture, MixtureSettings
from simsort.sorting.own.tracking import begin_track, follow_track

DURATION_S = 60.0
STILL = np.zeros((2, 2))
LIMIT = 16 + 2.5 * np.sqrt(32)


def spikes(seed, start, pace, n=200, duration_s=DURATION_S):
    """Spikes of a neuron that moves at a steady pace, in 16 features with noise of variance 1."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0, duration_s, n))
    return times_s, np.asarray(start) + times_s[:, None] * np.asarray(pace) + rng.normal(size=(n, 16))


def along(*values):
    """A vector of 16 features that begins with some values."""
    return np.concatenate([values, np.zeros(16 - len(values))])


def followed(times_s, features, begin, *, n_first=15):
    first = np.flatnonzero(times_s >= begin)[:n_first]
    track = begin_track(features[first], times_s[first] - begin)
    later = np.flatnonzero(times_s >= begin)
    is_on = follow_track(features[later].astype(np.float32), times_s[later] - begin, track.mean, track.pace,
                         track.covariance, track.jitter_of_pace, LIMIT, STILL, 0.08, 0.3)
    return later, is_on, track


@pytest.mark.parametrize("pace", [0.0, 0.3, 0.5])
def test_a_neuron_is_followed_however_far_it_moves(pace):
    times_s, features = spikes(0, along(25.0), along(0.0, pace))
    later, is_on, _ = followed(times_s, features, 0.0)
    assert is_on.mean() > 0.95


def test_the_pace_is_found():
    times_s, features = spikes(1, along(25.0), along(0.0, 0.4), n=2000)
    track = begin_track(features[:300], times_s[:300])
    assert track.pace[1] == pytest.approx(0.4, abs=0.1) and np.abs(track.pace[2:]).max() < 0.1
    assert track.backwards().pace[1] == -track.pace[1]


def test_another_neuron_beside_the_track_is_not_met():
    own, other = spikes(2, along(25.0), along(0.0, 0.4)), spikes(3, along(25.0, 12.0, 10.0), along(0.0, 0.4))
    times_s, features = (np.concatenate(pair) for pair in zip(own, other))
    order, is_other = np.argsort(times_s), np.arange(400) >= 200
    times_s, features, is_other = times_s[order], features[order], is_other[order]
    first = np.flatnonzero(~is_other)[:15]
    track = begin_track(features[first], times_s[first])
    is_on = follow_track(features.astype(np.float32), times_s, track.mean, track.pace, track.covariance,
                         track.jitter_of_pace, LIMIT, STILL, 0.08, 0.3)
    assert is_on[~is_other].mean() > 0.95 and is_on[is_other].mean() < 0.02


def test_a_track_ends_where_the_neuron_is_silent_too_long():
    times_s, features = spikes(4, along(25.0), along(0.0, 0.4), n=400)
    silent = (times_s > 15) & (times_s < 50)
    later, is_on, _ = followed(times_s[~silent], features[~silent], 0.0)
    assert not is_on[times_s[~silent][later] > 50].any() and is_on[times_s[~silent][later] < 15].mean() > 0.95


def test_a_fast_neuron_is_one_cluster_if_it_is_tracked():
    times_s, features = spikes(5, along(28.0), along(-0.2, 0.6), n=150)
    mixture = find_clusters(features, times_s, DURATION_S, STILL, MixtureSettings(tracks=True))
    assert mixture.n_clusters == 1 and (mixture.labels() == 0).mean() > 0.95


def mixture_of(times_s, features):
    return DriftingMixture(features, times_s, DURATION_S, STILL, MixtureSettings())


def test_pieces_of_one_neuron_hand_over_without_a_jump():
    times_s, features = spikes(6, along(28.0), along(0.0, 0.5))
    jump = hand_over(mixture_of(times_s, features), np.flatnonzero(times_s > 30), np.flatnonzero(times_s <= 30))
    assert jump.d < 3.0


def test_another_neuron_that_takes_over_jumps():
    times_s, features = spikes(7, along(28.0), along(0.0, 0.5))
    features[times_s > 30] += along(0.0, 0.0, 15.0)
    jump = hand_over(mixture_of(times_s, features), np.flatnonzero(times_s <= 30), np.flatnonzero(times_s > 30))
    assert jump.d == pytest.approx(15.0, abs=2.0) and jump.relative > 0.4


@pytest.mark.parametrize(("first", "last"), [
    (lambda t: t < 40, lambda t: t > 20),  # both at once
    (lambda t: t < 10, lambda t: t > 50),  # a long time apart
    (lambda t: t < 1, lambda t: t > 1),  # hardly a spike
])
def test_who_does_not_take_over(first, last):
    times_s, features = spikes(8, along(28.0), along(0.0, 0.0))
    assert hand_over(mixture_of(times_s, features), np.flatnonzero(first(times_s)),
                     np.flatnonzero(last(times_s))) is None


def test_the_cut_leaves_fewest_on_the_wrong_side():
    assert best_cut_s(np.array([1.0, 2.0, 3.0, 9.0]), np.array([4.0, 5.0, 6.0, 7.0])) == 3.0
