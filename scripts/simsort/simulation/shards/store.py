"""The folder of simulated cells: one file per individual, finished ones kept, damaged ones found.

    STORE/store.json            the configuration, with its hash
    STORE/cells/<name>.safetensors, <name>.json    a cell's library; its checksum, configuration and cost

Files are written aside and renamed, the small one last: a cell with both is whole. Several shards write at once, each its
own cells.
"""

import hashlib
import json
import os
import struct
from pathlib import Path

from simsort.errors import UserError
from simsort.whole_files import write_json

SUFFIX = ".safetensors"
LARGEST_HEADER = 100_000_000


class Store:
    """A folder of cells of one configuration.

    Parameters
    ----------
    folder : Path
        The folder; made if it does not exist.
    plan : Plan
        What is to be in it.

    Raises
    ------
    UserError
        If it holds cells of another configuration.
    """

    def __init__(self, folder: Path, plan):
        self.folder = Path(folder)
        self.config_hash = plan.config_hash
        note = self.folder / "store.json"
        before = check_note(note, plan) if note.is_file() else None
        self.cells = self.folder / "cells"
        self.cells.mkdir(parents=True, exist_ok=True)
        if before != plan.settings:  # more individuals or types may have been asked for
            write_json(note, {"config_hash": plan.config_hash, "settings": plan.settings})

    def path(self, name: str) -> Path:
        """Return where a cell's file is or will be."""
        return self.cells / f"{name}{SUFFIX}"

    def note(self, name: str) -> dict | None:
        """Return what was written down when the cell was finished, or None."""
        try:
            return json.loads(self.path(name).with_suffix(".json").read_text())
        except (OSError, ValueError):
            return None

    def state(self, name: str) -> str:
        """Tell whether a cell is `finished`, `missing` or `corrupt`.

        Raises
        ------
        UserError
            If the file comes from another configuration.
        """
        path, note = self.path(name), self.note(name)
        if not path.is_file():
            return "missing"
        foreign = next((found for found in ((note or {}).get("config_hash"), hash_in_file(path))
                        if found not in (None, self.config_hash)), None)
        if foreign:
            raise UserError(f"{path} was made with another configuration ({foreign}, not {self.config_hash})",
                            "remove it, and the cell is made again, or choose another folder")
        whole = note is not None and path.stat().st_size == note["bytes"] and sha256_of(path) == note["sha256"]
        return "finished" if whole else "corrupt"

    def states(self, names: list[str]) -> dict[str, str]:
        """Return the state of each cell."""
        return {name: self.state(name) for name in names}

    def write(self, name: str, save, **facts) -> dict:
        """Write a cell's file and then its note; an earlier one is replaced.

        Parameters
        ----------
        name : str
            The individual.
        save : callable
            Writes the file to the path it is given.
        **facts
            Further content of the note, such as the seconds it took.
        """
        path = self.path(name)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.touch()
            mode = part.stat().st_mode
            save(part)
            part.chmod(mode)  # safetensors keeps its files from the group, which shares stores on a cluster
            note = {"name": name, "config_hash": self.config_hash, "bytes": part.stat().st_size, "sha256": sha256_of(part),
                    **facts}
            part.replace(path)
            write_json(path.with_suffix(".json"), note)
        finally:
            part.unlink(missing_ok=True)
        return note


def check_note(note: Path, plan) -> dict:
    """Return the settings a store was last used with; raise if it has another configuration, naming what differs."""
    try:
        found = json.loads(note.read_text())
    except ValueError:
        raise UserError(f"{note} is damaged", "remove it if you know whose the folder is, or choose another folder") from None
    if found.get("config_hash") == plan.config_hash:
        return found["settings"]
    changed = [f"{name} {found['settings'].get(name)} instead of {value}" for name, value in plan.settings.items()
               if found.get("settings", {}).get(name) != value and name not in ("n_shards", "n_individuals", "cell_types")]
    raise UserError(f"{note.parent} holds cells of another configuration ("
                    f"{', '.join(changed) or 'another version of simsort or NEURON'})",
                    "choose another folder, or remove this one")


def hash_in_file(path: Path) -> str | None:
    """Return the configuration's hash in the header of a cell's file, or None if it cannot be read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, LARGEST_HEADER)))
        return find_hash(header["__metadata__"])
    except (OSError, ValueError, KeyError, struct.error):
        return None


def find_hash(metadata: dict) -> str | None:
    """Find `config_hash` in a header's metadata, whose values are JSON texts."""
    for value in metadata.values():
        parsed = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
        if isinstance(parsed, dict):
            found = parsed.get("config_hash") or find_hash({k: v for k, v in parsed.items() if isinstance(v, dict)})
            if found:
                return found
    return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 sum of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file) -> str:
    """`hashlib.file_digest` for Python 3.10."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
