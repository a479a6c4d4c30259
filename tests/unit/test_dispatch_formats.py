"""Dispatch of Open Ephys, NWB and AIND sessions and of any SpikeInterface reader."""

import json
import shutil

import numpy as np
import pytest

from nwb_files import write_nwb
from open_ephys_files import write_open_ephys
from test_writers_spikeglx import counts_recording

from simsort.config.parameters import resolve
from simsort.dispatch.jobs import dispatch_session
from simsort.errors import UserError


def settings(**changes):
    return resolve({"job_dispatch": changes})["job_dispatch"]


def load_job(job, folder):
    import spikeinterface as si

    return si.load(json.loads(json.dumps(job))["recording_dict"], base_folder=folder)


# Open Ephys


@pytest.fixture
def open_ephys(tmp_path):
    recordings = {f"Probe{p}-AP": counts_recording(sizes=[30000, 15000], seed=i) for i, p in enumerate("AB")}
    return write_open_ephys(tmp_path / "my session", recordings)


def test_open_ephys_streams_and_names(open_ephys, tmp_path):
    jobs = dispatch_session(open_ephys, settings(input="openephys"))
    stem = "experiment1_Record Node 101#Neuropix-PXI-100.Probe"
    assert [job["recording_name"] for job in jobs] == [f"{stem}{p}-AP_recording{i}" for p in "AB" for i in (1, 2)]
    assert {job["state"] for job in jobs} == {"ready"} and jobs[0]["warnings"] == []
    assert jobs[0]["session_start_time"] == "2024-02-08T14:10:37" and jobs[0]["probe"]["name"] == "NP1000"
    moved = shutil.move(open_ephys, tmp_path / "moved")
    loaded = load_job(jobs[3], moved)
    truth = counts_recording(sizes=[30000, 15000], seed=1)
    np.testing.assert_array_equal(loaded.get_traces(), truth.get_traces(segment_index=1))
    np.testing.assert_allclose(loaded.get_channel_locations(), truth.get_channel_locations())
    np.testing.assert_allclose(loaded.get_channel_gains(), 2.34375)
    assert loaded.get_property("inter_sample_shift")[2] == pytest.approx(1 / 13)


def test_open_ephys_agrees_with_spikeinterfaces_reader(open_ephys):
    from spikeinterface.extractors import read_openephys

    name = "Record Node 101#Neuropix-PXI-100.ProbeA-AP"
    theirs = read_openephys(open_ephys, stream_name=name)
    ours = load_job(dispatch_session(open_ephys, settings(input="openephys", split_segments=False))[0], open_ephys)
    np.testing.assert_array_equal(ours.get_traces(segment_index=1), theirs.get_traces(segment_index=1))
    np.testing.assert_allclose(ours.get_channel_locations(), theirs.get_channel_locations())
    np.testing.assert_allclose(ours.get_channel_gains(), theirs.get_channel_gains())
    assert list(ours.channel_ids) == list(theirs.channel_ids)
    assert ours.get_annotation("saturation_threshold_uV") == theirs.get_annotation("saturation_threshold_uV")


def test_open_ephys_lfp_and_auxiliary_streams(tmp_path):
    lfp = counts_recording(sizes=[2500])
    lfp._sampling_frequency = 2500.0
    write_open_ephys(tmp_path, {"ProbeA-AP": counts_recording(sizes=[30000]), "ProbeA-LFP": lfp})
    job, = dispatch_session(tmp_path, settings(input="openephys"))
    assert job["recording_lfp_dict"] and job["state"] == "ready"


def test_open_ephys_one_broken_stream(open_ephys):
    broken = next(open_ephys.rglob("recording2/continuous/*ProbeB-AP/continuous.dat"))
    broken.write_bytes(broken.read_bytes()[:-1000])
    jobs = dispatch_session(open_ephys, settings(input="openephys"))
    assert [job["state"] for job in jobs] == ["ready", "ready", "ready", "failed"]
    assert str(broken) in jobs[3]["reason"] and "bytes instead of" in jobs[3]["reason"]
    broken.unlink()
    jobs = dispatch_session(open_ephys, settings(input="openephys"))
    assert [job["state"] for job in jobs] == ["ready", "ready", "ready", "failed"] and "missing" in jobs[3]["reason"]
    whole = dispatch_session(open_ephys, settings(input="openephys", split_segments=False))
    assert [job["state"] for job in whole] == ["ready", "failed"]
    next(open_ephys.rglob("recording2/structure.oebin")).write_text("{")
    jobs = dispatch_session(open_ephys, settings(input="openephys"))
    assert sorted(job["state"] for job in jobs) == ["failed", "ready", "ready"]


