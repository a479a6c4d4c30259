"""Dispatch of SpikeGLX sessions: probes, segments, shanks, LFP, names, jobs that survive a move."""

import json
import shutil

import numpy as np
import pytest

from test_writers_spikeglx import counts_recording

from simsort.config.parameters import resolve
from simsort.dispatch.jobs import dispatch_session
from simsort.writers.spikeglx import write_spikeglx


def settings(**changes):
    return resolve({"job_dispatch": changes})["job_dispatch"]


def names(jobs):
    return [job["recording_name"] for job in jobs]


@pytest.fixture
def two_probes(tmp_path):
    """Two probes of two segments (6000 and 3000 samples), with LFP."""
    recordings = [counts_recording(sizes=[60000, 30000], seed=seed) for seed in (0, 1)]
    return write_spikeglx(recordings, tmp_path, "mouse", lfp=True)


def test_one_job_per_probe_and_segment(two_probes):
    jobs = dispatch_session(two_probes, settings())
    assert names(jobs) == ["block0_imec0.ap_recording1", "block0_imec0.ap_recording2",
                           "block0_imec1.ap_recording1", "block0_imec1.ap_recording2"]
    assert [job["state"] for job in jobs] == ["ready"] * 4
    assert [job["duration_s"] for job in jobs] == [2.0, 1.0, 2.0, 1.0]
    assert {job["n_channels"] for job in jobs} == {6}, "the sync channel is not a channel"
    assert jobs[0]["session_name"] == "mouse_g0" and jobs[0]["size_bytes"] == 60000 * 6 * 2
    assert jobs[0]["probe"] == {"name": "NP1000", "n_contacts": 6, "n_shanks": 1}
    assert all(job["recording_lfp_dict"] for job in jobs)


def test_jobs_hold_the_samples_after_the_data_moved(two_probes, tmp_path):
    import spikeinterface as si

    jobs = json.loads(json.dumps(dispatch_session(two_probes, settings())))
    moved = tmp_path / "moved é"
    shutil.move(two_probes, moved)
    for job, seed, segment_index in zip(jobs, (0, 0, 1, 1), (0, 1, 0, 1)):
        truth = counts_recording(sizes=[60000, 30000], seed=seed)
        loaded = si.load(job["recording_dict"], base_folder=moved)
        np.testing.assert_array_equal(loaded.get_traces(), truth.get_traces(segment_index=segment_index))
        np.testing.assert_allclose(loaded.get_channel_locations(), truth.get_channel_locations())
        np.testing.assert_allclose(loaded.get_channel_gains(), 2.34375)
        assert loaded.get_property("inter_sample_shift") is not None
        lfp = si.load(job["recording_lfp_dict"], base_folder=moved)
        assert lfp.sampling_frequency == 2500 and lfp.get_num_samples() == truth.get_num_samples(segment_index) // 12


@pytest.mark.parametrize("changes, expected, durations", [
    ({"split_segments": False}, ["block0_imec0.ap_recording", "block0_imec1.ap_recording"], [3.0, 3.0]),
    ({"concatenate": True}, ["block0_imec0.ap_recording", "block0_imec1.ap_recording"], [3.0, 3.0]),
    ({"debug": True, "debug_duration": 1.5, "split_segments": False},
     ["block0_imec0.ap_recording", "block0_imec1.ap_recording"], [2.5, 2.5]),
    ({"debug": True, "debug_duration": 0.5, "keep_stream_substrings": ["imec1"]},
     ["block0_imec1.ap_recording1", "block0_imec1.ap_recording2"], [0.5, 0.5]),
    ({"skip_stream_substrings": ["imec0"]}, ["block0_imec1.ap_recording1", "block0_imec1.ap_recording2"], [2.0, 1.0]),
])
def test_segments_debug_and_streams(two_probes, changes, expected, durations):
    jobs = dispatch_session(two_probes, settings(**changes))
    assert names(jobs) == expected and [job["duration_s"] for job in jobs] == durations
    assert [job["n_segments"] for job in jobs] == [2 if changes.get("split_segments") is False else 1] * len(jobs)


def test_concatenated_samples(two_probes):
    import spikeinterface as si

    job = dispatch_session(two_probes, settings(concatenate=True))[0]
    truth = counts_recording(sizes=[60000, 30000], seed=0)
    loaded = si.load(job["recording_dict"], base_folder=two_probes)
    np.testing.assert_array_equal(loaded.get_traces(start_frame=59990, end_frame=60010),
                                  np.vstack([truth.get_traces(0, 59990, 60000), truth.get_traces(1, 0, 10)]))


def test_short_recordings_are_skipped_on_request(two_probes):
    jobs = dispatch_session(two_probes, settings(min_recording_duration=1.5))
    assert [job["state"] for job in jobs] == ["ready", "skipped", "ready", "skipped"]
    assert "min-recording-duration" in jobs[1]["reason"]


