"""--workflow pretrain and all on one machine: wiring, resuming, and a small real run."""

import json
from pathlib import Path

import pytest

from test_stub import STAGES as SORT_STAGES
from test_stub import run_stub
from workflow_runs import run_slm

pytestmark = pytest.mark.pipeline
STAGES = {"CHECK_PARAMS", "COMPILE_MECHANISMS", "SIMULATE", "RENDER", "FAILURES", "MANIFEST", "PRETRAIN_MODEL",
          "EVALUATE_MODEL"}
SESSION = "block0_imec0.ap_recording1"
CACHED = {"CHECK_PARAMS", "RENDER"}  # the others look at the store of cells and at this run
SMALL = ("--workflow", "pretrain", "--n_jobs", "2", "--simulation_args", "--cell-types L23_PC,L5_NBC --simulated-s 1",
         "--rendering_args", "--probes tetrode --duration-s 3 --density-per-mm3 40000 --foreground-uv 20",
         "--pretraining_args", "--preset tiny --n-steps 20")


def processes(trace, *states):
    """Names of the processes with tasks in one of the states."""
    return {row["process"].removeprefix("PRETRAIN:") for row in trace if row["status"] in states}


@pytest.fixture(scope="module")
def half_a_minute(tmp_path_factory):
    """A SpikeGLX session of 16 channels, as long as fine-tuning asks for and a little longer."""
    from simsort.benchmarks.generated import generate_ground_truth
    from simsort.writers.spikeglx import write_spikeglx

    recording, _ = generate_ground_truth(duration_s=32.0, n_channels=16, n_units=8, seed=4)
    return write_spikeglx(recording, tmp_path_factory.mktemp("longer"), "mouse")


def training_output(run):
    """What the training printed."""
    [task] = [row for row in run.trace() if row["process"] == "PRETRAIN:PRETRAIN_MODEL"]
    return (Path(task["workdir"]) / ".command.out").read_text()


