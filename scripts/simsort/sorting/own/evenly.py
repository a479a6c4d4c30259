"""Some of many, evenly spread."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simsort.sorting.own.pursuit import Spikes


def evenly(n: int, most: int) -> np.ndarray:
    """Return at most so many of the numbers 0 to n - 1, evenly spread; all of them if there are not more."""
    return np.linspace(0, n - 1, min(n, most)).round().astype(int)


def some_of_each(spikes: "Spikes", inside: np.ndarray, reach: int, n_samples: int, most: int):
    """Yield each unit and the rows of at most so many of its spikes inside, `reach` samples away from the ends."""
    inside = inside & (spikes.sample >= reach) & (spikes.sample < n_samples - reach)
    for unit in np.unique(spikes.unit[inside]):
        rows = np.flatnonzero(inside & (spikes.unit == unit))
        yield unit, rows[evenly(len(rows), most)]