def test_open_ephys_timestamps_with_a_gap_are_a_warning(open_ephys):
    file = next(open_ephys.rglob("recording1/continuous/*ProbeA-AP/timestamps.npy"))
    times = np.load(file)
    times[20000:] += 0.1
    np.save(file, times)
    jobs = dispatch_session(open_ephys, settings(input="openephys"))
    assert jobs[0]["state"] == "ready" and "100.0 ms" in jobs[0]["warnings"][0]
    assert dispatch_session(open_ephys, settings(input="openephys", skip_timestamps_check=True))[0]["warnings"] == []


def test_open_ephys_without_geometry_takes_a_probe(tmp_path):
    write_open_ephys(tmp_path, {"ProbeA-AP": counts_recording(sizes=[30000])}, geometry=False)
    job, = dispatch_session(tmp_path, settings(input="openephys"))
    assert job["state"] == "failed" and "--job_dispatch.probe" in job["reason"]
    job, = dispatch_session(tmp_path, settings(input="openephys", probe="imec:NP1000"))
    assert job["state"] == "ready" and job["probe"]["n_contacts"] == 6


# AIND


def test_aind_session(tmp_path):
    session = tmp_path / "ecephys_713593_2024-02-08_14-10-37"
    recording = counts_recording(sizes=[30000])
    write_open_ephys(session / "ecephys" / "ecephys_clipped", {"ProbeA-AP": counts_recording(sizes=[300])})
    compressed = session / "ecephys" / "ecephys_compressed"
    for stream in ("Neuropix-PXI-100.ProbeA-AP", "NI-DAQmx-101.PXI"):
        recording.save(folder=compressed / f"experiment1_Record Node 101#{stream}.zarr", format="zarr",
                       progress_bar=False)
    job, = dispatch_session(session, settings(input="aind"))
    assert job["recording_name"] == "experiment1_Record Node 101#Neuropix-PXI-100.ProbeA-AP_recording1"
    assert job["state"] == "ready" and job["session_name"] == session.name
    np.testing.assert_array_equal(load_job(job, session).get_traces(), recording.get_traces())


def test_aind_zarr_without_a_probe_takes_it_from_the_clipped_folder(tmp_path):
    from spikeinterface import NumpyRecording

    truth = counts_recording(sizes=[30000])
    bare = NumpyRecording([truth.get_traces()], 30000.0)
    bare.set_channel_gains(2.34375)
    bare.set_channel_offsets(0.0)
    write_open_ephys(tmp_path / "ecephys_clipped", {"ProbeA-AP": counts_recording(sizes=[300])})
    bare.save(folder=tmp_path / "ecephys_compressed" / "experiment1_Record Node 101#Neuropix-PXI-100.ProbeA-AP.zarr",
              format="zarr", progress_bar=False)
    job, = dispatch_session(tmp_path, settings(input="aind"))
    assert job["state"] == "ready", job["reason"]
    np.testing.assert_allclose(load_job(job, tmp_path).get_channel_locations(), truth.get_channel_locations())


def test_aind_session_with_an_open_ephys_folder(tmp_path):
    write_open_ephys(tmp_path / "ecephys", {"ProbeA-AP": counts_recording(sizes=[30000])})
    job, = dispatch_session(tmp_path, settings(input="aind"))
    assert job["state"] == "ready" and job["recording_name"].startswith("experiment1_Record Node 101#")


# NWB


@pytest.mark.parametrize("backend", ["hdf5", "zarr"])
def test_nwb_written_by_neuroconv(tmp_path, backend):
    recording = counts_recording(sizes=[30000])
    recording.set_property("group_name", np.array(["shank0"] * 6))
    file = write_nwb(tmp_path / "my session.nwb", {"ElectricalSeriesAP": recording}, backend=backend)
    job, = dispatch_session(file, settings(input="nwb"))
    assert job["recording_name"] == "block0_acquisition-ElectricalSeriesAP_recording1"
    assert job["state"] == "ready", job["reason"]
    assert job["session_start_time"].startswith("2024-02-08")
    data_root = tmp_path if file.is_file() else file
    loaded = load_job(job, data_root)
    np.testing.assert_array_equal(loaded.get_traces(), recording.get_traces())
    np.testing.assert_allclose(loaded.get_channel_locations(), recording.get_channel_locations())
    np.testing.assert_allclose(loaded.get_channel_gains(), 2.34375)
    if backend == "hdf5":  # the same through its folder
        again, = dispatch_session(tmp_path, settings(input="nwb"))
        assert again["recording_name"] == job["recording_name"]


