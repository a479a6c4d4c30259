"""From simulated cells to a head that tells units' kinds: `simsort pretrain --method cell-types`."""

import re
import time
from pathlib import Path

import numpy as np

from simsort.celltypes.features import NAMES
from simsort.celltypes.head import ARCHITECTURE, FORMAT
from simsort.celltypes.simulated import LEAST_UV, KnownUnits, draw_units, sort_cells
from simsort.celltypes.training import score_head, train_head
from simsort.errors import UserError
from simsort.pretraining.cells import Cells, find_cells

CALIBRATION_SHARE = 0.5  # as many units as this share of those trained on, to calibrate and for each test
MORPHOLOGY, SOURCE = "morphologies never seen", "a source of cells never seen"


def train_cell_types(settings: dict, cells: Path, out: Path, *, test_cells: Path | None = None) -> dict:
    """Train a head, calibrate it, score it on cells it has not seen, and write its folder.

    Parameters
    ----------
    settings : dict
        Of the stage `cell_types`.
    cells : Path
        Folder of simulated cells. Of each type the last individual tests, the one before it calibrates.
    out : Path
        The folder.
    test_cells : Path | None
        Cells of another source, only to test.

    Returns
    -------
    note : dict
        The content of model.json.

    Raises
    ------
    UserError
        If a kind was never simulated, there is one only, types have fewer than three individuals, or `test_cells` cannot
        be scored.
    """
    started = time.perf_counter()
    classes, n_units, seed = tuple(settings["classes"]), settings["n_units"], settings["seed"]
    parts = split_individuals(find_cells(cells))
    n_others = int(CALIBRATION_SHARE * n_units)
    # what cannot be scored is refused here, not after the training
    tests = {} if test_cells is None else {
        SOURCE: draw_shared_units(Cells(find_cells(test_cells)), n_others, seed + 9, classes)}
    train, calibration, test = (draw_units(Cells(paths), n, seed + number, classes) for number, (paths, n) in
                                enumerate(zip(parts, (n_units, n_others, n_others))))
    head = train_head(train, calibration, classes, least_probability=settings["least_probability"], seed=seed)
    scores = {name: score_head(head, units) for name, units in ({MORPHOLOGY: test} | tests).items()}
    note = {**head.note, "data": describe_cells(parts, test_cells, n_units),
            "training": {name: value for name, value in settings.items()}, "scores": scores,
            "made": describe(time.perf_counter() - started)}
    save_head(Path(out), head.tensors, note)
    return note


def split_individuals(paths: list[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the cells to train on, to calibrate with and to test on: of each type all, one and one individual."""
    by_type: dict[str, list[Path]] = {}
    for path in paths:
        by_type.setdefault(re.sub(r"_\d+$", "", path.stem), []).append(path)
    few = [name for name, its in by_type.items() if len(its) < 3]
    if few:
        raise UserError(f"{few[0]} has {len(by_type[few[0]])} individuals, and training needs three of each type: to "
                        "learn, to calibrate, to test", "simulate more with --n-individuals 4")
    groups = [sorted(its) for its in by_type.values()]
    return ([path for its in groups for path in its[:-2]], [its[-2] for its in groups], [its[-1] for its in groups])


def draw_shared_units(cells, n_units: int, seed: int, classes: tuple, least_uv: float = LEAST_UV) -> KnownUnits:
    """Draw units of a source that may lack some kinds: of each that it has as many as if it had all.

    Raises
    ------
    UserError
        If it has fewer than two of the kinds: a balanced accuracy of one kind says nothing.
    """
    by_kind = sort_cells(cells)
    there = tuple(kind for kind in classes if kind in by_kind)
    if len(there) < 2:
        raise UserError(f"the cells to test on are of {', '.join(there) or 'none'} of the kinds {', '.join(classes)}",
                        "give cells of two of them or more")
    return draw_units(cells, n_units * len(there) // len(classes), seed, there, least_uv)


def describe_cells(parts: tuple, test_cells: Path | None, n_units: int) -> dict:
    """Return what was trained, calibrated and tested on."""
    note = {"units": n_units, "cells": len(parts[0]), "calibrated_with": sorted(path.stem for path in parts[1]),
            "tested_on": sorted(path.stem for path in parts[2])}
    if test_cells is not None:
        note["tested_on_source"] = sorted(path.stem for path in find_cells(test_cells))
    return note


def describe(seconds: float) -> dict:
    """Return when and with what it was made."""
    import torch

    from simsort.pretraining.main import describe_making

    return describe_making(torch.device("cpu"), seconds, "pretrain --method cell-types", 1)


def save_head(folder: Path, tensors: dict, note: dict) -> None:
    """Write the folder: head.safetensors, model.json and the card."""
    from safetensors.numpy import save_file

    from simsort.models.model_folder import share, write_note

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "head.safetensors"
    save_file({name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}, file)
    share(file)
    content = {"format": FORMAT, "architecture": ARCHITECTURE, "head": {
        "n_parameters": sum(value.size for name, value in tensors.items() if name[0] in "wb")},
        "input": {"features": len(NAMES), "of": "a unit's mean spike on its channels, and its spike train"}}
    write_note(folder, content | note)
