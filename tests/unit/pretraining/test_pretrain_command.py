"""Training: from cells to a model folder, interrupted and gone on with."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
TINY = ("--preset", "tiny", "--n-events", "64", "--n-validation", "1", "--n-evaluation", "1", "--device", "cpu")


class Killed(Exception):
    """Stands in for a kill."""


def spike_task(cells):
    from simsort.models.detector import DetectorConfig
    from simsort.models.encoder import EncoderConfig
    from simsort.models.input_form import InputForm
    from simsort.pretraining.task import SpikeTask

    return SpikeTask(*cells, InputForm(), DetectorConfig(width=8, n_layers=1), EncoderConfig(width=8, n_layers=1),
                     n_events=64, n_validation=1)


def trainer(cells, folder, time_limit_h=None, compiled=False, **changes):
    from simsort.pretraining.stream import StreamConfig
    from simsort.pretraining.trainer import TrainConfig, Trainer

    config = dict(n_steps=6, sets_per_step=2, warm_up_steps=2, stream=StreamConfig(n_lanes=2, sets_per_situation=6))
    return Trainer(spike_task(cells), TrainConfig(**config | changes), folder, n_workers=0, checkpoint_steps=2,
                   validation_steps=0, time_limit_h=time_limit_h, compiled=compiled)


def losses(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


@pytest.fixture(scope="module")
def undisturbed(cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    trainer(cells, folder).train()
    return folder


def test_a_killed_training_goes_on_unchanged(cells, undisturbed, tmp_path, monkeypatch):
    first = trainer(cells, tmp_path)
    update = first.update

    def killed_in_the_fifth(stream):
        if first.step == 4:
            raise Killed
        return update(stream)
    monkeypatch.setattr(first, "update", killed_in_the_fifth)
    monkeypatch.setattr(first, "checkpoint_steps", 3)  # the fourth step is lost
    with pytest.raises(Killed):
        first.train()
    assert len(losses(tmp_path)) == 4
    second = trainer(cells, tmp_path)
    assert second.step == 3
    second.train()
    assert losses(tmp_path) == losses(undisturbed)
    states = [torch.load(folder / "checkpoint.pt", weights_only=True)["nets"] for folder in (undisturbed, tmp_path)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_sigterm_saves_what_there_is(cells, tmp_path, monkeypatch):
    import os
    import signal

    run = trainer(cells, tmp_path)
    update = run.update

    def told_to_end(stream):
        parts = update(stream)
        if run.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return parts
    monkeypatch.setattr(run, "update", told_to_end)
    with pytest.raises(SystemExit) as stop:
        run.train()
    assert stop.value.code == 143 and trainer(cells, tmp_path).step == 3


def run_by_clock(cells, folder, monkeypatch, seconds_per_step, **limits):
    """Train with steps of a given length by the trainer's clock; return the trainer and the rates of its steps."""
    run, rates = trainer(cells, folder, n_steps=1000, warm_up_steps=0, **limits), []
    update = run.update

    def timed(stream):
        rates.append(run.rate({"lr_peak": 1.0, "schedule": "constant"}))
        parts = update(stream)
        run.seconds += seconds_per_step
        return parts
    monkeypatch.setattr(run, "update", timed)
    run.train()
    return run, rates


def test_a_time_limit_lets_the_rate_down_and_ends(cells, tmp_path, monkeypatch):
    run, rates = run_by_clock(cells, tmp_path, monkeypatch, 360.0, time_limit_h=1.0)
    assert run.step == len(rates) <= 10 and run.time_share == 1.0, "ten steps of six minutes"
    assert rates[:8] == [1.0] * 8 and rates[-1] < 0.6 and rates == sorted(rates, reverse=True)
    longer = trainer(cells, tmp_path, n_steps=1000, warm_up_steps=0)
    assert longer.step == run.step and longer.rate({"lr_peak": 1.0, "schedule": "constant"}) == 1.0
    over = trainer(cells, tmp_path, n_steps=1000, warm_up_steps=0, time_limit_h=1.0)
    assert over.train() == {} and over.step == run.step, "the time of earlier calls counts"


def test_checkpoints_of_earlier_versions_go_on(cells, tmp_path):
    first = trainer(cells, tmp_path, n_steps=2)
    first.train()
    assert first.counted["sets"] == 4 and first.counted["spikes"] > 0 and first.counted["seconds"] > 1
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["counted"]
    torch.save(state, tmp_path / "checkpoint.pt")
    assert trainer(cells, tmp_path, n_steps=2).step == 2


def test_other_settings_do_not_go_on(cells, undisturbed):
    from simsort.errors import UserError

    with pytest.raises(UserError, match="other settings"):
        trainer(cells, undisturbed, learning_rate=1e-4)


def test_a_damaged_checkpoint_is_named(cells, tmp_path):
    from simsort.errors import UserError

    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match="checkpoint.pt cannot be read"):
        trainer(cells, tmp_path)


def test_half_precision_trains_too(cells, tmp_path):
    trainer(cells, tmp_path, n_steps=2, precision="bf16").train()
    assert len(losses(tmp_path)) == 2


