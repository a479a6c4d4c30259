"""Versions of a recording's curation: every one is kept whole, one of them is the present. Standard library only.

`curated/.versions/<recording>/<n>/` is a complete curated folder with `version.json`: who, when, what.
`curated/<recording>/` is a copy of the present one. Files of a version are never changed, so copies are hard links where
the disk allows.
"""

import errno
import getpass
import json
import os
import shutil
from pathlib import Path

from simsort.errors import UserError
from simsort.records import now

ABOUT = "version.json"
SAVED = "saved.json"
AUTOMATIC = "automatic"  # what the pipeline labels after a person has curated
FIRST = {"version": 1, "by": "simsort", "action": "automatic labels of the pipeline", "based_on": None}


class Versions:
    """The versions of one recording.

    Parameters
    ----------
    results : Path
        The results folder.
    recording : str
        The recording's name.
    """

    def __init__(self, results: Path, recording: str):
        self.recording = recording
        self.present = Path(results) / "curated" / recording
        self.folder = Path(results) / "curated" / ".versions" / recording

    def numbers(self) -> list[int]:
        """Return the numbers of all versions, in order."""
        return sorted(int(path.name) for path in self.folder.glob("*") if path.name.isdigit())

    def current(self) -> int:
        """Return the number of the present version; 1 before anything was applied."""
        path = self.present / ABOUT
        return json.loads(path.read_text())["version"] if path.is_file() else 1

    def about(self, number: int) -> dict:
        """Return who made a version, when and what it changed."""
        path = self.folder / str(number) / ABOUT
        if not path.is_file():
            raise UserError(f"{self.recording} has no version {number}",
                            f"there are: {', '.join(map(str, self.numbers())) or 'only the automatic labels'}")
        return json.loads(path.read_text())

    def first(self) -> Path:
        """Return the folder of what the pipeline labelled."""
        kept = self.folder / "1"
        return kept if kept.is_dir() else self.present

    def clean_up(self, aside: Path) -> None:
        """Remove a version that was not finished, and folders that were made for it alone."""
        shutil.rmtree(aside, ignore_errors=True)
        for folder in (self.folder, self.folder.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def keep_first(self) -> None:
        """Keep what the pipeline labelled as version 1."""
        if self.first() == self.present:
            self.keep_automatic(self.present)

    def keep_automatic(self, source: Path) -> None:
        """Make a folder that the pipeline wrote version 1."""
        aside = self.folder / f".first-{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        link_tree(source, aside)
        made = (source / "si_folder.json").stat().st_mtime
        write_about(aside, {"recording": self.recording, **FIRST, "created": iso(made)})
        aside.rename(self.folder / "1")

    def start_over(self) -> None:
        """Put all versions aside, under `.versions/.earlier/`, and begin with the labels the pipeline wrote since."""
        automatic = self.folder / AUTOMATIC
        if not automatic.is_dir():
            raise UserError(f"{self.recording} has no newer automatic labels", "run the pipeline again")
        earlier = self.folder.parent / ".earlier" / self.recording
        number = 1 + len(list(earlier.iterdir())) if earlier.is_dir() else 1
        earlier.mkdir(parents=True, exist_ok=True)
        self.folder.rename(earlier / str(number))
        self.folder.mkdir()
        self.keep_automatic(earlier / str(number) / AUTOMATIC)
        self.choose(1)

    def aside(self) -> Path:
        """Return an empty folder in which a version is made, so that one cut off is never taken for whole."""
        path = self.folder / f".part-{os.getpid()}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def add(self, aside: Path, about: dict) -> int:
        """Number a finished folder, describe it and make it the present one."""
        number = max(self.numbers()) + 1
        about = {"recording": self.recording, "version": number, "created": now(), **about, "based_on": self.current()}
        write_about(aside, about)
        aside.rename(self.folder / str(number))
        self.choose(number)
        return number

    def choose(self, number: int) -> None:
        """Make a version the present one."""
        self.about(number)
        new, old = (self.present.with_name(f".{kind}-{self.recording}-{os.getpid()}") for kind in ("new", "old"))
        shutil.rmtree(new, ignore_errors=True)
        link_tree(self.folder / str(number), new)
        if self.present.exists():
            self.present.rename(old)
        new.rename(self.present)
        shutil.rmtree(old, ignore_errors=True)


def check_can_write(versions: Versions) -> None:
    """Raise unless versions can be written; nothing is changed.

    Raises
    ------
    UserError
        On a read-only disk, or without permission.
    """
    try:
        versions.folder.mkdir(parents=True, exist_ok=True)
        probe = versions.folder / f".write-test-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
        probe = versions.present.parent / f".write-test-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
        versions.clean_up(probe)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR):
            raise
        raise UserError(f"{versions.present.parent} cannot be written ({error.strerror})",
                        "copy the results folder to a "
                        "disk you may write to and apply the curation there") from None


def user_name() -> str:
    """Return who is at work, as the machine knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return f"user {os.getuid()}"


def write_about(folder: Path, about: dict) -> None:
    """Write `version.json`."""
    path = Path(folder) / ABOUT
    path.unlink(missing_ok=True)  # it may be a link to another version's
    path.write_text(json.dumps(about, indent=1) + "\n")


def iso(seconds: float) -> str:
    """Return a file's time in UTC, ISO 8601."""
    import datetime

    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder by hard links, or by copying where links are not possible."""
    def link(file, copy):
        try:
            os.link(file, copy)
        except OSError:
            shutil.copy2(file, copy)

    shutil.copytree(source, target, copy_function=link, dirs_exist_ok=True)
