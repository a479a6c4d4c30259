"""Recording sessions below a folder, found by what folders hold. Standard library only."""

from __future__ import annotations  # a login node's Python may be older than the pipeline's

import dataclasses
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

from simsort.multijob.names import name_sessions

FORMATS = ("spikeglx", "openephys", "nwb", "aind", "spikeinterface")
SPIKEGLX_FILE = re.compile(r".+\.imec\d*\.ap\.(bin|meta)")
PROBE_FOLDER = re.compile(r"(?P<run>.+)_imec\d*")


@dataclasses.dataclass(frozen=True)
class Session:
    """A recording session: its folder (or NWB file), its format and the name its results get."""

    path: Path
    input_format: str
    name: str = ""


def find_sessions(top: Path, only_format: str = "", skip: tuple = (), known: dict | None = None) -> list[Session]:
    """Find the sessions at or below a folder.

    Parameters
    ----------
    top : Path
        DATA_PATH: a folder, or one NWB file.
    only_format : str, default: ""
        INPUT_DATA_TYPE; empty finds every format. `spikeinterface` takes each folder directly in `top` that holds
        anything, as nothing marks raw binary files.
    skip : tuple of Path, default: ()
        Folders not to look into (work and results folders).
    known : dict, optional
        `{path: name}` of sessions that have a name already.

    Returns
    -------
    sessions : list of Session
        Named, in natural order; a session inside another one belongs to that one.
    """
    top = Path(os.path.abspath(top))
    if top.is_file():
        found = {top: "nwb"}
    elif only_format == "spikeinterface":
        found = {folder: only_format for folder in top.iterdir()
                 if folder.is_dir() and not folder.name.startswith(".") and any(folder.iterdir())}
    else:
        found = {path: kind for path, kind in find_by_content(top, skip).items() if only_format in ("", kind)}
    outer = [path for path in found if not any(parent in found for parent in path.parents)]
    names = name_sessions(outer, known)
    return [Session(path, found[path], names[path]) for path in sorted(outer, key=natural_order)]


def find_by_content(top: Path, skip: tuple) -> dict[Path, str]:
    """Return `{session: format}` for every marker below a folder, nested ones included."""
    found: dict = {}
    spikeglx_folders = []
    for folder, folders, files in walk(top, skip):
        if "ecephys_compressed" in folders:
            found[folder.parent if folder.name == "ecephys" and folder != top else folder] = "aind"
            folders.clear()
            continue
        if any(SPIKEGLX_FILE.fullmatch(name) for name in files):
            spikeglx_folders.append(folder)
        if "structure.oebin" in files:  # <session>/Record Node 101/experiment1/recording1
            found[node_to_session(folder.parent.parent, top)] = "openephys"
        elif "settings.xml" in files:
            found[node_to_session(folder, top)] = "openephys"
        for name in files + folders:
            if re.search(r"\.nwb(\.zarr)?$", name):
                if folder.name.startswith("Record Node"):
                    found[node_to_session(folder, top)] = "openephys"
                else:
                    found[folder / name] = "nwb"
    found.update({path: "spikeglx" for path in spikeglx_sessions(spikeglx_folders, top)})
    return found


def walk(top: Path, skip: tuple):
    """Yield (folder, folder names, file names) as os.walk, without hidden folders, results and loops of links."""
    skipped, entered = {os.path.realpath(path) for path in skip}, set()
    for root, folders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(root)
        if real in entered | skipped or os.path.isfile(os.path.join(root, "nextflow", "session.json")):
            folders.clear()
            continue
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith((".", "pipeline_jobdir_"))]
        yield Path(root), folders, [name for name in files if not name.startswith(".")]
        folders[:] = [name for name in folders if not name.endswith((".zarr", ".nwb"))]


def node_to_session(folder: Path, top: Path) -> Path:
    """Return the session of an Open Ephys node folder, which older versions do not have; never above `top`."""
    session = folder.parent if folder.name.startswith("Record Node") else folder
    return session if session == top or top in session.parents else top


def spikeglx_sessions(folders: list, top: Path) -> set:
    """Gather the folders that hold `.ap.bin` files into sessions: all probes of a run belong together.

    A folder per probe (`<run>_g0_imec0`) makes its parent the session. Where runs of one probe each lie side by side,
    each probe folder is a session of its own.
    """
    sessions, by_parent = set(), defaultdict(list)
    for folder in folders:
        match = PROBE_FOLDER.fullmatch(folder.name)
        if match and folder != top:
            by_parent[folder.parent].append((match["run"], folder))
        else:
            sessions.add(folder)
    n_below = Counter(parent for folder in folders for parent in folder.parents)
    for parent, probes in by_parent.items():
        probes_of_run = Counter(run for run, _ in probes)
        inside = {folder for _, folder in probes}
        more_below = n_below[parent] > len(inside)
        alone = len(probes_of_run) == 1 and not more_below and parent != top
        if alone or max(probes_of_run.values()) > 1:
            sessions.add(parent)
        else:
            sessions |= inside
    return sessions


def natural_order(path: Path) -> list:
    """Sort key that puts dir_2 before dir_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]
