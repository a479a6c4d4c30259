"""Gaps in a SpikeGLX recording, told by its sync pulse: rising edges at a steady period, which lost samples break."""

import dataclasses
from pathlib import Path

import numpy as np

from simsort.dispatch.preflight import MAX_DEVIATION_MS

SYNC_BIT = 6  # of the last 16-bit word of a sample (SpikeGLX's metadata guide)
SAMPLE_BYTES = 2
REACH_MS = 10.0  # looked at around the place where the next edge is expected


@dataclasses.dataclass(frozen=True)
class SyncEdges:
    """What the rising edges of a sync pulse tell.

    Attributes
    ----------
    n_edges : int
        Edges found.
    n_gaps : int
        Intervals between them that deviate from the period by more than `MAX_DEVIATION_MS`.
    largest_deviation_ms : float
        The largest of these deviations, whether beyond the limit or not.
    """

    n_edges: int
    n_gaps: int
    largest_deviation_ms: float


def follow_edges(word: np.ndarray, fs_hz: float, period_s: float) -> SyncEdges | None:
    """Follow the sync pulse from edge to edge, reading only what lies around them.

    Parameters
    ----------
    word : array (n_samples,) of int16
        The sync word of every sample, possibly on disk; a few per cent of it are read.
    fs_hz : float
        Sampling rate.
    period_s : float
        Period of the pulse.

    Returns
    -------
    SyncEdges | None
        None where the first two periods hold no edge.
    """
    period, reach = period_s * fs_hz, int(REACH_MS * fs_hz / 1000)
    last = next_edge(word, 0, int(2 * period) + 2)
    if last is None:
        return None
    n_edges, n_gaps, worst_ms = 1, 0, 0.0
    while last + period + reach < len(word):
        expected = int(last + period)
        edge = next_edge(word, expected - reach, expected + reach)
        if edge is None:  # not where it should be: look for it from the last one on
            edge = search_edge(word, last + 1, int(period))
        if edge is None:  # the pulse has stopped
            n_gaps += 1
            break
        deviation_ms = abs(edge - last - period) / fs_hz * 1000
        n_edges, worst_ms = n_edges + 1, max(worst_ms, deviation_ms)
        n_gaps += deviation_ms > MAX_DEVIATION_MS
        last = edge
    return SyncEdges(n_edges, n_gaps, round(worst_ms, 3))


def next_edge(word: np.ndarray, start: int, stop: int) -> int | None:
    """Return the sample of the first rising edge among samples `start` to `stop`; an edge needs the one before it."""
    start = max(0, start)
    high = (np.asarray(word[start:stop]).astype("uint16") >> SYNC_BIT) & 1
    rising = np.flatnonzero((high[1:] == 1) & (high[:-1] == 0))
    return start + 1 + int(rising[0]) if rising.size else None


def search_edge(word: np.ndarray, start: int, step: int) -> int | None:
    """Return the first rising edge behind a sample, reading a step at a time to the end."""
    for first in range(start, len(word), step):
        edge = next_edge(word, first - 1, first + step)
        if edge is not None:
            return edge
    return None


def sync_of_files(bin_files: list[Path], metas: list[dict[str, str]]) -> dict:
    """Look at the sync pulse of every file of a probe.

    Parameters
    ----------
    bin_files : list of Path
        `.ap.bin` files.
    metas : list of dict
        Their `.meta` fields.

    Returns
    -------
    sync : dict
        `n_gaps`, `n_edges` and `largest_deviation_ms` over all files; `n_gaps` None, with the `reason`, where a file
        has no pulse.
    """
    found = []
    for file, meta in zip(bin_files, metas, strict=True):
        if int(meta.get("snsApLfSy", "0,0,0").split(",")[-1]) < 1:
            return {"n_gaps": None, "reason": "the files have neither timestamps nor a sync channel"}
        n_channels = int(meta["nSavedChans"])
        n_samples = file.stat().st_size // (SAMPLE_BYTES * n_channels)
        samples = np.memmap(file, dtype="<i2", mode="r", shape=(n_samples, n_channels))
        edges = follow_edges(samples[:, -1], float(meta["imSampRate"]), float(meta.get("syncSourcePeriod", 1.0)))
        if edges is None:
            return {"n_gaps": None, "reason": "the files have no timestamps, and no pulse on their sync channel"}
        found.append(edges)
    return {"n_gaps": sum(e.n_gaps for e in found), "n_edges": sum(e.n_edges for e in found),
            "largest_deviation_ms": max(e.largest_deviation_ms for e in found)}
