"""Cell libraries made of formulas, without NEURON: a soma that sinks current, dendrites that return it."""

import numpy as np

from simsort.simulation.field.geometry import SegmentGeometry
from simsort.simulation.library.cell_library import CellLibrary

N_BEFORE, N_SAMPLES, RANK, N_SNIPPETS = 90, 390, 6, 120
TYPES = (("L5_TTPC", "L5", "excitatory", "pyramidal", 0.45, 25.0),
         ("L23_PC", "L2/3", "excitatory", "pyramidal", 0.4, 15.0),
         ("L5_PVB", "L5", "inhibitory", "PV", 0.22, 15.0))


def made_up_cells(n_individuals: int = 1, sampling_frequency_hz: float = 30000.0) -> list[CellLibrary]:
    """Return one library per type and individual."""
    return [made_up_cell(*kind, individual, sampling_frequency_hz) for kind in TYPES
            for individual in range(n_individuals)]


def made_up_cell(cell_type, layer, neuron_class, subclass, width_ms, peak_na, individual, sampling_frequency_hz):
    """Return one library: the same spike everywhere, later and broader in segments farther from the soma."""
    rng = np.random.default_rng([len(cell_type), individual])
    geometry = made_up_geometry(rng)
    distance_um = np.linalg.norm(geometry.middle_um, axis=1)
    scale = sampling_frequency_hz / 30000.0
    n_before, n_samples = round(N_BEFORE * scale), round(N_SAMPLES * scale)
    times_ms = (np.arange(n_samples) - n_before) / sampling_frequency_hz * 1000
    share = np.exp(-distance_um / 120)
    share[0] = 0.0
    share /= share.sum()
    share[0] = -1.0  # currents of a cell sum to zero
    window = np.hanning(n_samples) ** 0.2
    currents = np.stack([share[:, None] * spike(times_ms, width_ms * (1 + 0.05 * k)) * window for k in range(RANK)])
    currents -= currents.mean(axis=1, keepdims=True)
    orthonormal = np.linalg.qr(currents.reshape(RANK, -1).T)[0].T
    coefficients = (orthonormal @ currents[0].ravel()) * (1 + 0.08 * rng.standard_normal((N_SNIPPETS, 1)))
    jitter = 0.02 * rng.standard_normal((N_SNIPPETS, RANK)) * np.abs(coefficients).max()
    coefficients = peak_na * (coefficients + jitter)
    intervals_ms = np.sort(rng.lognormal(4.5, 1.2, N_SNIPPETS))
    model = {"source": "made up", "name": f"{cell_type}_{individual:02d}", "cell_type": cell_type, "layer": layer,
             "neuron_class": neuron_class, "subclass": subclass, "individual": individual, "seed": 0, "folder": None,
             "rate_hz": (1.0, 10.0), "burst_probability": 0.1 if subclass == "pyramidal" else 0.0}
    return CellLibrary(model=model, geometry=geometry, sampling_frequency_hz=sampling_frequency_hz, n_before=n_before,
                       basis_na=orthonormal.reshape(currents.shape).astype(np.float32),
                       coefficients=coefficients.astype(np.float32),
                       spike_times_s=np.sort(rng.uniform(0, 60, N_SNIPPETS)),
                       isi_before_ms=intervals_ms, isi_after_ms=rng.permutation(intervals_ms))


def spike(times_ms, width_ms):
    """Return a spike of that width: a trough and a slower, smaller hump."""
    trough = np.exp(-0.5 * (times_ms / (width_ms / 3)) ** 2)
    return trough - 0.35 * np.exp(-0.5 * ((times_ms - width_ms) / (0.6 * width_ms)) ** 2)


def made_up_geometry(rng) -> SegmentGeometry:
    """Return a soma, an apical dendrite of 400 um and eight basal ones of 100 um."""
    starts, ends = [[0.0, -8.0, 0.0]], [[0.0, 8.0, 0.0]]
    for k in range(16):
        starts.append([0.0, 8.0 + 25 * k, 0.0])
        ends.append([0.0, 33.0 + 25 * k, 0.0])
    for _ in range(8):
        direction = rng.standard_normal(3)
        direction[1] = -abs(direction[1])
        direction /= np.linalg.norm(direction)
        for k in range(4):
            starts.append(direction * (8 + 25 * k))
            ends.append(direction * (33 + 25 * k))
    n_segments = len(starts)
    return SegmentGeometry(start_um=np.array(starts), end_um=np.array(ends),
                           region=np.zeros(n_segments, dtype=np.uint8),
                           diameter_um=np.where(np.arange(n_segments) == 0, 16.0, 2.0))