def test_nwb_without_electrical_series_or_positions(run_cli, tmp_path):
    import datetime

    from pynwb import NWBHDF5IO, NWBFile

    file = tmp_path / "empty.nwb"
    with NWBHDF5IO(str(file), "w") as io:
        io.write(NWBFile("test", "id", datetime.datetime(2024, 2, 8, tzinfo=datetime.timezone.utc)))
    outcome = run_cli("dispatch", "--data", file, "--out", tmp_path / "jobs", "--input", "nwb")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1 and "ElectricalSeries" in outcome.stderr
    file.write_bytes(file.read_bytes()[:3000])
    outcome = run_cli("dispatch", "--data", file, "--out", tmp_path / "jobs2", "--input", "nwb")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1 and str(file) in outcome.stderr

    file = write_nwb(tmp_path / "bare.nwb", {"AP": counts_recording(sizes=[30000])}, positions=False)
    outcome = run_cli("dispatch", "--data", file, "--out", tmp_path / "jobs3", "--input", "nwb")
    assert outcome.status == 2 and "--job_dispatch.probe" in outcome.stderr and str(file) in outcome.stderr
    job, = dispatch_session(file, settings(input="nwb", probe="imec:NP1000"))
    assert job["state"] == "ready"


def test_open_ephys_nwb_record_node(tmp_path):
    recording = counts_recording(sizes=[30000])
    node = tmp_path / "Record Node 102"
    node.mkdir()
    write_nwb(node / "experiment1.nwb", {"Neuropix-PXI-100.ProbeA-AP": recording}, positions=False)
    write_open_ephys(tmp_path, {"ProbeA-AP": recording}, node="Record Node 102")  # for its settings.xml
    shutil.rmtree(node / "experiment1")
    job, = dispatch_session(tmp_path, settings(input="openephys"))
    assert job["state"] == "ready", job["reason"]
    assert job["recording_name"] == "experiment1_Record Node 102#acquisition-Neuropix-PXI-100.ProbeA-AP_recording1"
    np.testing.assert_array_equal(load_job(job, tmp_path).get_traces(), recording.get_traces())


# any SpikeInterface reader


@pytest.fixture
def raw_binary(tmp_path):
    folder = tmp_path / "raw data"
    folder.mkdir()
    traces = np.random.default_rng(0).integers(-500, 500, (30000, 4), dtype="int16")
    traces.tofile(folder / "trial 1.raw")
    return folder, traces


def binary_info(**changes):
    kwargs = {"file_paths": ["trial 1.raw"], "sampling_frequency": 15000, "num_channels": 4, "dtype": "int16",
              "gain_to_uV": 0.195, "offset_to_uV": 0.0} | changes
    return {"reader_type": "binary", "reader_kwargs": kwargs}


def test_raw_binary_with_a_tetrode(raw_binary, tmp_path):
    folder, traces = raw_binary
    job, = dispatch_session(folder, settings(input="spikeinterface", spikeinterface_info=binary_info(),
                                             probe="tetrode"))
    assert job["state"] == "ready" and job["recording_name"] == "block0_stream0_recording1"
    moved = shutil.move(folder, tmp_path / "moved")
    loaded = load_job(job, moved)
    np.testing.assert_array_equal(loaded.get_traces(), traces)
    assert loaded.get_channel_locations().shape == (4, 2)
    assert job["fingerprint"][0][0] == "trial 1.raw"


def test_raw_binary_named_as_the_session(raw_binary):
    folder, traces = raw_binary
    info = binary_info()
    del info["reader_kwargs"]["file_paths"]
    given = settings(input="spikeinterface", spikeinterface_info=info, probe="tetrode")
    job, = dispatch_session(folder / "trial 1.raw", given)
    assert job["state"] == "ready" and job["session_name"] == "trial 1"
    np.testing.assert_array_equal(load_job(job, folder).get_traces(), traces)


def test_raw_binary_with_a_probe_file_among_the_data(raw_binary):
    import probeinterface

    folder, traces = raw_binary
    probe = probeinterface.generate_linear_probe(4, ypitch=25)
    probe.set_device_channel_indices([3, 2, 1, 0])
    probeinterface.write_probeinterface(folder / "probe.json", probe)
    group = probeinterface.ProbeGroup()
    group.add_probe(probe)
    probeinterface.write_prb(folder / "probe.prb", group)
    for info, changes in (({**binary_info(), "probe_paths": "probe.json"}, {}), (binary_info(), {"probe": "probe.prb"}),
                          (binary_info(), {"probe_paths": {"stream0": "probe.json"}})):
        job, = dispatch_session(folder, settings(input="spikeinterface", spikeinterface_info=info, **changes))
        assert job["state"] == "ready", job["reason"]
        np.testing.assert_allclose(load_job(job, folder).get_channel_locations()[:, 1], [75, 50, 25, 0])


