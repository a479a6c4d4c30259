"""The built-in cells in NEURON: generated morphology, own channels, few segments."""

import numpy as np

from simsort.errors import UserError
from simsort.simulation.cells.cell import Cell
from simsort.simulation.cells.cell_types import CELL_TYPES
from simsort.simulation.cells.morphology import generate_morphology
from simsort.simulation.mechanisms.kschan import CHANNELS, make_kschan, nmodl_name

CELSIUS = 37.0
REVERSAL_MV = {"na": 55.0, "k": -90.0, "ca": 120.0}
PREFIX_OF_REGION = {"soma": "soma", "dendrite": "dend", "apical": "apic", "axon": "axon"}


def build_builtin(model, *, kinetics: str = "auto") -> Cell:
    """Build an individual of a built-in type.

    Parameters
    ----------
    model : CellModel
        Of source "builtin".
    kinetics : "auto" | "nmodl" | "kschan", default: "auto"
        Compiled channels, KSChan, or what there is a compiler for.

    Returns
    -------
    Cell

    Raises
    ------
    UserError
        For a type that is not built in, or compiled channels asked for that cannot be had.
    """
    if model.cell_type not in CELL_TYPES:
        raise UserError(f"cell type {model.cell_type!r} is not built in", f"choose among {', '.join(CELL_TYPES)}")
    cell_type = CELL_TYPES[model.cell_type]
    rng = np.random.default_rng([model.seed, list(CELL_TYPES).index(model.cell_type), model.individual])
    morphology = generate_morphology(cell_type, rng)
    densities = draw_densities(cell_type, rng)
    names = mechanism_names(kinetics)
    sections = _make_sections(morphology, cell_type)
    for section, form in zip(sections, morphology.sections):
        _set_membrane(section, cell_type)
        for channel, density in densities.get(form.zone, {}).items():
            _insert(section, channel, density, names)
    return Cell(model, sections, celsius=CELSIUS, v_init_mv=cell_type.rest_mv,
                regions=[s.region for s in morphology.sections])


def draw_densities(cell_type, rng: np.random.Generator) -> dict:
    """Return zone -> channel -> density (S/cm2) of one individual: one factor per channel, the same in all zones."""
    factors = {channel: float(np.exp(cell_type.density_spread * rng.standard_normal())) for channel in CHANNELS}
    return {zone: {channel: density * factors[channel] for channel, density in channels.items()}
            for zone, channels in cell_type.densities.items()}


def mechanism_names(kinetics: str) -> dict:
    """Return channel -> (name to insert, name of its conductance), having loaded or made the channels."""
    if kinetics == "kschan" or not load_nmodl(required=kinetics == "nmodl"):
        names = {channel: make_kschan(channel, CELSIUS) for channel in CHANNELS}
        return {channel: (name, f"gmax_{name}") for channel, name in names.items()}
    return {channel: (nmodl_name(channel), f"gbar_{nmodl_name(channel)}") for channel in CHANNELS}


def load_nmodl(*, required: bool) -> bool:
    """Load the compiled channels, compiling them if need be, and return whether they are there."""
    from neuron import h

    if hasattr(h, nmodl_name("nas")):
        return True
    from pathlib import Path

    from simsort.simulation import mechanisms
    from simsort.simulation.mechanisms.compiling import can_compile, compile_mechanisms, load_mechanisms

    folder = Path(mechanisms.__file__).parent
    if not required and not can_compile(folder):
        return False  # what KSChan is for; where there is a compiler, a failure is the caller's to know
    load_mechanisms(compile_mechanisms(folder))
    return True


def _make_sections(morphology, cell_type) -> list:
    """Return NEURON's sections of a morphology, connected, with as many segments as the type asks for."""
    from neuron import h

    sections, counts = [], {}
    for form in morphology.sections:
        prefix = PREFIX_OF_REGION[form.region]
        section = h.Section(name=f"{prefix}[{counts.get(prefix, 0)}]")
        counts[prefix] = counts.get(prefix, 0) + 1
        section.pt3dadd(*map(float, form.start_um), float(form.start_diameter_um))
        section.pt3dadd(*map(float, form.end_um), float(form.end_diameter_um))
        is_dendrite = form.region in ("dendrite", "apical")
        section.nseg = int(np.ceil(section.L / cell_type.segment_um)) if is_dendrite else 1
        if form.parent >= 0:
            section.connect(sections[form.parent](0.5 if form.parent == 0 else 1.0), 0)
        sections.append(section)
    return sections


def _set_membrane(section, cell_type):
    """Set the passive properties of a section."""
    section.Ra = cell_type.axial_ohm_cm
    section.cm = cell_type.capacitance_uf_per_cm2
    section.insert("pas")
    for segment in section:
        segment.pas.g = 1 / cell_type.membrane_ohm_cm2
        segment.pas.e = cell_type.rest_mv


def _insert(section, channel: str, density: float, names: dict):
    """Insert one channel at a density (S/cm2) and set its reversal potential."""
    name, conductance = names[channel]
    section.insert(name)
    ion = CHANNELS[channel].ion
    if ion:
        setattr(section, f"e{ion}", REVERSAL_MV[ion])
    elif name.startswith("ks_"):
        for segment in section:
            setattr(segment, f"e_{name}", CHANNELS[channel].reversal_mv)
    for segment in section:
        setattr(segment, conductance, density)
