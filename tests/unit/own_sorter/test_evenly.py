"""Some of many, evenly spread."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.sorting.own.evenly import evenly, some_of_each
from simsort.sorting.own.pursuit import Spikes


@given(n=st.integers(0, 300), most=st.integers(1, 300))
def test_numbers_are_spread_and_none_twice(n, most):
    found = evenly(n, most)
    assert len(found) == min(n, most) and np.all(np.diff(found) >= 1)
    assert np.all((found >= 0) & (found < n))
    assert most == 1 or n == 0 or (found[0] == 0 and found[-1] == n - 1)
    assert len(found) < 2 or np.ptp(np.diff(found)) <= 1


@pytest.mark.parametrize("n_samples, wanted", [(1001, {0: [0, 4], 3: [1]}), (1000, {0: [0, 2], 3: [1]})])
def test_some_spikes_of_each_unit_away_from_the_ends(n_samples, wanted):
    sample, unit = np.array([100, 200, 500, 600, 900, 99, 901]), np.array([0, 3, 0, 1, 0, 0, 3])
    other = np.zeros(7)
    spikes = Spikes(sample=sample, unit=unit, delay=other, amplitude=other, gain=other)
    found = dict(some_of_each(spikes, unit != 1, 100, n_samples, 2))
    assert {one: rows.tolist() for one, rows in found.items()} == wanted
