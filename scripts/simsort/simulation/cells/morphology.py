"""Morphologies drawn by seed: a soma, dendrites and a short axon as straight sections.

A tree is described by generations: how long a section of each generation is, and into how many it divides at its end.
Daughters' diameters follow Rall's 3/2 power law. What is drawn per individual: the soma's size, the number of stems,
whether each fork forks, lengths, directions and the tilt of the whole cell.
"""

from dataclasses import dataclass, field

import numpy as np

UP = np.array([0.0, 1.0, 0.0])
DIRECTIONS = ("sphere", "below", "up", "down", "vertical", "horizontal")
MIN_DIAMETER_UM = 0.4


@dataclass(frozen=True, kw_only=True)
class TreeShape:
    """One kind of tree of a cell type.

    Attributes
    ----------
    region : "dendrite" | "apical" | "axon"
    generations : tuple of (length_um, n_children)
        Mean length of the sections of each generation and into how many each divides at its end (the last: 0).
    diameter_um : float
        Mean diameter of the stem.
    n_stems : tuple of int, default: (1, 1)
        Fewest and most trees of this kind.
    direction : one of `DIRECTIONS`, default: "sphere"
        Where the stems point: anywhere, into the lower half, up, down, up or down in turn, or sideways.
    fork_angle_deg : float, default: 40.0
        Angle of a daughter to its parent's direction.
    tropism : float, default: 0.0
        Pull of each section towards the stem's own direction (0: none; 1: as strong as its own direction).
    wiggle_deg : float, default: 12.0
        Spread of an undivided section's turn.
    fork_probability : float, default: 0.9
        Probability that a fork forks at all.
    zones : tuple of str, default: ()
        Zone of densities by generation; the last holds for the rest; empty: "proximal" for generation 0 and 1, then
        "distal".
    obliques : tuple of TreeShape, default: ()
        Side trees leaving the end of an undivided section, one each, from generation 0 on.
    taper : float, default: 0.85
        Diameter at the end of a section over that at its start.
    """

    region: str
    generations: tuple
    diameter_um: float
    n_stems: tuple = (1, 1)
    direction: str = "sphere"
    fork_angle_deg: float = 40.0
    tropism: float = 0.0
    wiggle_deg: float = 12.0
    fork_probability: float = 0.9
    zones: tuple = ()
    obliques: tuple = ()
    taper: float = 0.85

    def zone(self, generation: int) -> str:
        """Return the zone of densities of a generation."""
        zones = self.zones or ("proximal", "proximal", "distal")
        return zones[min(generation, len(zones) - 1)]


@dataclass(frozen=True)
class MorphologySection:
    """A straight section: its parent's index (-1: none), ends (3,) and diameters there in um, region and zone."""

    parent: int
    start_um: np.ndarray
    end_um: np.ndarray
    start_diameter_um: float
    end_diameter_um: float
    region: str
    zone: str


@dataclass(frozen=True)
class Morphology:
    """A cell's tree; sections[0] is the soma, whose centre is the origin; parents come before their children."""

    sections: list = field(default_factory=list)

    def total_length_um(self) -> float:
        """Return the summed length (um) of all sections but the soma."""
        return float(sum(np.linalg.norm(section.end_um - section.start_um) for section in self.sections[1:]))


def generate_morphology(cell_type, rng: np.random.Generator) -> Morphology:
    """Draw one individual of a type.

    Parameters
    ----------
    cell_type : CellType
        Its soma_um (mean diameter), soma_elongation, trees and tilt_deg are used.
    rng : numpy.random.Generator
        Source of everything drawn.

    Returns
    -------
    Morphology
        The apical side towards +y before the tilt.
    """
    size = float(np.exp(0.1 * rng.standard_normal()))
    diameter = cell_type.soma_um * size
    half = diameter * cell_type.soma_elongation / 2
    sections = [MorphologySection(-1, -half * UP, half * UP, diameter, diameter, "soma", "soma")]
    for shape in cell_type.trees:
        scale = float(np.exp(0.15 * rng.standard_normal()))
        n_stems = int(rng.integers(shape.n_stems[0], shape.n_stems[1] + 1))
        for stem, axis in enumerate(_stem_axes(shape.direction, n_stems, rng)):
            start = axis * _radius_towards(axis, diameter / 2, half)
            width = shape.diameter_um * float(np.exp(0.12 * rng.standard_normal())) * size**0.5
            _grow(sections, shape, 0, start, axis, axis, width, 0, scale, rng)
    return Morphology(_tilted(sections, cell_type.tilt_deg, rng))


