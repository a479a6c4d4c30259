"""bash spike_sort.slm on one machine: results, accuracy, resuming."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from workflow_runs import REPO, TIMEZONE, accuracies, clean_environment, run_slm

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
NAME = "block0_imec0.ap_recording1"
RERUN = {"DISPATCH", "FAILURES", "COLLECT"}  # never cached: they look at the data and at this run


def test_it_finishes_and_says_where_the_results_are(sorted_session):
    run, _ = sorted_session
    assert run.status == 0, run.text
    assert str(run.results / "index.html") in run.text
    assert set(run.stage_states(NAME).values()) == {"done"}


def test_the_result_tree_is_the_contract_s(sorted_session):
    results = sorted_session[0].results
    expected = ["index.html", "data_description.json", "processing.json", "visualization_output.json", "status.json",
                f"preprocessed/{NAME}.json", f"preprocessed/motion/{NAME}", f"spikesorted/{NAME}",
                f"postprocessed/{NAME}.zarr", f"curated/{NAME}/curation.json", f"visualization/{NAME}",
                "quality_control.json", f"quality_control/{NAME}/index.html",
                *(f"nextflow/{name}" for name in ("report.html", "timeline.html", "dag.html", "trace.txt",
                                                  "nextflow.log", "parameters.json"))]
    assert [path for path in expected if not (results / path).exists()] == []
    assert [path.name.endswith("_block0_recording1.nwb") for path in (results / "nwb").iterdir()] == [True]


def test_the_units_are_the_true_ones(sorted_session):
    import spikeinterface as si

    run, truth = sorted_session
    sorting = si.load(run.results / f"spikesorted/{NAME}")
    found = accuracies(sorting, truth)
    # 12 true units of SNR 8 to 35, measured: all but one or two above 0.9
    assert sum(accuracy >= 0.8 for accuracy in found) >= 9, found
    curated = si.load(run.results / f"curated/{NAME}")
    assert {"default_qc", "default_qc_reasons", "snr"} <= set(curated.get_property_keys())
    assert sum(curated.get_property("default_qc")) >= 8


def test_results_and_data_may_move(sorted_session, spikeglx_session, tmp_path):
    import numpy as np
    import spikeinterface as si

    results, data = tmp_path / "moved results", tmp_path / "moved data" / spikeglx_session.path.name
    shutil.copytree(sorted_session[0].results, results)
    shutil.copytree(spikeglx_session.path, data)
    recording = si.load(results / f"preprocessed/{NAME}.json", base_folder=data)
    assert np.abs(recording.get_traces(start_frame=0, end_frame=3000)).max() > 0
    analyzer = si.load_sorting_analyzer(results / f"postprocessed/{NAME}.zarr")
    assert {"templates", "quality_metrics", "unit_locations"} <= set(analyzer.get_saved_extension_names())


def test_a_run_done_again_from_its_record_gives_the_same_spikes(sorted_session, tmp_path):
    results = sorted_session[0].results
    command = [sys.executable, "-m", "simsort", "rerun", str(results), "--out", str(tmp_path / "again"), "--n_jobs",
               "2"]
    environment = clean_environment() | {"PYTHONPATH": str(REPO / "scripts")}
    done = subprocess.run(command, text=True, capture_output=True, timeout=900, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{NAME}: the same spikes"
    used = [json.loads((path / "nextflow/parameters.json").read_text()) for path in (results, tmp_path / "again")]
    assert used[0]["spikesort"] == used[1]["spikesort"] and used[0]["nwb_ecephys"] == used[1]["nwb_ecephys"]


def test_a_second_run_starts_where_the_first_ended(sorted_session, spikeglx_session):
    first, _ = sorted_session
    folder = first.results.parent

    again = run_slm(folder, "--n_jobs", "2", *TIMEZONE, DATA_PATH=spikeglx_session.path)
    assert again.status == 0, again.text
    assert set(again.tasks("COMPLETED")) == RERUN
    assert set(again.tasks("CACHED")) == {"CHECK_PARAMS", "PREPROCESS", "SORT", "POSTPROCESS", "CURATE",
                                          "VISUALIZE", "QC", "NWB"}

    other_rule = run_slm(folder, "--n_jobs", "2", *TIMEZONE, "--curation_args", "--rule 'snr > 1000'",
                         DATA_PATH=spikeglx_session.path)
    assert other_rule.status == 0, other_rule.text
    assert set(other_rule.tasks("COMPLETED")) == RERUN | {"CHECK_PARAMS", "CURATE", "VISUALIZE", "QC", "NWB"}
    status = json.loads((other_rule.results / "status.json").read_text())
    assert status["verdicts"][NAME]["n_passing"] == 0


@pytest.fixture
def session_copy(spikeglx_session, tmp_path):
    """A copy of the session that a test may damage."""
    return shutil.copytree(spikeglx_session.path, tmp_path / "session")


def test_fast_mode_leaves_out_what_it_says(session_copy, sorted_session, tmp_path):
    import spikeinterface as si

    run = run_slm(tmp_path, "--n_jobs", "2", "--runmode", "fast", "--sorter", "tridesclous2", DATA_PATH=session_copy)
    assert run.status == 0, run.text
    assert "runmode fast leaves out" in run.text
    assert not (run.results / f"preprocessed/motion/{NAME}").exists()
    fast = set(si.load_sorting_analyzer(run.results / f"postprocessed/{NAME}.zarr").get_saved_extension_names())
    full = si.load_sorting_analyzer(sorted_session[0].results / f"postprocessed/{NAME}.zarr").get_saved_extension_names()
    assert {"spike_locations", "principal_components", "amplitude_scalings"} <= set(full) - fast
    assert "runmode fast" in (run.results / "index.html").read_text().lower() or "left out" in (
        run.results / "index.html").read_text().lower()


def write_several_probes(folder, ground_truth):
    """Write a session of four probes: a good one, a dead one, a truncated file and two seconds."""
    import numpy as np
    from spikeinterface import NumpyRecording

    from simsort.writers.spikeglx import write_spikeglx

    recording, sorting = ground_truth
    silence = NumpyRecording([np.zeros((90000, 32), dtype="int16")], recording.sampling_frequency)
    short = recording.frame_slice(0, 60000)
    silence.set_channel_gains(recording.get_channel_gains())
    silence.set_channel_offsets(recording.get_channel_offsets())
    silence.set_probe(recording.get_probe())
    session = write_spikeglx([recording, silence, recording.frame_slice(0, 120000), short], folder, "run")
    truncated = next(session.rglob("*imec2.ap.bin"))
    os.truncate(truncated, truncated.stat().st_size - 1000)
    return session, sorting


def test_bad_probes_do_not_stop_a_good_one_and_any_path_works(ground_truth, tmp_path):
    odd = tmp_path / "it's a $HOME \"lab\" über"
    session, truth = write_several_probes(odd / "raw & data", ground_truth)
    run = run_slm(odd, "--n_jobs", "2", *TIMEZONE, "--runmode", "fast", "--sorter", "mountainsort5", DATA_PATH=session,
                  WORK_DIR=odd / "work; dir", RESULTS_PATH=odd / "out (1)")

    assert run.status == 1, run.text
    assert set(run.stage_states(NAME).values()) == {"done"}
    assert run.stage_states("block0_imec1.ap_recording1")["dispatch"] == "failed"
    assert run.stage_states("block0_imec2.ap_recording1")["dispatch"] == "failed"
    assert run.stage_states("block0_imec3.ap_recording1")["preprocess"] == "skipped"
    reasons = json.loads((run.results / "status.json").read_text())["recordings"]
    assert "imec2.ap.bin" in reasons["block0_imec2.ap_recording1"]["dispatch"]["reason"]

    import spikeinterface as si

    found = accuracies(si.load(run.results / f"spikesorted/{NAME}"), truth)
    assert sum(accuracy >= 0.8 for accuracy in found) >= 8, found
