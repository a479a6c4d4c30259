"""Pieces of one neuron that take over from each other."""

import numpy as np
import pytest

from simsort.sorting.own.handover import best_cut_s, hand_over
from simsort.sorting.own.mixture import DriftingMixture, MixtureSettings

DURATION_S = 60.0
STILL = np.zeros((2, 2))


def spikes(seed, start, pace, n=200, duration_s=DURATION_S):
    """Spikes of a neuron that moves at a steady pace, in 16 features with noise of variance 1."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0, duration_s, n))
    return times_s, np.asarray(start) + times_s[:, None] * np.asarray(pace) + rng.normal(size=(n, 16))


def along(*values):
    """A vector of 16 features that begins with some values."""
    return np.concatenate([values, np.zeros(16 - len(values))])


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
