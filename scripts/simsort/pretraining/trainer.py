"""The training loop: AdamW with warm-up and cosine decay, checkpoints from which a killed run goes on unchanged."""

import contextlib
import json
import math
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from simsort.errors import UserError
from simsort.pretraining.distributed import Ranks
from simsort.pretraining.log import Log, seeded_generator
from simsort.pretraining.stream import SetStream, StreamConfig

STOPPED = 143  # exit status after SIGTERM: the workflow tries again, and the run goes on from its checkpoint
LAST_RATE = 0.02  # of the cosine, as a share of the peak
COOL_DOWN = 0.2  # of a time limit: over its end the rate falls to its last value


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; the same losses follow from the same of these.

    Parameters
    ----------
    n_steps : int
        Updates of the weights.
    sets_per_step : int
        Sets (each of one recording) whose gradients are added for an update, in each process.
    learning_rate, weight_decay : float
        Of AdamW.
    warm_up_steps : int
        Steps over which the rate rises.
    clip : float
        Largest norm of the gradient.
    precision : "fp32" | "bf16"
    seed : int
    stream : StreamConfig
    """

    n_steps: int = 4000
    sets_per_step: int = 2
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 200
    clip: float = 1.0
    precision: str = "fp32"
    seed: int = 0
    stream: StreamConfig = field(default_factory=StreamConfig)


class Trainer:
    """Trains the networks of a task.

    Parameters
    ----------
    task : SpikeTask | PaperTask
    config : TrainConfig
    folder : Path
        Gets `checkpoint.pt`, `log.jsonl`, `tensorboard/`; a checkpoint there is gone on from.
    device : torch.device | str, default: "cpu"
    ranks : Ranks
    n_workers : int, default: 1
        Processes that make data; 0: this one does.
    render_device : str, default: "cpu"
    compiled : bool, default: False
    checkpoint_steps, validation_steps : int
        0: never before the end.
    time_limit_h : float | None, default: None
        Hours of training, those before the checkpoint included, after which it ends although steps are left. Over the
        last fifth of them the rate falls as 1 - sqrt (Hagele et al. 2024, NeurIPS), so that the weights are finished.
    """

    def __init__(self, task, config: TrainConfig, folder: Path, *, device="cpu", ranks: Ranks = Ranks(),
                 n_workers: int = 1, render_device: str = "cpu", compiled: bool = False, checkpoint_steps: int = 200,
                 validation_steps: int = 500, time_limit_h: float | None = None):
        self.task, self.config, self.folder, self.ranks = task, config, Path(folder), ranks
        self.device, self.n_workers, self.render_device = torch.device(device), n_workers, render_device
        self.checkpoint_steps, self.validation_steps = checkpoint_steps, validation_steps
        torch.manual_seed(config.seed)
        self.nets = task.nets().to(self.device)
        if compiled:
            self.nets.compile_parts()
        groups = [{"lr_peak": config.learning_rate, "weight_decay": config.weight_decay, **group}
                  for group in task.groups(self.nets)]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
        self.step, self.n_items, self.seconds = 0, 0, 0.0
        self.asked, self.stopped = False, False  # to end: this process, and all of them
        self.time_limit_h, self.time_share = time_limit_h, 0.0
        self.counted: dict = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self.load()
        self.wrapped = ranks.wrap(self.nets)

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.folder / "checkpoint.pt"

    def description(self) -> str:
        """Return what a checkpoint must agree with, as JSON."""
        return json.dumps(dict(train=asdict(self.config), task=self.task.describe(), n_ranks=self.ranks.n_ranks),
                          sort_keys=True)

    def rate(self, group: dict) -> float:
        """Return the learning rate of a parameter group at this step and time."""
        cooled = min(max(self.time_share - (1 - COOL_DOWN), 0.0) / COOL_DOWN, 1.0)
        least = LAST_RATE * group["lr_peak"] if cooled else 0.0
        return max(self.scheduled(group) * (1 - math.sqrt(cooled)), least)

    def scheduled(self, group: dict) -> float:
        """Return the learning rate of a parameter group at this step where time is not limited."""
        if group["schedule"] == "constant":
            return group["lr_peak"]
        warm_up = self.config.warm_up_steps
        if self.step < warm_up:
            return group["lr_peak"] * (self.step + 1) / warm_up
        done = min((self.step - warm_up) / max(self.config.n_steps - warm_up, 1), 1.0)
        return group["lr_peak"] * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))

    def train(self) -> dict:
        """Train from the last checkpoint to the end, or until the time is over.

        Returns
        -------
        scores : dict
            Of the last validation.
        """
        config, scores = self.config, {}
        stream = SetStream(self.task.source(self.render_device), config.stream, n_workers=self.n_workers,
                           first=self.step * config.sets_per_step, rank=self.ranks.rank, n_ranks=self.ranks.n_ranks)
        log = Log(self.folder, self.step, config.n_steps) if self.ranks.is_first else None
        with contextlib.ExitStack() as stack:
            for resource in filter(None, (stream, log)):
                stack.enter_context(contextlib.closing(resource))
            stack.enter_context(self.on_sigterm())
            started = time.perf_counter()
            self.look_at_clock()
            while self.step < config.n_steps and not self.stopped and self.time_share < 1:
                parts = self.update(stream)
                self.stopped = self.ranks.of_any(self.asked)  # all after the same step: a gradient needs every process
                self.seconds, started = self.seconds + time.perf_counter() - started, time.perf_counter()
                self.look_at_clock()
                if not log:
                    continue
                log.step(self.step, parts, self.left_s())
                if self.due(self.checkpoint_steps) or self.stopped:
                    self.save()
                if self.due(self.validation_steps) and not self.stopped:
                    scores = self.task.validate(self.nets, self.device)
                    if scores:
                        log.validation(self.step, scores)
                    started = time.perf_counter()
        if self.stopped:
            raise SystemExit(STOPPED)
        return scores

    def due(self, every: int) -> bool:
        """Tell whether something is done at this step; always at the last."""
        is_last = self.step == self.config.n_steps or self.time_share >= 1
        return is_last or (every > 0 and self.step % every == 0)

    def look_at_clock(self) -> None:
        """Find how much of the time limit is used up, for all processes by the first one's clock."""
        if self.time_limit_h is not None:
            limit_s = 3600 * self.time_limit_h
            self.time_share = self.ranks.of_first(self.seconds / limit_s if self.seconds < limit_s else 1.0)

    def left_s(self) -> float:
        """Return the seconds left of the time limit."""
        return math.inf if self.time_limit_h is None else 3600 * self.time_limit_h - self.seconds

    @contextlib.contextmanager
    def on_sigterm(self):
        """Finish the step and save when asked to end, as Slurm does before a time limit."""
        def stop(_signal, _frame):
            self.asked = True
        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def update(self, stream) -> dict:
        """Make one step; return the parts of the loss, means over the sets, as tensors."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group)
        self.nets.train()
        self.optimizer.zero_grad(set_to_none=True)
        totals: dict = {}
        for turn in range(config.sets_per_step):
            numbers = (config.seed, self.step, turn, self.ranks.rank)
            generator = seeded_generator(self.device, *numbers)
            torch.manual_seed(generator.initial_seed())  # of dropout
            item = next(stream)
            self.n_items += self.task.n_items(item) * self.ranks.n_ranks
            self.count(item)
            item = item.to(self.device)
            last = turn == config.sets_per_step - 1
            with contextlib.nullcontext() if last or self.ranks.n_ranks == 1 else self.wrapped.no_sync():
                loss, parts = self.wrapped(self.task.prepare(item, generator), self.autocast())
                (loss / config.sets_per_step).backward()
            for name, value in parts.items():
                totals[name] = totals.get(name, 0.0) + value.detach() / config.sets_per_step
        totals["gradient"] = torch.nn.utils.clip_grad_norm_(self.nets.parameters(), config.clip)
        self.optimizer.step()
        self.step += 1
        return totals

    def count(self, item) -> None:
        """Add a set to what was trained on; the other processes' sets are taken to be alike."""
        for name, value in (("sets", 1), *self.task.amounts(item).items()):
            self.counted[name] = self.counted.get(name, 0) + value * self.ranks.n_ranks

    def autocast(self):
        """Return the context in which the networks run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bf16")

    def save(self) -> None:
        """Write the checkpoint aside, then in place."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(dict(nets=self.nets.state_dict(), optimizer=self.optimizer.state_dict(), step=self.step,
                        n_items=self.n_items, seconds=self.seconds, counted=self.counted, config=self.description()), part)
        part.rename(self.checkpoint)

    def load(self) -> None:
        """Go on from the checkpoint.

        Raises
        ------
        UserError
            If it cannot be read or is of a training with other settings.
        """
        try:
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except Exception as error:  # a cut or foreign file raises many kinds
            raise UserError(f"{self.checkpoint} cannot be read ({type(error).__name__})",
                            "remove it to start anew, or choose another --out") from None
        if state.get("config") != self.description():
            raise UserError(f"{self.checkpoint} is of a training with other settings",
                            "give the same settings to go on, or choose another --out")
        self.nets.load_state_dict(state["nets"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.n_items, self.seconds = state["step"], state["n_items"], state["seconds"]
        self.counted = state.get("counted", {})
