"""The manifest of a simulation: every cell and recording with its checksum, checked when it is written."""

from pathlib import Path

from simsort.errors import UserError
from simsort.records import surroundings
from simsort.simulation.shards.rendering import read_note
from simsort.simulation.shards.store import Store, sha256_of
from simsort.whole_files import write_json, write_whole

MANIFEST = "manifest.json"
ABOUT_THIS_RUN = ("host", "slurm_job_id", "n_cpus", "os")  # differs between runs that made the same files


def build_manifest(plan, store: Store, rendering: dict, recordings: Path) -> dict:
    """Describe the finished cells and recordings, checking each file against its checksum.

    Parameters
    ----------
    plan : Plan
        The cells asked for.
    store : Store
        Where they are.
    rendering : dict
        Settings of the stage `rendering`.
    recordings : Path
        Folder of the recordings, one folder each.

    Returns
    -------
    manifest : dict
        `cells`: name, type, `file`, `bytes`, `sha256`, number of snippets; `recordings`: name, probe, units, `files`
        with `bytes` and `sha256`; `missing`: names of cells that are not finished; both settings; versions.

    Raises
    ------
    UserError
        If a recording's file has changed since it was written.
    """
    states = store.states(plan.names)
    cells = [{**store.note(name), "file": f"library/cells/{store.path(name).name}"} for name in plan.names
             if states[name] == "finished"]
    notes = [read_note(folder) for folder in sorted(Path(recordings).glob("*")) if folder.is_dir()]
    for note in filter(None, notes):
        check_files(Path(recordings) / note["name"], note["files"])
    made_with = {name: value for name, value in surroundings().items() if name not in ABOUT_THIS_RUN}
    return {"format": 1, "config_hash": plan.config_hash, "simulation": plan.settings, "rendering": rendering,
            "made_with": made_with, "missing": [name for name in plan.names if states[name] != "finished"],
            "cells": [without(cell, "config_hash", "wall_s") for cell in cells],
            "recordings": [without(note, "settings", "cells", "identity") for note in notes if note]}


def without(content: dict, *names: str) -> dict:
    """Return a mapping without some of its entries."""
    return {name: value for name, value in content.items() if name not in names}


def check_files(folder: Path, files: list[dict]) -> None:
    """Raise unless every file of a list has its checksum."""
    for file in files:
        path = folder / file["path"]
        if not path.is_file() or sha256_of(path) != file["sha256"]:
            raise UserError(f"{path} is missing or damaged", f"remove {folder} and run again: it is made anew")


def write_manifest(manifest: dict, out: Path) -> Path:
    """Write manifest.json and index.html into a folder; return the page."""
    from simsort.simulation.shards.page import render_page

    Path(out).mkdir(parents=True, exist_ok=True)
    write_whole(Path(out) / "index.html", render_page(manifest).encode())
    write_json(Path(out) / MANIFEST, manifest)
    return Path(out) / "index.html"


def status_of(manifest: dict, failures: list[dict]) -> dict:
    """Return what happened, in the form of a sorting run's status.json.

    Parameters
    ----------
    manifest : dict
        From `build_manifest`.
    failures : list of dict
        From `simsort failures`; those of the simulation all concern the whole run.
    """
    verdicts = {note["name"]: {"state": "done", "reason": "", "stage": None, "n_units": note["n_units"],
                               "n_passing": None} for note in manifest["recordings"]}
    return {"session": "simulation", "recordings": {name: {"render": {"state": "done", "reason": ""}} for name in verdicts},
            "verdicts": verdicts, "session_failures": failures}
