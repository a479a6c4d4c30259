"""Which snippet each spike of a new train gets: one from a similar place in a train."""

import numpy as np

SHORTEST_MS, LONGEST_MS = 1.0, 300.0
N_CANDIDATES = 6
AFTER_MATTERS_MS = 12.0  # a snippet ends where the next spike begins; beyond its window that changes nothing


def assign_snippets(spike_times_s, library, rng: np.random.Generator) -> np.ndarray:
    """Choose a snippet for every spike by the intervals before and after it.

    Spikes soon after another are smaller and wider (Fee, Mitra and Kleinfeld 1996); the library's snippets hold that as the
    cell showed it. Each spike takes one of the few snippets nearest in the logarithm of both intervals.

    Parameters
    ----------
    spike_times_s : array, (n_spikes,)
        Ascending times.
    library : CellLibrary
        Or anything with its `isi_before_ms` and `isi_after_ms`.
    rng : numpy.random.Generator
        Chooses among the nearest.

    Returns
    -------
    snippets : array, (n_spikes,) int64
    """
    times_ms = np.asarray(spike_times_s, dtype=float) * 1000
    if not len(times_ms):
        return np.zeros(0, dtype=np.int64)
    intervals = np.diff(times_ms)
    wanted = place(np.append(np.inf, intervals), np.append(intervals, np.inf))
    there = place(library.isi_before_ms, library.isi_after_ms)
    n_candidates = min(N_CANDIDATES, len(there))
    chosen = np.empty(len(wanted), dtype=np.int64)
    picks = rng.integers(n_candidates, size=len(wanted))
    for first in range(0, len(wanted), 4096):
        part = wanted[first:first + 4096]
        distances = np.abs(part[:, None, :] - there[None]).sum(axis=2)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :n_candidates]
        chosen[first:first + 4096] = nearest[np.arange(len(part)), picks[first:first + 4096]]
    return chosen


def place(before_ms, after_ms) -> np.ndarray:
    """Return coordinates (n, 2) in which near means similar."""
    before = np.log(np.clip(before_ms, SHORTEST_MS, LONGEST_MS))
    after = np.log(np.clip(after_ms, SHORTEST_MS, AFTER_MATTERS_MS))
    return np.stack([before, after], axis=1)
