"""The simulated cells that recordings are drawn from: read when needed, a few kept."""

from collections import OrderedDict
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.library.cell_library import CellLibrary

HELD_OUT_TYPES = ("L6_PC", "L23_ChC")
N_KEPT = 16  # a library takes some 10 MB


class Cells:
    """Libraries of cells as files.

    Parameters
    ----------
    paths : list of Path
        Files of `CellLibrary.save`.
    """

    def __init__(self, paths):
        self.paths = [Path(path) for path in paths]
        self.kept: OrderedDict[int, CellLibrary] = OrderedDict()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> CellLibrary:
        if index not in self.kept:
            self.kept[index] = CellLibrary.load(self.paths[index])
            while len(self.kept) > N_KEPT:
                self.kept.popitem(last=False)
        self.kept.move_to_end(index)
        return self.kept[index]

    def __getstate__(self) -> dict:
        return {"paths": self.paths, "kept": OrderedDict()}  # worker processes read for themselves


def find_cells(folder) -> list[Path]:
    """Return the cells' files below a folder, sorted by name.

    Raises
    ------
    UserError
        If there are none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder of cells", "give the output folder of simsort simulate")
    paths = sorted((path for path in folder.rglob("*.safetensors") if path.parent.name == "cells"),
                   key=lambda path: (path.name, str(path)))
    if not paths:
        raise UserError(f"{folder} holds no simulated cells", "make some with simsort simulate --out DIR")
    return paths


def split_cells(paths: list[Path]) -> tuple[Cells, Cells]:
    """Return the cells to train on and those of `HELD_OUT_TYPES`; the same ones twice where only one kind is there."""
    held_out = [path for path in paths if path.stem.startswith(tuple(f"{name}_" for name in HELD_OUT_TYPES))]
    others = [path for path in paths if path not in held_out]
    return Cells(others or held_out), Cells(held_out or others)
