"""What a results folder holds, for the terminal. Standard library only."""

import json
from pathlib import Path

from simsort.collecting.failures import read_failures, read_trace
from simsort.collecting.status import build_status
from simsort.errors import UserError


def read_status(results: Path) -> dict:
    """Read status.json of a results folder.

    Raises
    ------
    UserError
        If there is none, or it was cut off.
    """
    path = Path(results) / "status.json"
    if not path.is_file():
        raise UserError(f"{path} does not exist", "give a results folder in which a run has ended")
    try:
        return json.loads(path.read_text())
    except ValueError:
        raise UserError(f"{path} is damaged, as by a full disk", "make room and run again: finished stages are kept") from None


def status_of_last_run(results: Path) -> dict:
    """Return what the last run made of the session, also where it ended before the summary files were written.

    Then the failures in Nextflow's trace are all there is to tell; they are written into status.json.

    Raises
    ------
    UserError
        If no run has ended here, or the last one was interrupted.
    """
    results = Path(results)
    trace = results / "nextflow" / "trace.txt"
    rows = read_trace(trace) if trace.is_file() else []
    if not rows or any(row["process"] == "COLLECT" and row["status"] in ("COMPLETED", "CACHED") for row in rows):
        return read_status(results)
    failures = read_failures(trace)
    if not any(failure["stage"] in ("check_params", "dispatch", "collect") for failure in failures):
        raise UserError(f"the last run into {results} ended before it was complete", "run it again: it goes on from there")
    claim = results / "nextflow" / "session.json"
    session = json.loads(claim.read_text())["session"] if claim.is_file() else results.name
    status = build_status(session, [], failures)
    part = results / "status.json.part"
    part.write_text(json.dumps(status, indent=1) + "\n")
    part.rename(results / "status.json")
    return status


def report_lines(status: dict, results: Path) -> list[str]:
    """Return a line per recording, one per failure of the whole session, and where to look."""
    width = max(map(len, status["verdicts"]), default=0)
    lines = [f"{name:{width}}  {describe(verdict)}" for name, verdict in status["verdicts"].items()]
    if not status["verdicts"]:
        lines.append("no recording was found")
    page = Path(results).resolve() / "index.html"
    return lines + [f"results: {page}" if page.is_file() else f"results: {page.parent}"]


def error_lines(status: dict) -> list[str]:
    """Return the errors that concern the whole session: its own, or those of its recordings when none could be read."""
    errors = [(failure["stage"].replace("_", "-"), failure["reason"]) for failure in status["session_failures"]]
    if exit_status(status) == 2:
        errors += [(verdict["stage"], verdict["reason"]) for verdict in status["verdicts"].values() if verdict["stage"]]
    return [f"simsort {stage}: error: {reason}" for stage, reason in errors]


def describe(verdict: dict) -> str:
    """Return state, counts and reason of a recording."""
    if verdict["state"] != "done":
        return f"{verdict['state']:7}  {verdict['stage']}: {verdict['reason']}"
    units = "no units" if not verdict["n_units"] else f"{verdict['n_units']} units"
    passing = "" if not verdict["n_units"] or verdict["n_passing"] is None else f", {verdict['n_passing']} passing"
    return f"done     {units}{passing}"


def exit_status(status: dict) -> int:
    """Return 0 if all is done or skipped, 2 if dispatch could read no recording, else 1."""
    states = [verdict["state"] for verdict in status["verdicts"].values()]
    stages = [verdict["stage"] for verdict in status["verdicts"].values() if verdict["state"] == "failed"]
    users_mistake = any(str(f["exit"]) == "2" for f in status["session_failures"])
    if states and len(stages) == len(states) and set(stages) == {"dispatch"} or not states and users_mistake:
        return 2
    return 1 if "failed" in states or status["session_failures"] or not states else 0
