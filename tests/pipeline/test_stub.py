"""The workflow's wiring, without computing: which tasks run, what is cached, what stops it."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from workflow_runs import REPO, clean_environment, read_trace, run_slm

pytestmark = pytest.mark.pipeline
STAGES = {"CHECK_PARAMS", "DISPATCH", "PREPROCESS", "SORT", "POSTPROCESS", "CURATE", "VISUALIZE", "QC", "NWB", "FAILURES", "COLLECT"}
ALWAYS = {"DISPATCH", "FAILURES", "COLLECT"}  # not cached: they look at the data and at this run


def run_stub(folder, *arguments, pipeline=REPO):
    """Run the workflow with -stub in a folder: the completed process and the trace."""
    session = folder / "session"
    session.mkdir(exist_ok=True)
    (session / "recording.bin").touch()
    done = subprocess.run(
        ["nextflow", "-C", str(pipeline / "nextflow_slurm.config"), "run", str(pipeline / "main_slurm.nf"), "-stub",
         "-resume", "-profile", "test", "-ansi-log", "false", "--data_path", str(session), "--results_path",
         str(folder / "results"), *arguments],
        cwd=folder, text=True, capture_output=True, timeout=300, stdin=subprocess.DEVNULL, env=clean_environment())
    trace = read_trace(folder / "results") if (folder / "results/nextflow/trace.txt").exists() else []
    return done, trace


@pytest.mark.parametrize("arguments, settings", [
    ([], {"globals": {"sorter": "simsort"}, "preprocessing": {"motion": "compute", "motion_preset": "dredge_fast"}}),
    (["--sorter", "kilosort4", "--runmode", "fast"], {"preprocessing": {"motion": "skip"}}),
    (["--spikesort_args", "--skip-motion-correction True "], {"spikesort": {"skip_motion_correction": True}}),
    (["--spikesorting_args", "--skip-motion-correction True "], {"spikesort": {"skip_motion_correction": True}}),
    (["--spikesort_args=--skip-motion-correction"], {"spikesort": {"skip_motion_correction": True}}),
    (["--preprocessing.motion", "apply", "--spikesort.skip-motion-correction"], {"preprocessing": {"motion": "apply"}}),
    (["--job_dispatch_args", "--input nwb", "--preprocessing_args", "--denoising destripe --motion skip"],
     {"job_dispatch": {"input": "nwb"}, "preprocessing": {"denoising": "destripe", "motion": "skip"}}),
    (["--sorter", "kilosort4", "--spikesort.Th_universal", "8"], {"spikesort": {"sorter_params": {"Th_universal": 8}}}),
])
def test_parameters_reach_the_stages(tmp_path, arguments, settings):
    done, trace = run_stub(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["process"] for row in trace if row["status"] == "COMPLETED"} == STAGES
    used = json.loads((tmp_path / "results/nextflow/parameters.json").read_text())
    for stage, expected in settings.items():
        assert {name: used[stage][name] for name in expected} == expected


@pytest.mark.parametrize("arguments, words", [
    (["--sorterr", "lupin"], "unknown parameter --sorterr: did you mean --sorter?"),
    (["--preprocessing.motion", "appply"], "allowed: skip, compute, apply"),
    (["--params_file", "/nowhere/params.json"], "params file /nowhere/params.json does not exist"),
])
def test_a_mistake_stops_before_anything_runs(tmp_path, arguments, words):
    done, trace = run_stub(tmp_path, *arguments)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert {row["process"] for row in trace} <= {"CHECK_PARAMS"}


def test_resume_reruns_what_changed_and_nothing_else(tmp_path):
    pipeline = tmp_path / "checkout"
    pipeline.mkdir()
    for name in ("main_slurm.nf", "nextflow_slurm.config", "modules", "containers", "scripts"):
        source = REPO / name
        ignore = shutil.ignore_patterns("__pycache__", "images")
        shutil.copytree(source, pipeline / name, ignore=ignore) if source.is_dir() else shutil.copy(source, pipeline)

    def ran(*arguments):
        done, trace = run_stub(tmp_path, *arguments, pipeline=pipeline)
        assert done.returncode == 0, done.stdout + done.stderr
        return {row["process"] for row in trace if row["status"] == "COMPLETED"}

    assert ran() == STAGES
    assert ran() == ALWAYS
    assert ran("--curation_args", "--rule 'snr > 3'") == ALWAYS | {"CHECK_PARAMS", "CURATE", "VISUALIZE", "QC", "NWB"}
    with open(pipeline / "scripts/simsort/records.py", "a") as source:
        source.write("# edited\n")
    assert ran() == STAGES


def test_every_recording_goes_through_every_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMSORT_STUB_RECORDINGS", "3")
    done, trace = run_stub(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    finished = [row["process"] for row in trace if row["status"] == "COMPLETED"]
    for stage in STAGES - {"CHECK_PARAMS", "DISPATCH", "FAILURES", "COLLECT"}:
        assert finished.count(stage) == 3, stage


def test_runs_that_share_a_work_folder_keep_apart(tmp_path):
    """Two at once, then one of them again: each has its own tasks, and goes on from them."""
    def run(name):
        session = tmp_path / name / "session"
        session.mkdir(parents=True, exist_ok=True)
        (session / "recording.bin").touch()
        return run_slm(tmp_path / name, "-stub", DATA_PATH=session, WORK_DIR=tmp_path / "work")

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(run, ("one", "two"))
    assert (one.status, two.status) == (0, 0), one.text + two.text
    assert set(one.tasks("COMPLETED")) == set(two.tasks("COMPLETED")) == STAGES
    folders = [{row["workdir"] for row in done.trace()} for done in (one, two)]
    assert not folders[0] & folders[1] and all(folder.startswith(f"{tmp_path}/work/") for folder in folders[0])
    again = run("one")
    assert again.status == 0 and set(again.tasks("CACHED")) == STAGES - ALWAYS, again.text
