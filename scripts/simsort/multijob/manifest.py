"""What the wrapper remembers in the folder it is started in: numbers, names and submissions. Standard library only.

`multijob_manifest.json` has the number, name and place of every session that was ever found; `submission.json` in a
session's job folder has its last submission, written the moment Slurm has taken it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from pathlib import Path

from simsort.errors import UserError
from simsort.multijob.sessions import Session
from simsort.whole_files import write_json

MANIFEST = "multijob_manifest.json"
LOCK = ".multijob.lock"
SUBMISSION = "submission.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Entry:
    """A session as the manifest knows it: where it is, its number, where its results go."""

    number: int
    name: str
    path: Path
    input_format: str
    results: Path
    job_folder: Path

    @property
    def session(self) -> Session:
        """The session itself."""
        return Session(self.path, self.input_format, self.name)


def read_manifest(folder: Path) -> list[Entry]:
    """Return the sessions that were found in earlier calls, by number.

    Raises
    ------
    UserError
        If the manifest is damaged or of another version.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return []
    try:
        content = json.loads(file.read_text())
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
        return [Entry(s["number"], s["name"], Path(s["path"]), s["input_format"], Path(s["results"]),
                      folder / f"pipeline_jobdir_{s['name']}") for s in content["sessions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} cannot be read ({type(error).__name__}: {error})",
                        "restore it, or start in a new folder") from None


def write_manifest(folder: Path, entries: list[Entry]) -> None:
    """Write the manifest; it is replaced in one step."""
    sessions = [{"number": e.number, "name": e.name, "path": str(e.path), "input_format": e.input_format,
                 "results": str(e.results)} for e in entries]
    write_json(folder / MANIFEST, {"format": FORMAT, "sessions": sessions})


def extended(entries: list[Entry], sessions: list[Session], settings, folder: Path) -> list[Entry]:
    """Return the manifest with sessions that are new, numbered on from the last one."""
    known = {entry.path for entry in entries}
    number = max((entry.number for entry in entries), default=0)
    new = [session for session in sessions if session.path not in known]
    return entries + [Entry(number + i, s.name, s.path, s.input_format, settings.results_folder(s),
                            folder / f"pipeline_jobdir_{s.name}") for i, s in enumerate(new, start=1)]


def read_submission(entry: Entry) -> dict:
    """Return a session's last submission: `job_id`, `error`, `trace_before`; empty if there was none."""
    file = entry.job_folder / SUBMISSION
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise UserError(f"{file} is damaged", "remove it: the session then counts as not submitted") from None


def write_submission(entry: Entry, submission: dict) -> None:
    """Write down a session's submission."""
    write_json(entry.job_folder / SUBMISSION, submission)


@contextlib.contextmanager
def only_one(folder: Path):
    """Hold the folder for one wrapper that submits or cancels.

    Raises
    ------
    UserError
        If another one is at work there, or nothing can be written there.
    """
    try:
        lock = (folder / LOCK).open("a")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror})",
                        "start the wrapper in a folder you may write to") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another multijob_submission_wrapper.sh is at work in {folder}",
                            "wait until it has finished") from None
        yield