@pytest.mark.parametrize("info, probe, words", [
    ({"reader_type": "binari"}, None, ["binari", "did you mean binary?"]),
    ({"reader_type": "binary", "reader_kwarg": {}}, None, ["reader_kwarg", "reader_kwargs"]),
    (binary_info(file_paths=["absent.raw"]), None, ["absent.raw", "DATA_PATH"]),
    (binary_info(sampling_rate=3), None, ["sampling_rate", "sampling_frequency"]),
    (binary_info(num_channels=7), "tetrode", ["trial 1.raw", "num_channels"]),
    (binary_info(), None, ["trial 1.raw", "no probe geometry", "--job_dispatch.probe"]),
    (binary_info(), "absent.json", ["absent.json", "probeinterface"]),
    (binary_info(), "neuronexus:A1x32-Poly3", ["neuronexus:A1x32-Poly3", "cache"]),
    (binary_info(), "imec:NP99", ["NP99", "imec:NP1000"]),
    (binary_info(num_channels=2), "tetrode", ["4 contacts", "2 channels"]),
    (binary_info(sampling_frequency=15), "tetrode", ["trial 1.raw", "15 Hz", "implausible"]),
])
def test_reader_mistakes_are_one_line(run_cli, raw_binary, tmp_path, info, probe, words):
    folder, _ = raw_binary
    given = ["--input", "spikeinterface", "--spikeinterface-info", json.dumps(info)]
    outcome = run_cli("dispatch", "--data", folder, "--out", tmp_path / "jobs", *given,
                      *(["--probe", probe] if probe else []))
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1, outcome
    assert all(word in outcome.stderr for word in words), outcome.stderr


def test_recordings_saved_by_spikeinterface(tmp_path):
    recording = counts_recording(sizes=[30000])
    recording.save(folder=tmp_path / "session" / "a.zarr", format="zarr", progress_bar=False)
    recording.save(folder=tmp_path / "session" / "b", progress_bar=False)
    given = settings(input="spikeinterface", spikeinterface_info={"reader_type": "spikeinterface"})
    jobs = dispatch_session(tmp_path / "session", given)
    assert [job["state"] for job in jobs] == ["ready", "ready"], jobs
    for job in jobs:
        np.testing.assert_array_equal(load_job(job, tmp_path / "session").get_traces(), recording.get_traces())


def test_a_neo_reader_with_stream_substrings(tmp_path):
    from simsort.writers.spikeglx import write_spikeglx

    session = write_spikeglx([counts_recording(sizes=[30000], seed=s) for s in (0, 1)], tmp_path, "mouse")
    info = {"reader_type": "spikeglx", "reader_kwargs": {"folder_path": "."}, "keep_stream_substrings": "ap",
            "skip_stream_substrings": ["SYNC"]}
    jobs = dispatch_session(session, settings(input="spikeinterface", spikeinterface_info=info))
    assert {job["recording_name"] for job in jobs} == {f"block0_imec{i}.ap_recording1" for i in (0, 1)}
    assert {job["state"] for job in jobs} == {"ready"}


@pytest.mark.data
def test_real_locust_tetrode(simsort_data):
    folder = simsort_data / "locust_tetrode"
    files = sorted(file.name for file in folder.glob("*.raw"))
    info = binary_info(file_paths=files, gain_to_uV=1.0)
    jobs = dispatch_session(folder, settings(input="spikeinterface", spikeinterface_info=info, probe="tetrode"))
    assert [job["state"] for job in jobs] == ["ready", "ready"], [job["reason"] for job in jobs]
    assert [job["recording_name"] for job in jobs] == ["block0_stream0_recording1", "block0_stream0_recording2"]
    assert all(job["duration_s"] == pytest.approx(28.8, abs=0.1) and job["n_channels"] == 4 for job in jobs)


def test_nwb_through_the_generic_reader(tmp_path):
    recording = counts_recording(sizes=[30000])
    write_nwb(tmp_path / "a.nwb", {"AP": recording})
    info = {"reader_type": "nwb", "reader_kwargs": {"file_path": "a.nwb", "electrical_series_path": "acquisition/AP"}}
    job, = dispatch_session(tmp_path, settings(input="spikeinterface", spikeinterface_info=info))
    assert job["state"] == "ready", job["reason"]
    np.testing.assert_array_equal(load_job(job, tmp_path).get_traces(), recording.get_traces())


def test_wrong_format_names_the_right_one(open_ephys):
    with pytest.raises(UserError, match="openephys"):
        dispatch_session(open_ephys, settings())
