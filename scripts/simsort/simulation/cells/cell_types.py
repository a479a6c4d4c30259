"""The built-in electro-morphological types of neocortex: shapes, membranes, channel densities, rates and frequencies in vivo."""

from dataclasses import dataclass, field

from simsort.errors import UserError
from simsort.simulation.cells.model import CellModel
from simsort.simulation.cells.morphology import TreeShape


@dataclass(frozen=True, kw_only=True)
class CellType:
    """One built-in type.

    Attributes
    ----------
    title : str
        Its name in words.
    layer, neuron_class, subclass : str
        As in `CellModel`.
    soma_um : float
        Mean diameter of the soma (um); `soma_elongation` is its height over its diameter.
    trees : tuple of TreeShape
    densities : dict
        Zone ("soma", "ais", "axon", "proximal", "distal") -> channel -> maximal conductance (S/cm2).
    density_spread : float
        Standard deviation of the logarithm of each channel's factor per individual.
    membrane_ohm_cm2, capacitance_uf_per_cm2, axial_ohm_cm, rest_mv : float
        Passive properties.
    tilt_deg : float
        Standard deviation of the whole cell's tilt.
    rate_hz : tuple
        5th and 95th percentile of the firing rate in vivo (Hz).
    burst_probability : float
        Share of spikes that a burst follows.
    layer_shares : dict
        Layer -> share of that layer's neurons.
    """

    title: str
    layer: str
    neuron_class: str
    subclass: str
    soma_um: float
    trees: tuple
    densities: dict = field(repr=False)
    rate_hz: tuple
    layer_shares: dict
    burst_probability: float = 0.0
    soma_elongation: float = 1.2
    density_spread: float = 0.1
    membrane_ohm_cm2: float = 15000.0
    capacitance_uf_per_cm2: float = 1.0
    axial_ohm_cm: float = 120.0
    rest_mv: float = -72.0
    tilt_deg: float = 6.0


def builtin_models(types=None, n_individuals: int = 1, seed: int = 0) -> list:
    """Return descriptions of built-in individuals, type by type.

    Parameters
    ----------
    types : sequence of str | None, default: None
        Names in `CELL_TYPES`; None: all.
    n_individuals : int, default: 1
        Individuals per type.
    seed : int, default: 0
        Another seed gives other individuals.

    Returns
    -------
    list of CellModel

    Raises
    ------
    UserError
        For a type that is not built in.
    """
    unknown = [name for name in types or () if name not in CELL_TYPES]
    if unknown:
        raise UserError(f"cell type {unknown[0]!r} is not built in", f"choose among {', '.join(CELL_TYPES)}")
    return [_model(name, CELL_TYPES[name], individual, seed) for name in types or CELL_TYPES for individual in range(n_individuals)]


def _model(name: str, cell_type: CellType, individual: int, seed: int) -> CellModel:
    return CellModel(source="builtin", name=f"{name}_{individual:02d}", cell_type=name, layer=cell_type.layer,
                     neuron_class=cell_type.neuron_class, subclass=cell_type.subclass, individual=individual, seed=seed,
                     rate_hz=cell_type.rate_hz, burst_probability=cell_type.burst_probability)


def _axon(ais_um: float = 1.3, direction: str = "down", generations=((12, 1), (18, 1), (60, 2), (90, 0))) -> TreeShape:
    """Return an axon: hillock, initial segment, then a few passive sections that load it."""
    return TreeShape(region="axon", generations=generations, diameter_um=ais_um, direction=direction, wiggle_deg=8,
                     zones=("hillock", "ais", "axon"), tropism=0.3, taper=0.9)


def _basal(n_stems, diameter_um, generations, direction="sphere", **more) -> TreeShape:
    return TreeShape(region="dendrite", generations=generations, diameter_um=diameter_um, n_stems=n_stems, direction=direction, **more)


_OBLIQUE = TreeShape(region="apical", generations=((50, 1), (80, 0)), diameter_um=0.9, zones=("distal",))

_PYRAMIDAL = {
    "soma": {"nas": 1.0, "kv3": 0.3, "im": 1.5e-4, "kt": 0.02},
    "hillock": {"nas": 0.5, "kv3": 0.1},
    "ais": {"naa": 3.0, "kv3": 0.4, "im": 1e-3},
    "axon": {"naa": 0.1, "kv3": 0.05},
    "proximal": {"nas": 0.02, "kv3": 0.01},
}
_FAST_SPIKING = {
    "soma": {"nas": 0.8, "kv3": 0.5},
    "hillock": {"nas": 0.5, "kv3": 0.5},
    "ais": {"naa": 3.0, "kv3": 1.0},
    "axon": {"naa": 0.2, "kv3": 0.2},
}

CELL_TYPES = {
    "L23_PC": CellType(
        title="L2/3 pyramidal cell", layer="L2/3", neuron_class="excitatory", subclass="pyramidal", soma_um=13.0,
        trees=(
            _axon(),
            _basal((4, 6), 1.8, ((20, 1), (40, 2), (110, 0)), "below"),
            TreeShape(region="apical", generations=((20, 1), (35, 1), (60, 2), (100, 2), (100, 0)), diameter_um=2.6,
                      direction="up", tropism=0.4, obliques=(_OBLIQUE,) * 2),
        ),
        densities=_PYRAMIDAL, rate_hz=(0.05, 5.0), burst_probability=0.05, layer_shares={"L2/3": 0.83}),
    "L4_PV_LBC": CellType(
        title="PV large basket cell", layer="L4", neuron_class="inhibitory", subclass="PV", soma_um=12.0,
        trees=(
            _axon(1.0, "up", ((10, 1), (15, 1), (40, 2), (80, 2), (120, 0))),
            _basal((4, 6), 1.4, ((20, 1), (50, 2), (90, 0))),
        ),
        densities=_FAST_SPIKING, rate_hz=(2.0, 35.0), layer_shares={"L4": 0.05}, membrane_ohm_cm2=8000.0),
}
