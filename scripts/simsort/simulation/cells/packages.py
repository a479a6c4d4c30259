"""Cells that installed Python packages bring along; the packages are found, not imported, and nothing is copied."""

import importlib.util
import sys
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.cells import allen, bbp
from simsort.simulation.cells.model import CellModel

LICENCES = {"mearec": "the 13 Blue Brain cells of MEArec are under CC BY-NC-SA 4.0 (not for commercial use)",
            "bmtk": "the 5 Allen Institute cells of bmtk are under its BSD-3 licence"}
# Morphology and fit of each cell, as bmtk's own examples pair them.
BMTK_CELLS = {"Scnn1a_473845048": "472363762", "Rorb_325404214": "473863510", "Nr5a1_471087815": "473863035",
              "Pvalb_470522102": "472912177", "Pvalb_469628681": "473862421"}
_SAID: set[str] = set()


def package_folder(package: str, remedy: str) -> Path:
    """Return where a package is installed.

    Raises
    ------
    UserError
        If it is not.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the Python package {package}, whose cells were asked for, is not installed", remedy)
    return Path(next(iter(spec.submodule_search_locations)))


def say_licence(source: str) -> None:
    """Print a source's licence, once."""
    if source not in _SAID:
        _SAID.add(source)
        print(f"simsort: {LICENCES[source]}", file=sys.stderr)


def list_mearec() -> list[CellModel]:
    """List MEArec's cells (Buccino and Einevoll, Neuroinformatics 19:185, 2021)."""
    folder = package_folder("MEArec", "pip install MEArec") / "cell_models" / "bbp"
    say_licence("mearec")
    return [bbp.describe(cell, "mearec") for cell in sorted(folder.iterdir()) if bbp.is_cell(cell)]


def bmtk_folder() -> Path:
    """Return the folder of bmtk's example cells."""
    return package_folder("bmtk", "pip install --no-deps bmtk") / "utils" / "scripts" / "bionet"


def list_bmtk() -> list[CellModel]:
    """List bmtk's cells (Dai et al., PLoS Comput Biol 16:e1008386, 2020)."""
    folder = bmtk_folder()
    say_licence("bmtk")
    return [allen.model_of(name, name, "bmtk", folder) for name in BMTK_CELLS]


def build_bmtk(model: CellModel):
    """Build one of bmtk's cells."""
    folder = Path(model.folder)
    fit = folder / "biophysical_neuron_models" / f"{BMTK_CELLS[model.name]}_fit.json"
    morphology = folder / "morphologies" / f"{model.name}_m.swc"
    mods = sorted(path for path in (folder / "mechanisms" / "modfiles").glob("*.mod") if path.stem != "vecevent")
    for path in (fit, morphology):
        if not path.is_file():
            raise UserError(f"{path} is missing", "install bmtk again: pip install --no-deps --force-reinstall bmtk")
    return allen.build_fit(model, fit, morphology, mods)
