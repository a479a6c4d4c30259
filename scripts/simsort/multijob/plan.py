"""How large the sessions are and about what they will cost, before anything is submitted. Standard library only.

Sizes and durations are read from SpikeGLX's .meta and Open Ephys' structure.oebin; of other formats only the size is
known without their libraries, and the duration is worked out from it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

from simsort.multijob.sessions import Session

# Per hour of 384 channels: preprocessing and postprocessing as in docs/benchmarks.md, a sorter of their order on CPUs.
# A cluster of another kind has other figures: they tell a night from a week.
CORE_HOURS = 10.0
CORE_HOURS_PER_RECORDING = 0.1  # however short
GPU_HOURS = 0.5  # kilosort4 and kilosort25, by their users' reports; not measured here
GPU_SORTERS = ("kilosort4", "kilosort25")
WORK_BYTES, RESULTS_BYTES = 1.1, 0.1  # per byte of data (docs/benchmarks.md: 1.03 and 0.05)
BYTES_PER_CHANNEL_HOUR = 30000 * 2 * 3600  # where nothing says better


@dataclasses.dataclass(frozen=True)
class Size:
    """What a session holds.

    Attributes
    ----------
    n_bytes : int
        Of all its files.
    hours : float
        Of its longest recording.
    channel_hours : float
        Summed over its recordings.
    n_recordings : int
        Probes' streams.
    measured : bool
        Whether the durations come from headers; else from the size, as 384 channels at 30 kHz.
    """

    n_bytes: int
    hours: float
    channel_hours: float
    n_recordings: int
    measured: bool

    @property
    def core_hours(self) -> float:
        """Core-hours that sorting it takes, roughly."""
        return CORE_HOURS * self.channel_hours / 384 + CORE_HOURS_PER_RECORDING * self.n_recordings

    def gpu_hours(self, sorter: str) -> float:
        """GPU-hours that sorting it takes, roughly."""
        return GPU_HOURS * self.channel_hours / 384 if sorter in GPU_SORTERS else 0.0


def measure(session: Session) -> Size:
    """Measure a session by its headers and file sizes."""
    files = list(files_of(session.path))
    n_bytes = sum(size for _, size in files)
    streams = [stream for path, size in files for stream in streams_of(path, size)]
    if streams:
        return Size(n_bytes, max(hours for _, hours in streams), sum(n * hours for n, hours in streams), len(streams), True)
    channel_hours = n_bytes / BYTES_PER_CHANNEL_HOUR
    return Size(n_bytes, channel_hours / 384, channel_hours, 1, False)


def files_of(path: Path):
    """Yield (path, bytes) of every file of a session; one that cannot be read counts nothing."""
    if path.is_file():
        yield path, path.stat().st_size
        return
    for root, _, names in os.walk(path):
        for name in names:
            file = Path(root, name)
            try:
                yield file, file.stat().st_size
            except OSError:  # a dangling link
                continue


def streams_of(path: Path, n_bytes: int) -> list[tuple[int, float]]:
    """Return (channels, hours) of the streams that a file describes."""
    try:
        if re.search(r"\.imec\d*\.ap\.bin$", path.name):
            return [spikeglx_stream(path, n_bytes)]
        if path.name == "structure.oebin":
            return list(openephys_streams(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        return []  # damaged headers are for the pipeline to report; here they only cost the estimate
    return []


def spikeglx_stream(path: Path, n_bytes: int) -> tuple[int, float]:
    """Return channels and hours of a SpikeGLX file."""
    lines = path.with_suffix(".meta").read_text(encoding="utf8", errors="replace").splitlines()
    meta = dict(line.split("=", 1) for line in lines if "=" in line)
    n_saved = int(meta["nSavedChans"])
    return max(1, n_saved - 1), n_bytes / (2 * n_saved) / float(meta["imSampRate"]) / 3600


def openephys_streams(path: Path):
    """Yield channels and hours of the streams of an Open Ephys recording that may hold spikes."""
    for stream in json.loads(path.read_text(encoding="utf8")).get("continuous", []):
        file = path.parent / "continuous" / stream["folder_name"] / "continuous.dat"
        n_channels, rate = int(stream["num_channels"]), float(stream["sample_rate"])
        if rate >= 5000 and file.is_file():
            yield n_channels, file.stat().st_size / (2 * n_channels) / rate / 3600


def plan_lines(entries: list, sizes: dict, states: dict, sorter: str, places: dict) -> list[str]:
    """Return the plan as text: a line per session and the sums of those that are to be submitted.

    Parameters
    ----------
    entries : list of Entry
    sizes : dict
        `{name: Size}`.
    states : dict
        `{name: what becomes of it now}`.
    sorter : str
        Its name, for GPU-hours.
    places : dict
        `{"work": Path, "results": Path}`: where the free space is looked up.
    """
    lines = [f"{e.number:>4}  {e.name}  {e.input_format}  {amount(sizes[e.name], sorter)}  [{states[e.name]}]  "
             f"{printable(e.path)} -> {printable(e.results)}" for e in entries]
    new = [sizes[e.name] for e in entries if states[e.name].startswith("submit")]
    if new:
        total = Size(sum(s.n_bytes for s in new), sum(s.hours for s in new), sum(s.channel_hours for s in new),
                     sum(s.n_recordings for s in new), all(s.measured for s in new))
        lines.append(f"to submit: {len(new)} of {len(entries)} sessions, {amount(total, sorter)}")
        lines.append(disk_line(total.n_bytes, places))
    return lines


def amount(size: Size, sorter: str) -> str:
    """Spell a size and its cost; ~ marks what was worked out from the size alone."""
    about = "" if size.measured else "~"
    gpu = f", {size.gpu_hours(sorter):.2g} GPU-hours" if sorter in GPU_SORTERS else ""
    return (f"{size.n_bytes / 1e9:.3g} GB, {about}{size.hours:.2g} h, about {size.core_hours:.2g} core-hours{gpu}")


def disk_line(n_bytes: int, places: dict) -> str:
    """Compare the space that results and work folders need with what is free."""
    parts = []
    for kind, factor in (("work", WORK_BYTES), ("results", RESULTS_BYTES)):
        free = shutil.disk_usage(existing(places[kind])).free
        short = "" if free > factor * n_bytes else " (NOT ENOUGH)"
        parts.append(f"{kind} {factor * n_bytes / 1e9:.3g} GB, free {free / 1e9:.3g} GB{short}")
    return "disk, about: " + "; ".join(parts)


def existing(path: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def printable(text) -> str:
    """Replace what a terminal would take for a command or cannot print."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
