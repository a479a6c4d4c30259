"""Names of sessions: short, distinct, fit to end the name of a file, and kept once given. Standard library only."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from pathlib import Path

LONGEST_NAME_BYTES = 180


def name_sessions(paths: list, known: dict | None = None) -> dict:
    """Name each session by its folder, with as many parent folders before it as tell it from the others.

    Parameters
    ----------
    paths : list of Path
        The sessions.
    known : dict, optional
        `{path: name}` of sessions that have a name: they keep it, and nobody else gets it.

    Returns
    -------
    names : dict
        `{path: name}` for `paths`.
    """
    known = known or {}
    new = [path for path in paths if path not in known]
    taken = Counter(known.values())
    depth = dict.fromkeys(new, 1)
    clashing = new
    while clashing:
        names = {path: safe_name("_".join(own_parts(path)[-depth[path]:])) for path in new}
        count = Counter(names.values()) + taken
        clashing = [path for path in new if count[names[path]] > 1]
        growing = [path for path in clashing if depth[path] < len(own_parts(path))]
        if not growing:
            break
        for path in growing:
            depth[path] += 1
    for path in clashing:  # a_b/c and a/b_c
        names[path] += "_" + hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    return {path: known[path] if path in known else names[path] for path in paths}


def own_parts(path: Path) -> list:
    """Return the folder names of a session; a file counts without its ending."""
    return [*path.parent.parts[1:], re.sub(r"\.nwb(\.zarr)?$", "", path.name)]


def safe_name(name: str) -> str:
    """Return a name that can end the name of a file and is no number: numbers belong to the aliases."""
    name = re.sub(r"[\x00-\x1f\x7f/]", "_", name)
    while len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = name[1:]
    return f"session_{name}" if name.isdigit() else name
