"""Motion over several segments of unequal length, and when it cannot be estimated."""

import importlib.util
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probeinterface import generate_linear_probe, generate_tetrode
from spikeinterface import NumpyRecording, append_recordings, load
from spikeinterface.core.motion import Motion
from spikeinterface.preprocessing import get_motion_presets
from spikeinterface.preprocessing.motion import load_motion_info, motion_options_preset
from spikeinterface.sortingcomponents.motion import InterpolateMotionRecording

from simsort.config.stages import MOTION_PRESETS
from simsort.errors import UserError
from simsort.preprocessing import motion as motion_steps
from simsort.preprocessing.chain import one_segment
from simsort.workers import job_kwargs, seeded

FS_HZ = 1000.0


def silent(*n_samples, n_channels=16, fs_hz=FS_HZ, seed=0):
    """Return noise on a linear probe, one segment per length."""
    rng = np.random.default_rng(seed)
    recording = NumpyRecording([rng.normal(size=(n, n_channels)).astype("float32") for n in n_samples], fs_hz)
    probe = generate_tetrode() if n_channels == 4 else generate_linear_probe(n_channels, ypitch=20.0)
    probe.set_device_channel_indices(np.arange(n_channels))
    recording.set_probe(probe)
    return recording


def ramp(n_bins):
    """Return a rigid motion of 1 um per bin of 1 s."""
    return Motion([np.arange(n_bins, dtype=float)[:, np.newaxis]], [np.arange(n_bins) + 0.5], np.array([150.0]))


def test_all_presets_of_spikeinterface_are_offered():
    assert set(MOTION_PRESETS) == set(get_motion_presets())


def test_motion_is_cut_at_the_cumulative_ends_of_segments():
    recording = silent(10000, 4000, 6000)
    motion = motion_steps.split_motion(ramp(20), recording)
    # Each has the neighbouring bin of the other segments too.
    assert [d[:, 0].tolist() for d in motion.displacement] == [list(range(11)), list(range(9, 15)),
                                                               list(range(13, 20))]
    assert [t[0] for t in motion.temporal_bins_s] == [0.5, -0.5, -0.5]


def test_motion_keeps_each_segments_own_times():
    recording = silent(5000, 5000)
    recording.set_times(np.arange(5000) / FS_HZ + 100.0, segment_index=0)
    recording.set_times(np.arange(5000) / FS_HZ + 777.0, segment_index=1)
    motion = motion_steps.split_motion(ramp(10), recording)
    assert np.allclose(motion.temporal_bins_s[0], 100.5 + np.arange(6))
    assert np.allclose(motion.temporal_bins_s[1], 776.5 + np.arange(6))


def test_correcting_segments_equals_correcting_them_joined():
    # The ancestors cut the joined recording at wrong frames from the third segment on.
    recording, motion = silent(10000, 4000, 6000), ramp(20)
    joined = motion_steps.correct(one_segment(recording), motion, "dredge_fast").get_traces()
    corrected = motion_steps.correct(recording, motion_steps.split_motion(motion, recording), "dredge_fast")
    for segment_index, (start, end) in enumerate([(0, 10000), (10000, 14000), (14000, 20000)]):
        assert np.allclose(corrected.get_traces(segment_index=segment_index), joined[start:end], atol=1e-6)


def test_border_channels_are_removed_alike_in_all_segments():
    recording, motion = silent(10000, 4000, 6000), ramp(20)
    single = InterpolateMotionRecording(one_segment(recording), motion, border_mode="remove_channels", sigma_um=20.0, p=2)
    corrected = motion_steps.correct(recording, motion_steps.split_motion(motion, recording), "rigid_fast")
    assert np.array_equal(corrected.channel_ids, single.channel_ids)
    assert np.allclose(corrected.get_traces(segment_index=2), single.get_traces()[14000:], atol=1e-6)


