"""Several processes that train together, started by torchrun."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from disturbed_runs import wait_for

torch = pytest.importorskip("torch")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
TINY = ("--preset", "tiny", "--n-events", "64", "--n-validation", "1", "--n-evaluation", "1", "--device", "cpu")
EACH_SAVES = """
import sys
from pathlib import Path
import torch
from simsort.models.detector import DetectorConfig
from simsort.models.encoder import EncoderConfig
from simsort.models.input_form import InputForm
from simsort.pretraining.cells import find_cells, split_cells
from simsort.pretraining.distributed import join
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.task import SpikeTask
from simsort.pretraining.trainer import TrainConfig, Trainer

torch.set_num_threads(1)
cells, folder = map(Path, sys.argv[1:])
ranks = join(torch.device("cpu"))
task = SpikeTask(*split_cells(find_cells(cells)), InputForm(), DetectorConfig(width=8, n_layers=1),
                 EncoderConfig(width=8, n_layers=1), n_events=64, n_validation=1)
config = TrainConfig(n_steps=3, sets_per_step=1, warm_up_steps=1, stream=StreamConfig(n_lanes=2, sets_per_situation=6))
one = Trainer(task, config, folder / "together", ranks=ranks, n_workers=0, checkpoint_steps=0, validation_steps=0)
gradients, update = [], one.update
one.update = lambda stream: (update(stream), gradients.append(
    torch.cat([value.grad.flatten() for value in one.nets.parameters() if value.grad is not None]).clone()))[0]
one.train()
torch.save({"nets": one.nets.state_dict(), "gradients": torch.stack(gradients)}, folder / f"rank{ranks.rank}.pt")
ranks.close()
"""


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_processes_share_their_gradients(cells_folder, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(EACH_SAVES)
    done = subprocess.run([*TORCHRUN, script, cells_folder, tmp_path], env=environment(), capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert torch.equal(first["gradients"], second["gradients"]) and first["gradients"].abs().max() > 0
    assert all(torch.equal(first["nets"][name], second["nets"][name]) for name in first["nets"])
    lines = (tmp_path / "together" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines if "loss" in json.loads(line)] == [1, 2, 3], "one log of both"


@pytest.mark.parametrize("method", ["simsort", "ceed"])
def test_the_command_writes_one_model_of_both(method, cells_folder, tmp_path):
    how = {"simsort": (*TINY, "--n-jobs", "1"),
           "ceed": ("--method", "ceed", "--n-channels", "5", "--batch", "32", "--device", "cpu", "--n-units", "8",
                    "--spikes-per-unit", "20")}[method]
    command = [*TORCHRUN, "-m", "simsort", "pretrain", *how, "--n-steps", "2", "--cells", cells_folder, "--out",
               tmp_path / "model"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    note = json.loads((tmp_path / "model" / "model.json").read_text())
    assert note["training"]["processes"] == 2 and note["training"]["steps_done"] == 2


def test_told_to_end_both_end_after_the_same_step(cells_folder, tmp_path):
    out = tmp_path / "model"
    command = [*TORCHRUN, "-m", "simsort", "pretrain", *TINY, "--n-steps", "100000", "--checkpoint-steps", "0",
               "--cells", cells_folder, "--out", out]
    with (tmp_path / "said.txt").open("w") as said:
        run = subprocess.Popen(command, env=environment(), stdout=said, stderr=said)
    log = out / "training" / "log.jsonl"
    try:
        wait_for(lambda: log.is_file() and len(log.read_text().splitlines()) > 5, 240)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=120) != 0, "not finished"
    finally:
        run.kill()
    last = json.loads(log.read_text().splitlines()[-1])["step"]
    state = torch.load(Path(out / "training" / "checkpoint.pt"), weights_only=True)
    assert state["step"] == last
