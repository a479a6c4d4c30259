"""The preprocess command on sessions on disk: what it writes, moves, skips and refuses."""

import json

import numpy as np
import pytest
from probeinterface import generate_tetrode
from spikeinterface import NumpyRecording, load, read_binary
from spikeinterface.core.core_tools import SIJsonEncoder
from spikeinterface.preprocessing.motion import load_motion_info

from simsort.records import read_record


def write_job(recording, root, job_file, **changes):
    """Write a job as dispatch does, with paths relative to the data."""
    job = dict(recording_name="rec", session_name="session", state="ready", reason="", debug=False,
               fingerprint=[["traces.raw", 1, 1]],
               recording_dict=recording.to_dict(recursive=True, include_annotations=True, include_properties=True,
                                                relative_to=root))
    job_file.write_text(json.dumps(job | changes, cls=SIJsonEncoder))
    return job_file


def on_disk(recording, root, dtype="int16"):
    """Write a recording as raw binary and return it read back."""
    root.mkdir(parents=True, exist_ok=True)
    traces = recording.get_traces().astype(dtype)
    traces.tofile(root / "traces.raw")
    read = read_binary(root / "traces.raw", recording.sampling_frequency, dtype, recording.get_num_channels(),
                       gain_to_uV=float(recording.get_channel_gains()[0]), offset_to_uV=0.0)
    read.set_probe(recording.get_probe())
    return read


@pytest.fixture(scope="module")
def raw(ground_truth):
    """Five seconds of the ground truth."""
    return ground_truth[0].frame_slice(0, 150000)


@pytest.fixture
def session(raw, tmp_path):
    """A raw binary session and its job: (data folder, job file)."""
    root = tmp_path / "my data's $1 é"
    return root, write_job(on_disk(raw, root), root, tmp_path / "job.json")


def preprocess(run_cli, session, out, *options):
    return run_cli("preprocess", "--job", session[1], "--data", session[0], "--out", out, *options)


def test_done_and_loads_after_results_and_data_have_moved(run_cli, session, tmp_path):
    outcome = preprocess(run_cli, session, tmp_path / "out", "--motion", "skip", "--n-jobs", "2")
    assert outcome.status == 0, outcome.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["binary", "record.json", "recording.json"]
    (tmp_path / "out").rename(tmp_path / "results")
    session[0].rename(tmp_path / "data elsewhere")
    saved = load(tmp_path / "results" / "binary")
    lazy = load(tmp_path / "results" / "recording.json", base_folder=tmp_path / "data elsewhere")
    record = read_record(tmp_path / "results")
    assert record["state"] == "done" and record["outputs"]["n_channels_in"] == 32
    assert saved.get_dtype() == lazy.get_dtype() == np.dtype("int16")
    assert saved.get_num_channels() == lazy.get_num_channels() == record["outputs"]["n_channels_out"]
    # Rounding at the ends of the chunks the file was written in differs by one step of the converter.
    assert np.abs(saved.get_traces().astype(int) - lazy.get_traces()).max() <= 1
    assert np.array_equal(saved.get_channel_locations(), lazy.get_channel_locations())
    text = "".join(p.read_text() for p in (tmp_path / "results").rglob("*.json"))
    assert str(tmp_path) not in text


def test_same_result_for_any_number_of_workers(run_cli, session, tmp_path):
    for n_jobs in ("1", "2"):
        assert preprocess(run_cli, session, tmp_path / n_jobs, "--motion", "skip", "--n-jobs", n_jobs).status == 0
    one, two = (load(tmp_path / n / "binary").get_traces() for n in ("1", "2"))
    assert np.array_equal(one, two)


@pytest.mark.slow
def test_motion_is_computed_and_applied(run_cli, session, tmp_path):
    outcome = preprocess(run_cli, session, tmp_path / "out", "--motion", "apply", "--no-remove-out-channels")
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert record["outputs"]["motion"]["applied"] is True
    assert record["outputs"]["motion"]["max_abs_displacement_um"] < 5.0  # the ground truth stands still
    info = load_motion_info(tmp_path / "out" / "motion")
    assert info["peaks"].size == info["peak_locations"].size == record["outputs"]["motion"]["n_peaks"]
    saved = load(tmp_path / "out" / "binary")
    lazy = load(tmp_path / "out" / "recording.json", base_folder=session[0])
    assert saved.get_dtype() == lazy.get_dtype() == np.dtype("float32")
    assert np.abs(saved.get_traces() - lazy.get_traces()).max() <= 1.5


