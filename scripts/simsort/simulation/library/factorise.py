"""Few components for many snippets."""

import numpy as np

from simsort.simulation.field.line_source import transfer_matrix

RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128)
RING_UM = (15.0, 30.0, 60.0)
N_AROUND = 4


def ring_points_um() -> np.ndarray:
    """Return places around the soma where errors are judged, (n_points, 3): rings in the plane across the apical dendrite and above, below."""
    angles = np.arange(N_AROUND) * 2 * np.pi / N_AROUND
    directions = [(np.cos(a), 0.0, np.sin(a)) for a in angles] + [(0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    return np.array([radius * np.array(direction) for radius in RING_UM for direction in directions])


def factorise(snippets: np.ndarray, geometry, relative_error: float) -> tuple[np.ndarray, np.ndarray]:
    """Write snippets as sums of as few components as the potentials near the cell need.

    The principal components of the currents, not centred; as many as keep every snippet's potential at each of 18 places around
    the soma within an error relative to its peak there.

    Parameters
    ----------
    snippets : array, (n_snippets, n_segments, n_samples) float32
        Currents in nA.
    geometry : SegmentGeometry
        The cell.
    relative_error : float
        Largest error of the potential, over the snippet's own peak at that place.

    Returns
    -------
    basis_na : array, (rank, n_segments, n_samples) float32
    coefficients : array, (n_snippets, rank) float32
    """
    n_snippets = len(snippets)
    flat = snippets.reshape(n_snippets, -1)
    gram = (flat @ flat.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)  # an eigenvector's sign is arbitrary
    matrix = transfer_matrix(geometry, ring_points_um()).astype(np.float32)
    potentials = np.matmul(matrix, snippets)  # (n_snippets, n_points, n_samples)
    rank = fewest(vectors, potentials, values, relative_error)
    coefficients = vectors[:, :rank].astype(np.float32)
    return np.tensordot(coefficients.T, snippets, axes=1), coefficients


def fewest(vectors: np.ndarray, potentials: np.ndarray, values: np.ndarray, relative_error: float) -> int:
    """Return the smallest of `RANKS` whose error is small enough, or all components."""
    n_snippets = len(vectors)
    peaks = np.abs(potentials).max(axis=2)
    flat = potentials.reshape(n_snippets, -1)
    for rank in [rank for rank in RANKS if rank < n_snippets]:
        part = vectors[:, :rank].astype(np.float32)
        errors = np.abs(flat - part @ (part.T @ flat)).reshape(potentials.shape).max(axis=2)
        if np.all(errors <= relative_error * peaks.max(axis=0)) and np.all(errors <= 3 * relative_error * peaks):
            return rank
    return int(np.sum(values > 0)) or 1
