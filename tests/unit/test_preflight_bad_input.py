"""Bad input through the command line: exit status 2, one line naming file and remedy, good neighbours go on."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from test_writers_spikeglx import counts_recording

from simsort.writers.spikeglx import write_spikeglx


@pytest.fixture
def session(tmp_path):
    """Two probes of one second."""
    return write_spikeglx([counts_recording(sizes=[30000], seed=s) for s in (0, 1)], tmp_path, "mouse")


def part(session, probe, suffix):
    return next(session.rglob(f"*imec{probe}.ap.{suffix}"))


def truncate(session, probe):
    file = part(session, probe, "bin")
    file.write_bytes(file.read_bytes()[:-7])
    return [file.name, f"{30000 * 7 * 2 - 7} bytes", f"{30000 * 7 * 2} ", "copy it again"]


def lengthen(session, probe):
    file = part(session, probe, "bin")
    file.write_bytes(file.read_bytes() + bytes(14))
    return [file.name, "does not fit its .meta", "copy both files again"]


def empty(session, probe):
    file = part(session, probe, "bin")
    file.write_bytes(b"")
    return [file.name, "0 bytes", "copy it again"]


def no_meta(session, probe):
    part(session, probe, "meta").unlink()
    return [f"imec{probe}.ap.meta", "is missing", "copy it beside its .bin"]


def no_bin(session, probe):
    part(session, probe, "bin").unlink()
    return [f"imec{probe}.ap.bin", "is missing", "copy it"]


def rubbish_meta(session, probe):
    part(session, probe, "meta").write_bytes(b"\xff\xfe rubbish\n\x00=")
    return [f"imec{probe}.ap.meta", "geometry", "copy the original .meta"]


def rewrite_meta(session, probe, old, new):
    file = part(session, probe, "meta")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def no_geometry(session, probe):
    file = part(session, probe, "meta")
    file.write_text("".join(line for line in file.open() if "imroTbl" not in line))
    return [file.name, "no probe geometry", "--job_dispatch.probe"]


def unknown_probe(session, probe):
    rewrite_meta(session, probe, "imDatPrb_pn=NP1000", "imDatPrb_pn=XX1")
    return [f"imec{probe}.ap.meta", "XX1", "copy"]


def wrong_rate(session, probe):
    rewrite_meta(session, probe, "imSampRate=30000.0", "imSampRate=3.0")
    return [f"imec{probe}.ap", "3 Hz", "implausible"]


def rate_of_letters(session, probe):
    rewrite_meta(session, probe, "imSampRate=30000.0", "imSampRate=fast")
    return [f"imec{probe}.ap.meta", "fast", "copy the original"]


def dead_probe(session, probe):
    file = part(session, probe, "bin")
    file.write_bytes(bytes(file.stat().st_size))
    return [file.name, "all 6 channels are flat", "leave the stream out"]


def railing(session, probe):
    file = part(session, probe, "bin")
    counts = np.fromfile(file, "<i2").reshape(-1, 7)
    counts[:, :6] = np.where(np.arange(30000) % 2, 511, -512)[:, None]
    counts.tofile(file)
    return [file.name, "saturated", "--job_dispatch.max-saturated-fraction"]


BAD = [truncate, lengthen, empty, no_meta, no_bin, rubbish_meta, no_geometry, unknown_probe, wrong_rate,
       rate_of_letters, dead_probe, railing]


@pytest.mark.parametrize("spoil", BAD, ids=lambda f: f.__name__)
def test_a_bad_probe_beside_a_good_one(run_cli, session, tmp_path, spoil):
    words = spoil(session, 1)
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 0, outcome
    assert outcome.stderr.count("\n") == 1 and outcome.stderr.startswith("simsort dispatch: error: "), outcome
    assert all(word in outcome.stderr for word in words), outcome.stderr
    jobs = [json.loads((tmp_path / "jobs" / f"{k}.json").read_text()) for k in (0, 1)]
    assert [job["state"] for job in jobs] == ["ready", "failed"]
    assert jobs[1]["recording_name"] == "block0_imec1.ap_recording1" and jobs[1]["recording_dict"] is None
    records = [json.loads((tmp_path / "jobs" / "records" / str(k) / "record.json").read_text()) for k in (0, 1)]
    assert [record["state"] for record in records] == ["done", "failed"]
    assert records[1]["reason"] == jobs[1]["reason"]


@pytest.mark.parametrize("spoil", BAD, ids=lambda f: f.__name__)
def test_a_bad_probe_alone(run_cli, session, tmp_path, spoil):
    words = spoil(session, 0)
    shutil.rmtree(session / "mouse_g0_imec1")
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 2, outcome
    assert outcome.stderr.count("\n") == 1 and all(word in outcome.stderr for word in words), outcome.stderr
    assert json.loads((tmp_path / "jobs" / "0.json").read_text())["state"] == "failed"


def test_several_bad_probes_are_all_named(run_cli, session, tmp_path):
    no_meta(session, 0)
    truncate(session, 1)
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 2
    assert "imec0.ap.meta" in outcome.stderr and "imec1.ap.bin" in outcome.stderr and "(+ 1 more)" in outcome.stderr


def test_a_bad_segment_beside_a_good_one(run_cli, tmp_path):
    session = write_spikeglx(counts_recording(sizes=[30000, 20000, 10000]), tmp_path, "mouse")
    file = next(session.rglob("*t1.imec0.ap.bin"))
    file.write_bytes(file.read_bytes()[:-1])
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 0 and outcome.stderr.count("\n") == 1 and file.name in outcome.stderr
    jobs = [json.loads((tmp_path / "jobs" / f"{k}.json").read_text()) for k in range(3)]
    assert [job["recording_name"] for job in jobs] == [f"block0_imec0.ap_recording{i}" for i in (1, 2, 3)]
    assert [job["state"] for job in jobs] == ["ready", "failed", "ready"]
    assert jobs[2]["duration_s"] == pytest.approx(1 / 3, abs=1e-3)
    joined = run_cli("dispatch", "--data", session, "--out", tmp_path / "joined", "--concatenate")
    assert joined.status == 2 and file.name in joined.stderr, "no segment is dropped from a joined recording"


def test_nan_beside_good(run_cli, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    traces = np.random.default_rng(0).standard_normal((30000, 4)).astype("float32")
    traces[10:20, 2] = np.nan
    traces.tofile(folder / "a.dat")
    info = {"reader_type": "binary", "reader_kwargs": {"file_paths": ["a.dat"], "sampling_frequency": 20000,
                                                       "num_channels": 4, "dtype": "float32"}}
    outcome = run_cli("dispatch", "--data", folder, "--out", tmp_path / "jobs", "--input", "spikeinterface",
                      "--spikeinterface-info", json.dumps(info), "--probe", "tetrode")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1
    assert "a.dat" in outcome.stderr and "NaN" in outcome.stderr and "export the recording again" in outcome.stderr


def test_no_such_path_and_empty_folder(run_cli, tmp_path):
    outcome = run_cli("dispatch", "--data", tmp_path / "no such", "--out", tmp_path / "jobs")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1 and "does not exist: check the path" in outcome.stderr
    (tmp_path / "void").mkdir()
    outcome = run_cli("dispatch", "--data", tmp_path / "void", "--out", tmp_path / "jobs2")
    assert outcome.status == 2 and "empty folder: give the folder" in outcome.stderr


@pytest.mark.parametrize("given, words", [("spikeglx", "SpikeGLX"), ("openephys", "Open Ephys"), ("nwb", ".nwb"),
                                          ("aind", "AIND")])
def test_a_folder_of_something_else(run_cli, tmp_path, given, words):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("hello")
    outcome = run_cli("dispatch", "--data", tmp_path / "data", "--out", tmp_path / "jobs", "--input", given)
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1
    assert words in outcome.stderr and "give" in outcome.stderr


def test_a_file_where_a_folder_is_needed(run_cli, session, tmp_path):
    outcome = run_cli("dispatch", "--data", part(session, 0, "bin"), "--out", tmp_path / "jobs")
    assert outcome.status == 2 and "is a file: give the folder" in outcome.stderr


def test_two_seconds_are_dispatched(run_cli, tmp_path):
    """A two-second recording is good input here; preprocessing skips it with the reason."""
    session = write_spikeglx(counts_recording(sizes=[60000]), tmp_path, "short")
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 0 and outcome.stderr == ""
    assert json.loads((tmp_path / "jobs" / "0.json").read_text())["duration_s"] == 2.0


def test_skipped_only_is_no_error(run_cli, session, tmp_path):
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs", "--min-recording-duration", 60)
    assert outcome.status == 0 and outcome.stderr == ""
    assert json.loads((tmp_path / "jobs" / "records" / "1" / "record.json").read_text())["state"] == "skipped"


def test_unknown_parameter_and_full_output(run_cli, session, tmp_path):
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs", "--split-group", "False")
    assert outcome.status == 2 and "did you mean --job_dispatch.split-groups?" in outcome.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "full")
    assert outcome.status == 2 and "not empty" in outcome.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(run_cli, session, tmp_path):
    part(session, 1, "bin").chmod(0)
    outcome = run_cli("dispatch", "--data", session, "--out", tmp_path / "jobs")
    assert outcome.status == 0 and "read permission" in outcome.stderr


def test_nothing_but_our_line_on_the_real_command_line(session, tmp_path):
    """Readers' warnings stay out of the way in a process of its own, too."""
    no_meta(session, 1)
    scripts = os.path.join(os.path.dirname(__file__), "..", "..", "scripts")
    done = subprocess.run([sys.executable, "-m", "simsort", "dispatch", "--data", session, "--out", tmp_path / "jobs"],
                          capture_output=True, text=True, env={**os.environ, "PYTHONPATH": scripts})
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout.startswith("ready block0_imec0.ap_recording1")