def test_corrected_recording_survives_json(tmp_path):
    silent(10000, 4000, 6000).save(folder=tmp_path / "data" / "raw")
    recording = load(tmp_path / "data" / "raw")
    corrected = motion_steps.correct(recording, motion_steps.split_motion(ramp(20), recording), "dredge_fast")
    corrected.dump_to_json(tmp_path / "recording.json", relative_to=tmp_path / "data")
    expected = corrected.get_traces(segment_index=2)
    (tmp_path / "data").rename(tmp_path / "moved")
    again = load(tmp_path / "recording.json", base_folder=tmp_path / "moved")
    assert np.array_equal(again.get_traces(segment_index=2), expected)


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_every_sample_keeps_its_displacement(lengths):
    recording = silent(*[n * 1000 for n in lengths], n_channels=2)
    n_bins = sum(lengths) + 2
    motion = motion_steps.split_motion(ramp(n_bins), recording)
    offset = 0
    for segment_index, n_seconds in enumerate(lengths):
        assert len(motion.temporal_bins_s[segment_index]) >= motion_steps.MIN_BINS
        centers_s = np.arange(n_seconds) + 0.5
        moved = motion.get_displacement_at_time_and_depth(centers_s, np.full(n_seconds, 150.0), segment_index)
        assert np.allclose(moved, offset + np.arange(n_seconds))
        offset += n_seconds


