"""Quality control of planted recordings: verdicts, files, what is missing, what is bad."""

import dataclasses
import json

import numpy as np
import pytest

from browser import local_only, open_in_chromium
from simsort.config.stages import Curation
from simsort.records import Record, read_record

NAME = "block0_imec0.ap_recording1"


def write_job(folder, recording, root):
    """A job file as dispatch writes it, for a recording saved below `root`."""
    from simsort.dispatch.jobs import portable_dict

    job = {"recording_name": NAME, "session_name": "mouse", "state": "ready", "recording_lfp_dict": None,
           "recording_dict": portable_dict(recording, root), "session_start_time": None,
           "sync": {"n_gaps": 0, "n_backwards": 0, "largest_deviation_ms": 0.01}}
    (folder / "job.json").write_text(json.dumps(job))
    return folder / "job.json"


@pytest.fixture(scope="module")
def judged(planted, tmp_path_factory):
    """Arguments of `simsort qc` on the planted recording, and what it wrote with its defaults."""
    import spikeinterface as si

    from simsort.cli import run_stage
    from simsort.curation.curate import curate

    folders, postprocessed, _ = planted
    root = tmp_path_factory.mktemp("qc")
    rule = dataclasses.asdict(Curation(rule="isi_violations_ratio < 0.5"))
    curate(folders.sorted, postprocessed, rule, root / "curated").write(root / "curated")
    job = write_job(root, si.load(folders.raw / "copy"), folders.raw)
    arguments = ["--job", job, "--data", folders.raw, "--preprocessed", folders.preprocessed, "--curated",
                 root / "curated"]
    assert run_stage("qc", [str(a) for a in [*arguments, "--out", root / "out"]]) == 0
    return arguments, root / "out"


def metrics(out):
    return {m["name"]: m for m in read_record(out)["outputs"]["metrics"]}


@pytest.mark.slow
def test_every_measure_has_a_value_a_limit_and_a_verdict(judged):
    out = judged[1]
    found, record = metrics(out), read_record(out)
    assert record["state"] == "done" and record["outputs"]["verdict"] == "pass", record["outputs"]
    unknown = {name for name, m in found.items() if m["verdict"] == "unknown"}
    assert unknown == {"bad_channel_fraction", "drift_range_um", "drift_speed_um_per_s", "motion_correlation",
                       "motion_noise_um", "motion_gain"}
    assert all(found[name]["reason"] and found[name]["value"] is None for name in unknown)
    assert all(m["limit"] and m["description"] and m["verdict"] for m in found.values())
    assert found["noise_raw_uv"]["value"] == pytest.approx(5.0, rel=0.1)
    assert (found["n_units"]["value"], found["passing_unit_fraction"]["value"]) == (3, pytest.approx(2 / 3, rel=1e-3))
    assert found["sync_gaps"]["value"] == 0
    json.dumps(record, allow_nan=False)


@pytest.mark.slow
def test_the_file_is_valid_and_its_pictures_exist(judged):
    from aind_data_schema.core.quality_control import QualityControl

    folder = judged[1] / "quality_control"
    quality = QualityControl.model_validate_json((folder / "quality_control.json").read_text())
    assert quality.status[f"recording:{NAME}"] == "Pass"
    assert {m.status.status for m in quality.metrics} == {"Pass"}
    for metric in quality.metrics:
        assert metric.reference is None or (folder / metric.reference.rpartition("/")[2]).stat().st_size > 0
    assert {p.name for p in folder.glob("*.png")} == {"noise.png", "spectra.png", "timeline.png", "yield.png"}


@pytest.mark.slow
def test_chromium_draws_the_page_without_a_network(judged):
    asked = []
    with open_in_chromium((judged[1] / "quality_control" / "index.html").as_uri(), asked) as page:
        assert page.locator(".js-plotly-plot .main-svg").count() >= 4
        assert page.locator("tbody tr").count() == 16
    assert local_only(asked)


