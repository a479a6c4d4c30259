"""What can be said of sortings where no truth is known: agreement, refractory violations, stability."""

import numpy as np

from simsort.evaluation.protocol import MATCH_SCORE, agreement_with

REFRACTORY_MS = 1.5
MIN_SPIKES = 20  # of a unit to be counted; fewer say nothing about refractoriness or stability


def agreed_units(sortings: dict) -> dict[str, dict]:
    """Count the units of each sorting that other sortings have too.

    Parameters
    ----------
    sortings : dict
        Sortings of one recording by name.

    Returns
    -------
    counts : dict
        By name: `n_units`, `n_agreed` (with at least one other sorting, agreement of 0.5 or more) and `n_by_half` (with
        at least half of the others).
    """
    counts = {}
    for name, sorting in sortings.items():
        n_units = sorting.get_num_units()
        others = [agreement_with(other, sorting) for key, other in sortings.items() if key != name]
        shared = np.array([agreement.max(axis=0, initial=0.0) >= MATCH_SCORE for agreement in others])
        votes = shared.sum(axis=0) if len(others) else np.zeros(n_units)
        counts[name] = {"n_units": n_units, "n_agreed": int(np.sum(votes >= 1)),
                        "n_by_half": int(np.sum(votes >= max(1.0, len(others) / 2)))}
    return counts


def refractory_violations(sorting) -> dict:
    """Measure how many intervals between spikes of one unit are too short for one neuron.

    Returns
    -------
    measures : dict
        `share`, the intervals under 1.5 ms of all intervals of all units; `n_clean` of `n_counted` units (20 spikes or
        more) have less than 1 % of them.
    """
    fs_hz = sorting.get_sampling_frequency()
    n_short, n_all, shares = 0, 0, []
    for unit in sorting.unit_ids:
        intervals_ms = np.diff(sorting.get_unit_spike_train(unit)) / fs_hz * 1000
        short = int(np.sum(intervals_ms < REFRACTORY_MS))
        n_short, n_all = n_short + short, n_all + len(intervals_ms)
        if len(intervals_ms) + 1 >= MIN_SPIKES:
            shares.append(short / len(intervals_ms))
    return {"share": n_short / n_all if n_all else None, "n_clean": int(np.sum(np.array(shares) < 0.01)),
            "n_counted": len(shares)}


def split_half_stability(whole, halves: list[tuple[float, float, object]]) -> dict:
    """Measure whether the units of a whole recording are found again where only half of it is sorted.

    Parameters
    ----------
    whole : BaseSorting
        The sorting of the whole recording.
    halves : list of tuple
        Start and end of each half in seconds, and the sorting of that half alone (its times start at 0).

    Returns
    -------
    measures : dict
        `n_counted`, units with 20 spikes or more in each half; `n_stable`, those found (agreement of 0.5 or more) in
        the sorting of each half; `share`.
    """
    fs_hz = whole.get_sampling_frequency()
    counted = np.ones(whole.get_num_units(), dtype=bool)
    stable = counted.copy()
    for start_s, stop_s, half in halves:
        part = whole.frame_slice(int(start_s * fs_hz), int(stop_s * fs_hz))
        counted &= part.count_num_spikes_per_unit(outputs="array") >= MIN_SPIKES
        stable &= agreement_with(part, half).max(axis=1, initial=0.0) >= MATCH_SCORE
    n_counted, n_stable = int(counted.sum()), int((counted & stable).sum())
    return {"n_counted": n_counted, "n_stable": n_stable, "share": n_stable / n_counted if n_counted else None}
