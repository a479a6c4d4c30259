"""Whole currents against the library's, on the same run of the same neuron."""

import dataclasses

import numpy as np

from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.currents.run import DT_MS, run_cell
from simsort.simulation.currents.spikes import SpikeDetector
from simsort.simulation.field.line_source import transfer_matrix
from simsort.simulation.library.cell_library import CellLibrary
from simsort.simulation.library.making import make_drive, make_here
from simsort.simulation.library.snippets import AFTER_MS, BEFORE_MS
from simsort.simulation.library.statistics import highpass, ring_um

DISTANCE_UM = 20.0
EDGE_S = 0.05  # the filter's own edges are left out


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agreement:
    """How near the two modes are.

    Attributes
    ----------
    n_spikes : int
        Spikes compared.
    same_spike_times : bool
        Whether the library holds exactly the spikes of the run.
    peak_error : float
        Largest relative difference of a spike's peak-to-peak potential, at the place with the largest spikes.
    residual_uv : float
        Largest standard deviation over the places of what differs outside the spikes' windows, after a 300 Hz high-pass.
    """

    n_spikes: int
    same_spike_times: bool
    peak_error: float
    residual_uv: float


def compare_modes(model, *, duration_s: float = 5.0, dt_ms: float = DT_MS, seed: int = 0,
                  kinetics: str = "auto") -> Agreement:
    """Run a cell and compare its whole potential 20 um from the soma with that of its library.

    Parameters
    ----------
    model : CellModel
        The individual.
    duration_s : float, default: 5.0
        Length of the run; every spike of it is in the library.
    dt_ms, seed, kinetics
        See `make_cell_library`.

    Returns
    -------
    agreement : Agreement
    """
    library = in_fresh_process(make_here, model, "conductances", duration_s, dt_ms, seed, 100_000, kinetics, 0.008, {})
    whole, spikes_ms = in_fresh_process(whole_potential, model, duration_s, dt_ms, seed, kinetics)
    return agreement(library, whole, spikes_ms, dt_ms)


def whole_potential(model, duration_s: float, dt_ms: float, seed: int, kinetics: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the potential (n_points, n_samples) of the whole run in uV, and its spikes in ms."""
    from simsort.simulation.cells.model import build_cell

    cell = build_cell(model, kinetics=kinetics)
    drive, _ = make_drive(cell, "conductances", dt_ms=dt_ms, seed=seed)
    detector = SpikeDetector(cell.spike_threshold_mv, dt_ms)
    matrix = transfer_matrix(cell.geometry(), ring_um(DISTANCE_UM))
    potentials, spikes = [], []
    for chunk in run_cell(cell, drive, duration_s=duration_s, dt_ms=dt_ms, chunk_s=0.5):
        potentials.append(matrix @ chunk.membrane_currents_na)
        spikes.append(detector.times_ms(chunk.soma_v_mv))
    return np.concatenate(potentials, axis=1), np.concatenate(spikes)


def library_potential(library: CellLibrary, n_samples: int) -> np.ndarray:
    """Return the potential (n_points, n_samples) of the library's own spikes at their own times, in uV."""
    waves = library.project(transfer_matrix(library.geometry, ring_um(DISTANCE_UM)))
    potential = np.zeros((waves.shape[1], n_samples))
    for coefficients, first in zip(library.coefficients, first_samples(library)):
        potential[:, first:first + waves.shape[2]] += np.tensordot(coefficients, waves, axes=1)
    return potential


def first_samples(library: CellLibrary) -> np.ndarray:
    """Return the sample at which each snippet's window begins."""
    crossings = np.floor(library.spike_times_s * library.sampling_frequency_hz + 1e-6).astype(int)
    return crossings - library.n_before


def agreement(library: CellLibrary, whole: np.ndarray, spikes_ms: np.ndarray, dt_ms: float) -> Agreement:
    """Compare a library with the potential of the whole run."""
    n_samples = whole.shape[1]
    fs = 1000 / dt_ms
    ours, theirs = (highpass(potential, fs) for potential in (library_potential(library, n_samples), whole))
    inside = np.zeros(n_samples, dtype=bool)
    for spike_ms in spikes_ms:
        inside[max(0, int((spike_ms - BEFORE_MS) / dt_ms)):int((spike_ms + AFTER_MS) / dt_ms)] = True
    edge = round(EDGE_S * fs)
    inside[:edge] = inside[-edge:] = True
    residual = (ours - theirs)[:, ~inside].std(axis=1).max()
    whole_windows = spikes_ms[(spikes_ms > BEFORE_MS + dt_ms) & (spikes_ms < n_samples * dt_ms - AFTER_MS - BEFORE_MS - dt_ms)]
    firsts = first_samples(library)
    near = slice(library.n_before - round(1.0 / dt_ms), library.n_before + round(2.0 / dt_ms))
    best = int(np.argmax(np.ptp(theirs, axis=1)))
    errors = []
    for first in firsts:
        pair = [np.ptp(potential[best, first:first + 2 * library.n_before][near]) for potential in (ours, theirs)]
        errors.append(abs(pair[0] / pair[1] - 1))
    same = np.array_equal(library.spike_times_s, whole_windows / 1000)  # bit by bit
    return Agreement(n_spikes=len(firsts), same_spike_times=same, peak_error=float(max(errors)),
                     residual_uv=float(residual))
