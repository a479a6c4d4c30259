"""Potential of line sources in an infinite homogeneous medium.

Holt and Koch, J Comput Neurosci 6:169 (1999): a segment of length L whose current I leaves evenly along it causes
phi = I / (4 pi sigma L) * (asinh(l / r) - asinh(h / r)), where r is the distance from the segment's line, h and l = h + L the
longitudinal distances from its end and its start.
"""

import numpy as np

CONDUCTIVITY_S_PER_M = 0.3
SHORTEST_UM = 1e-6  # shorter segments are point sources
UV_PER_NA = 1e3  # nA / (S/m * um) in uV


def transfer_matrix(geometry, points_um, *, conductivity_s_per_m: float = CONDUCTIVITY_S_PER_M) -> np.ndarray:
    """Return the potential at points for one nA leaving each segment.

    Parameters
    ----------
    geometry : SegmentGeometry
        The cell.
    points_um : array, (n_points, 3)
        Where the potential is measured.
    conductivity_s_per_m : float, default: 0.3
        Conductivity of the tissue (Goto et al. 2010, rat cortex).

    Returns
    -------
    matrix : array, (n_points, n_segments) float64
        uV per nA. Closer than a segment's radius the potential is that at its surface.
    """
    points_um = np.atleast_2d(np.asarray(points_um, dtype=float))
    along = geometry.end_um - geometry.start_um
    length = np.linalg.norm(along, axis=1)
    unit = along / np.maximum(length, SHORTEST_UM)[:, None]
    radius = geometry.diameter_um / 2
    # Distances from a point near the cell keep their digits where coordinates are large.
    origin = geometry.start_um.mean(axis=0)
    points, ends = points_um - origin, geometry.end_um - origin
    h = points @ unit.T - np.sum(ends * unit, axis=1)
    squared = np.sum(points**2, axis=1)[:, None] + np.sum(ends**2, axis=1) - 2 * points @ ends.T
    r = np.sqrt(np.maximum(squared - h**2, radius**2))
    r = np.maximum(r, SHORTEST_UM)
    factor = UV_PER_NA / (4 * np.pi * conductivity_s_per_m)
    line = (np.arcsinh((h + length) / r) - np.arcsinh(h / r)) / np.maximum(length, SHORTEST_UM)
    if np.all(length > SHORTEST_UM):
        return factor * line
    distance = np.maximum(np.sqrt(np.maximum(squared, 0)), np.maximum(radius, SHORTEST_UM))
    return factor * np.where(length > SHORTEST_UM, line, 1 / distance)
