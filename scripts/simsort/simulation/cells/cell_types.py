"""The built-in electro-morphological types of neocortex: shapes, channel densities, rates and frequencies in vivo.

Shapes follow the descriptions of types in Markram et al. (2015, Cell 163:456) and, for inhibitory cells, Tremblay, Lee
and Rudy (2016, Neuron 91:260): stems, extents and somata are round figures in their ranges, reduced to 30 to 90
sections. Densities are our own: chosen so that extracellular widths, rates and amplitudes fall into published ranges at
37 degC (docs/simulation.md). Rates span what is reported for silent-to-active cortex: Hromadka, DeWeese and Zador
(2008, PLoS Biol 6:e16), de Kock and Sakmann (2009, PNAS 106:16446), O'Connor, Peron, Huber and Svoboda (2010, Neuron
67:1048), Gentet et al. (2010, Neuron 65:422; 2012, Nat Neurosci 15:607) for inhibitory cells, and Buzsaki and Mizuseki
(2014, Nat Rev Neurosci 15:264) for their lognormal spread. They are round percentiles, not fits. A section has one
segment, but dendrites of the smallest cells, which shape the spike, have more: within 10 % of the amplitude with many.
"""

from simsort.errors import UserError
from simsort.simulation.cells.cell_type import CellType
from simsort.simulation.cells.model import CellModel
from simsort.simulation.cells.morphology import TreeShape


def _axon(diameter_um, generations, direction="down", **more) -> TreeShape:
    """Return an axon: hillock, initial segment, then sections that load it."""
    return TreeShape(region="axon", generations=generations, diameter_um=diameter_um, direction=direction, wiggle_deg=8,
                     zones=("hillock", "ais", "axon"), tropism=0.3, taper=0.9, **more)


def _dendrites(n_stems, diameter_um, generations, direction="sphere", **more) -> TreeShape:
    return TreeShape(region="dendrite", generations=generations, diameter_um=diameter_um, n_stems=n_stems,
                     direction=direction, **more)


def _apical(diameter_um, generations, obliques, **more) -> TreeShape:
    side = TreeShape(region="apical", generations=((50, 1), (80, 0)), diameter_um=0.9, zones=("distal",))
    zones = ("proximal",) * 3 + ("distal",)
    return TreeShape(region="apical", generations=generations, diameter_um=diameter_um, direction="up", tropism=0.4,
                     taper=0.92, obliques=(side,) * obliques, zones=zones, **more)


_PC_AXON = _axon(1.4, ((12, 1), (18, 1), (60, 2), (90, 0)))

_ACTIVE_NEAR = ("proximal",) * 3 + ("distal",)

_PYRAMIDAL = {
    "soma": {"nas": 1.8, "kdr": 0.05, "kv3": 0.45, "im": 3e-3},
    "hillock": {"nas": 1.0, "kv3": 0.1},
    "ais": {"naa": 6.5, "kv3": 0.45, "im": 1.7e-3},
    "axon": {"naa": 0.1, "kv3": 0.05},
    "proximal": {"nas": 0.2, "kv3": 0.02},
}
_FAST_SPIKING = {
    "soma": {"nas": 0.8, "kv3f": 0.8, "kdr": 0.1},
    "hillock": {"nas": 1.0, "kdr": 0.8, "kv3f": 0.3},
    "ais": {"naa": 4.5, "kdr": 0.18, "kv3f": 0.6},
    "axon": {"naa": 0.05, "kdr": 0.08},
    "proximal": {"nas": 0.1, "kdr": 0.03, "kv3f": 0.08},
    "distal": {"kdr": 0.006},
}
_ADAPTING = {
    "soma": {"nas": 0.8, "kv3": 0.2, "kv3f": 0.35, "kdr": 0.06, "im": 1.4e-3},
    "hillock": {"nas": 1.0, "kdr": 0.2, "kv3": 0.05},
    "ais": {"naa": 5.3, "kdr": 0.18, "kv3": 0.09, "im": 8e-4},
    "axon": {"naa": 0.05, "kdr": 0.05},
    "proximal": {"nas": 0.12, "kdr": 0.04, "kv3f": 0.3},
    "distal": {"nas": 0.005, "kdr": 0.0024},
}
_BURSTING = {**_PYRAMIDAL, "soma": {**_PYRAMIDAL["soma"], "cat": 1.2e-2, "ih": 1e-4}}
_LOW_THRESHOLD = {**_ADAPTING, "soma": {**_ADAPTING["soma"], "cat": 3e-4}}

