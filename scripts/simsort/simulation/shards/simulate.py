"""Simulate the cells that a store does not have yet, in fresh processes, several at a time."""

import concurrent.futures
import errno
import logging
import os
import sys
import time

from simsort.errors import UserError, one_line
from simsort.simulation.shards.plan import Plan
from simsort.simulation.shards.progress import Progress
from simsort.simulation.shards.store import Store

logger = logging.getLogger(__name__)


def unfinished(store: Store, models) -> list:
    """Return the models whose cells are missing or damaged, saying of each damaged one that it is made again."""
    states = store.states([model.name for model in models])
    for name, state in states.items():
        if state == "corrupt":
            print_line(f"{store.path(name)} is damaged: it is made again")
    return [model for model in models if states[model.name] != "finished"]


def simulate_cells(plan: Plan, store: Store, models, *, n_jobs: int = 1) -> int:
    """Simulate cells and store each as soon as it is finished.

    Parameters
    ----------
    plan : Plan
        Settings and identity.
    store : Store
        Where finished cells are.
    models : sequence of CellModel
        The individuals wanted; finished ones are kept.
    n_jobs : int, default: 1
        Cells at a time, each in a process of its own.

    Returns
    -------
    n_made : int
        How many cells were simulated.

    Raises
    ------
    UserError
        If a cell could not be made, after all others are finished.
    OSError
        If the disk is full; finished cells stay.
    """
    todo = unfinished(store, models)
    if not todo:
        return 0
    # One thread in each process: they run side by side, and sums of several threads differ in their last bits.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    progress = Progress("cells simulated", len(todo))
    failures = []
    with concurrent.futures.ThreadPoolExecutor(max(1, n_jobs)) as pool:
        running = {pool.submit(simulate_cell, plan, store, model): model for model in todo}
        try:
            for future in concurrent.futures.as_completed(running):
                failures += failure_of(future, running[future])
                progress.add(1, running[future].name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            progress.close()
    report_failures(failures, len(todo))
    return len(todo)


def failure_of(future, model) -> list[tuple[str, Exception]]:
    """Return what went wrong with one cell; a full disk concerns all of them and is raised."""
    error = future.exception()
    if error is None:
        return []
    if getattr(error, "errno", None) == errno.ENOSPC or not isinstance(error, Exception):
        raise error
    logger.info("cell %s failed", model.name, exc_info=error)
    return [(model.name, error)]


def report_failures(failures: list, n_cells: int) -> None:
    """Raise one error for all cells that failed: the error itself where there is one only."""
    if not failures:
        return
    for name, error in failures:
        print_line(f"cell {name} was not made: {one_line(error)}")
    name, error = failures[0]
    if not isinstance(error, UserError):
        raise error
    others = f" and {len(failures) - 1} more (see the lines above)" if len(failures) > 1 else ""
    raise UserError(f"{len(failures)} of {n_cells} cells were not made: {name}: {error.what}{others}",
                    f"{error.remedy}; the others are finished and kept")


def simulate_cell(plan: Plan, store: Store, model) -> dict:
    """Simulate one cell in a fresh process and store it."""
    from simsort.simulation.library.making import make_cell_library

    settings = plan.settings
    started = time.monotonic()
    library = make_cell_library(model, drive=settings["drive"], duration_s=settings["simulated_s"],
                                dt_ms=settings["dt_ms"], seed=settings["seed"], max_snippets=settings["max_snippets"],
                                kinetics=settings["kinetics"], marks={"config_hash": plan.config_hash})
    return store.write(model.name, library.save, cell_type=model.cell_type, layer=model.layer,
                       neuron_class=model.neuron_class, subclass=model.subclass, n_snippets=len(library.spike_times_s),
                       wall_s=round(time.monotonic() - started, 2))


def print_line(text: str) -> None:
    """Say something on standard error."""
    print(f"simsort: {text}", file=sys.stderr, flush=True)
