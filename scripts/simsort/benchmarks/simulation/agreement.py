"""Library and continuous mode on the same run of the same cell, for one individual of each type."""

from simsort.benchmarks.simulation.own_process import run_task

SECONDS = 5.0


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`."""
    return {"agreement": run_task("agreement.all_types", {"cell_types": settings.cell_types, "seconds": SECONDS},
                                  settings.out)["value"]}


def all_types(cell_types, seconds: float) -> list[dict]:
    """Compare the modes for one individual of each type."""
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.library.agreement import compare_modes

    rows = []
    for model in builtin_models(cell_types or None):
        found = compare_modes(model, duration_s=seconds)
        rows.append({"cell_type": model.cell_type, "n_spikes": found.n_spikes, "same_spikes": found.same_spike_times,
                     "peak_error": found.peak_error, "residual_uv": found.residual_uv})
    return rows
