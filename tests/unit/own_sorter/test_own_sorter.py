"""The whole sorter on recordings whose spikes are known."""

import numpy as np
import pytest
import spikeinterface as si
from probeinterface import generate_linear_probe, generate_tetrode
from spikeinterface.comparison import compare_sorter_to_ground_truth

from simsort.sorting.own.groups import make_groups
from simsort.sorting.own.sort import OwnSorter
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ


def wired(probe):
    """A probe whose contacts are the channels in their order."""
    probe.set_device_channel_indices(np.arange(probe.get_contact_count()))
    return probe


def recording_of(probe, n_units, seed, duration_s=40.0, sampling_frequency_hz=30000.0):
    """A recording with known spikes."""
    return si.generate_ground_truth_recording(
        durations=[duration_s], sampling_frequency=sampling_frequency_hz, num_channels=probe.get_contact_count(),
        probe=probe, num_units=n_units, seed=seed, noise_kwargs=dict(noise_levels=5.0, strategy="on_the_fly"),
        generate_sorting_kwargs=dict(firing_rates=8.0, refractory_period_ms=3.0))


def accuracies(recording, truth):
    """Accuracy of every true unit."""
    fs = truth.sampling_frequency
    trains = [np.round(train * fs / SAMPLING_FREQUENCY_HZ).astype("int64") for train in OwnSorter(recording).sort()]
    sorting = si.NumpySorting.from_unit_dict([dict(enumerate(trains))], fs)
    comparison = compare_sorter_to_ground_truth(truth, sorting, exhaustive_gt=True)
    return comparison.get_performance()["accuracy"].to_numpy(float)


@pytest.mark.slow
@pytest.mark.parametrize("fs", [30000.0, 20000.0])
def test_a_tetrode(fs):
    recording, truth = recording_of(wired(generate_tetrode()), 4, seed=1, sampling_frequency_hz=fs)
    assert np.sort(accuracies(recording, truth))[1:].min() > 0.85


@pytest.mark.slow
def test_the_large_units_of_a_linear_probe():
    recording, truth = recording_of(wired(generate_linear_probe(num_elec=16, ypitch=30)), 8, seed=2)
    is_large = np.abs(np.asarray(recording.templates)).max(axis=(1, 2)) > 50  # uV, ten times the noise
    assert is_large.sum() == 4 and accuracies(recording, truth)[is_large].min() > 0.9


def test_noise_alone_gives_no_units():
    noise = np.random.default_rng(0).normal(0, 10, (600000, 4)).astype("float32")
    recording = si.NumpyRecording(noise, 30000.0)
    recording.set_probe(wired(generate_tetrode()))
    assert OwnSorter(recording).sort() == []


def test_groups_cover_every_channel_once():
    for probe in (generate_tetrode(), generate_linear_probe(num_elec=33, ypitch=20)):
        contacts_um = probe.contact_positions
        groups = make_groups(contacts_um)
        centres = np.concatenate([group.centres for group in groups])
        assert sorted(centres) == list(range(len(contacts_um)))
        assert all(set(group.centres) <= set(group.channels) for group in groups)
