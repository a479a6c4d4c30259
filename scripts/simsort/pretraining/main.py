"""From simulated cells to a model folder, and a model's scores on recordings that nothing was chosen by."""

import json
import shutil
from datetime import datetime, timezone
from pathlib import Path

import torch

from simsort.errors import UserError
from simsort.models.detector import DetectorConfig
from simsort.models.encoder import EncoderConfig
from simsort.models.input_form import InputForm
from simsort.models.model_folder import load_model, save_model, write_note
from simsort.models.paper import PaperDetectorConfig, PaperEncoderConfig
from simsort.pretraining.cells import find_cells, split_cells
from simsort.pretraining.distributed import choose_device, choose_precision, join
from simsort.pretraining.learning_curve import draw_learning_curve
from simsort.pretraining.paper_task import PaperTask, score_paper
from simsort.pretraining.scores import score
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.task import SpikeTask
from simsort.pretraining.trainer import TrainConfig, Trainer
from simsort.pretraining.validation import held_out_cases
from simsort.pretraining.variety import HELD_OUT_PROBES, TRAINING_PROBES
from simsort.records import cpu_model, git_commit, installed_versions

EVALUATION_SEED = 950_000
SCORE_PARTS = {"validation": "during training, held-out cells and probes",
               "evaluation": "held-out cells and probes, other recordings"}


def pretrain(settings: dict, cells: Path, out: Path, training: Path, *, n_jobs: int = 1) -> dict:
    """Train, or go on with a training, and write a model folder.

    Parameters
    ----------
    settings : dict
        Of the stage `pretraining`.
    cells : Path
        Folder with simulated cells.
    out : Path
        The model folder.
    training : Path
        Checkpoint, logs and learning curve; a training there is gone on with.
    n_jobs : int, default: 1
        Processes: one trains, the others make data.

    Returns
    -------
    note : dict
        The content of model.json; empty in processes other than torchrun's first.

    Raises
    ------
    UserError
        If there are no cells, or the training there has other settings.
    """
    device = choose_device(settings["device"])
    ranks = join(device)
    train_cells, held_out = split_cells(find_cells(cells))
    task = task_of(settings, train_cells, held_out)
    config = train_config(settings, device, ranks.n_ranks)
    try:
        trainer = Trainer(task, config, training, device=device, ranks=ranks, n_workers=max(n_jobs - 1, 0),
                          render_device=str(device) if settings["render_on_device"] else "cpu",
                          compiled=settings["compile"], checkpoint_steps=settings["checkpoint_steps"],
                          validation_steps=settings["validation_steps"], time_limit_h=settings["time_limit_h"])
        if settings["time_limit_h"] == 0 and not trainer.step:
            raise UserError(f"{training} has no checkpoint, and --time-limit-h 0 leaves no time to train",
                            "give a longer time, or the folder of a training")
        scores = trainer.train()
        if not ranks.is_first:
            return {}
        draw_learning_curve(training)
        scores = scores or task.validate(trainer.nets, device)
        note = dict(data=describe_data(cells, train_cells, held_out, task, trainer),
                    training=describe_training(settings, config, trainer), made=describe_making(device, trainer.seconds, "pretrain", n_jobs),
                    scores={SCORE_PARTS["validation"]: rounded(scores)})
        save_model(out, trainer.nets.detector, trainer.nets.encoder, task.form, note)
    finally:
        ranks.close()
    return note


def task_of(settings: dict, train_cells, held_out):
    """Return what is trained."""
    if settings["preset"] == "paper":
        return PaperTask(train_cells, held_out, PaperDetectorConfig(), PaperEncoderConfig(),
                         n_windows=settings["n_windows"], n_validation=settings["n_validation"])
    return SpikeTask(train_cells, held_out, InputForm(),
                     DetectorConfig(width=settings["detector_width"], n_layers=settings["detector_layers"]),
                     EncoderConfig(width=settings["encoder_width"], n_layers=settings["encoder_layers"]),
                     n_events=settings["n_events"], n_validation=settings["n_validation"])


