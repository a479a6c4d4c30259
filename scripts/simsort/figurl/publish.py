"""Make a recording's Figurl links in a process of its own, and tell why where there are none. Standard library only.

The upload may hang, ask for input or raise anything: none of it may stop a run or write credentials into a log.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT_S = 900
PUBLIC_ZONES = ("", "default", "scratch")
SECRETS = ("KACHERY_API_KEY", "KACHERY_CLOUD_PRIVATE_KEY", "FIGPACK_API_KEY")
DATA_FOLDER = "figurl"
LONGEST_REASON = 300


def publish_views(folder: Path, pictures: list[dict], settings: dict, timeout_s: float = TIMEOUT_S) -> dict:
    """Make the Figurl links of one recording.

    Parameters
    ----------
    folder : Path
        Output folder of visualize: pictures, and `curation/` with the units where there are any.
    pictures : list of dict
        `file`, `title` and `kind` of each picture.
    settings : dict
        Settings of the visualization stage: `figurl` and `figurl_data_url`.
    timeout_s : float, default: 900
        After so many seconds the upload is given up.

    Returns
    -------
    outcome : dict
        `status` (done, skipped or failed), `reason`, `timeseries` and `sorting_summary` (addresses or None).
    """
    why_not = missing_condition(settings, os.environ)
    if why_not:
        status = "failed" if settings["figurl"] == "on" else "skipped"
        return {"status": status, "reason": why_not, "timeseries": None, "sorting_summary": None}
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "KACHERY_DIR": str(Path(scratch) / "kachery")}
        if settings["figurl_data_url"]:
            data = Path(folder) / DATA_FOLDER
            data.mkdir(exist_ok=True)
            environment |= {"KACHERY_STORE_FILE_DIR": str(data),
                            "KACHERY_STORE_FILE_PREFIX": settings["figurl_data_url"].rstrip("/")}
        job, answer = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job.write_text(json.dumps({"folder": str(Path(folder).resolve()), "pictures": pictures}))
        command = [sys.executable, "-m", "simsort.figurl.upload", str(job), str(answer)]
        reason = run_quietly(command, environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}, timeout_s)
        if reason:
            return {"status": "failed", "reason": reason, "timeseries": None, "sorting_summary": None}
        return {"status": "done", "reason": "", **json.loads(answer.read_text())}


def missing_condition(settings: dict, environment) -> str:
    """Tell what keeps views from being uploaded; nothing if all is there. Kachery is not asked: it would prompt."""
    if settings["figurl"] == "off":
        return "switched off by --visualization.figurl off"
    if settings["figurl_data_url"]:
        return ""
    if not environment.get("KACHERY_API_KEY"):
        return "no credentials: set KACHERY_API_KEY and KACHERY_ZONE, or --visualization.figurl-data-url"
    if environment.get("KACHERY_ZONE", "") in PUBLIC_ZONES:
        return "KACHERY_ZONE names no zone of your own; the public ones are closed"
    return ""


def run_quietly(command: list[str], environment: dict, timeout_s: float) -> str:
    """Run the upload without input; return why it failed, or nothing."""
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"the upload did not end within {timeout_s:g} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return hide_secrets(lines[-1] if lines else f"exit status {done.returncode}", environment)[:LONGEST_REASON]


def hide_secrets(text: str, environment: dict) -> str:
    """Take credentials out of a message: keys, and what signs the address of an upload."""
    text = re.sub(r"(https?://[^\s?]+)\?\S+", r"\1?...", text)
    for name in SECRETS:
        if environment.get(name):
            text = text.replace(environment[name], f"${name}")
    return text
