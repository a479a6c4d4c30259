"""Where cells come from: built in, installed packages, folders that the user downloaded or wrote."""

from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.cells import allen, bbp, own_folder
from simsort.simulation.cells.model import CellModel
from simsort.simulation.cells.packages import build_bmtk, list_bmtk, list_mearec

LAYOUTS = (own_folder, bbp, allen)
NAMED = ("builtin", "mearec", "bmtk")


def list_models(source: str, *, types=None, n_individuals: int = 1, seed: int = 0) -> list[CellModel]:
    """List the cells of a source.

    Parameters
    ----------
    source : str
        "builtin", "mearec", "bmtk", or a folder: of one cell, or of many.
    types : sequence of str, optional
        Only these types.
    n_individuals : int, default: 1
        Individuals of each built-in type; other sources have the cells they have.
    seed : int, default: 0
        Seed of the built-in individuals.

    Returns
    -------
    models : list of CellModel

    Raises
    ------
    UserError
        For an unknown source or type, a package that is not installed, a folder without cells or a cell with parts missing.
    """
    if source == "builtin":
        from simsort.simulation.cells.cell_types import builtin_models
        return builtin_models(types, n_individuals=n_individuals, seed=seed)
    models = list_mearec() if source == "mearec" else list_bmtk() if source == "bmtk" else list_folder(source)
    unknown = sorted(set(types or ()) - {model.cell_type for model in models})
    if unknown:
        raise UserError(f"--simulation.cells {source} has no cell type {unknown[0]!r}",
                        f"choose among {', '.join(sorted({model.cell_type for model in models}))}")
    return [model for model in models if not types or model.cell_type in types]


def list_folder(source: str) -> list[CellModel]:
    """List the cells of a folder: itself, or those one or two levels below."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise UserError(f"--simulation.cells was given {source!r}",
                        f"allowed: {', '.join(NAMED)}, or a folder of cells that exists")
    below = [path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern)) if path.is_dir()]
    found = [path for path in [folder, *below] if layout_of(path)]
    if not found:
        raise UserError(f"{folder} holds no cell", "name a folder of the NMC portal or of the Allen Cell Types database, or "
                        "one with morphology.swc and params.json (docs/cells.md)")
    return [layout_of(path).describe(path, "folder") for path in found]


def layout_of(folder: Path):
    """Return the module that reads a folder, None if it is no cell's."""
    return next((layout for layout in LAYOUTS if layout.is_cell(folder)), None)


def build_from_folder(model: CellModel, *, kinetics: str = "auto"):
    """Build a cell that is not built in.

    Raises
    ------
    UserError
        If channels without a compiler were asked for: these cells bring their own mechanisms.
    """
    if kinetics == "kschan":
        raise UserError(f"cell {model.name} has mechanisms of its own, which take a compiler",
                        "use --simulation.kinetics auto, or the built-in cells")
    if model.source == "bmtk":
        return build_bmtk(model)
    return layout_of(Path(model.folder)).build(model)