def test_all_files_in_one_folder(two_probes, tmp_path):
    """The workshop's layout: every probe's files side by side."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in two_probes.rglob("*.*"):
        if file.is_file():
            shutil.copy(file, flat)
    jobs = dispatch_session(flat, settings())
    assert len(jobs) == 4 and {job["state"] for job in jobs} == {"ready"}
    # a broken neighbour in the same folder, which SpikeInterface's reader gives up on
    next(flat.glob("*t1.imec1.ap.meta")).write_text("rubbish")
    jobs = dispatch_session(flat, settings())
    assert [job["state"] for job in jobs] == ["ready", "ready", "ready", "failed"]
    import spikeinterface as si

    loaded = si.load(jobs[1]["recording_dict"], base_folder=flat)
    truth = counts_recording(sizes=[60000, 30000], seed=0)
    np.testing.assert_array_equal(loaded.get_traces(), truth.get_traces(segment_index=1))
    np.testing.assert_allclose(loaded.get_channel_gains(), 2.34375)
    assert loaded.get_property("inter_sample_shift")[2] == pytest.approx(1 / 13)
    assert list(loaded.channel_ids[:2]) == ["imec0.ap#AP0", "imec0.ap#AP1"]


def test_gates_are_segments_and_runs_are_blocks(tmp_path):
    recording = counts_recording(sizes=[30000])
    for gate in (0, 1):
        write_spikeglx(recording, tmp_path / "day", "a", gate=gate)
    write_spikeglx(recording, tmp_path / "day", "b")
    jobs = dispatch_session(tmp_path / "day", settings())
    assert names(jobs) == ["block0_imec0.ap_recording1", "block0_imec0.ap_recording2", "block1_imec0.ap_recording1"]
    assert {job["state"] for job in jobs} == {"ready"}


def test_catgt_output_beside_its_source_is_used_once(tmp_path):
    session = write_spikeglx(counts_recording(sizes=[30000]), tmp_path, "mouse")
    for file in list(session.rglob("*_t0.*")):
        target = file.with_name(file.name.replace("_t0.", "_tcat."))
        if file.suffix == ".meta":
            target.write_text(file.read_text().replace("_t0.", "_tcat."))
        else:
            shutil.copy(file, target)
    jobs = dispatch_session(session, settings())
    assert len(jobs) == 1 and jobs[0]["n_segments"] == 1 and "CatGT" in jobs[0]["warnings"][0]


def test_shanks_are_split(tmp_path, two_probes):
    import probeinterface
    import spikeinterface as si

    probe = probeinterface.generate_multi_shank(num_shank=2, num_columns=1, num_contact_per_column=3)
    probe.set_device_channel_indices(np.array([0, 2, 4, 1, 3, 5]))
    probeinterface.write_probeinterface(tmp_path / "two shanks.json", probe)
    given = settings(probe=str(tmp_path / "two shanks.json"), keep_stream_substrings=["imec0"])
    jobs = dispatch_session(two_probes, given)
    assert names(jobs)[:2] == ["block0_imec0.ap_recording1_group0", "block0_imec0.ap_recording1_group1"]
    assert [job["n_channels"] for job in jobs] == [3] * 4
    truth = counts_recording(sizes=[60000, 30000], seed=0)
    loaded = si.load(jobs[1]["recording_dict"], base_folder=two_probes)
    np.testing.assert_array_equal(loaded.get_traces(), truth.get_traces(segment_index=0)[:, [1, 3, 5]])
    assert len(set(loaded.get_channel_locations()[:, 0])) == 1
    whole = dispatch_session(two_probes, {**given, "split_groups": False})
    assert names(whole) == ["block0_imec0.ap_recording1", "block0_imec0.ap_recording2"]
    assert whole[0]["probe"]["n_shanks"] == 2


@pytest.mark.parametrize("name", ["with space", "o'brien \"x\"", "$HOME $(id) `id`", "mäuse-日本", "semi;colon&", "-dash"])
def test_awkward_paths_simply_work(run_cli, tmp_path, name):
    import spikeinterface as si

    session = write_spikeglx(counts_recording(sizes=[30000]), tmp_path / name, "mouse")
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / f"{name} jobs")
    assert outcome.status == 0 and outcome.stderr == ""
    job = json.loads((tmp_path / f"{name} jobs" / "0.json").read_text())
    assert si.load(job["recording_dict"], base_folder=session).get_num_samples() == 30000


def test_a_linked_session_gives_relative_paths(tmp_path):
    """Nextflow stages inputs as symbolic links."""
    session = write_spikeglx(counts_recording(sizes=[30000]), tmp_path / "real", "mouse")
    link = tmp_path / "task" / "mouse"
    link.parent.mkdir()
    link.symlink_to(session)
    job = dispatch_session(link, settings())[0]
    assert job["recording_dict"]["relative_paths"] and job["recording_dict"]["kwargs"]["folder_path"][0] != "."
    assert job["fingerprint"][0][0] == "mouse_g0_imec0/mouse_g0_t0.imec0.ap.bin"


def test_fingerprint_notices_changed_data(two_probes):
    before = dispatch_session(two_probes, settings())
    assert dispatch_session(two_probes, settings()) == before
    binary = next(two_probes.rglob("*t0.imec0.ap.bin"))
    binary.write_bytes(binary.read_bytes())
    after = dispatch_session(two_probes, settings())
    assert after[0] != before[0] and after[2:] == before[2:]


def test_the_shared_session_is_ready_without_warnings(spikeglx_session, ground_truth):
    import spikeinterface as si

    job, = dispatch_session(spikeglx_session.path, settings())
    assert job["state"] == "ready" and job["warnings"] == [] and job["n_channels"] == 32
    loaded = si.load(job["recording_dict"], base_folder=spikeglx_session.path)
    np.testing.assert_array_equal(loaded.get_traces(end_frame=3000), ground_truth[0].get_traces(end_frame=3000))
