"""Files that are there whole or not at all: written aside, then moved in place. Standard library only."""

import contextlib
import json
import os
from pathlib import Path


@contextlib.contextmanager
def aside(path: Path):
    """Give a file to write into, that is moved in place if nothing fails and is gone otherwise."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file aside, flushed to the disk, and move it in place: readers see the old or the new, never a part."""
    with aside(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, content, *, indent: int | None = 1) -> None:
    """Write JSON whole or not at all, in ASCII: names that are no text survive as escapes."""
    write_whole(path, (json.dumps(content, indent=indent, default=plain) + "\n").encode("ascii"))


def plain(value):
    """Return what JSON has no form for as a number, if it is one of an array library's, or else as text."""
    return value.item() if getattr(value, "ndim", None) == 0 else str(value)
