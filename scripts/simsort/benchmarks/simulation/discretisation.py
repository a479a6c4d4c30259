"""What our number of segments does to a spike's amplitude: against nine times as many in every section."""

import numpy as np

from simsort.benchmarks.simulation.own_process import run_task

FULL = 9
DISTANCE_UM, N_ANGLES = 30.0, 8
DEPTHS_UM = (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0)
RESPONSE_S, AFTER_SPIKE_MS = 0.1, 4.0


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`."""
    return {"discretisation": run_task("discretisation.all_types", {"cell_types": settings.cell_types},
                                       settings.out)["value"]}


def all_types(cell_types) -> list[dict]:
    """Compare both discretisations for one individual of each type."""
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.currents.process import in_fresh_process

    rows = []
    for model in builtin_models(cell_types or None):
        ours, current_na = in_fresh_process(spike_amplitude, model, 1, None)
        full, _ = in_fresh_process(spike_amplitude, model, FULL, current_na)
        rows.append({"cell_type": model.cell_type, "n_segments": ours[0], "n_segments_full": full[0],
                     "amplitude_uv": ours[1], "amplitude_full_uv": full[1], "current_na": current_na})
    return rows


def spike_amplitude(model, factor: int, current_na: float | None) -> tuple[tuple[int, float], float]:
    """Return the number of segments and the first spike's largest amplitude 30 um from the soma's axis, and the step.

    Parameters
    ----------
    model : CellModel
        The cell.
    factor : int
        Segments are so many times as many, in every section.
    current_na : float | None
        Step; None: twice the rheobase.
    """
    from simsort.benchmarks.simulation.steps import respond, rheobase_na
    from simsort.simulation.cells.model import build_cell
    from simsort.simulation.currents.run import DT_MS
    from simsort.simulation.field.line_source import transfer_matrix

    cell = build_cell(model)
    for section in cell.sections:
        section.nseg *= factor
    current_na = 2 * rheobase_na(cell, DT_MS) if current_na is None else current_na
    _, spikes_ms, currents_na = respond(cell, current_na, RESPONSE_S, DT_MS, with_currents=True)
    first = int(spikes_ms[0] / DT_MS)
    window = currents_na[:, first - round(1 / DT_MS) : first + round(AFTER_SPIKE_MS / DT_MS)]
    potentials_uv = transfer_matrix(cell.geometry(), ring_um()) @ window
    return (len(cell.segments()), float(np.ptp(potentials_uv, axis=1).max())), current_na


def ring_um() -> np.ndarray:
    """Return points (n, 3) around the soma's axis, 30 um from it."""
    angles = 2 * np.pi * np.arange(N_ANGLES) / N_ANGLES
    return np.array([[DISTANCE_UM * np.cos(angle), depth, DISTANCE_UM * np.sin(angle)]
                     for depth in DEPTHS_UM for angle in angles])
