"""Train at several amounts of data and sizes of networks, all for as many steps, and score each on held-out data."""

import dataclasses
import hashlib
import json
from pathlib import Path

from simsort.benchmarks.machine import describe_machine
from simsort.benchmarks.scaling.limited import LimitedTask, n_distinct
from simsort.errors import UserError
from simsort.models.detector import DetectorConfig
from simsort.models.encoder import EncoderConfig
from simsort.models.input_form import InputForm
from simsort.pretraining.cells import find_cells, split_cells
from simsort.pretraining.distributed import choose_device
from simsort.pretraining.main import EVALUATION_SEED
from simsort.pretraining.scores import score
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.trainer import TrainConfig, Trainer
from simsort.pretraining.validation import held_out_cases
from simsort.whole_files import write_json

# detector width and layers, encoder width and layers; `medium` is the default of simsort pretrain
SIZES = {"tiny": (16, 1, 16, 1), "small": (32, 2, 32, 2), "medium": (48, 2, 64, 4), "large": (96, 3, 128, 4),
         "larger": (128, 4, 192, 6)}
DEFAULT_SIZE, ENDLESS = "medium", 0
RECORDINGS = (1, 4, 16, 64, ENDLESS)  # distinct ones; ENDLESS: each is new


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to train; the fields are options of `simsort bench scaling`.

    Attributes
    ----------
    out : Path
        Output folder: results and trainings.
    cells : Path
        Folder with simulated cells.
    parts : tuple of str
        `data`, `size`, or `tables` alone: train nothing, write the tables of what is kept.
    n_steps : int
        Updates of the weights at every point.
    recordings : tuple of int
        Amounts of data.
    sizes : tuple of str
        Names of `SIZES`.
    n_events, n_evaluation, n_jobs : int
        Of `simsort pretrain`.
    device : str
    command : str
        As it stands above the tables.
    """

    out: Path
    cells: Path | None
    parts: tuple[str, ...] = ("data", "size")
    n_steps: int = 1000
    recordings: tuple[int, ...] = RECORDINGS
    sizes: tuple[str, ...] = tuple(SIZES)
    n_events: int = 768
    n_evaluation: int = 8
    n_jobs: int = 2
    device: str = "auto"
    command: str = "simsort bench scaling"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """One training: so many distinct recordings, networks of a size."""

    n_recordings: int
    size: str

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.size}_{self.n_recordings or 'endless'}"


def bench_scaling(settings: Settings) -> dict:
    """Train and score every point that is not kept from an earlier call.

    Returns
    -------
    result : dict
        `points` (each with `n_recordings`, `size`, `scores`, `n_parameters` and amounts of data), `machine`, `command`.

    Raises
    ------
    UserError
        For unknown sizes, or without cells.
    """
    for size in settings.sizes:
        if size not in SIZES:
            raise UserError(f"--sizes was given {size!r}", f"allowed: any of {', '.join(SIZES)}")
    if "tables" not in settings.parts:
        if settings.cells is None:
            raise UserError("simsort bench scaling needs cells to train on",
                            "make some with simsort simulate, and add --cells DIR")
        train_all(settings)
    kept = sorted((settings.out / "scaling").glob("*/result.json"))
    points = [json.loads(file.read_text()) for file in kept]
    if not points:
        raise UserError(f"{settings.out} holds no results of simsort bench scaling", "train some points")
    return {"points": points, "machine": describe_machine(), "command": settings.command}


def points_of(settings: Settings) -> list[Point]:
    """Return the points asked for; the default size with data without end belongs to both parts."""
    points = [Point(n_recordings=n, size=DEFAULT_SIZE) for n in settings.recordings if "data" in settings.parts]
    points += [Point(n_recordings=ENDLESS, size=size) for size in settings.sizes if "size" in settings.parts]
    return list(dict.fromkeys(points))


def train_all(settings: Settings) -> None:
    """Train and score the points that are not there yet."""
    train_cells, held_out = split_cells(find_cells(settings.cells))
    device, form, cases = choose_device(settings.device), InputForm(), None
    for point in points_of(settings):
        folder = settings.out / "scaling" / point.name
        key = hash_of(settings, point, len(train_cells))
        file = folder / "result.json"
        if file.is_file() and json.loads(file.read_text())["key"] == key:
            continue
        print(f"simsort bench: scaling, {point.name}", flush=True)
        if cases is None:
            cases = held_out_cases(held_out, form, n_recordings=settings.n_evaluation, first_seed=EVALUATION_SEED)
        result = train_one(settings, point, (train_cells, held_out), folder / key, cases, device)
        write_json(file, {"key": key, "n_steps": settings.n_steps, **result})


def hash_of(settings: Settings, point: Point, n_cells: int) -> str:
    """Return what the result of a point depends on, in short."""
    content = [settings.n_steps, settings.n_events, settings.n_evaluation, dataclasses.astuple(point),
               SIZES[point.size], n_cells]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]


def train_one(settings: Settings, point: Point, cells: tuple, folder: Path, cases: list, device) -> dict:
    """Train one point, going on from its checkpoint where there is one, and score it."""
    detector_width, detector_layers, encoder_width, encoder_layers = SIZES[point.size]
    task = LimitedTask(*cells, InputForm(), DetectorConfig(width=detector_width, n_layers=detector_layers),
                       EncoderConfig(width=encoder_width, n_layers=encoder_layers), n_events=settings.n_events,
                       n_recordings=point.n_recordings)
    config = TrainConfig(n_steps=settings.n_steps, warm_up_steps=min(200, settings.n_steps // 5), stream=StreamConfig())
    trainer = Trainer(task, config, folder, device=device, n_workers=max(settings.n_jobs - 1, 0), validation_steps=-1)
    trainer.train()
    counted = trainer.counted
    n_sets = settings.n_steps * config.sets_per_step
    n_different, n_sets_different = n_distinct(config.stream, n_sets, point.n_recordings)
    share = n_sets_different / n_sets
    nets = trainer.nets
    return dict(dataclasses.asdict(point), scores=score(nets.detector, nets.encoder, cases, device),
                n_parameters={name: sum(value.numel() for value in getattr(nets, name).parameters())
                              for name in ("detector", "encoder")},
                distinct_recordings=n_different, distinct_sets=n_sets_different, hours=trainer.seconds / 3600,
                distinct_spikes=round(counted["spikes"] * share), distinct_seconds=round(counted["seconds"] * share))
