"""How much of a motion estimate is noise: two halves of the peaks, each estimated by itself, should agree.

The halves' estimates differ by their noise alone. With half the peaks each has twice the variance of the whole's noise,
and their difference four times: the whole's noise is half the root mean square of the difference. Reliability is the
correlation of the halves, stepped up to the whole (Spearman 1910, Brit J Psychol 3:271; Brown 1910, ibid. 296).
"""

import dataclasses

import numpy as np
from spikeinterface.sortingcomponents.motion import estimate_motion

MOST_S = 600.0  # looked at, in the middle of a longer recording
MIN_PEAKS = 200  # of each half
SKIPPED_METHODS = ("medicine",)  # trains a network: minutes for each half
# An estimate is noise when it is less than half signal, and its noise is more than sorters would not notice.
MIN_RELIABILITY, MIN_NOISE_UM = 0.5, 2.0


@dataclasses.dataclass(frozen=True)
class MotionNoise:
    """What two halves of the peaks tell of a motion estimate.

    Attributes
    ----------
    noise_um : float | None
        Root mean square of the estimate's error; None where it cannot be known, and `reason` says why.
    reliability : float | None
        Share of the estimate's variance that is motion: 1 without noise, 0 or less (at least -2) if it is nothing
        else, also where nothing moves.
    reason : str
        Why both are None.
    """

    noise_um: float | None = None
    reliability: float | None = None
    reason: str = ""

    @property
    def is_noise(self) -> bool:
        """Whether the estimate says less of the motion than of itself."""
        return self.noise_um is not None and self.noise_um > MIN_NOISE_UM and self.reliability < MIN_RELIABILITY


def measure_noise(recording, peaks: np.ndarray, locations: np.ndarray, options: dict, seed: int) -> MotionNoise:
    """Estimate the motion of each half of the peaks and compare.

    Parameters
    ----------
    recording : BaseRecording
        Of one segment.
    peaks, locations : structured arrays
        As SpikeInterface's `compute_motion` returns them.
    options : dict
        Its `estimate_motion_kwargs`.
    seed : int
        Of the halves.
    """
    if options["method"] in SKIPPED_METHODS:
        return MotionNoise(reason=f"not measured for {options['method']}, which takes too long")
    recording, peaks, locations = middle(recording, peaks, locations)
    first = np.random.default_rng(seed).random(len(peaks)) < 0.5
    if min(first.sum(), (~first).sum()) < MIN_PEAKS:
        return MotionNoise(reason=f"fewer than {2 * MIN_PEAKS} peaks")
    one, two = (estimate_motion(recording, peaks[half], locations[half], progress_bar=False, **options)
                for half in (first, ~first))
    return compare(one.displacement[0], two.displacement[0])


def middle(recording, peaks: np.ndarray, locations: np.ndarray):
    """Return the middle `MOST_S` of a recording with its peaks, as if it began there."""
    n_samples = recording.get_num_samples()
    length = min(n_samples, int(MOST_S * recording.get_sampling_frequency()))
    start = (n_samples - length) // 2
    inside = (peaks["sample_index"] >= start) & (peaks["sample_index"] < start + length)
    peaks = peaks[inside].copy()
    peaks["sample_index"] -= start
    if length < n_samples:
        recording = recording.frame_slice(start, start + length)
        recording.reset_times()
    return recording, peaks, locations[inside]


def compare(one_um: np.ndarray, two_um: np.ndarray) -> MotionNoise:
    """Compare the halves' displacements, each n_bins x n_windows and known but for a constant of each window."""
    one_um, two_um = (um - um.mean(axis=0) for um in (one_um, two_um))
    spread = np.sqrt((one_um**2).mean() * (two_um**2).mean())
    correlation = float((one_um * two_um).mean() / spread) if spread > 0 else 0.0  # a half that stands still tells none
    reliability = 2 * correlation / (1 + correlation) if correlation > -0.5 else -2.0
    return MotionNoise(float(np.sqrt(((one_um - two_um) ** 2).mean()) / 2), reliability)
