"""Read what the stages left behind. Standard library only."""

import json
import shutil
from pathlib import Path

RECORD_KEYS = {"stage", "recording_name", "session_name", "state"}
JOB_KEYS = {"recording_dict", "recording_name"}
# What AIND's acquisition writes beside the data; other JSON files of a session may be anything.
SESSION_METADATA = ("acquisition", "data_description", "instrument", "metadata.nd", "procedures", "processing",
                    "quality_control", "rig", "session", "subject")
OWN_FILES = ("data_description", "processing", "quality_control")
LARGEST_METADATA_BYTES = 50_000_000


def read_records(folder: Path) -> tuple[list[dict], list[dict]]:
    """Read every record, and every job that dispatch wrote, in a folder of JSON files of any names.

    Parameters
    ----------
    folder : Path
        Searched at any depth; Nextflow stages files as symbolic links, so those are followed.

    Returns
    -------
    records, jobs : list of dict
        Records ordered by their start, with every key of `simsort.records.Record`; jobs as dispatch wrote them.
    """
    records, jobs = [], []
    for path in sorted(Path(folder).rglob("*.json")):
        content = json.loads(path.read_text())
        if isinstance(content, dict) and RECORD_KEYS <= set(content):
            records.append(content)
        elif isinstance(content, dict) and JOB_KEYS <= set(content):
            jobs.append(content)
    return sorted(records, key=lambda record: record["started"]), jobs


def read_session_metadata(data_path: Path) -> dict[str, dict]:
    """Read the AIND metadata files of a session, as {name without .json: content}; unreadable ones are left out."""
    found = {}
    for name in SESSION_METADATA:
        path = Path(data_path) / f"{name}.json"
        if path.is_file() and path.stat().st_size < LARGEST_METADATA_BYTES:
            try:
                found[name] = json.loads(path.read_text())
            except ValueError:
                continue  # still copied as it is: it belongs to the session, not to this pipeline
    return found


def copy_session_metadata(data_path: Path, out: Path) -> list[str]:
    """Copy the AIND metadata files of a session into the results; those named as our own get the prefix `input_`.

    Returns
    -------
    names : list of str
        The files written.
    """
    names = []
    for name in SESSION_METADATA:
        path = Path(data_path) / f"{name}.json"
        if path.is_file() and path.stat().st_size < LARGEST_METADATA_BYTES:
            target = Path(out) / (f"input_{name}.json" if name in OWN_FILES else f"{name}.json")
            shutil.copyfile(path, target)
            names.append(target.name)
    return names
