"""Cells of other makers: morphologies read by NEURON, made ready to be placed. Uses NEURON: in a fresh process."""

import numpy as np

from simsort.errors import UserError
from simsort.simulation.cells.cell import Cell

REGION_LISTS = {"soma": "soma", "dend": "dendrite", "apic": "apical", "axon": "axon"}
STUB_UM = 30.0
# One segment for each section up to this length: within 10 % of the amplitude of the makers' 40 um, several times as fast.
MAX_SEGMENT_UM = 200.0


class Sections:
    """What NEURON's importer fills: lists of sections by region."""

    def __init__(self):
        self.soma, self.dend, self.apic, self.axon = [], [], [], []

    def every(self) -> list:
        """Return every section, the soma first."""
        return [section for name in REGION_LISTS for section in getattr(self, name)]

    def regions(self) -> list[str]:
        """Return the region of each section of `every`."""
        return [region for name, region in REGION_LISTS.items() for _ in getattr(self, name)]


def read_morphology(path) -> Sections:
    """Read an .asc (Neurolucida) or .swc morphology.

    Raises
    ------
    UserError
        If NEURON cannot read it, or it has no soma.
    """
    from neuron import h

    h.load_file("import3d.hoc")
    readers = {".asc": "Import3d_Neurolucida3", ".swc": "Import3d_SWC_read"}
    if path.suffix.lower() not in readers:
        raise UserError(f"morphology {path} is neither .asc nor .swc", "convert it to one of the two")
    reader = getattr(h, readers[path.suffix.lower()])()
    reader.quiet = 1
    sections = Sections()
    try:
        reader.input(str(path))
        h.Import3d_GUI(reader, 0).instantiate(sections)
    except RuntimeError as error:
        raise UserError(f"morphology {path} cannot be read ({error})", "download it again") from None
    if not sections.soma or not sections.every()[0].n3d():
        raise UserError(f"morphology {path} has no soma", "download it again")
    return sections


def replace_axon(sections: Sections, diameters_um: tuple[float, float], soma_x: float) -> None:
    """Put two short cylinders in the axon's place, as the models were fitted with."""
    from neuron import h

    for section in sections.axon:
        h.delete_section(sec=section)
    sections.axon = []
    parent, x = sections.soma[0], soma_x
    start = np.array(points_of(sections.soma[0])[:, :3].mean(axis=0))
    for number, diameter_um in enumerate(diameters_um):
        section = h.Section(name=f"axon[{number}]")
        end = start - [0, STUB_UM, 0]
        section.pt3dadd(*start, diameter_um)
        section.pt3dadd(*end, diameter_um)
        section.connect(parent(x), 0)
        sections.axon.append(section)
        parent, x, start = section, 1.0, end


def points_of(section) -> np.ndarray:
    """Return a section's points, (n_points, 4): x, y, z and diameter in um."""
    return np.array([[section.x3d(i), section.y3d(i), section.z3d(i), section.diam3d(i)] for i in range(section.n3d())])


def stand_up(sections: Sections) -> None:
    """Move the soma's centre to the origin and turn the apical dendrite, if there is one, towards +y."""
    from neuron import h

    points = {section: points_of(section) for section in sections.every()}
    centre = points[sections.soma[0]][:, :3].mean(axis=0)
    turn = upright([points[section][:, :3] - centre for section in sections.apic])
    for section, old in points.items():
        new = (old[:, :3] - centre) @ turn.T
        for index, (place, diameter_um) in enumerate(zip(new, old[:, 3])):
            h.pt3dchange(index, *map(float, place), float(diameter_um), sec=section)


def upright(apical: list[np.ndarray]) -> np.ndarray:
    """Return the rotation (3, 3) that turns the mean direction of apical points (from the soma) to +y."""
    if not apical:
        return np.eye(3)
    direction = np.concatenate(apical).mean(axis=0)
    direction = direction / max(np.linalg.norm(direction), 1e-9)
    up = np.array([0.0, 1.0, 0.0])
    axis, cosine = np.cross(direction, up), float(direction @ up)
    if np.linalg.norm(axis) < 1e-9:
        return np.diag([1.0, np.sign(cosine) or 1.0, np.sign(cosine) or 1.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + cosine)


def set_segments(sections: Sections, max_segment_um: float = MAX_SEGMENT_UM) -> None:
    """Give each section an odd number of segments no longer than asked."""
    for section in sections.every():
        section.nseg = 1 + 2 * int(section.L / (2 * max_segment_um) + 0.5 * (section.L > max_segment_um))


def insert(section, mechanism: str, model_name: str) -> None:
    """Insert a mechanism.

    Raises
    ------
    UserError
        If NEURON does not have it.
    """
    try:
        section.insert(mechanism)
    except ValueError:
        raise UserError(f"cell {model_name} needs the mechanism {mechanism}, which none of its .mod files defines",
                        f"add {mechanism}.mod to the cell's mechanisms, or leave the cell out") from None


def set_value(section, name: str, value, model_name: str) -> None:
    """Set a variable of a section, or of each of its segments to a value or a function of the distance from the soma in um.

    Raises
    ------
    UserError
        If the section has no such variable.
    """
    from neuron import h

    try:
        if name == "Ra":
            section.Ra = value
            return
        for segment in section:
            setattr(segment, name, value(h.distance(segment)) if callable(value) else value)
    except (AttributeError, LookupError, ValueError):
        raise UserError(f"cell {model_name} sets {name} where no mechanism has it", "restore the cell's files") from None


def finished_cell(model, sections: Sections, *, celsius: float, v_init_mv: float) -> Cell:
    """Return the cell."""
    return Cell(model, sections.every(), celsius=celsius, v_init_mv=v_init_mv, regions=sections.regions())
