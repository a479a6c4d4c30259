"""How well the head tells kinds of cells, on new morphologies and on sources of cells that it never saw."""

import dataclasses
import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np

from simsort.benchmarks.machine import describe_machine, made_on
from simsort.benchmarks.tables import markdown_table
from simsort.celltypes.main import draw_shared_units, split_individuals
from simsort.celltypes.simulated import CLASSES, LEAST_UV, KnownUnits, sort_cells
from simsort.config.ceed import CellTypes
from simsort.errors import UserError
from simsort.pretraining.cells import Cells, find_cells
from simsort.whole_files import write_json

AIM_ACCURACY, AIM_CALIBRATION = 0.85, 0.05
FOLDER = "cell-types"
N_UNITS = 2000
TEST_SHARE = 0.5  # as many units as this share of those trained on, for each test
NEW, CALIBRATION = "new morphologies", "cells to calibrate with"  # beside the names of sources, which have no space
SOURCE = re.compile(r"(?P<name>[\w-]+)=(?P<folder>.+?)(?::(?P<least_uv>\d+(?:\.\d+)?))?$")


@dataclasses.dataclass(frozen=True)
class Source:
    """Simulated cells of one origin.

    Attributes
    ----------
    name : str
    folder : Path
        Output of `simsort simulate`.
    least_uv : float
        Units count from this size on; a source of small cells needs less.
    """

    name: str
    folder: Path
    least_uv: float = LEAST_UV


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to run; the fields are options of `simsort bench cell-types`.

    Attributes
    ----------
    out : Path
        Output folder.
    sources : tuple of Source
        The first has three individuals or more of each type: it is always trained on, and its last ones are the new
        morphologies.
    n_units : int
        Of the first source, to train on; of each other one at most half as many.
    only_tables : bool
        Run nothing, write the table of what is kept.
    command : str
        As it stands above the table.
    """

    out: Path
    sources: tuple[Source, ...] = ()
    n_units: int = N_UNITS
    only_tables: bool = False
    command: str = "simsort bench cell-types"


def read_sources(texts: tuple[str, ...]) -> tuple[Source, ...]:
    """Return the sources of `name=folder` or `name=folder:uV`.

    Raises
    ------
    UserError
        If one is written otherwise, or two have the same name.
    """
    sources = []
    for text in texts:
        found = SOURCE.fullmatch(text)
        if found is None:
            raise UserError(f"--sources was given {text!r}", "write name=folder, or name=folder:uV with the size from "
                            "which on its units count")
        sources.append(Source(found["name"], Path(found["folder"]), float(found["least_uv"] or LEAST_UV)))
    if len({source.name for source in sources}) < len(sources):
        raise UserError("two of --sources have the same name", "give each its own")
    return tuple(sources)


def bench_cell_types(settings: Settings) -> dict:
    """Train on the first source with every choice of the others, and test on what was not trained on.

    Returns
    -------
    result : dict
        `runs` (see `measure`), `command`.

    Raises
    ------
    UserError
        Without sources, or with one that lacks what is needed.
    """
    kept = Path(settings.out) / FOLDER
    if not settings.only_tables:
        if not settings.sources:
            raise UserError("bench cell-types needs simulated cells", "add --sources name=folder,..., outputs of "
                            "simsort simulate; the first with --n-individuals 3 or more")
        kept.mkdir(parents=True, exist_ok=True)
        parts = draw_parts(settings)
        for trained_on in choices(settings.sources):
            file = kept / f"{'+'.join(source.name for source in trained_on)}.json"
            print(f"simsort bench: {file.stem}", flush=True)
            write_json(file, measure(trained_on, parts, settings))
    runs = [json.loads(file.read_text()) for file in kept.glob("*.json")]
    return {"runs": sorted(runs, key=lambda run: (len(run["trained_on"]), run["trained_on"])),
            "command": settings.command}


def choices(sources: tuple[Source, ...]) -> list[tuple[Source, ...]]:
    """Return the first source with none, one, ... all of the others."""
    first, *others = sources
    return [(first, *chosen) for n_chosen in range(len(others) + 1) for chosen in combinations(others, n_chosen)]


def draw_parts(settings: Settings) -> dict:
    """Draw units: those of each source by its name, `NEW` and `CALIBRATION`."""
    first, *others = settings.sources
    n_others = int(TEST_SHARE * settings.n_units)
    train, calibration, new = (Cells(paths) for paths in split_individuals(find_cells(first.folder)))
    classes = classes_of(train)
    parts = {}
    for name, cells, n_units, source in [
            *((source.name, Cells(find_cells(source.folder)), n_others, source) for source in others),
            (CALIBRATION, calibration, n_others, first), (NEW, new, n_others, first),
            (first.name, train, settings.n_units, first)]:
        parts[name] = draw_shared_units(cells, n_units, len(parts), classes, source.least_uv)
    return parts


def classes_of(cells: Cells) -> tuple[str, ...]:
    """Return the kinds of cells in the usual order."""
    there = sort_cells(cells)
    return tuple(kind for kind in CLASSES.values() if kind in there)


def measure(trained_on: tuple[Source, ...], parts: dict, settings: Settings) -> dict:
    """Train one head; return `trained_on`, `n_units`, `least_uv`, `machine` and `tests`, the scores by what was tested."""
    from simsort.celltypes.training import score_head, train_head

    names = [source.name for source in trained_on]
    train = joined([parts[name] for name in names])
    classes = tuple(kind for kind in CLASSES.values() if kind in train.kind)
    head = train_head(train, parts[CALIBRATION], classes, least_probability=CellTypes().least_probability, seed=0)
    tested = [NEW, *(source.name for source in settings.sources if source.name not in names)]
    return {"trained_on": names, "n_units": settings.n_units, "machine": describe_machine(),
            "least_uv": {source.name: source.least_uv for source in settings.sources},
            "tests": {name: score_head(head, parts[name]) | {"kinds": sorted(set(parts[name].kind.tolist()))}
                      for name in tested}}


def joined(parts: list[KnownUnits]) -> KnownUnits:
    """Return units of several sources as one set."""
    return KnownUnits(**{field.name: np.concatenate([getattr(part, field.name) for part in parts])
                         for field in dataclasses.fields(KnownUnits)})


def blocks_of(result: dict) -> dict[str, str]:
    """Return the block of docs/benchmarks.md."""
    if not result["runs"]:
        return {FOLDER: "Not measured yet."}
    header = ["trained on", "tested on", "units (cells)", "three kinds", "five kinds", "calibration error", "unsure",
              "five kinds, where sure"]
    rows = [row for run in result["runs"] for row in rows_of(run)]
    return {FOLDER: "\n\n".join([f"`{result['command']}`", f"{made_on(result['runs'][0]['machine'])}.",
                                 markdown_table(header, rows), notes(result["runs"]), verdict(result["runs"])])}


def rows_of(run: dict) -> list[list[str]]:
    """Return the rows of one head, one for each test."""
    rows = []
    for number, (name, scores) in enumerate(run["tests"].items()):
        sure = scores["balanced_accuracy_sure"]
        rows.append([" and ".join(run["trained_on"]) if number == 0 else "", name, f"{scores['n']} ({scores['n_cells']})",
                     f"{scores['balanced_accuracy_three']:.2f}", f"{scores['balanced_accuracy']:.2f}",
                     f"{scores['calibration_error']:.3f}", f"{100 * scores['unsure']:.0f} %",
                     "–" if sure is None else f"{sure:.2f}"])
    return rows


def notes(runs: list[dict]) -> str:
    """Say of which sources only some kinds or smaller units were tested."""
    kinds = {name: scores["kinds"] for run in runs for name, scores in run["tests"].items()}
    most = max(kinds.values(), key=len)
    said = [f"{name} has {' and '.join(its)} only" for name, its in kinds.items() if len(its) < len(most)]
    said += [f"units of {name} count from {least_uv:g} uV on" for name, least_uv in runs[0]["least_uv"].items()
             if least_uv != LEAST_UV]
    return (f"Balanced accuracy of the likeliest kind; three kinds: excitatory, PV, other inhibitory. Trained with "
            f"{runs[0]['n_units']} units of {runs[0]['trained_on'][0]}" + "".join(f"; {one}" for one in said) + ".")


def verdict(runs: list[dict]) -> str:
    """Say which marks are reached: on new morphologies and on sources never seen, by the worst of the heads."""
    said = []
    for words, chosen in ((NEW, lambda name: name == NEW), ("a source never seen", lambda name: name != NEW)):
        scores = [its for run in runs for name, its in run["tests"].items() if chosen(name)]
        if scores:
            accuracy = min(its["balanced_accuracy_three"] for its in scores)
            error = max(its["calibration_error"] for its in scores)
            said.append(f"On {words}: three kinds at least {AIM_ACCURACY}, {reached(accuracy >= AIM_ACCURACY)} (worst "
                        f"{accuracy:.2f}); calibration error below {AIM_CALIBRATION}, "
                        f"{reached(error < AIM_CALIBRATION)} (worst {error:.3f}).")
    return "Marks. " + " ".join(said)


def reached(is_so: bool) -> str:
    """Spell it."""
    return "reached" if is_so else "**not reached**"
