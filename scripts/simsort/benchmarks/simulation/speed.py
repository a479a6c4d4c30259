"""Cell-seconds per core-minute: every built-in type, and cells of the MEArec package in ours and in LFPy."""

from simsort.benchmarks.simulation.environments import PeerUnavailable, mearec_cell, run_peer
from simsort.benchmarks.simulation.library_cells import library_costs
from simsort.benchmarks.simulation.own_process import CoreTime, run_task

SECONDS, SECONDS_SAME = 4.0, 1.0
SAME_CELLS = ("L5_TTPC1_cADpyr232_1", "L5_NBC_bAC217_1")
LAMBDA_F_HZ = {100.0: "LFPy, its default (lambda_f 100 Hz)", 1.0: "LFPy, SimSort's setting (lambda_f 1 Hz)"}
CONDUCTANCE_US, DT_MS = 0.005, 1 / 30


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`."""
    rows = run_task("speed.builtin", {"cell_types": settings.cell_types, "seconds": SECONDS}, settings.out)["value"]
    costs = library_costs(settings)
    for row in rows:
        row |= {f"library_{key}": costs[row["cell_type"]][key] for key in ("cpu_s", "simulated_s")}
    same, unavailable = same_cells(settings)
    return {"speed": rows, "same_cell": same, "unavailable": unavailable}


def same_cells(settings) -> tuple[list[dict], dict]:
    """Run cells of the MEArec package in ours and in LFPy; return the rows and which peers are missing, and why."""
    rows, unavailable = [], {}
    for name in SAME_CELLS:
        try:
            folder = str(mearec_cell(name, settings.out))
        except PeerUnavailable as reason:
            return rows, {"MEArec, whose package holds the cells,": str(reason)}
        try:
            ours = run_task("speed.of_folder", {"folder": folder, "seconds": SECONDS_SAME}, settings.out)["value"]
            rows.append({**ours, "cell": name, "program": "ours"})
        except RuntimeError as reason:  # the peers are measured all the same; the table says why ours is missing
            unavailable[f"ours, {name}"] = str(reason)
        for lambda_f, label in LAMBDA_F_HZ.items():
            try:
                found = run_peer("lfpy", "lfpy_cell.py", {"cell_folder": folder, "dt_ms": DT_MS,
                                 "duration_s": SECONDS_SAME, "lambda_f": lambda_f}, settings.out)
                rows.append({**found, "program": label})
            except PeerUnavailable as reason:
                unavailable["LFPy"] = str(reason)
    return rows, unavailable


def builtin(cell_types, seconds: float) -> list[dict]:
    """Measure one individual of each type."""
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.currents.process import in_fresh_process

    return [in_fresh_process(speed_of, model, seconds) for model in builtin_models(cell_types or None)]


def of_folder(folder: str, seconds: float) -> dict:
    """Measure the cell of a folder."""
    from simsort.simulation.cells.sources import list_models
    from simsort.simulation.currents.process import in_fresh_process

    return in_fresh_process(speed_of, list_models(folder)[0], seconds)


def speed_of(model, seconds: float) -> dict:
    """Build a cell and time its simulation under fluctuating conductances, all membrane currents recorded."""
    from simsort.simulation.cells.model import build_cell
    from simsort.simulation.currents.run import run_cell
    from simsort.simulation.drive.conductances import Conductances, ConductanceSettings

    cell = build_cell(model)
    drive = Conductances(ConductanceSettings(excitation_us=CONDUCTANCE_US), seed=[0])
    with CoreTime() as core:
        for _ in run_cell(cell, drive, duration_s=seconds, dt_ms=DT_MS):
            pass
    return {"cell_type": model.cell_type, "name": model.name, "n_segments": len(cell.segments()), "dt_ms": DT_MS,
            "simulated_s": seconds, "cpu_s": core.cpu_s, "wall_s": core.wall_s}
