"""The training loop: AdamW with warm-up and cosine decay, checkpoints from which a killed run goes on unchanged."""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from simsort.models.detector import Detector, DetectorConfig
from simsort.models.encoder import Encoder, EncoderConfig
from simsort.models.input_form import InputForm
from simsort.pretraining.losses import loss_of
from simsort.pretraining.stream import EventStream, StreamConfig


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train.

    Parameters
    ----------
    n_steps : int
        Updates of the weights.
    sets_per_step : int
        Sets of events (each of one recording) whose gradients are added for an update.
    learning_rate, weight_decay : float
        Of AdamW.
    warm_up : int
        Steps over which the rate rises.
    clip : float
        Largest norm of the gradient.
    checkpoint_steps : int
    seed : int
    net : SpikeNetConfig
    stream : StreamConfig
    """

    n_steps: int = 4000
    sets_per_step: int = 1
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    warm_up: int = 200
    clip: float = 1.0
    checkpoint_steps: int = 200
    seed: int = 0
    form: InputForm = field(default_factory=InputForm)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)


class Trainer:
    """Trains one network.

    Parameters
    ----------
    libraries : list of CellLibrary
    config : TrainConfig
    folder : Path
        `checkpoint.pt`, `log.jsonl`.
    device : str
    n_workers : int
        Processes that make data.
    """

    def __init__(self, libraries, config: TrainConfig, folder: Path, *, device: str = "cpu", n_workers: int = 1):
        self.libraries, self.config, self.folder = libraries, config, Path(folder)
        self.device, self.n_workers = torch.device(device), n_workers
        torch.manual_seed(config.seed)
        self.net = torch.nn.ModuleDict(dict(detector=Detector(config.form, config.detector),
                                            encoder=Encoder(config.form, config.encoder))).to(self.device)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=config.learning_rate, betas=(0.9, 0.98),
                                           weight_decay=config.weight_decay)
        self.step = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self.load()

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.folder / "checkpoint.pt"

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        config = self.config
        if step < config.warm_up:
            return config.learning_rate * (step + 1) / config.warm_up
        done = (step - config.warm_up) / max(config.n_steps - config.warm_up, 1)
        return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))

    def train(self) -> None:
        """Train from the last checkpoint to the end."""
        stream = EventStream(self.libraries, self.config.form, self.config.stream, n_workers=self.n_workers,
                             first_step=self.step * self.config.sets_per_step)
        try:
            with open(self.folder / "log.jsonl", "a") as log:
                while self.step < self.config.n_steps:
                    started = time.perf_counter()
                    parts = self.update(stream)
                    parts |= dict(step=self.step, seconds=time.perf_counter() - started)
                    log.write(json.dumps({k: round(v, 5) for k, v in parts.items()}) + "\n")
                    log.flush()
                    if self.step % self.config.checkpoint_steps == 0 or self.step == self.config.n_steps:
                        self.save()
        finally:
            stream.close()

    def update(self, stream) -> dict:
        """Make one step; return the mean of the parts of the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        self.net.train()
        self.optimizer.zero_grad(set_to_none=True)
        totals: dict = {}
        for _ in range(self.config.sets_per_step):
            events = next(stream).to(self.device)
            given = (events.snippets, events.offsets_um, events.is_there)
            loss, parts = loss_of(self.net.detector(*given), self.net.encoder(*given), events)
            (loss / self.config.sets_per_step).backward()
            for name, value in parts.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / self.config.sets_per_step
        totals["gradient"] = float(torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip))
        self.optimizer.step()
        self.step += 1
        return totals

    def save(self) -> None:
        """Write the checkpoint aside, then in place."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(dict(net=self.net.state_dict(), optimizer=self.optimizer.state_dict(), step=self.step,
                        config=json.dumps(asdict(self.config))), part)
        part.rename(self.checkpoint)

    def load(self) -> None:
        """Go on from the checkpoint."""
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
