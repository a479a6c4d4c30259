"""A stream: one probe's signal as found in a session, before it is split into jobs."""

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclasses.dataclass(kw_only=True)
class Stream:
    """One stream of a session.

    Attributes
    ----------
    name : str
        Name as in the ancestors, without the recording's number: `block0_imec0.ap`.
    files : list of Path
        The input files it is read from.
    recording, lfp : BaseRecording | None
        The signal and its low-frequency partner; None where it cannot be read.
    reason : str
        Why the stream cannot be used; empty when it can.
    bad_segments : dict of int to str
        Segments that cannot be used, by their place in the session, and why; `recording` is without them.
    warnings : list of str
        What the user should know although it can be used.
    session_start_time : str | None
        ISO 8601, where the format tells.
    timestamps : list
        Per segment the recording's own timestamps in seconds (array-like, read lazily) or None.
    sync : dict
        What was found in them: `n_gaps` (None: unknown, with the `reason`), `n_backwards`, `largest_deviation_ms`.
    look_at_sync : callable | None
        Returns such a mapping from the files' sync pulse, where the format has one and no timestamps.
    """

    name: str
    files: list = dataclasses.field(default_factory=list)
    recording: object = None
    lfp: object = None
    reason: str = ""
    bad_segments: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)
    session_start_time: str | None = None
    timestamps: list = dataclasses.field(default_factory=list)
    sync: dict = dataclasses.field(default_factory=dict)
    look_at_sync: Callable[[], dict] | None = None


def find_files(folder: Path, *suffixes: str) -> list[Path]:
    """List the files below a folder whose names end with one of the suffixes, sorted, following linked folders.

    A linked folder that leads back to its own parents is not entered twice.
    """
    found, entered = [], set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(root) / f for f in files if f.endswith(suffixes) and not f.startswith(".")]
    return sorted(found)


def fingerprint(files, data_root: Path) -> list:
    """Return `[relative path, size, modification time in ns]` of files; a folder (zarr) is its sum and newest file."""
    entries = []
    for file in files:
        stats = [path.stat() for path in ([file] if file.is_file() else find_files(file, ""))]
        entries.append([os.path.relpath(file, data_root), sum(s.st_size for s in stats),
                        max((s.st_mtime_ns for s in stats), default=0)])
    return sorted(entries)


def safe_name(name: str) -> str:
    """Make a recording's name safe as a file name: no slashes or control characters, no leading dot, not too long."""
    name = CONTROL_CHARACTERS.sub("_", name).lstrip(". ").rstrip()
    while len(name.encode()) > 180:  # file systems allow 255 bytes, suffixes such as .zarr come behind
        name = name[:-1]
    return name or "recording"


def natural_order(path) -> list:
    """Sort key of paths and names that puts recording10 behind recording9."""
    return [(int(t), "") if t.isdigit() else (-1, t) for t in re.split(r"(\d+)", str(path))]


def keep_stream(name: str, keep, skip) -> bool:
    """Tell whether a stream's name passes the user's keep and skip substrings."""
    return (not keep or any(text in name for text in keep)) and not any(text in name for text in skip)


def sort_out_segments(stream: Stream, reasons: list[str]) -> list[int]:
    """Note the segments that cannot be used and return the places of the others; all bad means the stream is."""
    stream.bad_segments = {place: reason for place, reason in enumerate(reasons) if reason}
    if reasons and len(stream.bad_segments) == len(reasons):
        stream.reason = reasons[0]
    return [place for place, reason in enumerate(reasons) if not reason]
