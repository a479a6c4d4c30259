"""Cells to train on, made of formulas; torch on one thread, as in the workflow."""

import pytest
from steady_torch import one_thread  # noqa: F401


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
