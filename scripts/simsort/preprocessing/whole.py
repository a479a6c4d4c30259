"""The preprocessed copy is checked to be what was written before a stage reads it.

Its samples are one large file per segment: cut short or overwritten it still loads, and gives other spikes. Checked are
every size, and blocks spread over each file: reading all of it again would take as long as a stage.
"""

import hashlib
import json
from pathlib import Path

from simsort.errors import UserError

NOTE = "whole.json"
BLOCK_BYTES, N_BLOCKS = 1 << 20, 64


def write_note(folder: Path) -> None:
    """Write down sizes and checksums of the files of a folder.

    Parameters
    ----------
    folder : Path
        It is complete.
    """
    note = {str(file.relative_to(folder)): describe(file) for file in sorted(folder.rglob("*"))
            if file.is_file() and file != folder / NOTE}
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n")


def load_whole(folder: Path):
    """Load a folder saved by SpikeInterface, if its files are those that were written.

    Parameters
    ----------
    folder : Path
        With the note of `write_note`; one that has none is loaded as it is.

    Returns
    -------
    recording : BaseRecording

    Raises
    ------
    UserError
        If a file is missing, cut off or changed.
    """
    from spikeinterface import load

    folder = Path(folder)
    note = folder / NOTE
    for name, facts in (json.loads(note.read_text()) if note.is_file() else {}).items():
        file = folder / name
        if not file.is_file() or describe(file) != facts:
            task = folder.resolve().parent.parent
            raise UserError(f"{file.resolve()} is not what simsort preprocess wrote: it was cut off, changed or removed",
                            f"remove {task} and run again: this recording is preprocessed anew")
    return load(folder)


def describe(file: Path) -> dict:
    """Return a file's size and the SHA-256 of blocks spread evenly over it, all of a small file."""
    n_bytes = file.stat().st_size
    last = max(0, n_bytes - BLOCK_BYTES)
    starts = sorted({last * i // (N_BLOCKS - 1) for i in range(N_BLOCKS)}) if n_bytes > N_BLOCKS * BLOCK_BYTES else \
        range(0, n_bytes, BLOCK_BYTES)
    digest = hashlib.sha256()
    with file.open("rb") as content:
        for start in starts:
            content.seek(start)
            digest.update(content.read(BLOCK_BYTES))
    return {"bytes": n_bytes, "sha256_of_blocks": digest.hexdigest()}
