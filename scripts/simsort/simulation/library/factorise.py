"""Few components for many snippets."""

import numpy as np
from threadpoolctl import threadpool_limits

from simsort.simulation.field.line_source import transfer_matrix

RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 224, 256, 320)
RING_UM = (15.0, 30.0, 60.0)
N_AROUND = 4
PEAK_FLOOR_UV, RMS_ERROR_UV = 0.1, 1.0  # both far below any recording's noise


def ring_points_um() -> np.ndarray:
    """Return places around the soma where errors are judged, (n_points, 3): rings in the plane across the apical dendrite and above, below."""
    angles = np.arange(N_AROUND) * 2 * np.pi / N_AROUND
    directions = [(np.cos(a), 0.0, np.sin(a)) for a in angles] + [(0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    return np.array([radius * np.array(direction) for radius in RING_UM for direction in directions])


def factorise(snippets: np.ndarray, geometry, relative_error: float) -> tuple[np.ndarray, np.ndarray]:
    """Write snippets as sums of as few components as the potentials near the cell need.

    The principal components of the currents, not centred; as many as keep the peak of every snippet at each of 18 places around
    the soma to a relative error (or 0.1 uV), and the rest of it to 1 uV RMS.

    Parameters
    ----------
    snippets : array, (n_snippets, n_segments, n_samples) float32
        Currents in nA.
    geometry : SegmentGeometry
        The cell.
    relative_error : float
        Largest relative error of a peak.

    Returns
    -------
    basis_na : array, (rank, n_segments, n_samples) float32
    coefficients : array, (n_snippets, rank) float32
    """
    with threadpool_limits(1, user_api="blas"):  # the sums' last bits must not depend on the number of threads
        return components(snippets, geometry, relative_error)


def components(snippets: np.ndarray, geometry, relative_error: float) -> tuple[np.ndarray, np.ndarray]:
    """Do the work of `factorise`."""
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
    """Return the smallest of `RANKS` whose errors are small enough, or all components."""
    for rank in [rank for rank in RANKS if rank < len(vectors)]:
        part = vectors[:, :rank].astype(np.float32)
        # Place by place, for little memory; most ranks fail at the first.
        if all(is_near(part, potentials[:, place], relative_error) for place in range(potentials.shape[1])):
            return rank
    return int(np.sum(values > 0)) or 1


def is_near(part: np.ndarray, potentials: np.ndarray, relative_error: float) -> bool:
    """Tell whether some orthonormal components (n_snippets, rank) keep potentials (n_snippets, n_samples) at one place."""
    kept = part @ (part.T @ potentials)
    peaks = np.abs(potentials).max(axis=1)
    change = np.abs(np.abs(kept).max(axis=1) - peaks)
    error_rms = np.sqrt(np.mean((potentials - kept)**2, axis=1))
    return bool(np.all(change <= relative_error * peaks + PEAK_FLOOR_UV) and np.all(error_rms <= RMS_ERROR_UV))
