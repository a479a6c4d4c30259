"""Everything from nothing on one machine: cells, recordings, manifest."""

import json
import sys
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.shards.estimate import check_disk
from simsort.simulation.shards.manifest import build_manifest, write_manifest
from simsort.simulation.shards.plan import make_plan
from simsort.simulation.shards.preparation import plan_of_work, prepare_mechanisms
from simsort.simulation.shards.progress import Progress
from simsort.simulation.shards.rendering import render_to_folder
from simsort.simulation.shards.simulate import simulate_cells
from simsort.simulation.shards.store import Store


def simulate_all(simulation: dict, rendering: dict, out: Path, *, n_jobs: int = 1) -> tuple[dict, Path]:
    """Make cells and labelled recordings; what is finished is kept.

    Parameters
    ----------
    simulation, rendering : dict
        Settings of the two stages.
    out : Path
        Will hold `library/`, `recordings/`, `manifest.json` and `index.html`.
    n_jobs : int, default: 1
        Worker processes.

    Returns
    -------
    manifest : dict
        See `build_manifest`.
    page : Path
        The summary page.

    Raises
    ------
    UserError
        See `Store`, `simulate_cells`, `render_to_folder`; also if the disk is too small.
    """
    out = Path(out)
    plan = make_plan(simulation)
    store = Store(out / "library", plan)
    work = plan_of_work(plan, store, rendering, n_jobs=n_jobs)
    for line in work.lines:
        print(f"simsort: {line}", file=sys.stderr, flush=True)
    check_disk(out, work.estimate)
    prepare_mechanisms(plan)
    simulate_cells(plan, store, plan.models, n_jobs=n_jobs)
    progress = Progress("recordings rendered", len(work.recordings))
    for job in work.recordings:
        render_to_folder(job, rendering, plan, store, out / "recordings", n_jobs=n_jobs)
        progress.add(1, job.name)
    progress.close()
    manifest = build_manifest(plan, store, rendering, out / "recordings")
    return manifest, write_manifest(manifest, out)


def plan_of_store(folder: Path, simulation: dict | None):
    """Return the plan of a store: that of the settings given, or all the cells it was made for.

    Raises
    ------
    UserError
        If the folder is no store.
    """
    if simulation is not None:
        return make_plan(simulation)
    note = Path(folder) / "store.json"
    if not note.is_file():
        raise UserError(f"{folder} is no folder of simulated cells (it has no store.json)",
                        "make one with simsort simulate")
    return make_plan(json.loads(note.read_text())["settings"])