def train_config(settings: dict, device: torch.device, n_ranks: int) -> TrainConfig:
    """Return how to train; the number of lanes is a multiple of that of processes."""
    names = ("n_steps", "sets_per_step", "learning_rate", "weight_decay", "warm_up_steps", "seed")
    stream = StreamConfig(seed=settings["seed"], n_lanes=-(-StreamConfig.n_lanes // n_ranks) * n_ranks,
                          sets_per_situation=settings["sets_per_recording"])
    return TrainConfig(**{name: settings[name] for name in names}, stream=stream,
                       precision=choose_precision(settings["precision"], device))


def describe_data(folder: Path, train_cells, held_out, task, trainer: Trainer) -> dict:
    """Return what was trained on."""
    config = trainer.config
    stream = config.stream
    n_sets = trainer.step * config.sets_per_step * trainer.ranks.n_ranks
    per_set = n_sets / max(trainer.counted.get("sets", 0), 1)  # 1, unless an older version began this training
    amounts = {name: round(trainer.counted[name] * per_set) for name in ("spikes", "seconds") if name in trainer.counted}
    n_recordings = min(n_sets, stream.n_lanes * -(-n_sets // (stream.n_lanes * stream.sets_per_situation)))
    note = {
        "cells": len(train_cells), "cell_types": types_of(train_cells),
        "held_out_cell_types": types_of(held_out) if held_out.paths != train_cells.paths else "none: too few types",
        "sets": n_sets, "recordings": n_recordings, "events": trainer.n_items, **amounts}
    if task.name == "spikes":
        note |= {"probes": sorted(set(TRAINING_PROBES)), "held_out_probes": list(HELD_OUT_PROBES)}
    stores = sorted(Path(folder).rglob("store.json"))
    if stores:
        note["simulation"] = json.loads(stores[0].read_text())
    return note


def types_of(cells) -> list[str]:
    """Return the names of the types of cells."""
    return sorted({path.stem.rpartition("_")[0] for path in cells.paths})


def describe_training(settings: dict, config: TrainConfig, trainer: Trainer) -> dict:
    """Return the settings, as used."""
    left_out = ("device", "n_evaluation", "checkpoint_steps", "validation_steps")
    return {**{name: value for name, value in settings.items() if name not in left_out}, "precision": config.precision,
            "steps_done": trainer.step, "processes": trainer.ranks.n_ranks, "lanes": config.stream.n_lanes}


def describe_making(device: torch.device, seconds: float, command: str, n_jobs: int) -> dict:
    """Return when, with what and in what time the weights were made."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_model()
    return {"date": f"{datetime.now(timezone.utc):%Y-%m-%d}", "git_commit": git_commit(), "machine": name,
            "processes": n_jobs, "hours": round(seconds / 3600, 3), "torch": installed_versions().get("torch"),
            "command": f"simsort {command}"}


def rounded(scores: dict) -> dict:
    """Return scores with four digits."""
    return {name: round(value, 4) for name, value in scores.items()}


def evaluate_model(folder: Path, cells: Path, out: Path, *, n_recordings: int, device: str = "auto") -> dict:
    """Score a model on held-out recordings and write a copy of it that says so.

    Parameters
    ----------
    folder : Path
        Model folder.
    cells : Path
        Folder with simulated cells; of them only the held-out types, where there are any.
    out : Path
        A new model folder.
    n_recordings : int
    device : str

    Returns
    -------
    scores : dict
    """
    device, out = choose_device(device), Path(out)
    model = load_model(folder, device)
    held_out = split_cells(find_cells(cells))[1]
    if out.resolve() == Path(folder).resolve():
        raise UserError(f"--out {out} is the model itself", "give another folder")
    if model.note["architecture"] == "paper":
        scores = score_paper(model.detector, model.encoder, held_out, device, n_recordings=n_recordings,
                             first_seed=EVALUATION_SEED)
    else:
        cases = held_out_cases(held_out, model.form, n_recordings=n_recordings, first_seed=EVALUATION_SEED)
        scores = score(model.detector, model.encoder, cases, device)
    note = {**model.note, "scores": {**(model.note.get("scores") or {}), SCORE_PARTS["evaluation"]: rounded(scores)}}
    out.mkdir(parents=True, exist_ok=True)
    for name in ("detector.safetensors", "encoder.safetensors"):
        shutil.copy(Path(folder) / name, out / name)
    write_note(out, note)
    return scores
