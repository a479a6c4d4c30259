"""Train what a condition says, or take it from the folder, and embed spikes with it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simsort.benchmarks.representations.baselines import autoencoded, denoised_pca, train_autoencoder
from simsort.benchmarks.representations.conditions import Condition, Row
from simsort.benchmarks.representations.data import NAMING_SPIKES, Recordings, UnitSet, tested_part, trained_part
from simsort.ceed.augment import Augmentation
from simsort.ceed.embed import embed
from simsort.ceed.loss import TEMPERATURE
from simsort.ceed.spikes import LabelledSpikes, check_enough
from simsort.ceed.task import CeedTask
from simsort.models.ceed import MlpConfig, ScamConfig
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.trainer import TrainConfig, Trainer

EPOCHS = 400


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How long to train.

    Parameters
    ----------
    n_steps : int | None
        None: the published 400 epochs.
    device : str
    seed : int
    """

    n_steps: int | None = None
    device: str = "cpu"
    seed: int = 0

    def steps(self, n_spikes: int, batch: int) -> int:
        """Return the updates of the weights."""
        return self.n_steps or int(np.ceil(EPOCHS * n_spikes / batch))


def key_of(what: Condition, data: Recordings, amount: Amount) -> str:
    """Return the name of a training, by all that it depends on."""
    content = [asdict(what), data.n_units, amount.n_steps, amount.seed]
    if what.spikes > NAMING_SPIKES:
        content.append("same units")  # trainings without it are of versions with other units
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def chosen_spikes(what: Condition, data: Recordings, sets: dict) -> LabelledSpikes:
    """Return the spikes that a condition trains on."""
    spikes = data.spikes("train", what.n_channels, what.aligned, what.spikes)
    train = trained_part(spikes, what.spikes)
    if what.units == "ten":
        return train.only(np.isin(train.unit, sets["id"][0].units(spikes)))
    if what.units == "most":
        return train.only(~np.isin(train.unit, sets["ood"][0].units(spikes)))
    return train


def embedder(what: Condition, data: Recordings, sets: dict, amount: Amount, folder: Path):
    """Return a function from spikes to embeddings, and facts of the training; one in the folder is gone on with."""
    train = chosen_spikes(what, data, sets)
    batch = min(what.batch, len(train))
    check_enough(train, batch, "the data")
    n_steps = amount.steps(len(train), batch)
    facts = dict(n_steps=n_steps, n_spikes=len(train), n_units=train.n_units, epochs=n_steps * batch / len(train))
    if what.encoder == "autoencoder":
        net = train_autoencoder(train, what.dim, n_steps=n_steps, batch=batch, learning_rate=what.learning_rate,
                                device=amount.device, seed=amount.seed)
        return (lambda spikes: autoencoded(net, spikes)), facts
    trainer = trainer_of(what, train, n_steps, batch, amount, folder / key_of(what, data, amount))
    trainer.train()
    net = trainer.nets.encoder
    return (lambda spikes: embed(net, spikes, amount.device)), facts | {"seconds": trainer.seconds}


def trainer_of(what: Condition, train: LabelledSpikes, n_steps: int, batch: int, amount: Amount,
               folder: Path) -> Trainer:
    """Return the trainer of a contrastive encoder."""
    config = (MlpConfig(n_layers=what.n_layers, dim=what.dim, projector=what.projector) if what.encoder == "mlp"
              else ScamConfig(n_layers=what.n_layers, dim=what.dim))
    task = CeedTask(train, train.only(slice(0, 0)), config, Augmentation.without(*what.without), batch=batch,
                    temperature=TEMPERATURE[what.encoder])
    config = TrainConfig(n_steps=n_steps, sets_per_step=1, learning_rate=what.learning_rate, weight_decay=1e-4,
                         warm_up_steps=0, seed=amount.seed, stream=StreamConfig(seed=amount.seed, n_lanes=1))
    return Trainer(task, config, folder, device=amount.device, n_workers=0, checkpoint_steps=500, validation_steps=0)


def spikes_to_score(one: UnitSet, kind: str, data: Recordings, n_channels: int, aligned: bool,
                    spikes: int) -> LabelledSpikes:
    """Return the spikes of a set."""
    kind, spikes = ("unseen", 200) if kind == "unseen" else ("train", spikes)
    every = data.spikes(kind, n_channels, aligned, spikes)
    return tested_part(every, one.units(every), spikes)


def spikes_to_fit(one: UnitSet, data: Recordings, row: Row) -> LabelledSpikes:
    """Return the spikes of a set that a baseline of more spikes than are scored is fitted on."""
    every = data.spikes("train", row.n_channels, row.aligned, row.spikes)
    train = trained_part(every, row.spikes)
    return train.only(np.isin(train.unit, one.units(every)))


def baseline(spikes: LabelledSpikes, dim: int, fitted_on: LabelledSpikes | None = None) -> np.ndarray:
    """Return denoised principal components fitted on other spikes of the units or, as published, on themselves."""
    return denoised_pca(spikes, spikes if fitted_on is None else fitted_on, dim)