CELL_TYPES = {
    "L23_PC": CellType(
        title="L2/3 pyramidal cell", layer="L2/3", neuron_class="excitatory", subclass="pyramidal",
        soma_um=15.0,
        trees=(_PC_AXON, _dendrites((4, 6), 2.2, ((18, 1), (35, 2), (55, 2), (80, 0)), "below", fork_probability=0.75),
               _apical(3.2, ((20, 1), (35, 1), (60, 2), (80, 2), (90, 0)), 2)),
        densities=_PYRAMIDAL, rate_hz=(0.05, 5.0), burst_probability=0.05, share=1.0,
        sources="Markram 2015; de Kock and Sakmann 2009; O'Connor 2010"),
    "L4_SS": CellType(
        title="L4 spiny stellate cell", layer="L4", neuron_class="excitatory", subclass="pyramidal",
        soma_um=12.0, soma_elongation=1.0,
        trees=(_PC_AXON, _dendrites((5, 7), 1.9, ((18, 1), (35, 2), (60, 2), (70, 0)), fork_probability=0.7)),
        densities=_PYRAMIDAL, rate_hz=(0.1, 8.0), burst_probability=0.02, share=1.0,
        sources="Markram 2015; de Kock and Sakmann 2009; O'Connor 2010"),
    "L5_TTPC": CellType(
        title="L5 thick-tufted pyramidal cell", layer="L5", neuron_class="excitatory", subclass="pyramidal",
        soma_um=21.0, soma_elongation=1.3,
        trees=(_PC_AXON, _dendrites((5, 7), 2.8, ((20, 1), (40, 2), (60, 2), (90, 0)), "below", fork_probability=0.75),
               _apical(5.0, ((25, 1), (40, 1), (60, 1), (90, 1), (120, 1), (150, 1), (150, 2), (80, 2), (120, 0)), 4)),
        densities=_BURSTING, rate_hz=(0.5, 12.0),
        burst_probability=0.15, share=0.45, sources="Markram 2015; de Kock and Sakmann 2009 (L5B)"),
    "L5_STPC": CellType(
        title="L5 slender-tufted pyramidal cell", layer="L5", neuron_class="excitatory", subclass="pyramidal",
        soma_um=16.0,
        trees=(_PC_AXON, _dendrites((4, 6), 2.2, ((20, 1), (40, 2), (60, 2), (80, 0)), "below", fork_probability=0.7),
               _apical(3.4, ((20, 1), (40, 1), (60, 1), (90, 1), (130, 1), (160, 2), (110, 0)), 3)),
        densities=_PYRAMIDAL, rate_hz=(0.1, 6.0), burst_probability=0.03, share=0.55,
        sources="Markram 2015; de Kock and Sakmann 2009 (L5A)"),
    "L6_PC": CellType(
        title="L6 corticothalamic pyramidal cell", layer="L6", neuron_class="excitatory", subclass="pyramidal",
        soma_um=14.5,
        trees=(_PC_AXON, _dendrites((4, 6), 2.0, ((18, 1), (35, 2), (55, 2), (70, 0)), "sphere", fork_probability=0.7),
               _apical(2.8, ((20, 1), (35, 1), (60, 1), (80, 1), (120, 2), (80, 0)), 3)),
        densities=_PYRAMIDAL, rate_hz=(0.05, 4.0), burst_probability=0.02, share=1.0, tilt_deg=12.0,
        sources="Markram 2015; de Kock and Sakmann 2009"),
    "L4_LBC": CellType(
        title="PV large basket cell", layer="L4", neuron_class="inhibitory", subclass="PV",
        soma_um=15.0,
        trees=(_axon(1.1, ((10, 1), (15, 1), (40, 2), (80, 2), (120, 0)), "up"),
               _dendrites((4, 6), 1.6, ((15, 1), (20, 1), (20, 2), (30, 1), (50, 1), (60, 0)), zones=_ACTIVE_NEAR)),
        densities=_FAST_SPIKING, rate_hz=(2.0, 35.0), share=0.5, membrane_ohm_cm2=8000.0,
        sources="Tremblay 2016; Gentet 2010"),
    "L5_NBC": CellType(
        title="PV nest basket cell", layer="L5", neuron_class="inhibitory", subclass="PV",
        soma_um=13.5,
        trees=(_axon(1.0, ((10, 1), (15, 1), (40, 2), (50, 2), (60, 0))),
               _dendrites((4, 7), 1.4, ((15, 1), (20, 1), (20, 2), (30, 1), (40, 0)), zones=_ACTIVE_NEAR)),
        densities=_FAST_SPIKING, rate_hz=(2.0, 30.0), share=0.4, membrane_ohm_cm2=8000.0,
        sources="Markram 2015; Tremblay 2016; Gentet 2010"),
    "L23_ChC": CellType(
        title="Chandelier cell", layer="L2/3", neuron_class="inhibitory", subclass="PV",
        soma_um=13.0,
        trees=(_axon(1.0, ((10, 1), (15, 1), (40, 2), (60, 2), (60, 0))),
               _dendrites((4, 6), 1.4, ((15, 1), (20, 1), (20, 2), (30, 1), (50, 1), (60, 0)), zones=_ACTIVE_NEAR)),
        densities=_FAST_SPIKING, rate_hz=(1.0, 20.0), share=0.05, membrane_ohm_cm2=10000.0,
        sources="Tremblay 2016; Gentet 2010 (as fast-spiking cells)"),
    "L5_MC": CellType(
        title="SST Martinotti cell", layer="L5", neuron_class="inhibitory", subclass="SST",
        soma_um=14.5, soma_elongation=1.4,
        trees=(_axon(1.0, ((10, 1), (15, 1), (80, 1), (120, 1), (150, 2), (100, 0)), "up"),
               _dendrites((4, 6), 1.7, ((15, 1), (20, 1), (20, 2), (30, 1), (50, 1), (60, 0)), "vertical", tropism=0.2,
                          zones=_ACTIVE_NEAR)),
        densities=_LOW_THRESHOLD, rate_hz=(0.5, 15.0), burst_probability=0.05, share=0.3,
        sources="Markram 2015; Tremblay 2016; Gentet 2012"),
    "L23_DBC": CellType(
        title="Double bouquet cell", layer="L2/3", neuron_class="inhibitory", subclass="VIP",
        soma_um=13.0, soma_elongation=1.4,
        trees=(_axon(0.9, ((10, 1), (15, 1), (60, 2), (100, 2), (120, 0)), fork_angle_deg=15),
               _dendrites((4, 5), 1.6, ((15, 1), (20, 1), (20, 2), (30, 1), (50, 1), (60, 0)), "vertical", tropism=0.3,
                          zones=_ACTIVE_NEAR)),
        densities=_ADAPTING, rate_hz=(0.3, 12.0), share=0.05,
        sources="Markram 2015; Tremblay 2016; Gentet 2010 (non-fast-spiking)"),
    "L23_BP": CellType(
        title="VIP bipolar cell", layer="L2/3", neuron_class="inhibitory", subclass="VIP",
        soma_um=12.0, soma_elongation=1.6,
        trees=(_axon(0.9, ((10, 1), (15, 1), (60, 1), (100, 2), (120, 0))),
               _dendrites((2, 4), 2.0, ((15, 1), (20, 1), (20, 2), (40, 1), (60, 2), (80, 0)), "vertical", tropism=0.4,
                          zones=_ACTIVE_NEAR)),
        densities=_LOW_THRESHOLD, rate_hz=(0.5, 15.0), burst_probability=0.05, share=0.1, segment_um=30.0,
        sources="Tremblay 2016; Gentet 2010 (non-fast-spiking)"),
    "L23_NGC": CellType(
        title="Neurogliaform cell", layer="L2/3", neuron_class="inhibitory", subclass="NGC",
        soma_um=11.5, soma_elongation=1.0,
        trees=(_axon(0.9, ((8, 1), (15, 1), (30, 2), (40, 2), (40, 0)), "up"),
               _dendrites((7, 10), 1.2, ((12, 1), (20, 2), (25, 1), (30, 0)), zones=_ACTIVE_NEAR)),
        densities=_ADAPTING, rate_hz=(0.2, 8.0), share=0.1, segment_um=15.0,
        sources="Markram 2015; Tremblay 2016"),
}


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
    return [_model(name, CELL_TYPES[name], individual, seed)
            for name in types or CELL_TYPES for individual in range(n_individuals)]


def _model(name: str, cell_type: CellType, individual: int, seed: int) -> CellModel:
    return CellModel(source="builtin", name=f"{name}_{individual:02d}", cell_type=name, layer=cell_type.layer,
                     neuron_class=cell_type.neuron_class, subclass=cell_type.subclass, individual=individual, seed=seed,
                     rate_hz=cell_type.rate_hz, burst_probability=cell_type.burst_probability)
