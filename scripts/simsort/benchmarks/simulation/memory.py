"""Peak memory of a shard and of rendering, at two lengths each."""

import dataclasses
import json
import os
import shutil
import sys

from simsort.benchmarks.memory import measure_memory
from simsort.benchmarks.simulation.environments import ONE_THREAD, last_words
from simsort.benchmarks.simulation.library_cells import library_costs
from simsort.benchmarks.simulation.own_process import PACKAGE, SCRIPTS

CELL_TYPE = "L5_TTPC"  # the largest
SHARD_S, RENDER_S = (20.0, 80.0), (20.0, 200.0)


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`."""
    paths = [cost["path"] for cost in library_costs(settings).values()]
    rows = [{"what": f"shard of one cell ({CELL_TYPE})", "seconds": seconds,
             **run(shard_command(settings, seconds), settings)} for seconds in SHARD_S]
    rows += [{"what": "rendering, 32 channels", "seconds": seconds,
              **run(render_command(settings, paths, seconds), settings)} for seconds in RENDER_S]
    return {"memory": rows}


def shard_command(settings, seconds: float) -> list[str]:
    """Return the command that simulates one cell as a shard of the workflow does."""
    store = settings.out / "work" / f"store_{seconds:g}s"
    shutil.rmtree(store, ignore_errors=True)
    return [sys.executable, "-m", "simsort", "simulate", "--shard", "0/1", "--store", str(store),
            "--cell-types", CELL_TYPE, "--simulated-s", str(seconds)]


def render_command(settings, paths: list[str], seconds: float) -> list[str]:
    """Return the command that renders a recording and drops the samples."""
    return [sys.executable, "-m", f"{PACKAGE}.own_process", "placed.stream_only",
            json.dumps({"paths": paths, "duration_s": seconds}), str(settings.out / "work" / "memory.json")]


def run(command: list[str], settings) -> dict:
    """Measure a command.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    log = settings.out / "work" / "memory.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
    use = measure_memory(command, log, env={**os.environ, **ONE_THREAD, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"})
    if use.status != 0:
        raise RuntimeError(f"{' '.join(command[:6])} ended with exit status {use.status} ({last_words(log)})")
    return dataclasses.asdict(use)
