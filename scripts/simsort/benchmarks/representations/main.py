"""`simsort bench representations`: train and score what is asked for and not kept."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simsort.benchmarks.machine import describe_machine
from simsort.benchmarks.measured import store
from simsort.benchmarks.representations.conditions import TABLES, Row
from simsort.benchmarks.representations.data import NAMING_SPIKES, UNSEEN_SEED, Recordings, UnitSet
from simsort.benchmarks.representations.training import (
    Amount, baseline, embedder, key_of, spikes_to_fit, spikes_to_score)
from simsort.ceed.scores import scores_of
from simsort.ceed.spikes import LabelledSpikes
from simsort.errors import UserError
from simsort.pretraining.cells import Cells, find_cells, split_cells


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to run; the fields are options of `simsort bench representations`.

    Attributes
    ----------
    out : Path
        Output folder: spikes, trainings and results.
    cells : Path | None
        Folder with simulated cells.
    parts : tuple of str
        Of `conditions.PARTS`, or `tables` alone: run nothing, show what is kept.
    n_units : int
        Units to train on; published: 400.
    n_steps : int | None
        Of every training; None: the published 400 epochs.
    n_fits : int
        Gaussian mixtures fitted to each set; published: 50.
    device : str
    model : Path | None
        Folder of a CEED encoder, for the parts `model` and `cases`; None: the shipped one.
    unseen_seed : int
        Of the unseen recording of the part `model`; results of another than the tables' are kept beside theirs.
    command : str
        As it stands above the tables.
    """

    out: Path
    cells: Path | None
    parts: tuple[str, ...]
    n_units: int = 400
    n_steps: int | None = None
    n_fits: int = 50
    device: str = "auto"
    model: Path | None = None
    unseen_seed: int = UNSEEN_SEED
    command: str = "simsort bench representations"


def bench_representations(settings: Settings) -> dict:
    """Run what is asked for.

    Returns
    -------
    result : dict
        `parts` (content by name of everything kept), `machine`, `command`.

    Raises
    ------
    UserError
        Without cells, or where nothing is kept.
    """
    from simsort.pretraining.distributed import choose_device

    folder = Path(settings.out) / "representations"
    asked = [part for part in settings.parts if part != "tables"]
    if asked and settings.cells is None:
        raise UserError("simsort bench representations needs cells for its recordings",
                        "make some with simsort simulate, and add --cells DIR")
    if asked:
        train, held_out = split_cells(find_cells(settings.cells))
        data, other = (Recordings(folder / "spikes", train, held_out, settings.n_units, seed)
                       for seed in (UNSEEN_SEED, settings.unseen_seed))
        amount = Amount(n_steps=settings.n_steps, device=str(choose_device(settings.device)))
        for part in asked:
            is_other = part == "model" and settings.unseen_seed != UNSEEN_SEED
            store(folder / f"{part}{f'_{settings.unseen_seed}' if is_other else ''}.json",
                  run_part(part, other if is_other else data, amount, settings.n_fits, folder, settings.model))
    kept = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    if not kept:
        raise UserError(f"{settings.out} holds no results of simsort bench representations", "run some parts")
    return {"parts": kept, "machine": describe_machine(), "command": settings.command}


def run_part(part: str, data: Recordings, amount: Amount, n_fits: int, folder: Path,
             model: Path | None) -> dict:
    """Run one table or figure."""
    from simsort.benchmarks.representations import figures
    from simsort.benchmarks.representations.shapes import measure

    conditions = {"n_units": data.n_units, "n_steps": amount.n_steps, "n_fits": n_fits}
    if part in TABLES:
        sets = data.sets()
        rows = [row_scores(row, data, sets, amount, n_fits, folder) for row in TABLES[part][1]]
        described = {kind: [one.describe() for one in its] for kind, its in sets.items()}
        return {"rows": rows, "sets": described, **conditions}
    if part == "model":
        return {**figures.score_model(model, data, amount.device, n_fits), **conditions}
    if part == "cases":
        return {**figures.score_cases(model, folder, amount.device, n_fits), **conditions}
    if part == "wavemap":
        cells = Cells([*data.cells.paths, *data.held_out.paths])
        return {**conditions, **measure(cells, data.n_units, amount.n_steps, amount.device, folder)}
    return {**figures.run(part, data, amount, n_fits, folder), **conditions}


def row_scores(row: Row, data: Recordings, sets: dict, amount: Amount, n_fits: int, folder: Path) -> dict:
    """Return the scores of one row on its sets; kept by all that they depend on."""
    file = folder / "scores" / f"{name_of(row, data, amount, n_fits)}.json"
    if file.is_file():
        return json.loads(file.read_text())
    of, facts, function = row.what or row, {}, None
    if row.what is not None:
        print(f"simsort bench: representations, {row.words}", flush=True)
        function, facts = embedder(row.what, data, sets, amount, folder / "trainings")
    found = []
    for one in sets[row.on]:
        spikes = spikes_to_score(one, row.on, data, of.n_channels, of.aligned, of.spikes)
        embedding = function(spikes) if function else baseline_of(row, one, spikes, data)
        found.append({"set": one.name, **scores_of(embedding, spikes.unit, n_fits=n_fits, automatic=True)})
    content = {"words": row.words, "on": row.on, "published": row.published, "scores": found, "facts": facts}
    store(file, content)
    return content


def baseline_of(row: Row, one: UnitSet, spikes: LabelledSpikes, data: Recordings) -> np.ndarray:
    """Return what a row without training makes of the spikes of a set."""
    return baseline(spikes, row.dim, spikes_to_fit(one, data, row) if row.spikes > NAMING_SPIKES else None)


def name_of(row: Row, data: Recordings, amount: Amount, n_fits: int) -> str:
    """Return the name of a row's file."""
    import hashlib

    if row.what is not None:
        base = key_of(row.what, data, amount)
    else:
        base = "pca"
    fields = asdict(row) | {"what": None}
    if row.spikes == NAMING_SPIKES:
        del fields["spikes"]  # as kept by versions that had no other
    rest = json.dumps([row.words, fields, data.n_units, n_fits], sort_keys=True, default=str)
    return f"{base}_{hashlib.sha256(rest.encode()).hexdigest()[:8]}"
