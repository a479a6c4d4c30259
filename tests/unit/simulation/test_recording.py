"""Simulated recordings: same bytes however they are read, true spikes where they should be."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_cells import made_up_cells

from simsort.errors import UserError
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.electronics import Electronics, ElectronicsSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.presets import PRESETS, preset
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.recording import simulate_recording
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings
from simsort.simulation.recordings.unit_fields import resampling_matrix

LIVELY = RecordingSettings(
    duration_s=4.0,
    drift=DriftSettings(kind="mixture", oscillation_period_s=3.0, jumps_per_minute=60.0, non_rigidity=0.5),
    electronics=ElectronicsSettings(line_noise_uv=3.0, artefacts_per_minute=60.0, channel_gain_spread=0.05))


def make(probe="tetrode", n_channels=None, settings=LIVELY, seed=0, cells=None, **kwargs):
    return simulate_recording(cells or made_up_cells(), make_probe(probe, n_channels), settings, seed, **kwargs)


@pytest.fixture(scope="module")
def recording():
    return make()


@pytest.fixture(scope="module")
def whole(recording):
    return recording.get_traces().copy()


@settings(max_examples=40, deadline=None)
@given(start=st.integers(0, 119999), length=st.integers(0, 70000), channels=st.sets(st.integers(0, 3), min_size=1))
def test_any_chunk_is_part_of_the_whole(recording, whole, start, length, channels):
    ids = sorted(channels)
    chunk = recording.get_traces(start_frame=start, end_frame=min(start + length, 120000), channel_ids=ids)
    np.testing.assert_array_equal(chunk, whole[start:start + length, ids])


def test_backwards_in_a_fresh_copy_and_pickled(recording, whole):
    copy = pickle.loads(pickle.dumps(recording))
    for start in (110000, 64000, 31999, 0):
        again = copy.get_traces(start_frame=start, end_frame=start + 5000)
        np.testing.assert_array_equal(again, whole[start:start + 5000])
    assert len(pickle.dumps(recording)) < 20e6
    np.testing.assert_array_equal(make().get_traces(end_frame=2000), whole[:2000])
    assert not np.array_equal(make(seed=1).get_traces(end_frame=2000), whole[:2000])


def test_a_longer_recording_begins_the_same_without_jumps():
    short, long = (make(settings=RecordingSettings(duration_s=duration_s)) for duration_s in (1.0, 3.0))
    np.testing.assert_array_equal(short.get_traces(), long.get_traces(end_frame=30000))


def test_parallel_workers_write_the_same_bytes(recording, whole, tmp_path):
    saved = recording.save(folder=tmp_path / "saved", format="binary", n_jobs=2, chunk_duration="0.7s",
                           progress_bar=False, verbose=False)
    np.testing.assert_array_equal(saved.get_traces(), whole)


def test_it_is_an_ordinary_recording(recording):
    assert recording.get_dtype() == np.int16 and recording.get_num_samples() == 120000 and recording.has_probe()
    assert recording.get_channel_gains().tolist() == [2.34375] * 4
    assert np.abs(recording.get_traces(return_in_uV=True)).max() < 1250


def test_true_spikes_lie_where_the_traces_show_them():
    quiet = RecordingSettings(duration_s=20.0, noise=None, foreground_uv=10.0, background_uv=10.0,
                              trains=SpikeTrainSettings(rate_scale=0.5),
                              placement=PlacementSettings(positions_um=((12.0, 12.0, 25.0), (12.0, -14.0, 20.0))))
    recording = make(settings=quiet)
    sorting = recording.ground_truth()
    assert len(sorting.unit_ids) == 2
    traces_uv = recording.get_traces(return_in_uV=True)
    for index, unit_id in enumerate(sorting.unit_ids):
        channel = sorting.get_property("peak_channel")[index]
        samples = sorting.get_unit_spike_train(unit_id)
        samples = samples[(samples > 100) & (samples < 599000)]
        mean = np.mean([traces_uv[sample - 60:sample + 60, channel] for sample in samples], axis=0)
        assert abs(int(mean.argmin()) - 60) <= 6  # the extracellular trough follows the soma's crossing within 0.2 ms
        assert -mean.min() > 0.5 * sorting.get_property("peak_amplitude_uv")[index]


def test_ground_truth_holds_the_foreground_with_its_properties(recording):
    from spikeinterface.preprocessing import bandpass_filter

    sorting, everything = recording.ground_truth(), recording.ground_truth(include_background=True)
    assert set(sorting.unit_ids) < set(everything.unit_ids)
    assert (sorting.get_property("peak_amplitude_uv") >= 30).all() and not sorting.get_property("is_background").any()
    background = everything.get_property("is_background")
    assert (everything.get_property("peak_amplitude_uv")[background] < 30).all()
    for name in ("cell_type", "layer", "neuron_class", "subclass", "x", "y", "z", "snr", "firing_rate"):
        assert len(sorting.get_property(name)) == len(sorting.unit_ids)
    from spikeinterface import get_noise_levels

    levels_uv = get_noise_levels(bandpass_filter(recording, 300, 6000), return_in_uV=True,
                                 random_slices_kwargs={"seed": 0})
    channels = sorting.get_property("peak_channel")
    expected = sorting.get_property("peak_amplitude_uv") / levels_uv[channels]
    np.testing.assert_allclose(sorting.get_property("snr"), expected, rtol=0.15)


def test_many_channels_in_any_order_on_any_probe():
    probe = make_probe("neuropixels2", 24)
    shuffled = probe.get_slice(np.random.default_rng(0).permutation(24))
    shuffled.set_device_channel_indices(np.arange(24))
    settings = RecordingSettings(duration_s=1.0, placement=PlacementSettings(positions_um=((16.0, 30.0, 20.0),)),
                                 noise=NoiseSettings(level_uv=0.0))
    traces = simulate_recording(made_up_cells(), shuffled, settings, 0).get_traces()
    positions = shuffled.contact_positions
    loudest = np.abs(traces.astype(int)).max(axis=0).argmax()
    assert np.linalg.norm(positions[loudest] - [16, 30]) < 30
    assert (traces[:, positions[:, 0] > 400] == 0).all()  # other shanks


def test_a_library_of_another_rate_is_resampled():
    matrix, n_before = resampling_matrix(390, 90, 30000.0, 20000.0)
    times_ms = (np.arange(390) - 90) / 30
    new_ms = (np.arange(matrix.shape[1]) - n_before) / 20
    course = np.exp(-(((times_ms - 0.5) / 0.3) ** 2))
    np.testing.assert_allclose(course @ matrix, np.exp(-(((new_ms - 0.5) / 0.3) ** 2)), atol=2e-3)
    slow = RecordingSettings(duration_s=2.0, sampling_frequency_hz=20000.0, noise=None)
    mine, direct = (make(settings=slow, cells=made_up_cells(sampling_frequency_hz=frequency_hz)).plan
                    for frequency_hz in (30000.0, 20000.0))
    assert mine.n_foreground == direct.n_foreground
    peaks = [[unit.peak_uv for unit in plan.units[:5]] for plan in (mine, direct)]
    np.testing.assert_allclose(*peaks, rtol=0.1)


def test_saturation_rounding_and_interference():
    electronics = Electronics(ElectronicsSettings(uv_per_bit=2.0, n_bits=10), 2, 30000.0, 0)
    traces_uv = np.array([[3.1, 5000.0, -5000.0], [0.9, -0.9, 2.9]], dtype=np.float32)
    assert electronics.digitise(traces_uv).tolist() == [[2, 0], [511, 0], [-512, 1]]
    hum = Electronics(ElectronicsSettings(line_noise_uv=10.0), 3, 30000.0, 0).interference_uv(0, 30000)
    spectrum = np.abs(np.fft.rfft(hum[0]))
    assert spectrum.argmax() == 50 and 6 < np.ptp(hum, axis=1).min() / 2 < 20
    loud = Electronics(ElectronicsSettings(artefacts_per_minute=600.0), 1, 30000.0, 0)
    whole = loud.interference_uv(0, 90000)
    assert np.abs(whole).max() > 300
    np.testing.assert_allclose(loud.interference_uv(40000, 1000), whole[:, 40000:41000], atol=1e-3)


def test_presets_and_mistakes():
    assert preset("tetrode", duration_s=2.0).settings.duration_s == 2.0
    paper = PRESETS["paper"]
    positions = make_probe(paper.probe).contact_positions
    assert np.ptp(positions, axis=0).tolist() == [13.0, 13.0] and paper.settings.placement.n_cells == 5
    assert paper.settings.sampling_frequency_hz == 10000 and paper.settings.noise is None
    assert paper.settings.drift.kind == "none" and paper.settings.mode == "continuous"
    for settings in (lambda: RecordingSettings(duration_s=0.01), lambda: RecordingSettings(sampling_frequency_hz=100.0),
                     lambda: RecordingSettings(mode="fast"), lambda: ElectronicsSettings(n_bits=20),
                     lambda: preset("octrode")):
        with pytest.raises(UserError):
            settings()
    with pytest.raises(UserError, match="empty"):
        simulate_recording([], make_probe("tetrode"), LIVELY)
    from simsort.simulation.recordings.noise import NoiseModel

    with pytest.raises(UserError, match="noise has 2 channels, the probe 4"):
        make(noise_model=NoiseModel(mixing_uv=np.eye(2), frequencies_hz=np.array([0.0]), power=np.ones(1)))
