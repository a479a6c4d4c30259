"""Maximum and cumulative drift against their definitions, on trains whose places are written by hand."""

import types

import numpy as np
import pytest

from simsort.postprocessing.unit_drift import binned_medians, unit_drift

FS = 1000.0


class Analyzer:
    """As much of a sorting analyzer as the metric asks for."""

    def __init__(self, trains, depths_um, durations_s):
        import spikeinterface as si

        self.sorting = si.NumpySorting.from_unit_dict(trains, FS)
        self.unit_ids, self.sampling_frequency = self.sorting.unit_ids, FS
        self.durations_s = durations_s
        spikes = self.sorting.to_spike_vector()
        ys = [depths_um[unit](spike["segment_index"], spike["sample_index"] / FS)
              for spike in spikes for unit in [self.unit_ids[spike["unit_index"]]]]
        self.locations = {"y": np.array(ys, dtype="float64")}

    def get_num_samples(self, segment_index):
        return int(self.durations_s[segment_index] * FS)

    def get_num_segments(self):
        return len(self.durations_s)

    def get_extension(self, name):
        assert name == "spike_locations"
        return types.SimpleNamespace(get_data=lambda: self.locations)


def regular(start_s, stop_s, rate_hz=20):
    return np.arange(int(start_s * FS), int(stop_s * FS), int(FS / rate_hz))


def test_the_definitions_on_a_staircase():
    steps = [0.0, 10.0, 4.0, 4.0, 20.0]  # largest minus smallest 20, steps 10 + 6 + 0 + 16
    analyzer = Analyzer([{"a": regular(0, 50)}], {"a": lambda _, t: 100 + steps[int(t // 10)]}, [50])
    found = unit_drift(analyzer, ["a"], bin_duration_s=10.0)
    assert found.maximum_drift["a"] == 20.0 and found.cumulative_drift["a"] == 32.0


def test_outliers_and_sparse_bins_do_not_count():
    def depth(_, t):
        return 1e4 if 5.0 <= t < 5.1 else 50.0 + (t >= 20) * 8

    train = np.concatenate([regular(0, 10), regular(12, 12.2), regular(20, 30)])
    found = unit_drift(Analyzer([{"a": train}], {"a": depth}, [30]), ["a"], bin_duration_s=10.0)
    assert found.maximum_drift["a"] == 8.0 and found.cumulative_drift["a"] == 8.0


def test_units_and_segments_are_told_apart():
    trains = [{"a": regular(0, 20), "b": regular(0, 20)}, {"a": regular(0, 20), "b": regular(0, 0)}]
    places = {"a": lambda segment, t: 10.0 * segment, "b": lambda segment, t: 300.0 + t}
    found = unit_drift(Analyzer(trains, places, [20, 20]), ["a", "b"], bin_duration_s=10.0)
    assert found.maximum_drift["a"] == 10.0 and found.maximum_drift["b"] == pytest.approx(10.0)


def test_too_little_is_unknown():
    analyzer = Analyzer([{"few": regular(0, 0.3), "one": regular(0, 8)}],
                        {"few": lambda *_: 0.0, "one": lambda *_: 0.0}, [20])
    found = unit_drift(analyzer, ["few", "one"], bin_duration_s=10.0)
    assert all(np.isnan(v) for v in (*found.maximum_drift.values(), *found.cumulative_drift.values()))
    assert binned_medians(np.zeros(0, dtype=int), np.zeros(0)).size == 0
