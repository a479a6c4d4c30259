"""Where a cell's segments lie."""

import dataclasses

import numpy as np

REGIONS = ("soma", "dendrite", "apical", "axon")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentGeometry:
    """Straight segments of a cell, in um; with the soma's centre at the origin and the apical dendrite towards +y.

    Attributes
    ----------
    start_um, end_um : array, (n_segments, 3) float64
        Ends of each segment.
    diameter_um : array, (n_segments,) float64
        Diameter of each segment.
    region : array, (n_segments,) uint8
        Index into `REGIONS`.
    """

    start_um: np.ndarray
    end_um: np.ndarray
    diameter_um: np.ndarray
    region: np.ndarray

    def __post_init__(self):
        n_segments = len(self.diameter_um)
        shapes = {"start_um": (n_segments, 3), "end_um": (n_segments, 3), "region": (n_segments,)}
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"{name} has the shape {np.shape(getattr(self, name))}, not {shape}")

    @property
    def middle_um(self) -> np.ndarray:
        """Middle of each segment, (n_segments, 3)."""
        return (self.start_um + self.end_um) / 2

    def placed(self, position_um, rotation=None) -> "SegmentGeometry":
        """Return the cell turned about its soma and moved.

        Parameters
        ----------
        position_um : array, (3,)
            Where the soma's centre goes.
        rotation : array, (3, 3), or None
            Rotation matrix applied first.
        """
        turn = np.eye(3) if rotation is None else np.asarray(rotation, dtype=float)
        position_um = np.asarray(position_um, dtype=float)
        return dataclasses.replace(self, start_um=self.start_um @ turn.T + position_um,
                                   end_um=self.end_um @ turn.T + position_um)


def random_rotation(rng: np.random.Generator, *, max_tilt_deg: float = 15.0) -> np.ndarray:
    """Return a rotation by any angle about y, then a tilt of the y axis in any direction.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the two angles and the direction.
    max_tilt_deg : float, default: 15.0
        Largest angle between the y axis and its image; uniform over that spherical cap.

    Returns
    -------
    rotation : array, (3, 3)
    """
    spin, direction = rng.uniform(0, 2 * np.pi, size=2)
    cos_tilt = rng.uniform(np.cos(np.deg2rad(max_tilt_deg)), 1.0)
    axis = np.array([np.cos(direction), 0.0, np.sin(direction)])
    return about_axis(axis, np.arccos(cos_tilt)) @ about_axis(np.array([0.0, 1.0, 0.0]), spin)


def about_axis(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the rotation matrix (3, 3) about a unit axis by an angle in radians (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
