"""What cells and recordings will cost, said before they are started."""

import dataclasses
import shutil
from pathlib import Path

from simsort.errors import UserError

# Measured with the built-in cells on one core, rounded down; only the order of magnitude is promised.
CELL_SECONDS_PER_CORE_MINUTE = 120.0  # at dt = 1/30 ms, compiled mechanisms
KSCHAN_SLOWER = 2.0
PREPARATION_CORE_S = 6.0  # building a cell and the pilot runs that find its input
BYTES_PER_CELL = 3_000_000
RENDERING_TIMES_REAL_TIME = 30.0  # per core at 32 channels
CONTINUOUS_NEURONS_PER_RECORDING = 40
SPARE = 1.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """Core time and disk of some work.

    Attributes
    ----------
    n_cells, n_recordings : int
        What is to be made.
    core_s : float
        Seconds of one core.
    disk_bytes : float
        What will be on the disk.
    """

    n_cells: int
    n_recordings: int
    core_s: float
    disk_bytes: float

    def __add__(self, other):
        return Estimate(**{field.name: getattr(self, field.name) + getattr(other, field.name)
                           for field in dataclasses.fields(self)})

    def line(self, n_jobs: int = 1) -> str:
        """Return the estimate as a line for people, with the time it takes with so many workers."""
        parts = [count(self.n_cells, "cell")] * (self.n_cells > 0)
        parts += [count(self.n_recordings, "recording")] * (self.n_recordings > 0)
        time = f"about {self.core_s / 3600:.2g} core-hours"
        if n_jobs > 1:
            time += f" ({duration(self.core_s / n_jobs)} with {n_jobs} workers)"
        return f"to do: {' and '.join(parts) or 'nothing'}, {time}, {self.disk_bytes / 1e9:.2g} GB of disk"


def count(number: int, noun: str) -> str:
    """Return `1 cell` or `2 cells`."""
    return f"{number} {noun}" + "s" * (number != 1)


def duration(seconds: float) -> str:
    """Return a duration with one unit."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate_cells(n_cells: int, settings: dict) -> Estimate:
    """Estimate simulating cells with the settings of the stage `simulation`."""
    speed = CELL_SECONDS_PER_CORE_MINUTE / 60 * settings["dt_ms"] * 30
    slower = KSCHAN_SLOWER if settings["kinetics"] == "kschan" else 1.0
    return Estimate(n_cells=n_cells, n_recordings=0, disk_bytes=n_cells * BYTES_PER_CELL,
                    core_s=n_cells * (PREPARATION_CORE_S + slower * settings["simulated_s"] / speed))


def estimate_recordings(jobs: list, settings: dict, simulation: dict) -> Estimate:
    """Estimate rendering recordings with the settings of the stage `rendering`."""
    samples = sum(job.n_channels for job in jobs) * settings["duration_s"] * settings["sampling_frequency_hz"]
    core_s = samples / 32 / 30000 / RENDERING_TIMES_REAL_TIME
    if settings["mode"] == "continuous":
        whole = {**simulation, "simulated_s": settings["duration_s"]}
        core_s += estimate_cells(CONTINUOUS_NEURONS_PER_RECORDING * len(jobs), whole).core_s
    return Estimate(n_cells=0, n_recordings=len(jobs), core_s=core_s, disk_bytes=2 * samples)


def check_disk(folder: Path, estimate: Estimate) -> None:
    """Raise unless the disk of a folder has room for what is estimated.

    Raises
    ------
    UserError
        If it has not.
    """
    folder = Path(folder).absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < SPARE * estimate.disk_bytes:
        raise UserError(f"{folder} has {free / 1e9:.2g} GB free, about {estimate.disk_bytes / 1e9:.2g} GB are needed",
                        "make room, choose another disk, or ask for fewer cells or shorter recordings")
