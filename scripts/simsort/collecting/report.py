"""What a results folder holds, for the terminal. Standard library only."""

import json
from pathlib import Path

from simsort.errors import UserError


def read_status(results: Path) -> dict:
    """Read status.json of a results folder.

    Raises
    ------
    UserError
        If there is none.
    """
    path = Path(results) / "status.json"
    if not path.is_file():
        raise UserError(f"{path} does not exist", "give a results folder in which a run has ended")
    return json.loads(path.read_text())


def report_lines(status: dict, results: Path) -> list[str]:
    """Return a line per recording, one per failure of the whole session, and where to look."""
    width = max(map(len, status["verdicts"]), default=0)
    lines = [f"{name:{width}}  {describe(verdict)}" for name, verdict in status["verdicts"].items()]
    lines += [f"{failure['stage']} failed: {failure['reason']}" for failure in status["session_failures"]]
    if not status["verdicts"]:
        lines.append("no recording was found")
    return lines + [f"results: {Path(results).resolve() / 'index.html'}"]


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
