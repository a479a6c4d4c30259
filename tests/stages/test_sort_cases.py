"""The sort command where there is little to sort: silence, tetrodes, several segments, missing sorters."""

import numpy as np
import pytest
from probeinterface import generate_linear_probe, generate_tetrode
from spikeinterface import (
    NumpyRecording,
    append_recordings,
    generate_ground_truth_recording,
    load,
    select_segment_sorting,
)
from spikeinterface.comparison import compare_sorter_to_ground_truth
from spikeinterface.sorters import get_default_sorter_params

from simsort.config.parameters import resolve
from simsort.errors import UserError
from simsort.records import Record, read_record
from simsort.sorting import sort as sort_module
from simsort.sorting.registry import SORTERS, get_sorter
from simsort.sorting.silence import is_silent
from simsort.workers import job_kwargs

REAL = [name for name in SORTERS if name != "kilosort25"]


def numpy_recording(*segments, fs_hz=30000.0):
    recording = NumpyRecording([np.asarray(s).astype("int16") for s in segments], fs_hz)
    n_channels = recording.get_num_channels()
    probe = generate_tetrode() if n_channels == 4 else generate_linear_probe(n_channels, ypitch=20.0)
    probe.set_device_channel_indices(np.arange(n_channels))
    recording.set_probe(probe)
    recording.set_channel_gains(0.5)
    recording.set_channel_offsets(0.0)
    return recording


def preprocessed_folder(recording, folder):
    recording.save(folder=folder / "binary", progress_bar=False)
    Record(stage="preprocess", recording_name="rec", session_name="session").write(folder)
    return folder


def noise(n_channels, duration_s=10.0, fs_hz=30000.0):
    return np.random.default_rng(0).normal(0.0, 20.0, (int(duration_s * fs_hz), n_channels))


