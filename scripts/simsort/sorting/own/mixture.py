"""A mixture of clusters whose means move: mixture of drifting Gaussians with known noise, fitted by EM.

The idea of a mixture that follows drift is Shan, Lubenov & Siapas 2017 (J Neurosci Methods 288:82; there
Kalman-smoothed t distributions). Here the noise is known, since features are whitened, so that a handful of spikes is
enough to place a cluster, and a moving mean is a smooth piecewise linear function of time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from simsort.sorting.own.kernels import knot_sums, posterior, squared_distances


@dataclass(frozen=True, kw_only=True)
class MixtureSettings:
    """How spikes of a neuron scatter, and what counts as none.

    Parameters
    ----------
    knot_s : float, default: 20.0
        Seconds between the knots of a mean.
    stiffness : float, default: 4.0
        Spikes' worth of a mean's reluctance to change from one knot to the next.
    amplitude_sd : float, default: 0.08
        Relative variation of a neuron's amplitude.
    jitter_sd : float, default: 0.3
        Error of an event's time, in samples.
    contamination, spread : float, default: 0.1 and 2.0
        Share and width of the heavy part.
    background_z : float, default: 5.0
        An event farther than so many standard deviations of the chi-squared law from every cluster belongs to none.
    fewest : int, default: 15
        Spikes of a cluster.
    """

    knot_s: float = 20.0
    stiffness: float = 4.0
    amplitude_sd: float = 0.08
    jitter_sd: float = 0.3
    contamination: float = 0.1
    spread: float = 2.0
    background_z: float = 5.0
    fewest: int = 15


class DriftingMixture:
    """Events in whitened features, and the clusters found in them.

    Parameters
    ----------
    features : array, (n_events, n_features)
        Unit noise variance in every feature, uncorrelated. Sorted by time.
    times_s : array, (n_events,)
    duration_s : float
    derivative : array, (n, n)
        Maps features to those of the time derivative, per sample; of one channel, or of all.
    settings : MixtureSettings

    Attributes
    ----------
    means : array, (n_clusters, n_knots, n_features)
    shares : array, (n_clusters,)
        Of all events.
    responsibilities : array, (n_events, n_clusters + 1)
        The last column: none of the clusters.
    """

    def __init__(self, features, times_s, duration_s: float, derivative, settings: MixtureSettings):
        self.features = np.ascontiguousarray(features, dtype=np.float32)
        self.times_s, self.settings = np.asarray(times_s, dtype=float), settings
        self.derivative = np.asarray(derivative, dtype=np.float64)
        self.n_knots = max(int(np.ceil(duration_s / settings.knot_s)), 1) + 1
        self.step_s = duration_s / (self.n_knots - 1)
        position = np.clip(self.times_s / self.step_s, 0, self.n_knots - 1 - 1e-9)
        self.knot = position.astype(np.int64)
        self.place = position - self.knot
        self.means = np.zeros((0, self.n_knots, self.n_features))
        self.shares = np.zeros(0)
        self.responsibilities = np.ones((self.n_events, 1))
        self.likelihood = np.zeros(self.n_events)

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.features)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.features.shape[1]

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.means)

    @property
    def log_background(self) -> float:
        """Log density, times share, of belonging to no cluster."""
        reach = self.n_features + self.settings.background_z * np.sqrt(2 * self.n_features)
        return -reach / 2 - np.log(max(self.n_clusters + 1, 20))

    def slopes(self, means: np.ndarray) -> np.ndarray:
        """Return the features of the time derivative of means (..., n_features)."""
        n = len(self.derivative)
        return (means.reshape(*means.shape[:-1], -1, n) @ self.derivative).reshape(means.shape)

    def distances(self, means: np.ndarray, rows=None) -> tuple[np.ndarray, np.ndarray]:
        """Return squared distances and half log determinants (n, n_clusters) of events to moving means."""
        features, knot, place = self.features, self.knot, self.place
        if rows is not None:
            features, knot, place = features[rows], knot[rows], place[rows]
        shape = (len(features), len(means))
        squared, half_log_det = np.empty(shape), np.empty(shape)
        squared_distances(features, knot, place, means, self.slopes(means), self.settings.amplitude_sd,
                          self.settings.jitter_sd, squared, half_log_det)
        return squared, half_log_det

    def expectation(self, means, shares, rows=None) -> tuple[np.ndarray, np.ndarray]:
        """Return responsibilities (n, n_clusters + 1) and log likelihoods (n,) under given clusters."""
        squared, half_log_det = self.distances(means, rows)
        responsibilities = np.empty((len(squared), len(means) + 1))
        settings = self.settings
        likelihood = posterior(squared, half_log_det, np.log(np.maximum(shares, 1e-12)), self.log_background,
                               settings.contamination, settings.spread, self.n_features, responsibilities)
        return responsibilities, likelihood

    def moving_mean(self, weight: np.ndarray, rows=None) -> np.ndarray:
        """Return the smooth mean (n_knots, n_features) of weighted events."""
        features, knot, place = self.features, self.knot, self.place
        if rows is not None:
            features, knot, place = features[rows], knot[rows], place[rows]
        weight = np.ascontiguousarray(weight, dtype=float)
        diagonal, beside, right = knot_sums(features, knot, place, weight, self.n_knots)
        stiffness = self.settings.stiffness
        diagonal = diagonal + 1e-6 + 2 * stiffness
        diagonal[[0, -1]] -= stiffness
        banded = np.zeros((2, self.n_knots))
        banded[1] = diagonal
        banded[0, 1:] = beside[:-1] - stiffness
        return solveh_banded(banded, right)

    def fit(self, n_rounds: int) -> None:
        """Run EM."""
        for _ in range(n_rounds):
            self.expect()
            for cluster in range(self.n_clusters):
                self.means[cluster] = self.moving_mean(self.responsibilities[:, cluster])
            self.shares = self.responsibilities[:, :-1].sum(axis=0) / max(self.n_events, 1)
        self.expect()

    def expect(self) -> None:
        """Bring the responsibilities up to date."""
        self.responsibilities, self.likelihood = self.expectation(self.means, self.shares)

    def add(self, means: np.ndarray, shares: np.ndarray) -> None:
        """Add clusters; responsibilities are out of date until `fit` or `expect`."""
        self.means = np.concatenate([self.means, means])
        self.shares = np.concatenate([self.shares, shares])

    def keep(self, chosen: np.ndarray) -> None:
        """Keep some of the clusters; responsibilities are out of date until `fit` or `expect`."""
        self.means, self.shares = self.means[chosen], self.shares[chosen]

    def labels(self) -> np.ndarray:
        """Return each event's cluster (n_events,), -1 for none."""
        best = self.responsibilities.argmax(axis=1)
        return np.where(best == self.n_clusters, -1, best)

    def occupancy(self) -> np.ndarray:
        """Return how many events of each cluster lie around each knot, (n_clusters, n_knots)."""
        counts = np.zeros((self.n_clusters, self.n_knots))
        weights = self.responsibilities[:, :-1]
        np.add.at(counts.T, self.knot, weights * (1 - self.place)[:, None])
        np.add.at(counts.T, self.knot + 1, weights * self.place[:, None])
        return counts

    def sizes(self) -> np.ndarray:
        """Return the length of each cluster's mean, over the times at which it fires, (n_clusters,)."""
        occupancy = self.occupancy()
        return (occupancy * np.linalg.norm(self.means, axis=2)).sum(axis=1) / np.maximum(occupancy.sum(axis=1), 1e-9)
