"""Agreement, refractory violations and stability, on trains whose figures are known."""

import numpy as np
import pytest
from spikeinterface import NumpySorting

from simsort.evaluation.agreement import agreed_units, refractory_violations, split_half_stability

FS_HZ = 10000.0
RNG = np.random.default_rng(1)
A, B = (np.cumsum(RNG.integers(100, 300, 200)) for _ in range(2))


def sorting(*trains):
    return NumpySorting.from_unit_dict([dict(enumerate(trains))], FS_HZ)


def test_units_shared_by_sorters():
    counts = agreed_units({"one": sorting(A, B), "two": sorting(A + 1), "three": sorting(A, A[::5] + 50)})
    assert counts["one"] == {"n_units": 2, "n_agreed": 1, "n_by_half": 1}
    assert counts["two"] == {"n_units": 1, "n_agreed": 1, "n_by_half": 1}
    assert counts["three"] == {"n_units": 2, "n_agreed": 1, "n_by_half": 1}
    assert agreed_units({"alone": sorting(A)})["alone"]["n_agreed"] == 0


def test_short_intervals_are_counted():
    clean = refractory_violations(sorting(A, A[:5]))
    assert clean == {"share": 0.0, "n_clean": 1, "n_counted": 1}
    doubled = np.sort(np.concatenate([A, A[::2] + 10]))  # 1 ms after every other spike
    found = refractory_violations(sorting(doubled))
    assert found["share"] == pytest.approx(100 / 299) and found["n_clean"] == 0
    assert refractory_violations(sorting()) == {"share": None, "n_clean": 0, "n_counted": 0}


def test_stability_needs_both_halves():
    stop_s = A[-1] / FS_HZ + 0.1
    half = int(stop_s / 2 * FS_HZ)
    parts = [[train[train < half], train[train >= half] - half] for train in (A, B)]
    bounds = [(0, stop_s / 2), (stop_s / 2, stop_s)]
    whole = sorting(A, B[B < stop_s * FS_HZ - 1])
    same = [(*bounds[i], sorting(parts[0][i], parts[1][i])) for i in range(2)]
    assert split_half_stability(whole, same) == {"n_counted": 2, "n_stable": 2, "share": 1.0}
    lost = [same[0], (*bounds[1], sorting(parts[0][1]))]
    assert split_half_stability(whole, lost)["n_stable"] == 1
