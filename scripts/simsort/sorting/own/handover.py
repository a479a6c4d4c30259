"""Two clusters of which one ends when the other begins: as a rule one neuron that moved faster than could be followed.

What a moving neuron looked like before and after differs; whether it jumped is told by a line through its last spikes
and one of the same slope through the first ones after.
"""

import math

import numpy as np

from simsort.sorting.own.mixture import DriftingMixture
from simsort.sorting.own.seeding import chi_squared
from simsort.sorting.own.separation import Pair, squares_around, still_distances

FEWEST = 8  # spikes on each side
MOST = 30
MISPLACED = 0.12  # of each cluster's spikes: those of others
LONGEST_GAP = 20.0  # relative to the longer mean interval
OUTLIER_Z = 6.0
MOST_VARIANCE = 0.5  # of the jump in every feature, in that of the noise: more tells nothing


def hand_over(mixture: DriftingMixture, rows: np.ndarray, rows_other: np.ndarray) -> Pair | None:
    """Measure the jump from one cluster to another that takes over from it.

    Parameters
    ----------
    mixture : DriftingMixture
    rows, rows_other : arrays of int
        Events of each, in the order of time.

    Returns
    -------
    Pair | None
        None if neither takes over, or their spikes do not tell.
    """
    if min(len(rows), len(rows_other)) < FEWEST:
        return None
    times_s = mixture.times_s
    order = next((pair for pair in ((rows, rows_other), (rows_other, rows)) if may_follow(times_s, *pair)), None)
    if order is None:
        return None
    first, last = order
    cut_s = best_cut_s(times_s[first], times_s[last])
    before, after = first[times_s[first] <= cut_s], last[times_s[last] > cut_s]
    if len(before) < (1 - MISPLACED) * len(first) or len(after) < (1 - MISPLACED) * len(last):
        return None
    before, after = before[-MOST:], after[:MOST]
    if min(len(before), len(after)) < FEWEST:
        return None
    gap_s = times_s[after[0]] - times_s[before[-1]]
    interval_s = max(np.diff(times_s[side]).mean() for side in (before, after))
    if gap_s > LONGEST_GAP * interval_s:
        return None
    return jump(mixture, before, after, (times_s[before[-1]] + times_s[after[0]]) / 2)


def may_follow(times_s: np.ndarray, first: np.ndarray, last: np.ndarray) -> bool:
    """Tell whether any cut has enough of the first events before it and of the last after it: most pairs have none."""
    n_before, n_after = (math.ceil((1 - MISPLACED) * len(its)) for its in (first, last))
    return times_s[first[n_before - 1]] < times_s[last[len(last) - n_after]]


def best_cut_s(first_s: np.ndarray, last_s: np.ndarray) -> float:
    """Return the time after which fewest of the first and before which fewest of the last spikes are."""
    times_s = np.concatenate([first_s, last_s])
    is_last = np.arange(len(times_s)) >= len(first_s)
    order = np.argsort(times_s, kind="stable")
    wrong = np.cumsum(np.where(is_last[order], 1 / len(last_s), -1 / len(first_s)))
    return float(times_s[order][wrong.argmin()])


def jump(mixture: DriftingMixture, before: np.ndarray, after: np.ndarray, at_s: float) -> Pair | None:
    """Measure how far two lines of one slope, through some events, are apart at a time; None if they do not tell."""
    rows = np.concatenate([before, after])
    features = mixture.features[rows].astype(float)
    is_after = np.arange(len(rows)) >= len(before)
    design = np.stack([~is_after, is_after, mixture.times_s[rows] - at_s], axis=1).astype(float)
    kept = np.ones(len(rows), dtype=bool)
    limit = chi_squared(mixture.n_features, OUTLIER_Z)
    for _ in range(3):
        line = np.linalg.lstsq(design[kept], features[kept], rcond=None)[0]
        means = design @ line
        kept = squares_around(mixture, means, features - means) < limit
        if min((kept & is_after).sum(), (kept & ~is_after).sum()) < FEWEST // 2:
            return None
    step = np.array([-1, 1, 0])
    variance = step @ np.linalg.inv(design[kept].T @ design[kept]) @ step
    if variance > MOST_VARIANCE:
        return None
    squared = still_distances(mixture, line[:1], line[1:2])[0] - mixture.n_features * variance
    d = float(np.sqrt(max(squared, 0)))
    return Pair(d=d, relative=d / max(float(np.linalg.norm(line[:2], axis=1).min()), 1e-9), shared=0.0)
