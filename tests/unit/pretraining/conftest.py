"""Cells to train on, made of formulas; torch on one thread, as in the workflow."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "simulation"))  # made_up_cells


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The same sums in the same order, whatever the machine."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cells_folder(tmp_path_factory):
    """A folder with six cells, two of them of a held-out type."""
    import dataclasses

    from made_up_cells import made_up_cells

    pytest.importorskip("safetensors")
    folder = tmp_path_factory.mktemp("simulated") / "library" / "cells"
    folder.mkdir(parents=True)
    for cell in made_up_cells(2):
        name = cell.model["name"].replace("L5_PVB", "L6_PC")
        dataclasses.replace(cell, model={**cell.model, "name": name}).save(folder / f"{name}.safetensors")
    return folder.parents[1]


@pytest.fixture(scope="session")
def cells(cells_folder):
    """The cells to train on and those held out."""
    from simsort.pretraining.cells import find_cells, split_cells

    return split_cells(find_cells(cells_folder))
