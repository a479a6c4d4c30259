"""How far events lie from the nearest of others."""

import numpy as np


def distance_to_nearest(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return each time's distance (n,) to the nearest of some sorted others, in their unit; infinite if there are none."""
    if not len(others):
        return np.full(len(times), np.inf)
    after = np.searchsorted(others, times)
    return np.minimum(np.abs(times - others[np.maximum(after - 1, 0)]),
                      np.abs(others[np.minimum(after, len(others) - 1)] - times))
