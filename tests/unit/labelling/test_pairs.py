"""Pairs of units: what each number says of one neuron found twice and of two; merges that suggest themselves."""

import numpy as np
import pytest

from simsort.labelling.automatic import merge_suggestions
from simsort.labelling.pairs import correlogram_difference, pair_table, refractory_share

CENTERS_MS = np.abs(np.arange(-24.5, 25))


def test_a_refractory_cross_correlogram_is_that_of_one_neuron():
    flat = np.full(50, 40.0)
    dip = np.where(CENTERS_MS < 2, 0.0, 40.0)
    np.testing.assert_allclose(refractory_share(np.stack([flat, dip]), CENTERS_MS), [1, 0])
    assert np.isnan(refractory_share(np.ones((1, 50)), CENTERS_MS))  # four expected: nothing can be said


def test_the_difference_of_correlograms():
    dip, flat = np.where(CENTERS_MS < 2, 0.0, 40.0), np.full(50, 40.0)
    counts = np.zeros((2, 2, 50))
    counts[0, 0] = counts[1, 1] = dip
    counts[0, 1] = counts[1, 0] = dip
    first, second = np.array([0]), np.array([1])
    assert correlogram_difference(counts, first, second)[0] == 0
    counts[0, 1] = flat
    assert 0.02 < correlogram_difference(counts, first, second)[0] < 0.2
    counts[0, 1] = 0
    counts[0, 1, 0] = 3
    assert np.isnan(correlogram_difference(counts, first, second)[0])


@pytest.fixture(scope="module")
def halves():
    """An analyzer of two neurons, one of them found as two units (even and odd spikes), one part silent at the end."""
    import spikeinterface.full as si

    recording, truth = si.generate_ground_truth_recording(durations=[20.0], num_channels=8, num_units=2, seed=2,
                                                          sampling_frequency=20_000.0)
    one, other = (truth.get_unit_spike_train(unit) for unit in truth.unit_ids)
    sorting = si.NumpySorting.from_unit_dict([{"even": one[::2], "odd": one[1::2], "other": other}], 20_000.0)
    analyzer = si.create_sorting_analyzer(sorting, recording, sparse=False)
    analyzer.compute(["random_spikes", "noise_levels", "templates", "spike_amplitudes", "unit_locations"])
    analyzer.compute({"correlograms": dict(window_ms=50.0, bin_ms=1.0), "template_similarity": dict(method="l1")})
    return analyzer


def test_two_halves_of_a_neuron_are_a_pair(halves):
    pairs = pair_table(halves).set_index(["first", "second"])
    assert ("even", "odd") in pairs.index
    pair = pairs.loc[("even", "odd")]
    assert pair["similarity"] > 0.8 and pair["distance_um"] < 20
    assert pair["amplitude_ratio"] > 0.9 and pair["shared_time"] > 0.7


def test_they_are_suggested_with_probability_and_reasons(halves):
    first = merge_suggestions(halves)[0]
    assert first["unit_ids"] == ["even", "odd"] and 0.5 <= first["probability"] <= 1 and first["reasons"]


def test_without_correlograms_there_are_no_suggestions(halves):
    bare = halves.copy()
    bare.delete_extension("correlograms")
    assert merge_suggestions(bare) == []
