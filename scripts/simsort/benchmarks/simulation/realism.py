"""Single cells beside published figures and real units: spikes, rates, f-I curves, distance, spread."""

import numpy as np

from simsort.benchmarks.simulation import real_units
from simsort.benchmarks.simulation.library_cells import library_costs
from simsort.benchmarks.simulation.own_process import run_task
from simsort.benchmarks.simulation.waveforms import amplitudes, high_pass, quantiles, spread_um, trough_to_peak_ms

STEP_S = 0.6
# Where a unit of a probe may lie: a column of contacts every 20 um past a cell at 15 to 60 um, any angle, little tilt.
N_PLACEMENTS, NEAREST_UM, FARTHEST_UM, SMALLEST_UV = 60, 15.0, 60.0, 30.0
DEPTHS_UM = np.arange(-200.0, 201.0, 20.0)
DISTANCES_UM, N_ANGLES = (15.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0, 140.0, 200.0), 8
SHOWN_MS = (-1.0, 2.5)


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`, which draws the pictures."""
    costs = library_costs(settings)
    rows = run_task("realism.all_types", {"cells": {cell_type: cost["path"] for cell_type, cost in costs.items()}},
                    settings.out)["value"]
    return {"realism": rows, "real_units": real_units.summary(real_units.real_units())}


def all_types(cells: dict[str, str]) -> list[dict]:
    """Measure one individual of each type."""
    from simsort.benchmarks.simulation.steps import f_i_curve
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.currents.process import in_fresh_process
    from simsort.simulation.currents.run import DT_MS
    from simsort.simulation.library.cell_library import CellLibrary

    rows = []
    for cell_type, path in cells.items():
        model, library = builtin_models([cell_type])[0], CellLibrary.load(path)
        outside = outside_of(library.geometry, mean_currents_na(library), library.sampling_frequency_hz)
        rows.append({"cell_type": cell_type, "subclass": model.subclass, "rate_range_hz": list(model.rate_hz),
                     "rate_hz": float(library.statistics["rate_hz"]), **outside,
                     **in_fresh_process(f_i_curve, model, DT_MS, STEP_S)})
    return rows


def mean_currents_na(library) -> np.ndarray:
    """Return the mean currents (n_segments, n_samples) around a library's spikes."""
    return np.tensordot(library.coefficients.mean(axis=0), library.basis_na, axes=1)


def outside_of(geometry, currents_na: np.ndarray, rate_hz: float) -> dict:
    """Return the measures of a mean spike outside the cell, after a 300 Hz high-pass.

    Parameters
    ----------
    geometry : SegmentGeometry
        The cell.
    currents_na : array (n_segments, n_samples)
        Mean membrane currents around a spike.
    rate_hz : float
        Sampling frequency.

    Returns
    -------
    measures : dict
        `trough_to_peak_ms`, `spread_um` (quantiles over placements that reach 30 uV), `n_inverted` (placements whose
        positive peak is the larger), `distances_um`, `amplitudes_uv`, `waveform_uv` and `waveform_ms` at 30 um.
    """
    durations, spreads, n_inverted = [], [], 0
    for wave_uv in placements(geometry, currents_na, rate_hz):
        largest = wave_uv[amplitudes(wave_uv).argmax()]
        if np.ptp(largest) < SMALLEST_UV:
            continue
        spreads.append(spread_um(amplitudes(wave_uv), DEPTHS_UM))
        if real_units.is_negative(largest):
            durations.append(trough_to_peak_ms(largest, rate_hz))
        else:
            n_inverted += 1
    shape = around(geometry, currents_na, rate_hz, 30.0)
    largest = shape[amplitudes(shape).argmax()]
    trough = int(largest.argmin())
    window = slice(max(trough + round(SHOWN_MS[0] * rate_hz / 1000), 0), trough + round(SHOWN_MS[1] * rate_hz / 1000))
    return {"trough_to_peak_ms": quantiles(durations), "spread_um": quantiles(spreads), "n_inverted": n_inverted,
            "distances_um": list(DISTANCES_UM),
            "amplitudes_uv": [amplitude_at(geometry, currents_na, rate_hz, distance) for distance in DISTANCES_UM],
            "waveform_uv": largest[window].tolist(),
            "waveform_ms": ((np.arange(len(largest))[window] - trough) / rate_hz * 1000).tolist()}


def placements(geometry, currents_na: np.ndarray, rate_hz: float):
    """Yield filtered spikes (n_contacts, n_samples) in uV on a column of contacts, for cells placed at random."""
    from simsort.simulation.field.geometry import random_rotation
    from simsort.simulation.field.line_source import transfer_matrix

    rng = np.random.default_rng(0)
    for _ in range(N_PLACEMENTS):
        position_um = [0.0, rng.uniform(-10, 10), rng.uniform(NEAREST_UM, FARTHEST_UM)]
        placed = geometry.placed(position_um, random_rotation(rng))
        column_um = np.stack([np.zeros_like(DEPTHS_UM), DEPTHS_UM, np.zeros_like(DEPTHS_UM)], axis=1)
        yield high_pass(transfer_matrix(placed, column_um) @ currents_na, rate_hz)


def around(geometry, currents_na: np.ndarray, rate_hz: float, distance_um: float) -> np.ndarray:
    """Return filtered spikes (n_angles, n_samples) on a ring about the soma, in its plane."""
    from simsort.simulation.field.line_source import transfer_matrix

    angles = 2 * np.pi * np.arange(N_ANGLES) / N_ANGLES
    points_um = distance_um * np.stack([np.cos(angles), np.zeros(N_ANGLES), np.sin(angles)], axis=1)
    return high_pass(transfer_matrix(geometry, points_um) @ currents_na, rate_hz)


def amplitude_at(geometry, currents_na: np.ndarray, rate_hz: float, distance_um: float) -> float:
    """Return the median peak-to-peak amplitude on a ring about the soma, in uV."""
    return float(np.median(amplitudes(around(geometry, currents_na, rate_hz, distance_um))))