def _grow(sections, shape, parent, start, direction, axis, diameter, generation, scale, rng):
    """Append one section of a generation and all that follows it."""
    mean_length, n_children = shape.generations[generation]
    length = mean_length * scale * float(np.exp(0.15 * rng.standard_normal()))
    end = start + length * direction
    tip = max(diameter * shape.taper, MIN_DIAMETER_UM)
    sections.append(MorphologySection(parent, start, end, max(diameter, MIN_DIAMETER_UM), tip, shape.region,
                                      shape.zone(generation)))
    here = len(sections) - 1
    if generation + 1 < len(shape.generations) and n_children:
        if n_children > 1 and rng.random() > shape.fork_probability:
            n_children = 1
        around = _orthogonal(direction, rng)
        for child in range(n_children):
            turned = _child_direction(shape, direction, axis, around, child, n_children, rng)
            _grow(sections, shape, here, end, turned, axis, tip * n_children ** (-2 / 3), generation + 1, scale, rng)
    if generation < len(shape.obliques):
        side = shape.obliques[generation]
        out = _unit(_orthogonal(direction, rng) + 0.3 * direction)
        _grow(sections, side, here, end, out, out, side.diameter_um, 0, scale, rng)


def _child_direction(shape, direction, axis, around, child, n_children, rng):
    """Return the unit direction of one daughter."""
    if n_children == 1:
        spread = np.tan(np.radians(shape.wiggle_deg))
        return _unit(direction + spread * rng.standard_normal(3) / 3**0.5 + shape.tropism * axis)
    angle = np.radians(shape.fork_angle_deg) * float(np.exp(0.2 * rng.standard_normal()))
    azimuth = 2 * np.pi * child / n_children
    other = np.cross(direction, around)
    out = np.cos(azimuth) * around + np.sin(azimuth) * other
    return _unit(np.cos(angle) * direction + np.sin(angle) * out + shape.tropism * axis)


def _stem_axes(direction: str, n_stems: int, rng) -> list:
    """Return unit directions of stems, spread by turns about the vertical so that they do not lie on one another."""
    first = rng.uniform(0, 2 * np.pi)
    axes = []
    for stem in range(n_stems):
        azimuth = first + 2 * np.pi * stem / n_stems + 0.3 * rng.standard_normal()
        if direction in ("up", "down", "vertical"):
            sign = {"up": 1.0, "down": -1.0}.get(direction, 1.0 if stem % 2 == 0 else -1.0)
            lateral = 0.12 if direction != "vertical" else 0.3
            height = sign
        else:
            lateral = 1.0
            height = {"sphere": rng.uniform(-1.2, 1.2), "below": rng.uniform(-1.0, 0.1),
                      "horizontal": rng.uniform(-0.25, 0.25)}[direction]
        axes.append(_unit(np.array([lateral * np.cos(azimuth), height, lateral * np.sin(azimuth)])))
    return axes


def _radius_towards(axis, radius: float, half: float) -> float:
    """Return the distance from the centre to the surface of the soma's ellipsoid along a direction."""
    return float(1 / np.sqrt((axis[0] ** 2 + axis[2] ** 2) / radius**2 + axis[1] ** 2 / half**2))


def _tilted(sections, tilt_deg: float, rng) -> list:
    """Return the sections turned by a tilt about a horizontal axis."""
    angle = np.radians(tilt_deg) * float(rng.standard_normal())
    azimuth = rng.uniform(0, 2 * np.pi)
    x, z = np.cos(azimuth), np.sin(azimuth)
    cross = np.array([[0, -z, 0], [z, 0, -x], [0, x, 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return [MorphologySection(s.parent, turn @ s.start_um, turn @ s.end_um, s.start_diameter_um, s.end_diameter_um,
                              s.region, s.zone) for s in sections]


def _orthogonal(direction, rng):
    """Return a random unit vector at right angles to a direction."""
    drawn = rng.standard_normal(3)
    return _unit(drawn - direction * (drawn @ direction))


def _unit(vector):
    return vector / np.linalg.norm(vector)