@pytest.fixture(scope="module")
def tetrode_truth():
    """A tetrode at 15 kHz for 20 s with three units: (recording, sorting)."""
    probe = generate_tetrode()
    probe.set_device_channel_indices(np.arange(4))
    recording, sorting = generate_ground_truth_recording(
        durations=[20.0], sampling_frequency=15000.0, num_units=3, probe=probe, seed=1,
        generate_sorting_kwargs=dict(firing_rates=(8.0, 15.0), refractory_period_ms=3.0),
        generate_unit_locations_kwargs=dict(margin_um=15.0, minimum_z=5.0, maximum_z=25.0, minimum_distance=12.0),
        generate_templates_kwargs=dict(unit_params=dict(alpha=(200.0, 500.0))),
        noise_kwargs=dict(noise_levels=8.0, strategy="on_the_fly"))
    return numpy_recording(recording.get_traces() / 0.5, fs_hz=15000.0), sorting


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_tetrode_at_15_khz(name, tetrode_truth, tmp_path, run_cli):
    recording, _ = tetrode_truth
    folder = preprocessed_folder(recording, tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", name, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert record["outputs"]["n_spikes"] > 200  # of about 690
    if name == "kilosort4":
        assert any("nearest_chans lowered from 10 to the 4" in w for w in record["warnings"])


@pytest.mark.slow
def test_ceeds_encoder_is_asked_on_a_tetrode_at_15_khz(tetrode_truth, tmp_path, run_cli):
    folder = preprocessed_folder(tetrode_truth[0], tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "simsort", "--model", "shipped",
                      "--encoder", "ceed", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    params = read_record(tmp_path / "out")["parameters"]["sorter_params"]
    assert params["encoder"] == "ceed" and params["model"].endswith("weights/ceed")
    comparison = compare_sorter_to_ground_truth(tetrode_truth[1], load(tmp_path / "out" / "sorting"))
    assert comparison.get_performance()["accuracy"].astype(float).median() > 0.8


def test_ceeds_encoder_refuses_a_single_channel_in_one_line(tmp_path, run_cli):
    folder = preprocessed_folder(numpy_recording(noise(1, 5.0)), tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "simsort", "--encoder", "ceed",
                      "--out", tmp_path / "out")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1
    assert "one channel, CEED's encoder looks at 11: use encoder simsort" in outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_silence_is_a_valid_sorting(name, tmp_path, run_cli):
    folder = preprocessed_folder(numpy_recording(noise(16, 5.0)), tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", name, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    assert load(tmp_path / "out" / "sorting").get_num_segments() == 1
    # lupin and spykingcircus2 do not fail but make units of the few samples beyond their thresholds.
    assert read_record(tmp_path / "out")["outputs"]["n_spikes"] < 100


def test_silence_is_told_from_spikes(tetrode_truth):
    assert is_silent(numpy_recording(noise(16, 5.0)), 0, job_kwargs(1))
    assert is_silent(numpy_recording(np.zeros((30000, 4))), 0, job_kwargs(1))
    assert not is_silent(tetrode_truth[0], 0, job_kwargs(1))


def test_failure_on_a_recording_with_spikes_is_a_failure(tetrode_truth, tmp_path, run_cli):
    folder = preprocessed_folder(tetrode_truth[0], tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "mountainsort5", "--scheme", "9",
                      "--out", tmp_path / "out")
    assert outcome.status == 1
    assert outcome.stderr.count("\n") == 1
    assert "ValueError: Invalid scheme: 9 given" in outcome.stderr
    assert (tmp_path / "out" / "spikeinterface_log.json").is_file()
    assert not (tmp_path / "out" / "record.json").exists()


def test_segments_are_sorted_together_and_cut_apart(ground_truth, tmp_path, run_cli):
    recording, true = ground_truth
    edges = (np.array([0, 8, 14, 20]) * recording.sampling_frequency).astype(int)
    segments = [recording.frame_slice(start, end) for start, end in zip(edges[:-1], edges[1:])]
    folder = preprocessed_folder(append_recordings(segments), tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "mountainsort5", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    found = load(tmp_path / "out" / "sorting")
    assert found.get_num_segments() == 3
    for segment_index, (start, end) in enumerate(zip(edges[:-1], edges[1:])):
        part = select_segment_sorting(found, [segment_index])
        comparison = compare_sorter_to_ground_truth(true.frame_slice(start, end), part, exhaustive_gt=True)
        assert (comparison.get_performance()["accuracy"].astype(float) >= 0.8).sum() >= 8


def test_missing_kilosort25_names_its_image(tmp_path, run_cli, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = preprocessed_folder(numpy_recording(noise(4, 1.0)), tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "kilosort25", "--out", tmp_path / "out")
    assert outcome.status == 2
    assert "sorter kilosort25 is not installed here: put an image" in outcome.stderr
    assert "<container_dir>/kilosort25.sif" in outcome.stderr


def test_unknown_sorter_and_folder_that_is_no_output(tmp_path, run_cli):
    with pytest.raises(UserError, match="unknown sorter 'x'"):
        get_sorter("x")
    outcome = run_cli("sort", "--preprocessed", tmp_path, "--sorter", "mountainsort5", "--out", tmp_path / "out")
    assert outcome.status == 2 and "is not a finished output of simsort preprocess" in outcome.stderr


def test_skipped_preprocessing_skips_sorting(tmp_path, run_cli):
    Record(stage="preprocess", recording_name="r", session_name="s", state="skipped", reason="short").write(tmp_path / "p")
    outcome = run_cli("sort", "--preprocessed", tmp_path / "p", "--sorter", "mountainsort5", "--out", tmp_path / "out")
    assert outcome.status == 0
    assert read_record(tmp_path / "out")["reason"] == "preprocessing was skipped: short"


@pytest.mark.parametrize("name, option", [("simsort", "apply_motion_correction"), ("lupin", "apply_motion_correction"),
                                          ("kilosort4", "do_correction"),
                                          ("spykingcircus2", "apply_motion_correction"),
                                          ("tridesclous2", "apply_motion_correction"), ("kilosort25", "do_correction")])
def test_motion_correction_is_on_only_for_enough_channels(name, option):
    few, many = (numpy_recording(np.zeros((10, n))) for n in (95, 96))

    def chosen(recording, **given):
        return sort_module.choose_params(SORTERS[name], recording, resolve({"sorter": name, "spikesort": given})
                                         ["spikesort"])[0][option]
    assert chosen(many) is True
    assert chosen(few) is False
    assert chosen(many, skip_motion_correction=True) is False
    assert chosen(few, min_drift_channels=64) is True


@pytest.mark.parametrize("name", SORTERS)
def test_parameters_exist_and_the_users_win(name):
    recording = numpy_recording(np.zeros((10, 4)), fs_hz=15000.0)
    known = get_default_sorter_params(SORTERS[name].spikeinterface_name)
    settings = resolve({"sorter": name})["spikesort"]
    params, _ = sort_module.choose_params(SORTERS[name], recording, settings)
    assert set(params) <= set(known)
    own = next(k for k, v in params.items() if isinstance(v, (int, float)) and not isinstance(v, bool))
    changed, _ = sort_module.choose_params(SORTERS[name], recording, {**settings, "sorter_params": {own: 77}})
    assert changed[own] == 77


def test_frequencies_fit_the_sampling_rate():
    settings = resolve({"sorter": "lupin"})["spikesort"]
    params, warnings = sort_module.choose_params(SORTERS["lupin"], numpy_recording(np.zeros((10, 4)), fs_hz=12000.0),
                                                 settings)
    assert params["freq_max"] == pytest.approx(5700.0) and "freq_max lowered" in warnings[0]


@pytest.mark.data
@pytest.mark.slow
def test_real_locust_tetrode(simsort_data, tmp_path, run_cli):
    traces = np.fromfile(simsort_data / "locust_tetrode" / "locust_trial_01.raw", "int16").reshape(-1, 4)
    from spikeinterface.preprocessing import highpass_filter

    folder = preprocessed_folder(highpass_filter(numpy_recording(traces, fs_hz=15000.0)), tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "spykingcircus2", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    assert read_record(tmp_path / "out")["outputs"]["n_units"] >= 2


@pytest.mark.gpu
def test_kilosort4_on_the_gpu(ground_truth, tmp_path, run_cli):
    import torch

    assert torch.cuda.is_available()
    folder = preprocessed_folder(ground_truth[0], tmp_path / "pre")
    outcome = run_cli("sort", "--preprocessed", folder, "--sorter", "kilosort4", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    assert read_record(tmp_path / "out")["parameters"]["sorter_params"]["torch_device"] == "cuda"
