"""From recordings to a CEED encoder: `simsort pretrain --method ceed`."""

import json
import math
from pathlib import Path

import numpy as np

from simsort.ceed.augment import Augmentation
from simsort.ceed.extract import spikes_of_analyzer
from simsort.ceed.loss import TEMPERATURE
from simsort.ceed.simulated import Conditions, simulate_spikes
from simsort.ceed.spikes import LabelledSpikes, check_enough, joined
from simsort.ceed.task import CeedTask
from simsort.errors import UserError
from simsort.models.ceed import MlpConfig, ScamConfig
from simsort.models.ceed_folder import save_ceed
from simsort.models.ceed_form import CeedForm
from simsort.pretraining.cells import find_cells, split_cells
from simsort.pretraining.distributed import choose_device, choose_precision, join
from simsort.pretraining.learning_curve import draw_learning_curve
from simsort.pretraining.main import describe_making, rounded, types_of
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.trainer import TrainConfig, Trainer

TRAINED_SHARE = 0.8  # of a unit's spikes, if it has not more than are asked for
SCAM_BATCH, MLP_BATCH = 128, 512
SPIKES = "spikes.safetensors"
OF_SPIKES = ("n_channels", "n_units", "spikes_per_unit", "probe", "follow_spikes", "only_good", "seed")


def pretrain_ceed(settings: dict, out: Path, training: Path, *, cells: Path | None = None,
                  analyzers: tuple = ()) -> dict:
    """Train, or go on with a training, and write a model folder.

    Parameters
    ----------
    settings : dict
        Of the stage `ceed`.
    out : Path
        The model folder.
    training : Path
        Spikes, checkpoint, logs and learning curve; a training there is gone on with.
    cells : Path | None
        Folder of simulated cells, of which recordings are made.
    analyzers : tuple of Path
        Sorting analyzers that find their recordings, in place of cells.

    Returns
    -------
    note : dict
        The content of model.json; empty in processes other than torchrun's first.

    Raises
    ------
    UserError
        If the recordings have one unit or fewer spikes than a batch, have no neighbouring contacts, or the training
        there has other settings.
    """
    settings = with_defaults(settings)
    if (cells is None) == (not analyzers):
        given = "neither cells nor analyzers" if cells is None else "both cells and analyzers"
        raise UserError(f"--method ceed was given {given}", "give --cells DIR, or --analyzers DIR,DIR")
    device = choose_device(settings["device"])
    ranks = join(device)
    try:
        spikes = stored_spikes(settings, training, ranks, cells, analyzers)
        train, held_out = split_spikes(spikes, settings["spikes_per_unit"])
        check_enough(train, settings["batch"], "the data")
        task = task_of(settings, train, held_out)
        trainer = Trainer(task, train_config(settings, device, len(train), ranks.n_ranks), training, device=device,
                          ranks=ranks, n_workers=0, compiled=settings["compile"],
                          checkpoint_steps=settings["checkpoint_steps"], validation_steps=settings["validation_steps"],
                          time_limit_h=settings["time_limit_h"])
        scores = trainer.train()
        if not ranks.is_first:
            return {}
        draw_learning_curve(training)
        note = dict(data=describe_data(train, cells, analyzers),
                    training={**{name: value for name, value in settings.items() if name not in ("device", )},
                              "steps_done": trainer.step, "processes": ranks.n_ranks,
                              "epochs_done": round(trainer.n_items / len(train), 2)},
                    made=describe_making(device, trainer.seconds, "pretrain --method ceed", 1),
                    scores={"other spikes of the units trained on": rounded(scores)} if scores else {})
        save_ceed(out, trainer.nets.encoder, note)
    finally:
        ranks.close()
    return note


def with_defaults(settings: dict) -> dict:
    """Return settings with the published values where none are given."""
    encoder, single = settings["encoder"], settings["n_channels"] == 1
    is_mlp = encoder == "mlp" or single
    published = dict(batch=MLP_BATCH if is_mlp else SCAM_BATCH, learning_rate=1e-3 if is_mlp else 1e-4,
                     temperature=TEMPERATURE[encoder], n_layers=3 if encoder == "mlp" else 20,
                     width=32 if single else 64)
    settings = settings | {name: value for name, value in published.items() if settings[name] is None}
    if settings["width"] % ScamConfig.n_heads:
        raise UserError(f"--ceed.width was given {settings['width']}", f"allowed: multiples of {ScamConfig.n_heads}")
    return settings


def form_of(settings: dict) -> CeedForm:
    """Return the form of the spikes."""
    return CeedForm(n_channels=settings["n_channels"])


