"""Why tasks failed, read from Nextflow's trace and the failed tasks' folders. Standard library only."""

import csv
import json
import re
from pathlib import Path

from simsort.errors import UserError

STAGES = ("dispatch", "preprocess", "sort", "postprocess", "curate", "visualize", "qc", "nwb")
FAILED = ("FAILED", "ABORTED")

OUT_OF_MEMORY = "out of memory: give the stage more (--max_memory) or fewer workers (--n_jobs)"
TIME_LIMIT = "time limit reached, or the job was cancelled: allow more (--max_time)"
VANISHED = "the job vanished without an exit status (node failure, pre-emption or cancelled): run again to continue"
KILL_REASONS = {"137": OUT_OF_MEMORY, "0:9": OUT_OF_MEMORY, "9": OUT_OF_MEMORY, "140": TIME_LIMIT, "143": TIME_LIMIT,
                "130": TIME_LIMIT, "0:15": TIME_LIMIT, "2147483647": VANISHED, "-": VANISHED, "": VANISHED}
# What Slurm writes into a job's log tells more than the exit status.
LOG_REASONS = ((re.compile(r"oom[-_ ]kill|out of memory|exceeded (job |step )?memory limit", re.I), OUT_OF_MEMORY),
               (re.compile(r"DUE TO TIME LIMIT"), TIME_LIMIT),
               (re.compile(r"DUE TO NODE FAIL|DUE TO PREEMPTION"), VANISHED))
LOG_TAIL_BYTES = 20_000
LONGEST_REASON = 400


def read_failures(trace: Path) -> list[dict]:
    """List the tasks whose last attempt failed.

    Parameters
    ----------
    trace : Path
        Nextflow's trace: tab separated, one row per attempt, with the fields `process`, `tag`, `status`, `exit`,
        `attempt` and `workdir` (or `name` in place of the first two).

    Returns
    -------
    failures : list of dict
        `stage`, `recording_name` (None for a task of the whole session), `reason` (one line), `exit`, `workdir`.

    Raises
    ------
    UserError
        If the trace does not exist or is no trace.
    """
    return [failure for task in last_attempts(read_trace(trace)) if task["status"] in FAILED
            for failure in describe_failure(task)]


def read_trace(trace: Path) -> list[dict]:
    """Read the rows of a trace file, with `process` and `tag` filled in from `name` where they are missing."""
    trace = Path(trace)
    if not trace.is_file():
        raise UserError(f"trace file {trace} does not exist", "give the trace.txt that Nextflow wrote")
    with trace.open(newline="", encoding="utf8", errors="replace") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restval="-"))
    for row in rows:
        if not row.get("status") or not (row.get("process") or row.get("name")):
            raise UserError(f"{trace} is not a Nextflow trace", "it needs the fields process (or name), tag and status")
        process, _, tag = row.get("name", "").partition(" (")
        row["process"] = row.get("process") or process
        # Without a tag Nextflow numbers the tasks; the number is no recording.
        row["tag"] = row.get("tag") or (tag[:-1] if not tag[:-1].isdigit() else "-")
    return rows


def last_attempts(rows: list[dict]) -> list[dict]:
    """Keep the last attempt of every (process, tag), in the order of the trace."""
    last: dict[tuple, dict] = {}
    for row in rows:
        # Untagged tasks of one process are told apart by their name; a tag alone identifies the others.
        key = (row["process"], row["tag"] if row["tag"] != "-" else row.get("name", ""))
        attempt = int(row["attempt"]) if str(row.get("attempt", "")).isdigit() else 0
        if key not in last or attempt >= last[key][0]:
            last[key] = (attempt, row)
    return [row for _, row in last.values()]


def stage_of(process: str) -> str:
    """Name the stage of a Nextflow process such as `SORTING:SORT_LUPIN`."""
    name = process.rsplit(":", 1)[-1].lower()
    return next((stage for stage in STAGES if name.startswith(stage)), name)


def describe_failure(task: dict) -> list[dict]:
    """Turn a failed task into failures: one, or for dispatch one per recording that could not be read."""
    workdir = task.get("workdir", "-")
    failure = {"stage": stage_of(task["process"]), "recording_name": None if task["tag"] == "-" else task["tag"],
               "reason": find_reason(Path(workdir) if workdir != "-" else None, str(task.get("exit", "-")).strip()),
               "exit": task.get("exit", "-"), "workdir": workdir}
    if failure["stage"] == "nwb" and (Path(workdir) / "jobs.json").is_file():  # one file of several recordings
        jobs = json.loads((Path(workdir) / "jobs.json").read_text())
        return [failure | {"recording_name": job["recording_name"], "session_name": job["session_name"]}
                for job in jobs]
    if failure["stage"] != "dispatch" or workdir == "-":
        return [failure]
    # When no recording is usable dispatch fails as a whole, but has said of each recording why.
    records = [json.loads(p.read_text()) for p in sorted(Path(workdir).glob("jobs/records/*/record.json"))]
    return [failure | {"recording_name": r["recording_name"], "reason": one_plain_line(r["reason"]),
                       "session_name": r["session_name"]}
            for r in records if r["state"] == "failed"] or [failure]


def find_reason(workdir: Path | None, exit_code: str) -> str:
    """Say in one line why a task failed: its own words, else the kind of kill, else the last line of its log."""
    own = workdir and workdir / "failure.json"
    if own and own.is_file():
        return one_plain_line(json.loads(own.read_text())["reason"])
    log = "\n".join(tail(workdir / name) for name in (".command.log", ".command.err")) if workdir else ""
    for pattern, reason in LOG_REASONS:
        if pattern.search(log):
            return reason
    if exit_code in KILL_REASONS:
        return KILL_REASONS[exit_code]
    lines = [line for line in log.splitlines() if one_plain_line(line)]
    said = f": {one_plain_line(lines[-1])}" if lines else " and said nothing"
    return one_plain_line(f"exit status {exit_code}{said}")


def tail(path: Path) -> str:
    """Return the end of a text file, or nothing if it does not exist."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        return file.read().decode("utf8", errors="replace")


def one_plain_line(text: str) -> str:
    """Fold text onto one line without terminal colours and control characters, cut to a readable length."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(text))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON - 3] + "..."
