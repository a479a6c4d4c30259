"""Whatever recording is given: the right spikes, no units, or one line that says what to do."""

import numpy as np
import pytest
from known_spikes import ComputedRecording, accuracies, known, recording_of, wired
from probeinterface import Probe, ProbeGroup, generate_linear_probe

import simsort
from simsort.errors import UserError
from simsort.sorting.own.inputs import contacts_in_plane


def sorted_well(recording, trains, fs_hz=30000.0):
    """Tell whether every unit is found and nothing else, within the recording."""
    sorting = simsort.sort(recording)
    assert list(sorting.unit_ids) == list(range(len(trains)))
    assert sorting.get_sampling_frequency() == fs_hz
    spikes = sorting.to_spike_vector()["sample_index"]
    assert spikes.min() >= 0 and spikes.max() < recording.get_num_samples()
    return accuracies(sorting, trains, fs_hz).min() > 0.95


@pytest.mark.parametrize("fs_hz", [10000.0, 24414.0625, 29999.83, 40000.0])
def test_any_sampling_rate(fs_hz):
    traces, trains = known(fs_hz)
    assert sorted_well(recording_of(traces, fs_hz=fs_hz), trains, fs_hz)


@pytest.mark.parametrize("dtype, offset", [("int16", 0), ("uint16", 32768), ("uint16", 12000), ("int32", 0),
                                           ("float32", 0), ("float64", 0), ("float32", 5e4), ("uint64", 32768)])
def test_any_sample_type_without_gains(dtype, offset, tetrode):
    traces, trains = tetrode
    samples = traces.round() if "int" in dtype else traces
    recording = recording_of((samples.astype("float64") + offset).astype(dtype))
    assert not recording.has_scaleable_traces()
    assert sorted_well(recording, trains)


def test_gains_and_offsets_do_not_matter(tetrode):
    traces, trains = tetrode
    recording = recording_of((traces / 0.195).round().astype("int16"))
    recording.set_channel_gains(0.195)
    recording.set_channel_offsets(-6389.76)
    assert sorted_well(recording, trains)


def test_several_segments_are_sorted_as_one_and_cut(tetrode):
    traces, trains = tetrode
    cuts = [0, 100000, 130000, len(traces)]
    recording = recording_of(*(traces[start:stop] for start, stop in zip(cuts, cuts[1:])))
    sorting = simsort.sort(recording)
    assert sorting.get_num_segments() == 3
    for segment, (start, stop) in enumerate(zip(cuts, cuts[1:])):
        found = np.sort(np.concatenate([sorting.get_unit_spike_train(unit, segment) for unit in sorting.unit_ids]))
        expected = np.sort(np.concatenate([train[(train >= start) & (train < stop)] - start for train in trains]))
        assert abs(len(found) - len(expected)) <= 2 and found.max() < stop - start


