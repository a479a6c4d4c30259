"""A mixture of clusters whose means move: mixture of drifting Gaussians with known noise, fitted by EM.

The idea of a mixture that follows drift is Shan, Lubenov & Siapas 2017 (J Neurosci Methods 288:82; there
Kalman-smoothed t distributions). Here the noise is known, since features are whitened, so that a handful of spikes is
enough to place a cluster, and a moving mean is a smooth piecewise linear function of time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from simsort.sorting.own.kernels import knot_products, knot_sums, posterior, squared_distances


ENOUGH_GAIN = 1e-3  # of the mean log likelihood


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
    least_size : float, default: 5.0
        Length of a mean in noise levels below which a cluster is noise.
    """

    knot_s: float = 20.0
    stiffness: float = 4.0
    amplitude_sd: float = 0.08
    jitter_sd: float = 0.3
    contamination: float = 0.1
    spread: float = 2.0
    background_z: float = 5.0
    fewest: int = 15
    least_size: float = 5.0


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
        return (means.reshape(*means.shape[:-1], self.n_features // n, n) @ self.derivative).reshape(means.shape)

    def distances(self, means: np.ndarray, rows=None) -> tuple[np.ndarray, np.ndarray]:
        """Return squared distances and half log determinants (n, n_clusters) of events to moving means."""
        return squared_distances(*self.chosen(rows), *self.prepared(means), self.settings.amplitude_sd,
                                 self.settings.jitter_sd)

    def expectation(self, means, shares, rows=None) -> tuple[np.ndarray, np.ndarray]:
        """Return responsibilities (n, n_clusters + 1) and log likelihoods (n,) under given clusters."""
        settings = self.settings
        return posterior(*self.chosen(rows), *self.prepared(means), settings.amplitude_sd, settings.jitter_sd,
                         np.log(np.maximum(shares, 1e-12)), self.log_background, settings.contamination,
                         settings.spread)

    def chosen(self, rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features, knot and place of some events, of all if `rows` is None."""
        if rows is None:
            return self.features, self.knot, self.place
        return self.features[rows], self.knot[rows], self.place[rows]

    def prepared(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return means and derivatives of every knot and the next, and their inner products: see `squared_distances`."""
        by_knot = np.ascontiguousarray(np.swapaxes(means, 0, 1), dtype=np.float64)
        slopes = self.slopes(by_knot)
        table = np.concatenate([by_knot[:-1], by_knot[1:], slopes[:-1], slopes[1:]], axis=1)
        return (np.ascontiguousarray(np.swapaxes(table, 1, 2), dtype=np.float32), knot_products(by_knot, slopes))

    def moving_mean(self, weight: np.ndarray, rows=None) -> np.ndarray:
        """Return the smooth mean (n_knots, n_features) of weighted events."""
        features, knot, place = self.chosen(rows)
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
        """Run EM, at most so many rounds: until the likelihood hardly grows."""
        before = -np.inf
        for _ in range(n_rounds):
            self.expect()
            now = float(self.likelihood.mean()) if self.n_events else 0.0
            if now - before < ENOUGH_GAIN:
                return
            before = now
            for cluster in range(self.n_clusters):
                self.means[cluster] = self.moving_mean(self.responsibilities[:, cluster])
            self.shares = self.responsibilities[:, :-1].sum(axis=0) / max(self.n_events, 1)
        self.expect()

    def fit_newest(self, n_rounds: int) -> None:
        """Run EM for the last cluster alone, beside the others as they were before it was added."""
        others, before = self.responsibilities, self.likelihood
        mean, share = self.means[-1:], self.shares[-1:]
        for step in range(n_rounds + 1):
            squared, half_log_det = self.distances(mean)
            own = np.log(max(share[0], 1e-12)) + contaminated(squared[:, 0], self.n_features, self.settings) \
                - half_log_det[:, 0]
            # with the newest cluster the likelihood is the sum of both
            likelihood = np.logaddexp(before, own)
            weight = np.exp(own - likelihood)
            if step < n_rounds:
                mean = self.moving_mean(weight)[None]
                share = np.array([weight.mean()])
        self.means[-1], self.shares[-1] = mean[0], share[0]
        kept = others * (1 - weight)[:, None]
        self.responsibilities = np.concatenate([kept[:, :-1], weight[:, None], kept[:, -1:]], axis=1)
        self.likelihood = likelihood

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
        counts = np.zeros((self.n_knots, self.n_clusters))
        if self.n_events:
            there, first = np.unique(self.knot, return_index=True)  # events are in the order of time
            weights, place = self.responsibilities[:, :-1], self.place[:, None]
            counts[there] += np.add.reduceat(weights * (1 - place), first)
            counts[there + 1] += np.add.reduceat(weights * place, first)
        return counts.T

    def are_noise(self) -> np.ndarray:
        """Return which clusters (n_clusters,) are no larger than noise that crosses the detection threshold."""
        return self.sizes() < self.settings.least_size

    def sizes(self) -> np.ndarray:
        """Return the length of each cluster's mean, over the times at which it fires, (n_clusters,)."""
        occupancy = self.occupancy()
        return (occupancy * np.linalg.norm(self.means, axis=2)).sum(axis=1) / np.maximum(occupancy.sum(axis=1), 1e-9)


def contaminated(squared: np.ndarray, n_features: int, settings: MixtureSettings) -> np.ndarray:
    """Return log densities, but for a constant, of a Gaussian contaminated with a wider one, at squared distances."""
    pure, mixed = np.log(1 - settings.contamination), np.log(settings.contamination)
    wide = mixed - n_features * np.log(settings.spread) - squared / (2 * settings.spread**2)
    return np.logaddexp(pure - squared / 2, wide)
