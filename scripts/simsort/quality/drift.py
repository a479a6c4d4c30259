"""How far and how fast the tissue moved, and how well the estimate of it straightens the peaks."""

import dataclasses
from pathlib import Path

import numpy as np

from simsort.visualization.drift import displacements
from simsort.visualization.peaks import load_peaks

BIN_UM = 5.0
MIN_PEAKS_PER_BIN = 20
N_TIME_BINS = 60


@dataclasses.dataclass
class Drift:
    """Size, speed and quality of a motion estimate.

    Attributes
    ----------
    range_um, median_range_um : float
        Largest minus smallest displacement over all times: of the depth window that moves most, and of the median
        over the windows.
    speed_um_per_s : float
        99th percentile of the absolute displacement per second between temporal bins.
    correlation_before, correlation_after : float | None
        Mean correlation of each time bin's histogram of peaks by depth with the average of the others, before and
        after the correction; None with too few peaks.
    motion : spikeinterface.core.motion.Motion
        The estimate itself.
    """

    range_um: float
    median_range_um: float
    speed_um_per_s: float
    correlation_before: float | None
    correlation_after: float | None
    motion: object


def measure_drift(recording, folder: Path) -> Drift | None:
    """Measure the motion that preprocessing estimated.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    folder : Path
        The `motion/` folder of preprocessing.

    Returns
    -------
    Drift | None
        None without an estimate.
    """
    from spikeinterface.core.motion import Motion

    if not (Path(folder) / "motion").is_dir():
        return None
    motion = Motion.load(Path(folder) / "motion")
    whole = np.concatenate(list(motion.displacement))  # (n_times, n_windows)
    speeds = [np.abs(np.diff(d, axis=0) / np.diff(t)[:, np.newaxis]).ravel()
              for d, t in zip(motion.displacement, motion.temporal_bins_s) if len(t) > 1]
    speeds = np.concatenate([*speeds, np.zeros(1)])
    before, after = straightness(recording, motion, Path(folder))
    return Drift(range_um=float(np.ptp(whole, axis=0).max()), median_range_um=float(np.ptp(np.median(whole, axis=1))),
                 speed_um_per_s=float(np.quantile(speeds, 0.99)), correlation_before=before, correlation_after=after,
                 motion=motion)


def straightness(recording, motion, folder: Path) -> tuple[float | None, float | None]:
    """Return how alike the depths of peaks are over time, before and after the correction."""
    peaks = load_peaks(folder, recording, 1)
    if peaks is None or not len(peaks.times_s):
        return None, None
    moved_um = displacements(recording, peaks, motion)
    return alikeness(peaks.times_s, peaks.depths_um), alikeness(peaks.times_s, peaks.depths_um - moved_um)


def alikeness(times_s: np.ndarray, depths_um: np.ndarray) -> float | None:
    """Correlate each time bin's histogram by depth with the average of the other bins; return the mean."""
    if times_s.size < 2 * MIN_PEAKS_PER_BIN or np.ptp(depths_um) < 2 * BIN_UM or np.ptp(times_s) == 0:
        return None
    n_bins = int(np.clip(times_s.size // MIN_PEAKS_PER_BIN, 2, N_TIME_BINS))
    edges_um = np.arange(depths_um.min(), depths_um.max() + BIN_UM, BIN_UM)
    histograms, _, _ = np.histogram2d(times_s, depths_um, bins=(n_bins, edges_um))  # (n_times, n_depths)
    histograms = histograms[histograms.sum(axis=1) >= MIN_PEAKS_PER_BIN]
    if len(histograms) < 2:
        return None
    others = (histograms.sum(axis=0) - histograms) / (len(histograms) - 1)
    pairs = [np.corrcoef(mine, rest)[0, 1] for mine, rest in zip(histograms, others) if mine.std() and rest.std()]
    return float(np.mean(pairs)) if pairs else None
