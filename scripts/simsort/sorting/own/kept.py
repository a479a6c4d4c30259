"""Whitened pieces kept on disk while a recording is sorted: they are asked for five to eight times, and dear to make."""

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simsort.sorting.own.pursuit import MARGIN
from simsort.whole_files import aside

MOST_OF_DISK = 0.25  # of what is free
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class KeptTraces:
    """Some pieces of whitened traces, in files of a folder that is the caller's to remove.

    What is read is what was written, bit by bit: the spikes do not depend on what is kept.

    Parameters
    ----------
    folder : Path
    starts : frozenset of int
        First samples of the pieces that are kept.
    """

    folder: Path
    starts: frozenset

    def load(self, start: int) -> np.ndarray | None:
        """Return the traces of a piece, None if they are not there."""
        if start not in self.starts or not self.path(start).exists():
            return None
        return np.load(self.path(start))

    def save(self, start: int, traces: np.ndarray) -> None:
        """Keep the traces of a piece, if it is one of those and the disk has room."""
        if start not in self.starts:
            return
        try:
            with aside(self.path(start)) as file:  # not flushed to the disk: it is gone with the process
                write_array(file, traces)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def path(self, start: int) -> Path:
        """Return the file of a piece."""
        return self.folder / f"{start}.npy"


def write_array(file, array: np.ndarray) -> None:
    """Write an array as `numpy.save` does, which does not say that a disk is full, nor always notices."""
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(memoryview(array).cast("B"))


def keep(folder: Path, pieces: list[tuple[int, int]], n_channels: int, most_gb: float) -> KeptTraces:
    """Return where the first pieces are kept that fit in `most_gb` and in a quarter of the disk's free space.

    Parameters
    ----------
    folder : Path
        Exists.
    pieces : list of (first, last sample)
    n_channels : int
    most_gb : float
    """
    room = min(most_gb * 1e9, MOST_OF_DISK * shutil.disk_usage(folder).free)
    sizes = np.cumsum([(stop - start + 2 * MARGIN) * n_channels * 4.0 for start, stop in pieces])
    return KeptTraces(folder=folder, starts=frozenset(start for (start, _), size in zip(pieces, sizes) if size <= room))
