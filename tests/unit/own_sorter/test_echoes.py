"""What comes at fixed times before or after a larger unit's spikes is its echo."""

import numpy as np
import pytest

from simsort.sorting.own.echoes import echoes_of, narrow, without_echoes

DURATION = 300 * 30000


def train(seed, n=3000):
    return np.sort(np.random.default_rng(seed).choice(DURATION, n, replace=False))


def beside(train, lag, seed, share=1.0, spread=2):
    rng = np.random.default_rng(seed)
    return np.sort((train + lag + rng.integers(-spread, spread + 1, len(train)))[rng.random(len(train)) < share])


@pytest.mark.parametrize("lag", [-73, -50, 0, 40, 77])
def test_echoes_show_at_any_lag(lag):
    assert echoes_of(beside(train(0), lag, 1), train(0)).mean() > 0.95


def test_neurons_have_none_even_if_they_fire_a_lot():
    assert echoes_of(train(2, 20000), train(3, 20000)).mean() < 0.02


def test_second_spikes_of_bursts_are_none():
    first = train(4)
    second = np.sort(first + np.random.default_rng(5).integers(45, 200, len(first)))
    assert not echoes_of(second, first).any()


def test_a_neuron_loses_its_echoes_and_keeps_its_spikes():
    large, own = train(6), train(7)
    echo = beside(large, -12, 8, 0.6)
    both = np.sort(np.concatenate([own, echo]))
    (kept, cleaned), are_echoes = without_echoes([large, both], np.array([20.0, 9.0]), [np.arange(2)] * 2,
                                                 np.zeros(2, dtype=bool))
    assert not are_echoes.any() and np.array_equal(kept, large)
    assert np.isin(own, cleaned).mean() > 0.99 and np.isin(echo, cleaned).mean() < 0.02


def test_echoes_of_several_units_add_up_and_only_larger_units_have_any():
    one, other = train(6), train(7)
    echo = np.sort(np.concatenate([beside(one, -60, 8, 0.4), beside(other, -50, 9, 0.4), train(10, 1200)]))
    trains, sizes = [one, echo, other], np.array([20.0, 8.0, 15.0])
    nothing, everything = np.zeros(3, dtype=bool), [np.arange(3)] * 3
    np.testing.assert_array_equal(without_echoes(trains, sizes, everything, nothing)[1], [False, True, False])
    for its_sizes, its_beside, out in ((np.array([1.0, 8.0, 1.0]), everything, nothing),
                                       (sizes, everything, np.array([True, False, False])),  # what is none has no echo
                                       (sizes, [np.array([unit, -1]) for unit in range(3)], nothing)):
        assert not without_echoes(trains, its_sizes, its_beside, out)[1].any()


def test_no_spikes_are_no_echo():
    none = np.zeros(0, dtype=int)
    trains, found = without_echoes([none, train(11), none], np.arange(3.0), [np.arange(3)] * 3, np.zeros(3, dtype=bool))
    assert not found.any() and [len(its) for its in trains] == [0, 3000, 0]


def test_wide_runs_are_none():
    flags = np.array([1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1], dtype=bool)
    np.testing.assert_array_equal(narrow(flags), np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=bool))
    assert not narrow(np.zeros(4, dtype=bool)).any()
