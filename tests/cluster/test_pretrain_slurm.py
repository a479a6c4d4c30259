"""sbatch spike_sort.slm --workflow pretrain and all: shards as a job array in the container, one that is cancelled."""

import json
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from test_slurm import NAME, sbatch
from workflow_runs import TIMEZONE

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
# Two shards of two cells, the first in the order of their names quickly done, the second long enough to be cancelled.
SETTINGS = ("--workflow", "pretrain", "--simulation_args", "--cell-types L23_PC,L5_NBC --n-individuals 2 --simulated-s 6 --n-shards 2",
            "--rendering_args", "--probes tetrode --duration-s 3 --density-per-mm3 40000 --foreground-uv 20",
            "--pretraining_args", "--preset tiny --n-steps 20", "--n_jobs", "2")


def cells_in(folder: Path) -> dict[str, int]:
    """The finished cells in a work folder's store and when they were written."""
    return {note.stem: note.stat().st_mtime_ns for note in folder.glob("scr_tmp_dir/simulation/*/cells/*.json")}


def cancel_a_shard(folder: Path, found: dict) -> None:
    """Wait until a shard has finished a cell, and cancel an array job that is running then."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        finished = cells_in(folder)
        running = subprocess.run(["squeue", "--noheader", "--states=R", "--format=%F_%K %j"], text=True,
                                 capture_output=True).stdout.split("\n")
        jobs = [line.split()[0] for line in running if "SIMULATE" in line and re.match(r"\d+_\d+ ", line)]
        if finished and jobs:
            found.update(jobs=jobs, finished=finished)
            subprocess.run(["scancel", jobs[0]], check=True)
            return
        time.sleep(0.3)


@pytest.fixture(scope="module")
def simulated_on_slurm(tmp_path_factory):
    """A run of which one array job was cancelled after a cell was finished: (run, what was seen then)."""
    folder, found = tmp_path_factory.mktemp("pretrain"), {}
    watcher = threading.Thread(target=cancel_a_shard, args=(folder, found), daemon=True)
    watcher.start()
    run = sbatch(folder, *SETTINGS, GPU_PARTITION="gpu")
    return run, found


def test_shards_are_an_array_in_the_container(simulated_on_slurm):
    run, found = simulated_on_slurm
    assert run.status == 0, run.text
    assert found, "no array job was seen running"
    rows = [row for row in run.trace() if row["process"] == "PRETRAIN:SIMULATE"]
    script = (Path(rows[0]["workdir"]) / ".command.run").read_text()
    assert "apptainer exec" in script and "simulation-" in script
    assert "core-hours" in run.text and "4 cells" in run.text


def test_a_cancelled_shard_goes_on_where_it_was(simulated_on_slurm):
    run, found = simulated_on_slurm
    attempts = [(row["tag"], row["status"]) for row in run.trace() if row["process"] == "PRETRAIN:SIMULATE"]
    assert len(attempts) == 3 and [status for _, status in attempts].count("COMPLETED") == 2, attempts
    after = cells_in(run.results.parent)
    assert len(after) == 4 and {name: after[name] for name in found["finished"]} == found["finished"]


def test_the_recording_is_labelled(simulated_on_slurm):
    import spikeinterface as si

    simulation = simulated_on_slurm[0].results / "simulation"
    manifest = json.loads((simulation / "manifest.json").read_text())
    assert len(manifest["cells"]) == 4 and manifest["missing"] == []
    truth = si.load(simulation / "recordings/tetrode_00/ground_truth")
    assert truth.get_num_units() == manifest["recordings"][0]["n_units"] > 0


def test_the_model_is_trained_and_scored_on_the_gpu_node(simulated_on_slurm):
    from simsort.models.model_folder import load_model

    run = simulated_on_slurm[0]
    for process in ("PRETRAIN_MODEL", "EVALUATE_MODEL"):
        [task] = [row for row in run.trace() if row["process"] == f"PRETRAIN:{process}"]
        script = (Path(task["workdir"]) / ".command.run").read_text()
        assert "#SBATCH -p gpu" in script and "--gres=gpu:1" in script and " --nv " in script and "gpu-" in script
    model = load_model(run.results / "model")
    assert len(model.note["scores"]) == 2 and model.note["training"]["n_steps"] == 20
    assert (run.results / "training/learning_curve.png").is_file()


def test_a_second_run_simulates_nothing_and_sorts_with_the_model(simulated_on_slurm, spikeglx_session):
    run, _ = simulated_on_slurm
    again = sbatch(run.results.parent, *SETTINGS, *TIMEZONE, "--workflow", "all", "--finetuning.apply", GPU_PARTITION="gpu",
                   DATA_PATH=spikeglx_session.path)
    assert again.status == 0, again.text
    assert "4 of 4 cells are there already" in again.text and "PRETRAIN:SIMULATE" not in again.tasks("COMPLETED", "CACHED")
    assert set(again.stage_states(NAME).values()) == {"done"}
    for process, words in (("FINETUNE", ("#SBATCH -p gpu", "--gres=gpu:1", " --nv ", "gpu-")), ("SORT", ("gpu-",))):
        [task] = [row for row in again.trace() if row["process"] == process]
        script = (Path(task["workdir"]) / ".command.run").read_text()
        assert "apptainer exec" in script and all(word in script for word in words), process
    tuned = json.loads((again.results / "finetuned" / NAME / "model.json").read_text())["finetuning"]
    assert not tuned["accepted"] and "shorter than 30 s" in tuned["reason"], "the recording has 20 s"
    status = json.loads((again.results / "status.json").read_text())["recordings"][NAME]["sort"]
    assert any("shorter than 30 s" in warning for warning in status["warnings"])
