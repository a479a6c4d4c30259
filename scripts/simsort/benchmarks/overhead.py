"""What the workflow adds to its stages: arithmetic on Nextflow's trace."""

import datetime
import re
from pathlib import Path

from simsort.collecting.failures import read_trace
from simsort.errors import UserError

AIM_OVERHEAD = 0.10
# The stages one after another; those between dispatch and failures run once per recording, side by side.
BEFORE, PER_RECORDING, AFTER = (("CHECK_PARAMS", "DISPATCH"),
                                ("PREPROCESS", "SORT", "POSTPROCESS", "CURATE", "VISUALIZE"), ("FAILURES", "COLLECT"))
SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}


def seconds_of(text: str) -> float:
    """Return the seconds of a duration as Nextflow writes it, such as `1m 10s` or `485ms`.

    Raises
    ------
    ValueError
        If it is none.
    """
    parts = re.findall(r"([\d.]+)\s*(ms|s|m|h|d)(?![a-z])", text)
    if not parts or re.sub(r"[\d.]+\s*(ms|s|m|h|d)(?![a-z])", "", text).strip():
        raise ValueError(f"{text!r} is no duration")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def bytes_of(text: str) -> int:
    """Return the bytes of a size as Nextflow writes it, such as `90.5 MB`; 0 for `-`."""
    if text.strip() in ("-", "", "0"):
        return 0
    number, unit = text.split()
    return round(float(number) * BYTES[unit])


def read_tasks(trace: Path) -> list[dict]:
    """Read the tasks of a run that went through without failures.

    Parameters
    ----------
    trace : Path
        Nextflow's trace.txt.

    Returns
    -------
    tasks : list of dict
        `process`, `tag`, `submit` and `complete` (datetime), `own_s` (how long the stage's command ran, measured beside
        it), `written_bytes`, `workdir`.

    Raises
    ------
    UserError
        If a task failed or was taken from an earlier run.
    """
    tasks = []
    for row in read_trace(trace):
        if row["status"] != "COMPLETED":
            raise UserError(f"{trace}: {row['name']} is {row['status']}", "only a whole new run can be measured: use a "
                            "new --out, and see nextflow.log beside the trace if it failed")
        tasks.append({"process": row["process"], "tag": row["tag"], "workdir": row["workdir"],
                      "submit": datetime.datetime.fromisoformat(row["submit"]),
                      "complete": datetime.datetime.fromisoformat(row["complete"]),
                      "own_s": seconds_of(row["realtime"]), "written_bytes": bytes_of(row["wchar"])})
    return tasks


def critical_path(tasks: list[dict]) -> list[dict]:
    """Return the chain of tasks that took longest: what a workflow without any overhead would take.

    Parameters
    ----------
    tasks : list of dict
        With `process`, `tag` and `own_s`.

    Returns
    -------
    path : list of dict
        The tasks of the whole session, and between them those of the recording with the longest sum.
    """
    by_process = {}
    for task in tasks:
        by_process.setdefault(task["process"], []).append(task)
    per_recording = {}
    for process in PER_RECORDING:
        for task in by_process.get(process, []):
            per_recording.setdefault(task["tag"], []).append(task)
    longest = max(per_recording.values(), key=own_time, default=[])
    return [*(task for name in BEFORE for task in by_process.get(name, [])), *longest,
            *(task for name in AFTER for task in by_process.get(name, []))]


def own_time(tasks: list[dict]) -> float:
    """Return the sum of the tasks' own times in seconds."""
    return sum(task["own_s"] for task in tasks)


def measure_overhead(tasks: list[dict], started: datetime.datetime, wall_s: float) -> dict:
    """Compare the whole workflow with the stages on its critical path.

    Parameters
    ----------
    tasks : list of dict
        As `read_tasks` returns them.
    started : datetime.datetime
        Local time at which the workflow was started.
    wall_s : float
        From there until it ended.

    Returns
    -------
    overhead : dict
        `wall_s`, `stages_s` (sum of own times along the critical path), `overhead_s`, `overhead` (its ratio to
        `stages_s`), `reached` (the aim), `before_first_task_s`, `after_last_task_s`, `between_tasks_s` (the three make
        up the overhead), and `stages`: per task `own_s` and `around_s`, what its submission, queueing, start and
        detection of its end added.
    """
    path = critical_path(tasks)
    stages_s = own_time(path)
    first, last = min(task["submit"] for task in tasks), max(task["complete"] for task in tasks)
    before_s = (first - started).total_seconds()
    after_s = wall_s - (last - started).total_seconds()
    overhead_s = wall_s - stages_s
    return {
        "wall_s": wall_s, "stages_s": stages_s, "overhead_s": overhead_s, "overhead": overhead_s / stages_s,
        "reached": overhead_s / stages_s < AIM_OVERHEAD,
        "before_first_task_s": before_s, "after_last_task_s": after_s,
        "between_tasks_s": overhead_s - before_s - after_s,
        "stages": [{"stage": task["process"].lower().replace("_", "-"), "recording_name": task["tag"],
                    "own_s": task["own_s"],
                    "around_s": (task["complete"] - task["submit"]).total_seconds() - task["own_s"]} for task in path],
    }
