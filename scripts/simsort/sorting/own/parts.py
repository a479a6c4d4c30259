"""Units that are a part of another: its spikes seen once more, late or far off, or what its subtraction left behind."""

from dataclasses import dataclass

import numpy as np

from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS

NEAR_S = 0.001
LOCKED_SHARE = 0.4
TIGHT_SAMPLES, TIGHT_SHARE = 3, 0.6


@dataclass(frozen=True, kw_only=True)
class Lock:
    """How a unit's spikes come with another's.

    Parameters
    ----------
    share : float
        Of its spikes that do, beyond chance.
    lag : int
        Samples by which they come late.
    is_tight : bool
        Whether they mostly come so late.
    """

    share: float
    lag: int
    is_tight: bool

    @property
    def is_locked(self) -> bool:
        """Whether most of the unit comes with the other."""
        return self.share > LOCKED_SHARE


def lock(train_s: np.ndarray, other_s: np.ndarray) -> Lock:
    """Look how the spikes of a train come with those of another, both in s and in the order of time."""
    if not len(train_s) or not len(other_s):
        return Lock(share=0.0, lag=0, is_tight=False)
    place = np.searchsorted(other_s, train_s)
    before = train_s - other_s[np.maximum(place - 1, 0)]
    after = train_s - other_s[np.minimum(place, len(other_s) - 1)]
    late_s = np.where(np.abs(before) < np.abs(after), before, after)
    late_s = late_s[np.abs(late_s) < NEAR_S]
    chance = 2 * NEAR_S * len(other_s) / max(other_s[-1] - other_s[0], NEAR_S)
    share = len(late_s) / len(train_s) - chance
    if not len(late_s):
        return Lock(share=share, lag=0, is_tight=False)
    late = late_s * FS
    lag = float(np.median(late))
    return Lock(share=share, lag=round(lag), is_tight=bool((np.abs(late - lag) <= TIGHT_SAMPLES).mean() > TIGHT_SHARE))
