"""Labelled recording-seconds per core-hour, cells included, for 32 channels and 30 units, beside MEArec."""

from simsort.benchmarks.simulation.environments import PeerUnavailable, run_peer
from simsort.benchmarks.simulation.library_cells import library_costs
from simsort.benchmarks.simulation.own_process import run_task
from simsort.benchmarks.simulation.placed import N_UNITS

# Of 13 x 6 templates enough lie between MEArec's smallest and largest amplitude to choose 30 from.
TEMPLATES_PER_CELL, MIN_DIST_UM, SEED = 6, 15.0, 1
SHORT_S = 10.0


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`."""
    costs = library_costs(settings)
    ours = run_task("placed.make_recording", {
        "paths": [cost["path"] for cost in costs.values()], "duration_s": settings.duration_s,
        "folder": str(settings.out / "work" / "recording")}, settings.out)["value"]
    ours |= {"n_cells": len(costs), "simulated_s": settings.simulated_s,
             "library_cpu_s": sum(cost["cpu_s"] for cost in costs.values())}
    mearec, unavailable = mearec_paths(settings)
    return {"ours": ours, "mearec": mearec, "unavailable": unavailable}


def mearec_paths(settings) -> tuple[dict, dict]:
    """Return MEArec's paths by what is added to its name, and what is missing and why."""
    found, unavailable = {}, {}
    kinds = {"": False} | ({" with drift": True} if settings.mearec_drift else {})
    for kind, drifting in kinds.items():
        durations_s = [settings.duration_s] if drifting else [SHORT_S, settings.duration_s]
        try:
            found[kind] = run_peer("mearec", "mearec_path.py", {
                "n_units": N_UNITS, "n_per_cell": TEMPLATES_PER_CELL, "seed": SEED, "drifting": drifting,
                "min_dist_um": MIN_DIST_UM, "durations_s": durations_s}, settings.out)
        except PeerUnavailable as reason:
            unavailable[f"MEArec{kind}"] = str(reason)
    return found, unavailable
