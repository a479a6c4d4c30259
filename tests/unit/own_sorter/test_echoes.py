"""What comes at fixed times before or after a larger unit's spikes is its echo."""

import numpy as np
import pytest

from simsort.sorting.own.echoes import echoes_of, narrow, without_echoes

DURATION = 300 * 30000


def cleaned(trains, sizes, beside, out=None, company=None):
    """Trains without echoes, and which units are none; units have no company unless it is given."""
    n = len(trains)
    return without_echoes(trains, np.array(sizes), beside, np.zeros(n, dtype=bool) if out is None else np.array(out),
                          np.zeros(n) if company is None else np.array(company), np.full(n, 0.3))


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
    for company, is_out in ((0.4, False), (0.9, True)):  # its echoes are company that it is not blamed for
        (kept, rest), out = cleaned([large, both], [20.0, 9.0], [np.arange(2)] * 2, company=[0.0, company])
        assert out.tolist() == [False, is_out] and np.array_equal(kept, large)
        assert np.isin(own, rest).mean() > 0.99 and np.isin(echo, rest).mean() < 0.02


def test_what_only_comes_with_others_is_out_and_has_no_echoes():
    one, other = train(12), beside(train(12), -12, 13)
    trains, out = cleaned([one, other], [20.0, 9.0], [np.arange(2)] * 2, company=[0.8, 0.0])
    assert out.tolist() == [True, False] and len(trains[1]) == len(other)


def test_echoes_of_several_units_add_up_and_only_larger_units_have_any():
    one, other = train(6), train(7)
    echo = np.sort(np.concatenate([beside(one, -60, 8, 0.4), beside(other, -50, 9, 0.4), train(10, 1200)]))
    trains, sizes = [one, echo, other], [20.0, 8.0, 15.0]
    everything = [np.arange(3)] * 3
    assert cleaned(trains, sizes, everything)[1].tolist() == [False, True, False]
    assert not cleaned(trains, [1.0, 8.0, 1.0], everything)[1].any()
    assert not cleaned(trains, sizes, [np.array([unit, -1]) for unit in range(3)])[1].any()
    out = cleaned(trains, sizes, everything, [True, False, False])[1]  # what is none has no echo
    assert out.tolist() == [True, False, False]


def test_no_spikes_are_no_echo():
    none = np.zeros(0, dtype=int)
    trains, out = cleaned([none, train(11), none], [0.0, 1.0, 2.0], [np.arange(3)] * 3)
    assert not out.any() and [len(its) for its in trains] == [0, 3000, 0]


def test_wide_runs_are_none():
    flags = np.array([1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1], dtype=bool)
    np.testing.assert_array_equal(narrow(flags), np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=bool))
    assert not narrow(np.zeros(4, dtype=bool)).any()
