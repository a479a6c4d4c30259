"""The description of one simulated individual, which can be pickled, and its building."""

from dataclasses import dataclass

from simsort.errors import UserError

KINETICS = ("auto", "nmodl", "kschan")


@dataclass(frozen=True, kw_only=True)
class CellModel:
    """One individual cell of a source.

    Attributes
    ----------
    source : "builtin" | "mearec" | "bmtk" | "folder"
    name : str
        Unique in its source and safe as a file name: "L5_TTPC_03", "L5_TTPC1_cADpyr232_1".
    cell_type : str
        Electro-morphological type: "L5_TTPC".
    layer : "L1" | "L2/3" | "L4" | "L5" | "L6" | "unknown"
    neuron_class : "excitatory" | "inhibitory" | "unknown"
    subclass : "pyramidal" | "PV" | "SST" | "VIP" | "NGC" | "unknown"
    individual : int
        Number among the individuals of its type.
    seed : int
        Seed of the source's drawing of individuals.
    folder : str | None
        Where a model of a folder lies.
    rate_hz : tuple
        5th and 95th percentile of the type's firing rate in vivo (Hz).
    burst_probability : float
        Share of spikes that a burst follows.
    """

    source: str
    name: str
    cell_type: str
    layer: str
    neuron_class: str
    subclass: str
    individual: int
    seed: int
    folder: str | None = None
    rate_hz: tuple = (1.0, 10.0)
    burst_probability: float = 0.0


def build_cell(model: CellModel, *, kinetics: str = "auto"):
    """Build a model in NEURON; call it in a fresh process, for NEURON keeps what was made before.

    Parameters
    ----------
    model : CellModel
        What to build.
    kinetics : "auto" | "nmodl" | "kschan", default: "auto"
        Channels compiled from the .mod files, or without a compiler (built-in cells only); "auto" takes what there is.

    Returns
    -------
    Cell

    Raises
    ------
    UserError
        For an unknown source or kind of kinetics, or a model that cannot be built.
    """
    if kinetics not in KINETICS:
        raise UserError(f"kinetics {kinetics!r} are unknown", f"choose among {', '.join(KINETICS)}")
    if model.source == "builtin":
        from simsort.simulation.cells.builtin import build_builtin
        return build_builtin(model, kinetics=kinetics)
    if model.source in ("mearec", "folder", "bmtk"):
        from simsort.simulation.cells.sources import build_from_folder
        return build_from_folder(model, kinetics=kinetics)
    raise UserError(f"cells of source {model.source!r} are unknown", "choose builtin, mearec, bmtk or folder")