def test_the_stages_run_and_resume(tmp_path):
    done, trace = run_stub(tmp_path, "--workflow", "pretrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert processes(trace, "COMPLETED") == STAGES and len(trace) == 9, "two shards"
    assert (tmp_path / "results/simulation/recordings/stub_00").is_dir()
    assert (tmp_path / "results/model/model.json").is_file() and (tmp_path / "results/training/log.jsonl").is_file()
    done, trace = run_stub(tmp_path, "--workflow", "pretrain")
    assert processes(trace, "CACHED") == CACHED and processes(trace, "COMPLETED") == STAGES - CACHED


def test_a_params_file_may_choose_the_workflow(tmp_path):
    params = tmp_path / "params.yaml"
    params.write_text("workflow: pretrain\nrendering:\n  n_recordings: 2\n")
    done, trace = run_stub(tmp_path, "--params_file", str(params))
    assert done.returncode == 0 and processes(trace, "COMPLETED") == STAGES, done.stdout
    used = json.loads((tmp_path / "results/nextflow/parameters.json").read_text())
    assert used["rendering"]["n_recordings"] == 2 and used["globals"]["workflow"] == "pretrain"


def test_sorting_follows_training(tmp_path):
    done, trace = run_stub(tmp_path, "--workflow", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["process"] for row in trace if row["status"] == "COMPLETED"} == SORT_STAGES | {
        f"PRETRAIN:{stage}" for stage in STAGES}
    used = json.loads((tmp_path / "results/nextflow/parameters.json").read_text())
    assert used["globals"]["sorter"] == "simsort" and (tmp_path / "results/model/model.json").is_file()
    [sort] = [row for row in trace if row["process"] == "SORT"]
    model = Path(sort["workdir"]) / "model"
    assert model.resolve().parent.parent.parent == tmp_path / "work" and (model / "model.json").is_file()


def test_the_model_is_tuned_to_each_recording(tmp_path):
    done, trace = run_stub(tmp_path, "--workflow", "all", "--finetuning.apply")
    assert done.returncode == 0, done.stdout + done.stderr
    tasks = {row["process"]: row for row in trace if row["status"] == "COMPLETED"}
    assert set(tasks) == SORT_STAGES | {"FINETUNE"} | {f"PRETRAIN:{stage}" for stage in STAGES}
    used = (Path(tasks["SORT"]["workdir"]) / "model").resolve()
    assert used == Path(tasks["FINETUNE"]["workdir"]).resolve() / "model"
    assert (Path(tasks["FINETUNE"]["workdir"]) / "simulated" / "manifest.json").exists(), "to rehearse the cells"
    [folder] = (tmp_path / "results" / "finetuned").iterdir()
    assert (folder / "model.json").is_file()


@pytest.mark.parametrize("model, words", [
    ("/nowhere/model", "there is no model folder /nowhere/model"), ("model", "--model model is not a whole path")])
def test_a_model_that_is_not_there_is_one_line(tmp_path, model, words):
    run = run_slm(tmp_path, "--sorter", "simsort", "--model", model, DATA_PATH=tmp_path)
    assert run.status == 2 and len(run.errors) == 1 and words in run.errors[0], run.text


def pickled(folder):
    (folder / "weights.pt").write_bytes(b"\x80\x04.")


def damaged(folder):
    (folder / "model.json").write_text('{"format": 1, "inp')


def other_version(folder):
    (folder / "model.json").write_text('{"format": 99}')


@pytest.mark.parametrize("spoil, words", [(pickled, "holds a pickled model"), (damaged, "model.json is damaged"),
                                          (other_version, "is of format 99")])
def test_a_model_that_cannot_be_used_is_one_line_before_anything_runs(tmp_path, spoil, words):
    model = tmp_path / "model"
    model.mkdir()
    spoil(model)
    run = run_slm(tmp_path, "--sorter", "simsort", "--model", str(model), DATA_PATH=tmp_path)
    assert run.status == 2 and len(run.errors) == 1 and words in run.errors[0], run.text


@pytest.mark.slow
def test_a_model_from_nothing(tmp_path, half_a_minute):
    import spikeinterface as si

    from simsort.models.model_folder import load_model

    run = run_slm(tmp_path, *SMALL, DATA_PATH="")
    assert run.status == 0, run.text
    assert "to do: 2 cells and 1 recording" in run.text and "core-hours" in run.text
    assert "simsort pretrain: step 20" in training_output(run)
    model = load_model(run.results / "model")
    assert model.note["training"]["n_steps"] == 20 and len(model.note["scores"]) == 2 and "MODEL_CARD.md" in run.text
    training = run.results / "training"
    assert (training / "learning_curve.png").is_file() and any((training / "tensorboard").iterdir())
    simulation = run.results / "simulation"
    assert str(simulation / "index.html") in run.text and (simulation / "index.html").is_file()
    manifest = json.loads((simulation / "manifest.json").read_text())
    assert len(manifest["cells"]) == 2 and manifest["missing"] == []
    assert {(simulation / cell["file"]).stat().st_size == cell["bytes"] for cell in manifest["cells"]} == {True}
    truth = si.load(simulation / "recordings/tetrode_00/ground_truth")
    assert truth.get_num_units() == manifest["recordings"][0]["n_units"]

    again = run_slm(tmp_path, *SMALL, DATA_PATH="")
    assert again.status == 0, again.text
    assert "SIMULATE" not in processes(again.trace(), "COMPLETED", "CACHED") and "2 of 2 cells are there already" in again.text
    assert processes(again.trace(), "CACHED") == CACHED
    assert "step 20" not in training_output(again), "the finished training is gone on with, which is nothing"
    assert load_model(again.results / "model").note["scores"] == model.note["scores"]

    both = run_slm(tmp_path, *SMALL, "--workflow", "all", "--finetuning.apply", "--finetuning_args",
                   "--n-steps 10 --check-steps 5", DATA_PATH=half_a_minute)
    assert both.status == 0, both.text
    assert "SIMULATE" not in processes(both.trace(), "COMPLETED", "CACHED"), "cells and training are taken as they are"
    assert both.stage_states(SESSION)["sort"] == "done" and (both.results / "index.html").is_file()
    record = json.loads((both.results / "processing.json").read_text())
    [sort] = [process for process in record["data_processes"] if process["process_type"] == "Spike sorting"]
    assert "model" in json.dumps(sort["code"]["parameters"]), sort
    tuned = json.loads((both.results / "finetuned" / SESSION / "model.json").read_text())["finetuning"]
    assert tuned["steps"] == 10 and set(tuned["before"]) == set(tuned["after"]) and tuned["safe_units"] >= 4
    assert tuned["accepted"] or tuned["reason"]
    assert si.load(both.results / "spikesorted" / SESSION).get_num_units() > 0

    [cell] = (tmp_path / "scr_tmp_dir/simulation").glob("*/cells/L23_PC_00.safetensors")
    cell.unlink()
    mended = run_slm(tmp_path, *SMALL, DATA_PATH="")
    assert mended.status == 0, mended.text
    assert mended.tasks("COMPLETED").count("PRETRAIN:SIMULATE") == 1
    cells = json.loads((simulation / "manifest.json").read_text())["cells"]
    assert [c["sha256"] for c in cells] == [c["sha256"] for c in manifest["cells"]]


@pytest.mark.slow
def test_a_mistake_about_cells_is_one_line(tmp_path):
    run = run_slm(tmp_path, "--workflow", "pretrain", "--simulation.cell-types", "L9_XYZ", DATA_PATH="")
    assert run.status == 2 and len(run.errors) == 1 and "L9_XYZ" in run.errors[0], run.text
