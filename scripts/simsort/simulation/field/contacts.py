"""Contacts of a probe: their potential is the mean over their area."""

import dataclasses

import numpy as np

from simsort.simulation.field.line_source import CONDUCTIVITY_S_PER_M, transfer_matrix

SHAPES = ("circle", "rect")
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contacts:
    """Flat contacts of one shape and size, all in parallel planes.

    Attributes
    ----------
    positions_um : array, (n_contacts, 3)
        Centres.
    shape : "circle" | "rect"
        Outline.
    size_um : tuple of float
        Diameter twice for a circle; width and height for a rectangle; zeros for points.
    plane_axes : array, (2, 3)
        Unit vectors along width and height.
    """

    positions_um: np.ndarray
    shape: str = "circle"
    size_um: tuple = (0.0, 0.0)
    plane_axes: np.ndarray = dataclasses.field(default_factory=lambda: np.eye(3)[:2])

    def sample_points(self, n_points: int) -> np.ndarray:
        """Return points spread evenly over each contact, (n_contacts, n_points, 3); its centre for one point."""
        places = spread(self.shape, n_points) * np.asarray(self.size_um) / 2
        return self.positions_um[:, None, :] + places @ self.plane_axes


def spread(shape: str, n_points: int) -> np.ndarray:
    """Return points (n_points, 2) of the unit circle or the square from -1 to 1, each standing for an equal area."""
    if n_points == 1:
        return np.zeros((1, 2))
    index = np.arange(n_points)
    if shape == "circle":  # a sunflower's seeds (Vogel 1979)
        radius, angle = np.sqrt((index + 0.5) / n_points), index * GOLDEN_ANGLE
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    n_side = int(np.ceil(np.sqrt(n_points)))
    side = (2 * np.arange(n_side) + 1) / n_side - 1
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def contacts_of(probe) -> Contacts:
    """Return the contacts of a probeinterface probe, two-dimensional ones in the plane z = 0.

    Parameters
    ----------
    probe : probeinterface.Probe
        In um. Contacts of several shapes or sizes are taken for the first one's.
    """
    positions = np.zeros((probe.get_contact_count(), 3))
    positions[:, :probe.contact_positions.shape[1]] = probe.contact_positions
    params = probe.contact_shape_params[0] if len(probe.contact_shape_params) else {}
    if "radius" in params:
        return Contacts(positions_um=positions, shape="circle", size_um=(2 * params["radius"],) * 2)
    width = float(params.get("width", 0.0))
    return Contacts(positions_um=positions, shape="rect", size_um=(width, float(params.get("height", width))))


def contact_matrix(geometry, contacts: Contacts, *, n_points: int = 9,
                   conductivity_s_per_m: float = CONDUCTIVITY_S_PER_M) -> np.ndarray:
    """Return the mean potential over each contact for one nA leaving each segment.

    Parameters
    ----------
    geometry : SegmentGeometry
        The cell.
    contacts : Contacts
        The contacts.
    n_points : int, default: 9
        Points per contact (a rectangle takes the next square number); the contact's own effect on the field is left out.

    Returns
    -------
    matrix : array, (n_contacts, n_segments) float64
        uV per nA.
    """
    points = contacts.sample_points(n_points if any(contacts.size_um) else 1)
    matrix = transfer_matrix(geometry, points.reshape(-1, 3), conductivity_s_per_m=conductivity_s_per_m)
    return matrix.reshape(*points.shape[:2], -1).mean(axis=1)