def encoder_config(settings: dict) -> MlpConfig | ScamConfig:
    """Return the sizes of the encoder."""
    if settings["encoder"] == "mlp":
        return MlpConfig(n_layers=settings["n_layers"], dim=settings["dim"], projector=settings["projector"])
    return ScamConfig(n_layers=settings["n_layers"], width=settings["width"], dim=settings["dim"],
                      geometry=settings["geometry"])


def task_of(settings: dict, train: LabelledSpikes, held_out: LabelledSpikes) -> CeedTask:
    """Return what is trained."""
    changes = ("collision", "shift", "recut", "amplitude", "jitter", "noise")
    how = Augmentation(**{name: settings[name] for name in changes})
    return CeedTask(train, held_out, encoder_config(settings), how, batch=settings["batch"],
                    temperature=settings["temperature"], shape_only=settings["shape_only"])


def train_config(settings: dict, device, n_spikes: int, n_ranks: int) -> TrainConfig:
    """Return how to train."""
    n_steps = settings["n_steps"] or math.ceil(settings["n_epochs"] * n_spikes / (settings["batch"] * n_ranks))
    return TrainConfig(n_steps=n_steps, sets_per_step=1, learning_rate=settings["learning_rate"],
                       weight_decay=settings["weight_decay"], warm_up_steps=0,
                       precision=choose_precision(settings["precision"], device),
                       seed=settings["seed"], stream=StreamConfig(seed=settings["seed"], n_lanes=n_ranks))


def stored_spikes(settings: dict, training: Path, ranks, cells: Path | None, analyzers: tuple) -> LabelledSpikes:
    """Return the spikes in the training's folder; the first process makes them on first use.

    Raises
    ------
    UserError
        If those there were made with other settings.
    """
    file = Path(training) / SPIKES
    made_of = file.with_suffix(".json")
    wanted = {name: settings[name] for name in OF_SPIKES} | {"analyzers": [Path(one).name for one in analyzers]}
    if ranks.is_first and not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        spikes = make_spikes(settings, cells, analyzers)
        made_of.write_text(json.dumps(wanted))
        spikes.save(file)
    ranks.wait()
    if not made_of.is_file() or json.loads(made_of.read_text()) != wanted:
        raise UserError(f"{file} was made with other settings", "give the same ones to go on, or choose another --out")
    return LabelledSpikes.load(file, form_of(settings))


def make_spikes(settings: dict, cells: Path | None, analyzers: tuple) -> LabelledSpikes:
    """Cut the spikes of simulated recordings or of analyzers: those to train on, and a fourth as many others."""
    form, most = form_of(settings), math.ceil(settings["spikes_per_unit"] / TRAINED_SHARE)
    if cells is not None:
        train_cells, _ = split_cells(find_cells(cells))
        conditions = Conditions(probe=settings["probe"])
        return simulate_spikes(train_cells, form, n_units=settings["n_units"], spikes_per_unit=most,
                               seed=settings["seed"], conditions=conditions, follow_spikes=settings["follow_spikes"],
                               say=lambda line: print(f"simsort pretrain: {line}", flush=True))
    return joined([spikes_of_analyzer(folder, form, spikes_per_unit=most, seed=settings["seed"],
                                      only_good=settings["only_good"], follow_spikes=settings["follow_spikes"])
                   for folder in analyzers])


def split_spikes(spikes: LabelledSpikes, most: int) -> tuple[LabelledSpikes, LabelledSpikes]:
    """Return the first spikes of every unit, at most so many and never all of them, and the others."""
    first = np.zeros(len(spikes), dtype=bool)
    for unit in np.unique(spikes.unit):
        its = np.flatnonzero(spikes.unit == unit)
        first[its[:min(most, max(int(TRAINED_SHARE * len(its)), 1))]] = True
    return spikes.only(np.flatnonzero(first)), spikes.only(np.flatnonzero(~first))


def describe_data(train: LabelledSpikes, cells: Path | None, analyzers: tuple) -> dict:
    """Return what was trained on."""
    snr = train.snr[np.unique(train.unit)]
    note = {"units": train.n_units, "spikes": len(train), "recordings": len(train.temporal_roots),
            "snr": f"{snr.min():.1f} to {snr.max():.1f}"}
    if cells is not None:
        train_cells, held_out = split_cells(find_cells(cells))
        return note | {"source": "simulated recordings", "cells": len(train_cells), "cell_types": types_of(train_cells),
                       "held_out_cell_types": types_of(held_out)}
    return note | {"source": [Path(folder).name for folder in analyzers]}
