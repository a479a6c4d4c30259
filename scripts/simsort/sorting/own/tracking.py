"""Follow a neuron whose spikes change as the tissue moves: a Kalman filter for a mean that moves at a steady pace.

The features are white, so that one gain serves all of them (Kalman 1960, J Basic Eng 82:35; in spike sorting Calabrese
& Paninski 2011, J Neurosci Methods 196:159). An event is the neuron's if it lies where the next spike is expected, in
the scatter of the noise, the amplitude, the time and of what is not known of the mean.
"""

from dataclasses import dataclass

import numba
import numpy as np

PACE = 0.01  # standing change of a mean in a second, relative to its length
PACE_CHANGE = 0.01  # by how much that changes: standard deviation after a second
FEWEST_FOR_PACE = 6
LOST = 1.0  # variance of a mean, in that of the noise, from which on nobody knows where it is
FAR = 4.0  # times the limit, beside half the mean's energy: no scatter reaches as far


@dataclass(frozen=True, kw_only=True)
class Track:
    """Where a neuron is at a time, and how well that is known.

    Parameters
    ----------
    mean, pace : arrays, (n_features,)
        The mean and its change per second.
    covariance : array, (3,)
        In every feature: of the mean, of mean and pace, of the pace.
    jitter_of_pace : float
        Variance by which the pace changes in a second.
    """

    mean: np.ndarray
    pace: np.ndarray
    covariance: np.ndarray
    jitter_of_pace: float

    def backwards(self) -> "Track":
        """Return the same with time reversed."""
        at, both, of_pace = self.covariance
        return Track(mean=self.mean, pace=-self.pace, covariance=np.array([at, -both, of_pace]),
                     jitter_of_pace=self.jitter_of_pace)


def begin_track(features: np.ndarray, ages_s: np.ndarray) -> Track:
    """Return the track through some spikes at age 0.

    Parameters
    ----------
    features : array, (n, n_features)
    ages_s : array, (n,)
        Around 0.
    """
    features = features.astype(float)
    n, n_features = features.shape
    mean, age_s = features.mean(axis=0), ages_s.mean()
    energy = mean @ mean / n_features
    usual = PACE**2 * energy
    pace, of_pace = np.zeros(n_features), usual
    if n >= FEWEST_FOR_PACE:
        away_s = ages_s - age_s
        precision = away_s @ away_s
        # shrunk towards standing still
        of_pace = usual / (1 + usual * precision)
        pace = of_pace * (away_s @ features)
    covariance = np.array([1 / n + of_pace * age_s**2, -of_pace * age_s, of_pace])
    return Track(mean=mean - pace * age_s, pace=pace, covariance=covariance,
                 jitter_of_pace=PACE_CHANGE**2 * energy)


@numba.njit(cache=True, nogil=True)
def derivative_of(mean, derivative, found):
    """Fill in the derivative (n_features,) of a mean, channel by channel."""
    n = len(derivative)
    for first in range(0, len(mean), n):
        for to in range(n):
            total = 0.0
            for own in range(n):
                total += mean[first + own] * derivative[own, to]
            found[first + to] = total


@numba.njit(cache=True, nogil=True)
def follow_track(features, ages_s, mean, pace, covariance, jitter_of_pace, limit, derivative, amplitude_sd, jitter_sd):
    """Return which events (n,) lie on a track, from age 0 on.

    Parameters
    ----------
    features : array, (n, n_features)
        In the order of age.
    ages_s : array, (n,)
        At least 0.
    mean, pace, covariance, jitter_of_pace
        See `Track`.
    limit : float
        Largest squared distance.
    derivative : array, (n, n)
        See `DriftingMixture`.
    amplitude_sd, jitter_sd : float
        See `MixtureSettings`.
    """
    n_features = features.shape[1]
    mean, pace = mean.copy(), pace.copy()
    at, both, of_pace = covariance[0], covariance[1], covariance[2]
    slope, gap = np.empty(n_features), np.empty(n_features)
    is_on, is_new, now_s = np.zeros(len(features), dtype=np.bool_), True, 0.0
    mm, ms, ss = 0.0, 0.0, 0.0
    for event in range(len(features)):
        step_s = ages_s[event] - now_s
        if is_new:  # the scatter is that around the mean at the last spike
            derivative_of(mean, derivative, slope)
            mm, ms, ss, is_new = np.dot(mean, mean), np.dot(mean, slope), np.dot(slope, slope), False
        squared = 0.0
        for feature in range(n_features):
            gap[feature] = features[event, feature] - mean[feature] - pace[feature] * step_s
            squared += gap[feature] * gap[feature]
        if squared > FAR * limit + 0.5 * mm:
            continue
        expected = at + 2 * both * step_s + of_pace * step_s**2 + jitter_of_pace * step_s**3 / 3
        if expected > LOST:
            break
        scale = 1.0 + expected
        aa, bb, ab = amplitude_sd**2 / scale, jitter_sd**2 / scale, amplitude_sd * jitter_sd / scale
        u, v = np.dot(gap, mean), np.dot(gap, slope)
        p, q, cross = 1.0 + aa * mm, 1.0 + bb * ss, ab * ms
        own = (q * aa * u * u - 2.0 * cross * ab * u * v + p * bb * v * v) / (p * q - cross * cross)
        if squared - own > limit * scale:
            continue
        is_on[event], is_new = True, True
        both, of_pace = (both + of_pace * step_s + jitter_of_pace * step_s**2 / 2,
                         of_pace + jitter_of_pace * step_s)
        gain, gain_of_pace = expected / scale, both / scale
        for feature in range(n_features):
            mean[feature] += pace[feature] * step_s + gain * gap[feature]
            pace[feature] += gain_of_pace * gap[feature]
        at, of_pace, both = (1 - gain) * expected, of_pace - gain_of_pace * both, (1 - gain) * both
        now_s = ages_s[event]
    return is_on