def test_short_recording_is_skipped_with_the_reason(run_cli, session, tmp_path):
    outcome = preprocess(run_cli, session, tmp_path / "out", "--t-stop", "2")
    record = read_record(tmp_path / "out")
    assert outcome.status == 0 and record["state"] == "skipped"
    assert record["reason"] == "2.00 s are shorter than --preprocessing.min-duration-for-preprocessing 3 s"


def test_too_many_bad_channels_are_skipped_with_the_reason(run_cli, raw, tmp_path):
    traces = np.array(raw.get_traces())
    traces[:, ::2] = 0
    broken = NumpyRecording([traces], raw.sampling_frequency)
    broken.copy_metadata(raw)
    broken.set_channel_gains(raw.get_channel_gains())
    broken.set_channel_offsets(raw.get_channel_offsets())
    broken.set_probe(raw.get_probe())
    root = tmp_path / "data"
    job = write_job(on_disk(broken, root), root, tmp_path / "job.json")
    outcome = preprocess(run_cli, (root, job), tmp_path / "out", "--max-bad-channel-fraction", "0.4")
    record = read_record(tmp_path / "out")
    assert outcome.status == 0 and record["state"] == "skipped"
    assert "of 32 channels are bad, more than --preprocessing.max-bad-channel-fraction 0.4" in record["reason"]
    assert len(record["outputs"]["bad_channels"]) >= 16


def test_nan_is_refused_with_file_channel_and_time(run_cli, raw, tmp_path):
    traces = raw.get_traces().astype("float32")
    traces[45000, 3] = np.nan
    damaged = NumpyRecording([traces], raw.sampling_frequency)
    damaged.set_probe(raw.get_probe())
    damaged.set_channel_gains(1.0)
    damaged.set_channel_offsets(0.0)
    root = tmp_path / "data"
    job = write_job(on_disk(damaged, root, "float32"), root, tmp_path / "job.json")
    outcome = preprocess(run_cli, (root, job), tmp_path / "out")
    assert outcome.status == 2
    assert "rec (traces.raw): channel 3 is NaN or infinite 1.5000 s after the start" in outcome.stderr
    assert not (tmp_path / "out" / "record.json").exists()


@pytest.fixture
def tetrode_session(tmp_path):
    """A tetrode session of 5 s at 15 kHz: (data folder, job file)."""
    recording = NumpyRecording([np.random.default_rng(0).normal(0, 30, (75000, 4)).astype("int16")], 15000.0)
    probe = generate_tetrode()
    probe.set_device_channel_indices(np.arange(4))
    recording.set_probe(probe)
    recording.set_channel_gains(0.5)
    recording.set_channel_offsets(0.0)
    root = tmp_path / "tetrode"
    return root, write_job(on_disk(recording, root), root, tmp_path / "tetrode.json")


def test_tetrode_goes_through_with_warnings(run_cli, tetrode_session, tmp_path):
    outcome = preprocess(run_cli, tetrode_session, tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    warnings = "\n".join(read_record(tmp_path / "out")["warnings"])
    assert "motion was not estimated: 4 channels at" in warnings
    assert "no common median reference" in warnings
    assert "bad channels were looked for by noise level only" in warnings


def test_applying_motion_to_a_tetrode_is_refused(run_cli, tetrode_session, tmp_path):
    outcome = preprocess(run_cli, tetrode_session, tmp_path / "out", "--motion", "apply")
    assert outcome.status == 2
    assert "--preprocessing.motion apply: motion was not estimated: 4 channels" in outcome.stderr


def test_missing_data_and_jobs_name_the_remedy(run_cli, session, tmp_path):
    gone = preprocess(run_cli, (tmp_path / "elsewhere", session[1]), tmp_path / "a")
    assert gone.status == 2 and "give --data the folder that holds the session" in gone.stderr
    no_job = preprocess(run_cli, (session[0], tmp_path / "7.json"), tmp_path / "b")
    assert no_job.status == 2 and "job file" in no_job.stderr and "does not exist" in no_job.stderr


def test_skipped_and_failed_jobs_of_dispatch(run_cli, raw, tmp_path):
    root = tmp_path / "data"
    recording = on_disk(raw, root)
    skipped = write_job(recording, root, tmp_path / "0.json", state="skipped", reason="flat")
    failed = write_job(recording, root, tmp_path / "1.json", state="failed", reason="no probe")
    assert preprocess(run_cli, (root, skipped), tmp_path / "a").status == 0
    assert read_record(tmp_path / "a")["reason"] == "flat"
    outcome = preprocess(run_cli, (root, failed), tmp_path / "b")
    assert outcome.status == 2 and "rec failed in dispatch (no probe)" in outcome.stderr
