"""Before the shards start: mechanisms compiled once, cells built once for trial, and the work that is left."""

import dataclasses

from simsort.simulation.shards.estimate import Estimate, estimate_cells, estimate_recordings
from simsort.simulation.shards.rendering import RecordingJob, recording_jobs
from simsort.simulation.shards.simulate import unfinished


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What is left to do.

    Attributes
    ----------
    shards : list of dict
        `index`, `n_cells` and `core_min` of each shard in which a cell is missing or damaged.
    recordings : list of RecordingJob
        Recordings asked for.
    estimate : Estimate
        Cells and recordings together.
    lines : list of str
        The same for people.
    """

    shards: list[dict]
    recordings: list[RecordingJob]
    estimate: Estimate
    lines: list[str]


def plan_of_work(plan, store, rendering: dict, *, n_jobs: int = 1) -> Work:
    """Find out which cells are still to be simulated, and estimate that and the recordings."""
    todo = {model.name for model in unfinished(store, plan.models)}
    cells = estimate_cells(len(todo), plan.settings)
    shards = []
    for index in range(plan.n_shards):
        n_cells = sum(model.name in todo for model in plan.shard(index, plan.n_shards))
        if n_cells:
            shards.append({"index": index, "n_cells": n_cells, "core_min": cells.core_s / 60 / len(todo) * n_cells})
    jobs = recording_jobs(rendering)
    estimate = cells + estimate_recordings(jobs, rendering, plan.settings)
    kept = len(plan.models) - len(todo)
    lines = [estimate.line(n_jobs)] + [f"{kept} of {len(plan.models)} cells are there already"] * (kept > 0)
    return Work(shards=shards, recordings=jobs, estimate=estimate, lines=lines)


def prepare_mechanisms(plan) -> None:
    """Build one cell of the built-in kind, or each of the other sources: compiles their mechanisms and finds mistakes.

    Raises
    ------
    UserError
        For a cell folder with parts missing, or a mechanism that does not compile.
    """
    from simsort.simulation.currents.process import in_fresh_process

    builtin = plan.settings["cells"] == "builtin"
    for model in plan.models[:1] if builtin else plan.models:
        in_fresh_process(build_once, model, plan.settings["kinetics"])


def build_once(model, kinetics: str) -> int:
    """Build a cell and drop it; return its number of segments."""
    from simsort.simulation.cells.model import build_cell

    return len(build_cell(model, kinetics=kinetics).segments())