def test_times_of_a_recording_with_gaps_between_samples_do_not_matter(tetrode):
    traces, trains = tetrode
    recording = recording_of(traces[::3], fs_hz=10000.0)
    times_s = np.arange(len(traces[::3])) / 10000.0
    times_s[50000:] += 100.0  # dropped samples, as the clock says
    recording.set_times(times_s)
    assert sorted_well(recording, [train // 3 for train in trains], 10000.0)


@pytest.mark.parametrize("traces", [np.zeros((60000, 4)), np.full((60000, 4), 7.0), np.zeros((300000, 1)),
                                    np.random.default_rng(0).normal(0, 10, (300000, 4)),
                                    np.random.default_rng(1).normal(0, 10, (300000, 1))],
                         ids=["zeros", "constant", "one flat channel", "noise", "noise on one channel"])
def test_no_spikes_give_no_units(traces):
    sorting = simsort.sort(recording_of(traces.astype("float32"), probe=None if traces.shape[1] == 1 else "fitting"))
    assert sorting.get_num_units() == 0 and sorting.get_num_segments() == 1 and len(sorting.to_spike_vector()) == 0


def test_one_spike_in_silence_gives_no_units():
    traces = np.zeros((60000, 4), dtype="float32")
    traces[30000:30010] = -100
    assert simsort.sort(recording_of(traces)).get_num_units() == 0


def test_four_seconds():
    traces, trains = known(duration_s=4.0)
    assert sorted_well(recording_of(traces), trains)


@pytest.mark.parametrize("n_samples", [1, 50, 3000, 29999])
def test_less_than_a_second_gives_no_units_and_says_so(n_samples, tetrode):
    sorting = simsort.sort(recording_of(tetrode[0][:n_samples]))
    assert sorting.get_num_units() == 0 and "too short" in sorting.get_annotation("warnings")[0]


def test_just_more_than_a_second_runs(tetrode):
    traces, trains = tetrode
    sorting = simsort.sort(recording_of(traces[:31000]))
    assert sorting.get_annotation("warnings") == [] and len(sorting.to_spike_vector()) <= 60


def test_one_channel_without_a_probe():
    traces, trains = known(gains_uv=((150,), (60,)), widths_ms=(0.12, 0.25))
    assert sorted_well(recording_of(traces, probe=None), trains)


def test_a_probe_in_space_is_seen_in_its_plane(tetrode):
    traces, trains = tetrode
    tilted = np.array([[0, 0, 0], [0, 0, 20], [14, 14, 0], [14, 14, 20]], dtype=float)
    probe = Probe(ndim=3)
    probe.set_contacts(tilted, plane_axes=np.tile(np.array([[0.7071, 0.7071, 0], [0, 0, 1]]), (4, 1, 1)))
    recording = recording_of(traces, probe=wired(probe))
    plane_um = contacts_in_plane(recording)
    distances = [np.linalg.norm(places[:, None] - places, axis=2) for places in (plane_um, tilted)]
    assert np.allclose(*distances, atol=0.01) and sorted_well(recording, trains)


def test_gaps_and_saturation_in_the_middle(tetrode):
    traces, trains = known(duration_s=16.0)
    lost = [(90000, 250000), (300000, 303000)]
    traces[slice(*lost[0])] = 0.0
    traces[slice(*lost[1])] = 6000.0  # the rail of the amplifier
    kept = [train[[not any(start - 60 <= sample < stop + 60 for start, stop in lost) for sample in train]]
            for train in trains]
    sorting = simsort.sort(recording_of(traces))
    assert accuracies(sorting, kept).min() > 0.9
    assert sorting.get_num_units() == len(trains)


def test_a_dead_channel(tetrode):
    traces, trains = known(gains_uv=((150, 60, 0, 20), (20, 130, 0, 60), (50, 25, 0, 160)))
    traces[:, 2] = 0.0
    assert sorted_well(recording_of(traces), trains)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(value, tetrode):
    traces = tetrode[0].copy()
    traces[123456, 2] = value
    with pytest.raises(UserError, match=r"channel 2 is NaN or infinite 4.1152 s after the start: replace"):
        simsort.sort(recording_of(traces))


def linear(places_um):
    probe = Probe(ndim=np.shape(places_um)[1])
    axes = {} if np.shape(places_um)[1] == 2 else dict(plane_axes=np.tile(np.eye(3)[:2], (len(places_um), 1, 1)))
    probe.set_contacts(np.asarray(places_um, dtype=float), **axes)
    return wired(probe)


LINE = [[0.0, 20.0 * i] for i in range(12)]


@pytest.mark.parametrize("probe, message", [
    (None, "12 channels have no positions: give it a probe"),
    (linear(LINE[:11] + [[np.nan, 0]]), "positions that are no numbers"),
    (linear([[x, y, z] for x in (0, 200) for y in (0, 300) for z in (0, 90, 180)]), "lie in no plane .*split_by"),
], ids=["no probe", "not a number", "volume"])
def test_probes_without_places(probe, message):
    with pytest.raises(UserError, match=message):
        simsort.sort(recording_of(np.zeros((60000, 12), dtype="float32"), probe=probe))


def test_two_probes_at_one_place():
    recording = recording_of(np.zeros((60000, 12), dtype="float32"), probe=None)
    group = ProbeGroup()
    for first in (0, 6):
        probe = linear(LINE[:6])
        probe.set_device_channel_indices(np.arange(first, first + 6))
        group.add_probe(probe)
    recording.set_probegroup(group, check_overlap=False)
    with pytest.raises(UserError, match="2 channels lie at one place, that of channel 0: .* recording.split_by"):
        simsort.sort(recording)


def test_what_is_no_recording_of_spikes():
    with pytest.raises(UserError, match="ndarray is no recording: give a SpikeInterface recording"):
        simsort.sort(np.zeros((100, 4)))
    with pytest.raises(UserError, match="sampled at 2500 Hz, too slowly"):
        simsort.sort(recording_of(np.zeros((10000, 4), dtype="int16"), fs_hz=2500.0))
    with pytest.raises(UserError, match="samples are complex64"):
        simsort.sort(recording_of(np.zeros((60000, 4), dtype="complex64")))


@pytest.mark.slow
def test_five_thousand_channels():
    side = 71
    places_um = np.array([[100.0 * (i % side), 100.0 * (i // side)] for i in range(5000)])
    true_channels = np.array([35 * side + 35, 10 * side + 60, 60 * side + 12, 3, 4999])  # the first at a block's edge
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.choice(np.arange(100, 31400, 150), 60, replace=False)) for _ in true_channels]
    sorting = simsort.sort(ComputedRecording(places_um, true_channels, trains, 1.05), n_refinements=0)
    assert sorting.get_num_units() == len(true_channels)
    assert accuracies(sorting, trains).min() > 0.9


def test_blocks_hold_every_channel_once_as_centre():
    from simsort.sorting.own.blocks import MARGIN_UM, channel_blocks

    for places_um in (np.random.default_rng(0).uniform(0, 3000, (2000, 2)),
                      generate_linear_probe(num_elec=700, ypitch=10).contact_positions):
        blocks = channel_blocks(places_um)
        assert np.array_equal(np.sort(np.concatenate([centres for centres, _ in blocks])), np.arange(len(places_um)))
        for centres, channels in blocks:
            assert set(centres) <= set(channels) and len(centres) <= 256
            near = np.linalg.norm(places_um[:, None] - places_um[centres], axis=2).min(axis=1) < MARGIN_UM
            assert np.array_equal(np.flatnonzero(near), channels)
    whole = channel_blocks(generate_linear_probe(num_elec=384, ypitch=10).contact_positions)
    assert len(whole) == 1 and np.array_equal(*whole[0])
