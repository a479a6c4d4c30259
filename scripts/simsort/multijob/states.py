"""What became of every session, from Slurm's queue and the results folders. Standard library only."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from simsort.collecting.failures import one_plain_line, read_trace, tail
from simsort.collecting.report import describe, exit_status, status_of_last_run
from simsort.errors import UserError
from simsort.multijob.manifest import Entry, read_submission
from simsort.multijob.plan import printable
from simsort.multijob.slurm import ACTIVE, queue
from simsort.results_lock import holder_of

FAILED = ("failed", "interrupted", "refused")
OVER = ("done", *FAILED, "cancelled")


@dataclasses.dataclass(frozen=True)
class State:
    """What became of a session.

    Attributes
    ----------
    name : str
        `new`, `waiting`, `running`, `done`, `failed`, `interrupted` (it ended without an account), `refused` (by
        sbatch) or `cancelled`.
    words : str
        Where it is or why, one line.
    job_id : str
        Of its head job.
    verdicts : dict
        `{recording: verdict}` of status.json, when the run has ended.
    """

    name: str
    words: str = ""
    job_id: str = ""
    verdicts: dict = dataclasses.field(default_factory=dict)


def state_of(entry: Entry, jobs: dict) -> State:
    """Tell what became of a session.

    Parameters
    ----------
    entry : Entry
    jobs : dict
        Of `slurm.queue`.
    """
    submission = read_submission(entry)
    job_id = submission.get("job_id", "")
    in_queue, used = jobs.get(job_id, ("", ""))
    if in_queue in ACTIVE:
        words = "in the queue" if in_queue == "PENDING" else f"{used}, {progress(entry.results)}"
        return State("waiting" if in_queue == "PENDING" else "running", words, job_id)
    if holder_of(entry.results):
        return State("running", f"here, {progress(entry.results)}", job_id)
    if submission.get("error"):
        return State("refused", submission["error"])
    if submission.get("cancelled"):
        return State("cancelled", "by --cancel: submit with --retry-failed", job_id)
    if submission and trace_stamp(entry.results) == submission.get("trace_before"):
        return State("interrupted", before_the_workflow(entry, submission, in_queue), job_id)
    return ended(entry, submission, job_id, in_queue)


def ended(entry: Entry, submission: dict, job_id: str, in_queue: str) -> State:
    """Read the account of a run that has ended."""
    if not submission and not trace_stamp(entry.results):
        return State("new")
    try:
        status = status_of_last_run(entry.results)
    except (UserError, ValueError, KeyError) as error:
        return State("interrupted", f"{in_queue + ': ' if in_queue else ''}{one_plain_line(str(error))}", job_id)
    good = exit_status(status) == 0
    verdicts = status["verdicts"]
    failed = [f"{name} {' '.join(describe(v).split())}" for name, v in verdicts.items() if v["state"] == "failed"]
    failed += [f"{f['stage']}: {f['reason']}" for f in status["session_failures"]]
    done = sum(verdict["state"] == "done" for verdict in verdicts.values())
    words = f"{done} of {len(verdicts)} recordings" + (f"; {failed[0]}" if failed else "")
    return State("done" if good else "failed", words, job_id, verdicts)


def before_the_workflow(entry: Entry, submission: dict, in_queue: str) -> str:
    """Say why a job ended before its workflow began: by its own last error line."""
    logs = sorted(entry.job_folder.glob(f"ephys-*.{submission.get('job_id') or '-'}.err"))
    if submission.get("log"):
        logs.append(Path(submission["log"]))
    errors = [line for log in logs for line in tail(log).splitlines() if "error" in line]
    slurm = f"{in_queue}: " if in_queue and in_queue != "COMPLETED" else ""
    return slurm + (one_plain_line(errors[-1]) if errors else "the job ended and left nothing")


def trace_stamp(results: Path) -> int | None:
    """Return when the last run wrote its trace: compared with itself, so that clocks do not matter."""
    try:
        return (results / "nextflow" / "trace.txt").stat().st_mtime_ns
    except OSError:
        return None


def progress(results: Path) -> str:
    """Say how far a run is, by its trace."""
    try:
        rows = read_trace(results / "nextflow" / "trace.txt")
    except UserError:
        return "starting"
    done = sum(row["status"] in ("COMPLETED", "CACHED") for row in rows)
    failed = sum(row["status"] == "FAILED" for row in rows)
    last = rows[-1]["process"].lower() if rows else "starting"
    return f"{done} tasks done{f', {failed} failed' if failed else ''}, last {last}"


def table(entries: list[Entry], states: dict[str, State]) -> list[str]:
    """Return the table that --status prints."""
    rows = [(str(e.number), e.name, states[e.name].name, states[e.name].job_id or "-", states[e.name].words)
            for e in entries]
    header = ("N", "session", "state", "job", "")
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(4)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip()
             for row in (header, *rows)]
    return [printable(line) for line in lines] + [counts(states)]


def counts(states: dict[str, State]) -> str:
    """Count the sessions by state."""
    names = [state.name for state in states.values()]
    return f"sessions: {len(names)}" + "".join(f", {name}: {names.count(name)}" for name in dict.fromkeys(names))


def read_states(entries: list[Entry]) -> dict[str, State]:
    """Return the state of every session; one whose files are damaged says so and the others are told."""
    states = {}
    jobs = queue([read_submission(entry).get("job_id", "") for entry in entries])
    for entry in entries:
        try:
            states[entry.name] = state_of(entry, jobs)
        except (UserError, OSError, json.JSONDecodeError) as error:
            states[entry.name] = State("interrupted", one_plain_line(str(error)))
    return states
