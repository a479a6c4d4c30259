"""The library of cells that several parts share: one individual of each built-in type, and what it cost."""

import json
from pathlib import Path

from simsort.benchmarks.simulation.own_process import CoreTime, run_task

FOLDER, COSTS = "cells", "costs.json"


def library_costs(settings) -> dict[str, dict]:
    """Return what each type's library cost, making those that are missing or of another code.

    Parameters
    ----------
    settings : Settings
        Of the bench.

    Returns
    -------
    costs : dict
        By type: `cpu_s`, `wall_s`, `simulated_s`, `name`, `path`, `code`, `statistics`.
    """
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.shards.plan import code_hash

    file, code = settings.out / FOLDER / COSTS, code_hash()
    file.parent.mkdir(parents=True, exist_ok=True)
    costs = json.loads(file.read_text()) if file.is_file() else {}
    wanted = {"simulated_s": settings.simulated_s, "code": code}
    models = builtin_models(settings.cell_types or None)
    for model in models:
        if wanted.items() <= costs.get(model.cell_type, {}).items() and Path(costs[model.cell_type]["path"]).is_file():
            continue
        path = file.parent / f"{model.name}.safetensors"
        found = run_task("library_cells.make", {"cell_type": model.cell_type, "path": str(path),
                                                "simulated_s": settings.simulated_s}, settings.out)["value"]
        costs[model.cell_type] = {**found, **wanted, "path": str(path)}
        file.write_text(json.dumps(costs, indent=1))
    return {model.cell_type: costs[model.cell_type] for model in models}


def prepare() -> int:
    """Build one cell, which compiles the channels unless they are in the cache; return its number of segments."""
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.currents.process import in_fresh_process
    from simsort.simulation.shards.preparation import build_once

    return in_fresh_process(build_once, builtin_models()[0], "auto")


def make(cell_type: str, path: str, simulated_s: float) -> dict:
    """Make the library of one type as `simsort simulate` does; NEURON runs in a process of its own."""
    from simsort.simulation.cells.cell_types import builtin_models
    from simsort.simulation.library.making import make_cell_library

    model = builtin_models([cell_type])[0]
    with CoreTime() as core:
        library = make_cell_library(model, duration_s=simulated_s, seed=0)
        library.save(path)
    return {"name": model.name, "cpu_s": core.cpu_s, "wall_s": core.wall_s, "n_snippets": len(library.spike_times_s),
            "n_bytes": Path(path).stat().st_size, "statistics": plain(library.statistics)}


def plain(statistics: dict) -> dict:
    """Return a mapping with what JSON can hold."""
    return json.loads(json.dumps(statistics, default=float))