def test_compiled_networks_learn_the_same(cells, tmp_path, undisturbed):
    trainer(cells, tmp_path, n_steps=2, compiled=True).train()
    plain, compiled = losses(undisturbed)[:2], losses(tmp_path)
    assert [line["loss"] for line in compiled] == pytest.approx([line["loss"] for line in plain], rel=1e-3)


def test_the_command_makes_a_model_and_scores_it(run_cli, cells_folder, tmp_path):
    from simsort.models.model_folder import load_model

    out = tmp_path / "model"
    early = run_cli("pretrain", "--cells", cells_folder, "--out", out, *TINY, "--n-steps", "4", "--time-limit-h", "1e-9")
    assert early.status == 0 and load_model(out).note["training"]["steps_done"] == 1, early.stderr
    done = run_cli("pretrain", "--cells", cells_folder, "--out", out, *TINY, "--n-steps", "4")
    assert done.status == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"detector.safetensors", "encoder.safetensors", "model.json",
                                                     "MODEL_CARD.md", "training"}
    assert {path.name for path in (out / "training").iterdir()} >= {"checkpoint.pt", "log.jsonl", "learning_curve.png"}
    note = load_model(out).note
    assert note["training"]["steps_done"] == 4
    assert note["data"]["spikes"] > 0 and note["made"]["machine"] in (out / "MODEL_CARD.md").read_text()
    assert note["data"]["cells"] == 4 and note["data"]["held_out_cell_types"] == ["L6_PC"]
    again = run_cli("evaluate-model", "--cells", cells_folder, "--model", out, "--out", tmp_path / "scored", *TINY)
    assert again.status == 0, again.stderr
    assert len(load_model(tmp_path / "scored").note["scores"]) == 2 and "detection_f1" in again.stdout


def test_the_published_preset_trains(cells, tmp_path):
    from simsort.models.paper import PaperDetectorConfig, PaperEncoderConfig
    from simsort.pretraining.paper_task import PaperTask
    from simsort.pretraining.stream import StreamConfig
    from simsort.pretraining.trainer import TrainConfig, Trainer

    task = PaperTask(*cells, PaperDetectorConfig(width=8, n_layers=1, hidden=8), PaperEncoderConfig(width=8),
                     n_windows=1, n_validation=1)
    config = TrainConfig(n_steps=3, sets_per_step=1, stream=StreamConfig(n_lanes=1))
    scores = Trainer(task, config, tmp_path, n_workers=0).train()
    assert {"loss", "detection", "triplet"} <= set(losses(tmp_path)[0]) and 0 <= scores["detection_f1"] <= 1


def test_the_command_trains_the_published_preset_and_the_model_sorts(run_cli, cells_folder, tmp_path):
    import numpy as np
    from probeinterface import generate_tetrode
    from spikeinterface import NumpyRecording

    import simsort
    from simsort.models.model_folder import load_model

    pytest.importorskip("umap")
    out = tmp_path / "paper"
    done = run_cli("pretrain", "--cells", cells_folder, "--out", out, "--preset", "paper", "--n-windows", "1", "--n-steps",
                   "1", "--n-validation", "1", "--n-evaluation", "1", "--device", "cpu")
    assert done.status == 0, done.stderr
    note = load_model(out).note
    assert note["architecture"] == "paper" and note["training"]["steps_done"] == 1
    traces = np.random.default_rng(0).normal(0, 5, (160_000, 4)).astype("float32")  # 4 s at 40 kHz
    recording, probe = NumpyRecording(traces, 40_000.0), generate_tetrode()
    probe.set_device_channel_indices(np.arange(4))
    recording.set_probe(probe)
    sorting = simsort.sort(recording, model=out)
    assert sorting.get_sampling_frequency() == 40_000.0 and sorting.get_num_segments() == 1


@pytest.mark.parametrize("arguments, words", [
    (["--cells", "/nowhere"], "/nowhere is no folder of cells"),
    (["--cells", "{empty}"], "holds no simulated cells"),
    (["--cells", "{cells}", "--encoder-width", "10"], "allowed: multiples of 4"),
    (["--cells", "{cells}", "--device", "cuda:77"], "--device was given cuda:77"),
    (["--cells", "{cells}", "--device", "abacus"], "allowed: auto, cpu, cuda"),
    (["--cells", "{cells}", "--n-stepss", "3"], "did you mean --pretraining.n-steps?"),
    (["--cells", "{cells}", "--n-jobs", "0"], "--n-jobs was given 0"),
    (["--cells", "{cells}", "--preset", "tiny", "--device", "cpu", "--time-limit-h", "0"], "has no checkpoint"),
])
def test_mistakes_are_one_line(run_cli, cells_folder, tmp_path, arguments, words):
    if "cuda:77" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (tmp_path / "empty").mkdir()
    arguments = [word.format(empty=tmp_path / "empty", cells=cells_folder) for word in arguments]
    done = run_cli("pretrain", *arguments, "--out", tmp_path / "model")
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
