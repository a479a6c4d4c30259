"""Where cells come from: built in, installed packages, folders."""

from simsort.errors import UserError

PACKAGES = ("mearec", "bmtk")


def list_models(source: str, *, types=None, n_individuals: int = 1, seed: int = 0) -> list:
    """List the cells of a source.

    Parameters
    ----------
    source : str
        "builtin", "mearec", "bmtk" or a folder.
    types : sequence of str, optional
        Only these types.
    n_individuals : int, default: 1
        Individuals of each built-in type; other sources have the cells they have.
    seed : int, default: 0
        Seed of the individuals.

    Returns
    -------
    models : list of CellModel

    Raises
    ------
    UserError
        For an unknown source or type, a package that is not installed, or a folder without cells.
    """
    if source == "builtin":
        from simsort.simulation.cells.cell_types import builtin_models
        return builtin_models(types, n_individuals=n_individuals, seed=seed)
    raise UserError(f"cells of source {source!r} are unknown", f"choose builtin, {', '.join(PACKAGES)} or a folder")
