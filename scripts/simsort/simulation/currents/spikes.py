"""Spike times from the soma's voltage, chunk after chunk."""

import numpy as np

DEAD_TIME_MS = 1.0


class SpikeDetector:
    """Upward crossings of a threshold.

    Parameters
    ----------
    threshold_mv : float
        Threshold.
    dt_ms : float
        Time step.
    """

    def __init__(self, threshold_mv: float, dt_ms: float):
        self.threshold_mv = threshold_mv
        self.dt_ms = dt_ms
        self.n_seen = 0
        self.last_mv = np.inf  # a run that starts above the threshold has not crossed it
        self.last_spike_ms = -np.inf

    def times_ms(self, soma_v_mv: np.ndarray) -> np.ndarray:
        """Return the spikes of the next chunk, in ms from the first sample of all, interpolated linearly between samples."""
        voltage = np.concatenate([[self.last_mv], soma_v_mv])
        above = voltage >= self.threshold_mv
        crossings = np.flatnonzero(~above[:-1] & above[1:])
        rise = voltage[crossings + 1] - voltage[crossings]
        samples = self.n_seen - 1 + crossings + (self.threshold_mv - voltage[crossings]) / rise
        self.n_seen += len(soma_v_mv)
        if len(soma_v_mv):
            self.last_mv = soma_v_mv[-1]
        return self.without_flicker(samples * self.dt_ms)

    def without_flicker(self, times_ms: np.ndarray) -> np.ndarray:
        """Leave out crossings within the dead time after the last one."""
        kept = []
        for time_ms in times_ms:
            if time_ms - self.last_spike_ms >= DEAD_TIME_MS:
                kept.append(time_ms)
                self.last_spike_ms = time_ms
        return np.array(kept)
