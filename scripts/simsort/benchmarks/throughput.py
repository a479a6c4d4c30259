"""Sessions per hour against sessions in parallel: the wrapper sorts copies of a short session on this machine."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from simsort.benchmarks.machine import OtherLoad
from simsort.benchmarks.overhead import critical_path, own_time, read_tasks
from simsort.benchmarks.tables import markdown_table
from simsort.benchmarks.workflow import REPO, outside_jobs, set_up

# Quick, and repeated runs give the same spikes: the workflow is what is measured, not the sorter.
OPTIONS = ("--sorter", "mountainsort5", "--runmode", "fast", "--n_jobs", "1")
N_SESSIONS = 4
DURATION_S, N_CHANNELS = 10.0, 32


def bench_sessions(folder: Path, at_once: int) -> dict:
    """Sort several sessions by the wrapper, so many at once.

    Parameters
    ----------
    folder : Path
        Scratch folder; removed at the end.
    at_once : int
        The wrapper's `--max-jobs`.

    Returns
    -------
    row : dict
        `at_once`, `n_sessions`, `wall_s` (from the wrapper's start to its end), `own_s` (mean over the sessions of the
        own times of the stages on their critical path), `other_cores`.

    Raises
    ------
    RuntimeError
        If a session fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    here = folder / "here"
    here.mkdir(parents=True)
    session = short_session(folder.parent)
    for number in range(N_SESSIONS):
        shutil.copytree(session, folder / "data" / f"session_{number}" / session.name)
    environment = own_environment() | {"DATA_PATH": str(folder / "data")}
    set_up(environment, folder, "full")
    command = [str(REPO / "multijob_submission_wrapper.sh"), str(REPO / "spike_sort.slm"), "--local", "--max-jobs",
               str(at_once), "--", *OPTIONS]
    with OtherLoad() as other, (folder / "printed.log").open("w") as log:
        started = time.perf_counter()
        status = subprocess.run(command, cwd=here, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT, check=False).returncode
        wall_s = time.perf_counter() - started
    if status != 0:
        raise RuntimeError(f"the wrapper ended with status {status}: see {folder}")
    sessions = json.loads((here / "multijob_manifest.json").read_text())["sessions"]
    own_s = [own_time(critical_path(read_tasks(here / s["results"] / "nextflow" / "trace.txt"))) for s in sessions]
    shutil.rmtree(folder)
    return {"at_once": at_once, "n_sessions": len(sessions), "wall_s": wall_s, "own_s": sum(own_s) / len(own_s),
            "other_cores": other.other_cores}


def short_session(folder: Path) -> Path:
    """Return a generated session of 10 s, made once for a scratch folder."""
    from simsort.benchmarks.generated import make_generated_session

    return make_generated_session(folder / "short_session", duration_s=DURATION_S, n_channels=N_CHANNELS)


def own_environment() -> dict:
    """Return the environment without settings of a run and without a Slurm job: runs are on this machine."""
    settings = ("WORK_DIR", "RESULTS_PATH", "PIPELINE_PATH", "INPUT_DATA_TYPE", "SORTER", "PARAMS_FILE")
    return {name: value for name, value in outside_jobs(os.environ).items() if name not in settings} | {
        "USE_CONTAINERS": "0"}


def sessions_table(rows: list[dict]) -> str:
    """Return the table of sessions per hour."""
    cells = [[str(r["at_once"]), str(r["n_sessions"]), f"{r['wall_s']:.0f}",
              f"{3600 * r['n_sessions'] / r['wall_s']:.0f}", f"{r['own_s']:.0f}",
              f"{r['at_once'] * r['wall_s'] / r['n_sessions'] - r['own_s']:.0f}",
              f"{r['other_cores']:.1f}"] for r in rows]
    return markdown_table(["at once", "sessions", "time (s)", "sessions per hour", "own time of the stages, each (s)",
                           "overhead, each (s)", "cores busy with other work"], cells)