@given(lengths=st.lists(st.integers(1, 1000), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_peaks_find_their_segment(lengths, seed):
    recording = silent(*lengths, n_channels=2)
    joined = np.sort(np.random.default_rng(seed).integers(0, sum(lengths), 50))
    peaks = np.zeros(50, dtype=[("sample_index", "int64"), ("segment_index", "int64")])
    peaks["sample_index"] = joined
    split = motion_steps.split_peaks(peaks, recording)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    assert np.array_equal(starts[split["segment_index"]] + split["sample_index"], joined)
    assert np.all(split["sample_index"] < np.array(lengths)[split["segment_index"]])


@pytest.mark.parametrize("recording, reason", [
    (silent(30000, n_channels=4), "4 channels at"),
    (silent(2500), "2.5 s are shorter than 3 bins of 1 s"),
])
def test_why_motion_cannot_be_estimated(recording, reason):
    assert reason in motion_steps.estimate(recording, "dredge_fast", 1.0, job_kwargs(1))[1]


def test_recording_without_spikes_has_no_motion():
    with seeded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info, reason = motion_steps.estimate(silent(150000, fs_hz=30000.0), "dredge_fast", 1.0, job_kwargs(1))
    assert info is None
    assert "spikes in 5 s" in reason or "Motion estimation failed" in reason


@pytest.mark.parametrize(("preset", "packages"), [("medicine", "torch and medicine"), ("dredge_fast", "torch")])
def test_presets_without_their_packages_name_the_remedy(preset, packages, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"{preset} needs {packages}, not installed here: choose another preset"):
        motion_steps.check_preset_installed(preset)
    motion_steps.check_preset_installed("nonrigid_fast_and_accurate")


def test_the_workflow_gives_these_presets_the_image_with_their_packages():
    config = (Path(__file__).parents[2] / "nextflow_slurm.config").read_text()
    [names] = re.findall(r'"motion_preset": \*"\(([a-z_|]+)\)"', config)
    assert set(names.split("|")) == set(motion_steps.PACKAGES)


@pytest.fixture(scope="module")
def drifting():
    """A 64-channel recording that drifts by 30 um, in three segments of 9, 15 and 12 s: (recording, displacement)."""
    from spikeinterface.generation import generate_drifting_recording

    from simsort.writers.spikeglx import neuropixels_probe

    _, recording, _, extra = generate_drifting_recording(
        num_units=25, duration=36.0, probe=neuropixels_probe(64), seed=3, extra_outputs=True,
        generate_displacement_vector_kwargs=dict(
            displacement_sampling_frequency=5.0, drift_start_um=[0, 15], drift_stop_um=[0, -15], drift_step_um=1,
            motion_list=[dict(drift_mode="zigzag", non_rigid_gradient=None, t_start_drift=4.0, t_end_drift=None,
                              period_s=32.0)]),
        generate_sorting_kwargs=dict(firing_rates=(5.0, 12.0), refractory_period_ms=4.0),
        generate_noise_kwargs=dict(noise_levels=(6.0, 8.0), spatial_decay=25.0))
    whole = NumpyRecording([recording.get_traces()], recording.sampling_frequency)
    whole.set_probe(recording.get_probe())
    edges = (np.array([0.0, 9.0, 24.0, 36.0]) * recording.sampling_frequency).astype(int)
    segments = [whole.frame_slice(start, end) for start, end in zip(edges[:-1], edges[1:])]
    return append_recordings(segments), extra["displacement_vectors"][:, 1, 0]


def estimated_and_true(motion, displacement, recording):
    """Return the estimated and the true displacement at each second, both with their mean removed."""
    estimated, true, offset_s = [], [], 0.0
    for segment_index in range(recording.get_num_segments()):
        within_s = np.arange(int(recording.get_duration(segment_index))) + 0.5
        times_s = recording.get_start_time(segment_index) + within_s
        estimated.append(motion.get_displacement_at_time_and_depth(times_s, np.full(times_s.size, 320.0), segment_index))
        true.append(displacement[((offset_s + within_s) * 5).astype(int)])
        offset_s += recording.get_duration(segment_index)
    estimated, true = np.concatenate(estimated), np.concatenate(true)
    return estimated - estimated.mean(), true - true.mean()


# Mean errors measured with these seeds: 0.33, 2.87 and 1.17 um; standing still would be off by 6.9 um.
BOUNDS_UM = {"dredge_fast": 1.0, "rigid_fast": 5.0, "kilosort_like": 2.5}


@pytest.mark.slow
@pytest.mark.parametrize("preset", BOUNDS_UM)
def test_drift_is_found_in_every_segment(drifting, preset, tmp_path):
    recording, displacement = drifting
    with seeded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info, reason = motion_steps.estimate(recording, preset, 1.0, job_kwargs(1))
    assert reason == ""
    estimated, true = estimated_and_true(info["motion"], displacement, recording)
    assert np.abs(estimated - true).mean() < BOUNDS_UM[preset]
    motion_steps.save(info, tmp_path / "motion")
    assert load_motion_info(tmp_path / "motion")["motion"].num_segments == 3
    assert np.load(tmp_path / "motion" / "peaks.npy", allow_pickle=False)["segment_index"].max() == 2
    assert json.loads((tmp_path / "motion" / "parameters.json").read_text())["preset"] == preset


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(set(MOTION_PRESETS) - set(BOUNDS_UM)))
def test_slow_presets_run_on_several_segments(drifting, preset, monkeypatch):
    if preset == "medicine":
        pytest.importorskip("medicine")
        pytest.importorskip("torch")
        # 10 000 training steps take half an hour on a busy CPU; fifty show that it runs
        medicine = motion_options_preset["medicine"]["estimate_motion_kwargs"]
        monkeypatch.setitem(medicine, "training_steps", 50)
    recording = drifting[0]
    parts = [recording.select_segments([i]).frame_slice(0, int(n * recording.sampling_frequency))
             for i, n in enumerate([2, 3, 2])]
    # The slowest step, triangulation, takes milliseconds per spike: seven seconds of three segments are enough to run.
    shortened = append_recordings(parts).select_channels(recording.channel_ids[:32])
    with seeded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info, reason = motion_steps.estimate(shortened, preset, 1.0, job_kwargs(1))
    assert reason == ""
    bins = [len(t) for t in info["motion"].temporal_bins_s]
    assert bins == ([4, 6, 3] if preset == "medicine" else [3, 5, 3])  # medicine's own bins also cover the edges
    corrected = motion_steps.correct(shortened, info["motion"], preset)
    assert corrected.get_num_samples(1) == 90000 and corrected.get_dtype() == np.dtype("float32")
