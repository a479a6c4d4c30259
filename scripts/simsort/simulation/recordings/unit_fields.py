"""Potentials of placed cells at every displacement of the tissue, stored as few spatial and temporal modes.

A cell's potential is a sum over its segments, so all its snippets at all displacements lie in a small space. With
`fields` (n_grid, n_contacts, q), the modes' potentials on a grid of displacements, and `waves` (rank, q, n_samples),
the modes' time courses, a spike is `fields[displacement] @ (coefficients @ waves)`: exact re-projection on the grid,
linear between.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simsort.simulation.recordings.noise import SPIKE_BAND_HZ

LOCAL_RADIUS_UM = 80.0
PEAK_SHARE = 0.01  # contacts that reach this share of the cell's peak are never left out
FOREGROUND_TOLERANCE, FOREGROUND_MODES = 1e-3, 16
BACKGROUND_TOLERANCE, BACKGROUND_MODES = 2e-2, 4
BACKGROUND_WINDOW_MS = (1.0, 3.0)
BACKGROUND_TAPER_MS = 0.4
COMPONENT_TOLERANCE = 4e-3
ROOT_TOLERANCE = 1e-5  # far below the modes' even where a contact is much nearer to a dendrite than to the soma
GRID_STEP_UM, BACKGROUND_STEP_UM = 1.0, 2.5
MAX_ELEMENTS = 2_000_000  # of a transfer matrix at a time


@dataclass(frozen=True, kw_only=True)
class UnitField:
    """One foreground cell in front of the probe.

    Parameters
    ----------
    first_channel : int
        The unit's contacts are `first_channel` and those after it, in rendering order.
    grid_start_um, grid_step_um : float
        Displacements of `fields`.
    fields : array, (n_grid, n_contacts, q) float32
    waves : array, (rank, q, n_samples) int16
        Each component in steps of 1/32767 of its largest value, which halves the memory of a plan.
    coefficients : array, (n_snippets, rank) float32
        In uV and those steps.
    n_before : int
        Samples before the soma's crossing.
    """

    first_channel: int
    grid_start_um: float
    grid_step_um: float
    fields: np.ndarray
    waves: np.ndarray
    coefficients: np.ndarray
    n_before: int

    def waveforms_uv(self, snippets: np.ndarray, displacements_um: np.ndarray) -> np.ndarray:
        """Return spikes (n_spikes, n_contacts, n_samples) in uV at displacements (n_spikes,)."""
        fields = interpolate(self.fields, displacements_um, self.grid_start_um, self.grid_step_um)
        return np.matmul(fields, self.courses(self.coefficients[snippets]))

    def template_uv(self, displacement_um: float = 0.0) -> np.ndarray:
        """Return the mean spike (n_contacts, n_samples) in uV."""
        field = interpolate(self.fields, np.array([displacement_um]), self.grid_start_um, self.grid_step_um)[0]
        return field @ self.courses(self.coefficients.mean(axis=0, keepdims=True))[0]

    def courses(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the time courses (n, q, n_samples) of the modes for coefficients (n, rank)."""
        rank, q, n_samples = self.waves.shape
        return (coefficients @ self.waves.reshape(rank, -1).astype(np.float32)).reshape(-1, q, n_samples)


@dataclass(frozen=True, kw_only=True)
class BackgroundFields:
    """All background cells: one mean spike each, whose size varies as the snippets' do.

    Parameters
    ----------
    first_channels : array, (n_units,)
    grid_start_um, grid_step_um : float
    fields : array, (n_units, n_grid, n_contacts, q) float32
    waves : array, (n_units, q, n_samples) float32
    models : array, (n_units,)
        Row of `scales` of each unit.
    scales : array, (n_models, n_snippets) float32
        Size of each snippet relative to the mean.
    n_before : int
    """

    first_channels: np.ndarray
    grid_start_um: float
    grid_step_um: float
    fields: np.ndarray
    waves: np.ndarray
    models: np.ndarray
    scales: np.ndarray
    n_before: int

    def waveforms_uv(self, units: np.ndarray, snippets: np.ndarray, displacements_um: np.ndarray) -> np.ndarray:
        """Return spikes (n_spikes, n_contacts, n_samples) in uV of units (n_spikes,)."""
        lower, fraction = grid_place(displacements_um, self.grid_start_um, self.grid_step_um, self.fields.shape[1])
        fields = self.fields[units, lower]
        if self.fields.shape[1] > 1:
            fields = fields + fraction[:, None, None] * (self.fields[units, lower + 1] - fields)
        fields = fields * self.scales[self.models[units], snippets][:, None, None]
        return np.matmul(fields, self.waves[units])


def grid_place(displacements_um: np.ndarray, start_um: float, step_um: float, n_grid: int):
    """Return the grid cell (n,) below each displacement and the fraction (n,) float32 of the way to the next."""
    place = (np.asarray(displacements_um) - start_um) / step_um
    lower = np.clip(np.floor(place).astype(np.int64), 0, max(n_grid - 2, 0))
    return lower, np.clip(place - lower, 0, 1).astype(np.float32)


