"""sbatch spike_sort.slm on a real Slurm of three nodes, every stage in its container."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from workflow_runs import REPO, TIMEZONE, Run, accuracies, clean_environment

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
NAME = "block0_imec0.ap_recording1"
RERUN = {"DISPATCH", "FAILURES", "COLLECT"}
IN_HEAD_JOB = {"CHECK_PARAMS", "FAILURES"}


def login_environment(**settings) -> dict[str, str]:
    """The environment of a user who has just logged in: no Python environment and no Java of the tests."""
    environment = clean_environment(**settings)
    for name in ("VIRTUAL_ENV", "JAVA_CMD", "PYTHONPATH", "SIMSORT_ENV"):
        environment.pop(name, None)
    paths = environment["PATH"].split(os.pathsep)
    environment["PATH"] = os.pathsep.join(path for path in paths if not path.startswith(str(REPO)))
    return environment


def sbatch(folder: Path, *arguments: str, options=(), **settings) -> Run:
    """Run `sbatch --wait spike_sort.slm ARGUMENTS` in a folder; the text is the head job's own output."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["sbatch", "--wait", "--mem=1500M", *options, str(REPO / "spike_sort.slm"), *arguments]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=1500, stdin=subprocess.DEVNULL,
                          env=login_environment(**settings))
    job = re.search(r"Submitted batch job (\d+)", done.stdout)
    assert job, done.stdout + done.stderr
    logs = {suffix: "".join(path.read_text() for path in folder.glob(f"ephys-*.{job[1]}.{suffix}")) for suffix in ("out", "err")}
    return Run(done.returncode, logs["out"], logs["err"], folder / "output")


@pytest.fixture(scope="module")
def sorted_on_slurm(spikeglx_session, tmp_path_factory):
    """The ground-truth session sorted through sbatch with the default sorter."""
    folder = tmp_path_factory.mktemp("slurm")
    return sbatch(folder, "--n_jobs", "2", *TIMEZONE, DATA_PATH=spikeglx_session.path)


def test_every_stage_is_a_slurm_job_in_a_container(sorted_on_slurm):
    run = sorted_on_slurm
    assert run.status == 0, run.text
    assert set(run.stage_states(NAME).values()) == {"done"}
    for row in run.trace():
        script = (Path(row["workdir"]) / ".command.run").read_text()
        in_head_job = row["process"] in IN_HEAD_JOB
        assert ("#SBATCH" in script) == (not in_head_job), row["process"]
        assert ("apptainer exec" in script) == (not in_head_job), row["process"]
    processes = json.loads((run.results / "processing.json").read_text())["data_processes"]
    images = {process["code"]["container"]["uri"]: process["output_parameters"]["surroundings"]["container_sha256"]
              for process in processes}
    assert sorted(Path(image).name.split("-")[0] for image in images) == ["gpu", "spikeinterface"]
    for image, checksum in images.items():
        assert Path(f"{image}.sha256").read_text().split()[0] == checksum
    assert (run.results / f"preprocessed/motion/{NAME}").is_dir()  # the image has what the estimate needs


def test_the_units_are_the_true_ones(sorted_on_slurm, spikeglx_session):
    import spikeinterface as si

    found = accuracies(si.load(sorted_on_slurm.results / f"spikesorted/{NAME}"), spikeglx_session.sorting)
    assert sum(accuracy >= 0.8 for accuracy in found) >= 9, found


def test_resubmitting_recomputes_nothing(sorted_on_slurm, spikeglx_session):
    again = sbatch(sorted_on_slurm.results.parent, "--n_jobs", "2", *TIMEZONE, DATA_PATH=spikeglx_session.path)
    assert again.status == 0, again.text
    assert set(again.tasks("COMPLETED")) == RERUN
    assert len(again.tasks("CACHED")) == 8


def test_kilosort4_goes_to_the_gpu_partition(spikeglx_session, tmp_path):
    import spikeinterface as si

    run = sbatch(tmp_path, "--n_jobs", "2", "--runmode", "fast", "--sorter", "kilosort4", DATA_PATH=spikeglx_session.path,
                 GPU_PARTITION="gpu")
    assert run.status == 0, run.text
    sort = next(row for row in run.trace() if row["process"] == "SORT")
    script = (Path(sort["workdir"]) / ".command.run").read_text()
    assert "#SBATCH -p gpu" in script and "--gres=gpu:1" in script and " --nv " in script
    record = json.loads((Path(sort["workdir"]) / "sorted/record.json").read_text())
    assert any("CPU" in warning for warning in record["warnings"]), "no GPU here, and nothing said so"
    found = accuracies(si.load(run.results / f"spikesorted/{NAME}"), spikeglx_session.sorting)
    # on 20 s Kilosort 4 splits little and finds three of the twelve (tests/stages/test_sort.py says why)
    assert sum(accuracy >= 0.8 for accuracy in found) >= 2, found


@pytest.mark.data
def test_the_locust_tetrodes(simsort_data, tmp_path):
    session = shutil.copytree(simsort_data / "locust_tetrode", tmp_path / "locust tetrodes")
    reader = {"reader_type": "binary", "reader_kwargs": {
        "file_paths": ["locust_trial_01.raw", "locust_trial_02.raw"], "sampling_frequency": 15000, "num_channels": 4,
        "dtype": "int16", "gain_to_uV": 1.0, "offset_to_uV": 0.0}}
    params = tmp_path / "params.json"
    params.write_text(json.dumps({"job_dispatch": {"input": "spikeinterface", "spikeinterface_info": reader,
                                                   "probe": "tetrode"}}))
    run = sbatch(tmp_path, "--n_jobs", "2", "--sorter", "mountainsort5", DATA_PATH=session, PARAMS_FILE=params)
    assert run.status == 0, run.text
    verdicts = json.loads((run.results / "status.json").read_text())["verdicts"]
    assert [verdict["state"] for verdict in verdicts.values()] == ["done", "done"]
    # tridesclous' own tutorial finds about ten cells on this tetrode
    assert all(3 <= verdict["n_units"] <= 30 for verdict in verdicts.values()), verdicts


def test_out_of_memory_is_tried_again_and_then_said(spikeglx_session, tmp_path):
    run = sbatch(tmp_path, "--n_jobs", "1", "--max_memory", "250 MB", DATA_PATH=spikeglx_session.path)
    assert run.status == 1, run.text
    attempts = [row for row in run.trace() if row["process"] == "PREPROCESS"]
    assert len(attempts) == 3, "a killed stage is tried three times"
    status = json.loads((run.results / "status.json").read_text())
    assert "memory" in status["recordings"][NAME]["preprocess"]["reason"]


def test_kilosort25_without_its_image_says_what_to_do(spikeglx_session, tmp_path):
    run = sbatch(tmp_path, "--sorter", "kilosort25", DATA_PATH=spikeglx_session.path, GPU_PARTITION="gpu")
    assert run.status == 2, run.text
    assert any("kilosort25.sif" in line for line in run.errors), run.text
