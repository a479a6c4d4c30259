"""Spikes that are echoes: they come at fixed times before or after those of larger units.

A neuron's spikes keep no such times to another's. What does is what the larger templates do not reach or do not fit:
slow waveforms before and after, edges of artificial ones, and ends of neurons that are seen far off.
"""

import numpy as np

REACH_SAMPLES, BIN_SAMPLES = 80, 4
CLEAR, CLEAR_Z, FEWEST = 3.0, 5.0, 7.0  # a lag stands out by so much: relative to chance, in its deviations, in pairs
WIDEST = 5  # bins; intervals within bursts spread over more
ECHO_SHARE = 0.5


def without_echoes(trains: list[np.ndarray], sizes: np.ndarray, beside: list[np.ndarray], out: np.ndarray,
                   company: np.ndarray, most_company: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Take the echoes out of trains, and find the units that are nothing else or only come with others.

    Parameters
    ----------
    trains : list of arrays
        Spike samples of every unit, in the order of time.
    sizes : array, (n_units,)
        Only a larger unit has echoes.
    beside : list of arrays
        Units on channels of each; negative numbers are none.
    out : array, (n_units,) bool
        Units that are none: they have no echoes, and are not looked at.
    company, most_company : arrays, (n_units,)
        Share of a unit that comes with others, its echoes included, and how much of a neuron may.

    Returns
    -------
    trains : list of arrays
    out : array, (n_units,) bool
        Units that are none, those among them of which most is echoes, or of which too much of the rest has company.
    """
    trains, out = list(trains), out.copy()
    for unit in np.argsort(-sizes, kind="stable"):
        if out[unit] or not len(trains[unit]):
            continue
        echo = np.zeros(len(trains[unit]), dtype=bool)
        for other in beside[unit]:
            if other >= 0 and sizes[other] > sizes[unit] and not out[other]:
                echo |= echoes_of(trains[unit], trains[other])
        share = echo.mean()
        out[unit] = share > ECHO_SHARE or company[unit] - share > most_company[unit] * (1 - share)
        trains[unit] = trains[unit][~echo]
    return trains, out


def echoes_of(train: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which spikes (n,) of a train come at lags to another's that stand out from chance."""
    first = np.searchsorted(other, train - REACH_SAMPLES)
    counts = np.searchsorted(other, train + REACH_SAMPLES - 1, side="right") - first
    pairs = np.repeat(np.arange(len(train)), counts)
    its = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[pairs]
    bins = (train[pairs] - other[its] + REACH_SAMPLES) // BIN_SAMPLES
    found = np.bincount(bins, minlength=2 * REACH_SAMPLES // BIN_SAMPLES + 1)
    chance = np.median(found)
    clear = narrow(found > CLEAR * chance + CLEAR_Z * np.sqrt(chance) + FEWEST)
    echo = np.zeros(len(train), dtype=bool)
    echo[pairs[clear[bins]]] = True
    return echo


def narrow(clear: np.ndarray) -> np.ndarray:
    """Return flags (n,) without runs that are wide."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], clear.astype(int), [0]])))
    kept = np.zeros(len(clear), dtype=bool)
    for start, stop in zip(edges[::2], edges[1::2]):
        kept[start:stop] = stop - start <= WIDEST
    return kept