def interpolate(fields: np.ndarray, displacements_um: np.ndarray, start_um: float, step_um: float) -> np.ndarray:
    """Return fields (n, n_contacts, q) at displacements (n,), linear between those of the grid."""
    if len(fields) == 1:
        return np.broadcast_to(fields, (len(displacements_um), *fields.shape[1:]))
    lower, fraction = grid_place(displacements_um, start_um, step_um, len(fields))
    below = fields[lower]
    return below + fraction[:, None, None] * (fields[lower + 1] - below)


def displacement_grid(max_displacement_um: float, step_um: float) -> np.ndarray:
    """Return displacements that cover +-`max_displacement_um`, at most `step_um` apart; only 0 without drift."""
    if max_displacement_um == 0:
        return np.zeros(1)
    half = int(np.ceil(max_displacement_um / step_um))
    return np.linspace(-max_displacement_um, max_displacement_um, 2 * half + 1)


def transfer_on_grid(geometry, contacts, grid_um: np.ndarray, *, conductivity_s_per_m: float,
                     n_points: int) -> np.ndarray:
    """Return uV per nA (n_grid * n_contacts, n_segments) of a placed cell whose tissue moves up by `grid_um`.

    Moving the tissue up is moving the contacts down.
    """
    import dataclasses

    from simsort.simulation.field.contacts import contact_matrix

    n_contacts, n_segments = len(contacts.positions_um), len(geometry.diameter_um)
    per_part = max(1, MAX_ELEMENTS // max(n_contacts * n_segments * n_points, 1))
    parts = []
    for part in np.split(grid_um, np.arange(per_part, len(grid_um), per_part)):
        positions = contacts.positions_um[None] - part[:, None, None] * np.array([0.0, 1.0, 0.0])
        moved = dataclasses.replace(contacts, positions_um=positions.reshape(-1, 3))
        parts.append(contact_matrix(geometry, moved, n_points=n_points, conductivity_s_per_m=conductivity_s_per_m))
    return np.concatenate(parts)


def root_of(basis: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return `root` (n_segments, n_columns) with `root @ root.T` near `B @ B.T`, without negligible columns.

    B (n_segments, rank * n_samples) are the components (rank, n_segments, n_samples), each times its weight.
    """
    gram = np.zeros((basis.shape[1],) * 2)
    for component, weight in zip(basis, weights):
        component = component.astype(np.float64)
        gram += weight**2 * (component @ component.T)
    values, vectors = np.linalg.eigh(gram)
    sizes = np.sqrt(np.maximum(values, 0.0))
    kept = sizes >= ROOT_TOLERANCE * sizes[-1]
    return vectors[:, kept] * sizes[kept]


def modes_of(transfer: np.ndarray, root: np.ndarray, tolerance: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Split potentials `transfer @ B` into few modes.

    Parameters
    ----------
    transfer : array, (n_places, n_segments)
    root : array, (n_segments, n_columns)
        Of `root_of`: all that has to be known of B's many columns.
    tolerance : float
        Modes smaller than this share of the largest are left out.
    most : int
        Largest number of modes.

    Returns
    -------
    fields : array, (n_places, q)
    mixing : array, (n_segments, q)
        `fields @ mixing.T @ B` is near `transfer @ B`; the rows of `mixing.T @ B` are orthonormal.
    """
    short = transfer @ root  # same left singular vectors and sizes as transfer @ B
    is_tall = len(short) > short.shape[1]
    values, vectors = np.linalg.eigh(short.T @ short if is_tall else short @ short.T)
    sizes = np.sqrt(np.maximum(values[::-1], 0.0))
    q = max(1, min(most, int((sizes > tolerance * max(sizes[0], 1e-30)).sum())))
    chosen = vectors[:, ::-1][:, :q]
    fields = short @ chosen if is_tall else chosen * sizes[:q]
    return fields, transfer.T @ fields / np.maximum(sizes[:q], 1e-30) ** 2


def fewer_components(coefficients: np.ndarray, waves: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Drop components of snippets that do not matter where the probe is.

    Parameters
    ----------
    coefficients : array, (n_snippets, rank)
    waves : array, (rank, q, n_samples)
    tolerance : float
        Components smaller than this share of the largest are left out.

    Returns
    -------
    coefficients : array, (n_snippets, new_rank) float32
    waves : array, (new_rank, q, n_samples) int16
    """
    rank, q, n_samples = waves.shape
    flat, coefficients = waves.reshape(rank, -1), coefficients.astype(float)
    values, vectors = np.linalg.eigh((flat @ flat.T).astype(float))
    roots = np.sqrt(np.maximum(values, 1e-12 * max(values.max(), 1e-30)))
    short = coefficients @ (vectors * roots)  # of the orthonormal waves vectors.T @ flat / roots
    values, turned = np.linalg.eigh(short.T @ short)
    sizes = np.sqrt(np.maximum(values[::-1], 0.0))
    kept = turned[:, ::-1][:, : max(1, int((sizes > tolerance * max(sizes[0], 1e-30)).sum()))]
    waves = ((kept.T / roots) @ vectors.T).astype(np.float32) @ flat
    steps = np.maximum(np.abs(waves).max(axis=1, keepdims=True), 1e-30) / 32767
    whole = np.rint(waves / steps).astype(np.int16).reshape(-1, q, n_samples)
    return ((short @ kept) * steps.T).astype(np.float32), whole


def resampling_matrix(n_samples: int, n_before: int, from_hz: float, to_hz: float) -> tuple[np.ndarray, int]:
    """Return what turns snippets of one sampling rate into another's, and the new sample of the crossing.

    Parameters
    ----------
    n_samples, n_before : int
        Of the snippets, of which the sample `n_before` keeps its time.
    from_hz, to_hz : float

    Returns
    -------
    matrix : array, (n_samples, n_new_samples)
        Windowed sinc (Lanczos, 12 lobes), low-passed where the rate falls.
    n_before : int
    """
    ratio = to_hz / from_hz
    new_before = int(np.floor(n_before * ratio))
    n_new = new_before + int(np.floor((n_samples - 1 - n_before) * ratio)) + 1
    places = (np.arange(n_new) - new_before) / ratio + n_before
    cutoff = min(ratio, 1.0)
    distance = (np.arange(n_samples)[:, None] - places) * cutoff
    matrix = np.where(np.abs(distance) < 12, np.sinc(distance) * np.sinc(distance / 12), 0.0)
    return matrix / matrix.sum(axis=0, keepdims=True), new_before


def taper(n_samples: int, n_edge: int) -> np.ndarray:
    """Return weights (n_samples,) that rise from 0 over the first and fall over the last `n_edge` samples."""
    edge = np.sin((np.arange(n_edge) + 0.5) / max(n_edge, 1) * np.pi / 2) ** 2
    weights = np.ones(n_samples)
    weights[:n_edge] *= edge
    weights[n_samples - n_edge:] *= edge[::-1]
    return weights


def in_spike_band(courses: np.ndarray, sampling_frequency_hz: float) -> np.ndarray:
    """Return courses (n, n_samples) between 300 and 6000 Hz, taken as zero outside."""
    from scipy.signal import butter, sosfiltfilt

    margin = int(0.01 * sampling_frequency_hz)
    high_hz = min(SPIKE_BAND_HZ[1], 0.45 * sampling_frequency_hz)
    sections = butter(3, [SPIKE_BAND_HZ[0], high_hz], btype="band", fs=sampling_frequency_hz, output="sos")
    padded = np.pad(courses, ((0, 0), (margin, margin)))
    return sosfiltfilt(sections, padded, axis=1, padtype=None)[:, margin:-margin].astype(np.float32)


class Snippets:
    """A cell library at the recording's sampling rate: basis_na (rank, n_segments, n_samples), coefficients."""

    def __init__(self, library, sampling_frequency_hz: float):
        self.geometry, self.coefficients = library.geometry, np.asarray(library.coefficients, dtype=np.float32)
        basis, self.n_before = np.asarray(library.basis_na, dtype=np.float32), int(library.n_before)
        if library.sampling_frequency_hz != sampling_frequency_hz:
            matrix, self.n_before = resampling_matrix(basis.shape[2], self.n_before, library.sampling_frequency_hz,
                                                      sampling_frequency_hz)
            basis = basis @ matrix.astype(np.float32)
        self.basis_na = basis
        self.mean_na = np.tensordot(self.coefficients.mean(axis=0), basis, axes=1)  # n_segments x n_samples
        self.filtered_mean_na = in_spike_band(self.mean_na, sampling_frequency_hz)
        self.scales = relative_sizes(self.coefficients, basis, self.mean_na)

    @cached_property
    def root(self) -> np.ndarray:
        """The components' `root_of`, each counting as much as the snippets use it."""
        return root_of(self.basis_na, np.sqrt(np.mean(self.coefficients.astype(float) ** 2, axis=0)))

    def background(self, sampling_frequency_hz: float) -> tuple[np.ndarray, int]:
        """Return the mean spike's currents around the crossing (n_segments, n_samples), tapered, and its crossing."""
        before, after = (int(ms / 1000 * sampling_frequency_hz) for ms in BACKGROUND_WINDOW_MS)
        n_segments, n_samples = self.mean_na.shape
        window = np.zeros((n_segments, before + after), dtype=np.float32)
        first, last = self.n_before - before, self.n_before + after
        inside = slice(max(first, 0), min(last, n_samples))
        window[:, inside.start - first:inside.stop - first] = self.mean_na[:, inside]
        n_edge = min(int(BACKGROUND_TAPER_MS / 1000 * sampling_frequency_hz), before)
        return window * taper(before + after, n_edge).astype(np.float32), before


def relative_sizes(coefficients: np.ndarray, basis: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the size (n_snippets,) of each snippet along the mean one (n_segments, n_samples), 1 on average."""
    along = coefficients @ (basis.reshape(len(basis), -1) @ mean.ravel())
    return (along / max(float(mean.ravel() @ mean.ravel()), 1e-30)).astype(np.float32)
