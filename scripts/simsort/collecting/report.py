"""What a results folder holds, for the terminal. Standard library only."""

import json
from pathlib import Path

from simsort.collecting.failures import read_failures, read_trace
from simsort.collecting.status import build_status
from simsort.errors import UserError
from simsort.whole_files import write_json

# When one of these fails the run ends before its summary is written.
HEAD_STAGES = ("check_params", "dispatch", "collect", "compile_mechanisms", "manifest", "pretrain_model",
               "evaluate_model")


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
    last_stage = "PRETRAIN:EVALUATE_MODEL" if is_simulation(rows) else "COLLECT"
    done = {row["process"] for row in rows if row["status"] in ("COMPLETED", "CACHED")}
    if not rows or last_stage in done:
        return read_status(folder_of_last_run(results))
    failures = read_failures(trace)
    if not any(failure["stage"] in HEAD_STAGES for failure in failures):
        raise UserError(f"the last run into {results} ended before it was complete", "run it again: it goes on from there")
    if is_simulation(rows) and "PRETRAIN:MANIFEST" in done:  # the training failed, and not the recordings
        return read_status(folder_of_last_run(results)) | {"session_failures": failures}
    claim = results / "nextflow" / "session.json"
    session = json.loads(claim.read_text())["session"] if claim.is_file() else results.name
    status = build_status(session, [], failures)
    folder = folder_of_last_run(results)
    folder.mkdir(exist_ok=True)
    write_json(folder / "status.json", status)
    return status


def folder_of_last_run(results: Path) -> Path:
    """Return where the last run left its status and its page: the results folder, or `simulation` in it."""
    trace = Path(results) / "nextflow" / "trace.txt"
    simulation = trace.is_file() and is_simulation(read_trace(trace))
    return Path(results) / "simulation" if simulation else Path(results)


def is_simulation(rows: list[dict]) -> bool:
    """Tell whether a trace is one of --workflow pretrain; that of --workflow all has other tasks too."""
    return bool(rows) and all(row["process"].startswith("PRETRAIN:") for row in rows)


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