@pytest.mark.slow
def test_thresholds_decide_and_failures_are_warnings_of_the_run(judged, run_cli, tmp_path):
    thresholds = json.dumps({"noise_raw_uv": [1, 2], "n_units": [10, None]})
    outcome = run_cli("qc", *judged[0], "--thresholds", thresholds, "--no-interactive", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    found, record = metrics(tmp_path / "out"), read_record(tmp_path / "out")
    assert (found["noise_raw_uv"]["verdict"], found["n_units"]["verdict"]) == ("fail", "warn")
    assert record["outputs"]["verdict"] == "fail" and record["outputs"]["page"] is None
    assert record["warnings"] == [f"quality control: noise, raw {found['noise_raw_uv']['value']:g} uV "
                                  "(warn above 1, fail above 2)"]
    assert not (tmp_path / "out/quality_control/index.html").exists()


@pytest.mark.slow
def test_a_recording_that_was_never_sorted_has_its_verdict(judged, run_cli, tmp_path):
    Record(stage="preprocess", recording_name=NAME, session_name="mouse", state="skipped",
           reason="all channels are bad", outputs={"bad_channels": {"a": "dead"}}).write(tmp_path / "pre")
    job, data = judged[0][:2], judged[0][2:4]
    outcome = run_cli("qc", *job, *data, "--preprocessed", tmp_path / "pre", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    found = metrics(tmp_path / "out")
    assert found["n_units"]["reason"] == "the recording was not sorted" and found["n_units"]["verdict"] == "unknown"
    assert found["noise_processed_uv"]["value"] is None and found["noise_raw_uv"]["value"] > 0
    assert found["bad_channel_fraction"]["value"] == pytest.approx(1 / 16)


@pytest.mark.slow
def test_zero_units_warn(judged, run_cli, tmp_path):
    Record(stage="curate", recording_name=NAME, session_name="mouse", outputs={"units": [], "rule": "snr > 5"}
           ).write(tmp_path / "curated")
    outcome = run_cli("qc", *judged[0][:6], "--curated", tmp_path / "curated", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    found = metrics(tmp_path / "out")
    assert (found["n_units"]["value"], found["n_units"]["verdict"]) == (0, "warn")
    assert found["passing_unit_fraction"]["reason"] == "no unit could be judged"


@pytest.mark.slow
def test_drift_is_measured_against_what_was_planted(ground_truth, tmp_path):
    """A motion written by hand, 30 um to and fro in 20 s."""
    from spikeinterface.core.motion import Motion

    from simsort.quality.drift import measure_drift

    times_s = np.arange(0.5, 20, 1.0)
    moved_um = 15 * np.sin(2 * np.pi * times_s / 20)
    Motion([moved_um[:, np.newaxis]], [times_s], np.array([100.0])).save(tmp_path / "motion")
    rng = np.random.default_rng(0)
    peaks = np.zeros(4000, dtype=[("sample_index", "i8"), ("channel_index", "i8"), ("amplitude", "f8"),
                                  ("segment_index", "i8")])
    peaks["sample_index"] = np.sort(rng.integers(0, 600_000, 4000))
    home_um = rng.choice([40.0, 120.0, 220.0], 4000) + rng.normal(0, 2, 4000)
    locations = np.zeros(4000, dtype=[("x", "f8"), ("y", "f8")])
    locations["y"] = home_um + np.interp(peaks["sample_index"] / 30_000, times_s, moved_um)
    np.save(tmp_path / "peaks.npy", peaks)
    np.save(tmp_path / "peak_locations.npy", locations)
    drift = measure_drift(ground_truth[0], tmp_path)
    assert drift.range_um == pytest.approx(30, abs=1)
    assert drift.speed_um_per_s == pytest.approx(15 * 2 * np.pi / 20, abs=0.3)
    assert drift.correlation_after > 0.95 > drift.correlation_before + 0.3
