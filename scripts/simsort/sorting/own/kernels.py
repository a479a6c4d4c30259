"""The inner loops of the mixture, compiled.

A cluster's mean moves: it is known at knots in time and interpolated between them. Around the mean at its time, a spike
scatters with the noise (variance 1 in every feature, as features are whitened), with the neuron's own variation of
amplitude (along the mean) and with the error of its time (along the mean's derivative), so that the covariance is
I + a a' + b b' with a = amplitude_sd * mean and b = jitter_sd * derivative: Woodbury's identity with a 2 x 2 matrix.
"""

import numba
import numpy as np


@numba.njit(cache=True, fastmath=False)
def squared_distances(features, knot, place, means, derivatives, amplitude_sd, jitter_sd, distances, half_log_det):
    """Fill in Mahalanobis distances and half log determinants, both (n_events, n_clusters)."""
    n_events, n_features = features.shape
    for event in range(n_events):
        low, high = 1.0 - place[event], place[event]
        first = knot[event]
        for cluster in range(means.shape[0]):
            rr = aa = bb = ab = ra = rb = 0.0
            for feature in range(n_features):
                mean = low * means[cluster, first, feature] + high * means[cluster, first + 1, feature]
                slope = low * derivatives[cluster, first, feature] + high * derivatives[cluster, first + 1, feature]
                rest = features[event, feature] - mean
                rr += rest * rest
                aa += mean * mean
                bb += slope * slope
                ab += mean * slope
                ra += rest * mean
                rb += rest * slope
            p = 1.0 + amplitude_sd * amplitude_sd * aa
            q = 1.0 + jitter_sd * jitter_sd * bb
            cross = amplitude_sd * jitter_sd * ab
            u, v = amplitude_sd * ra, jitter_sd * rb
            determinant = p * q - cross * cross
            distances[event, cluster] = rr - (q * u * u - 2.0 * cross * u * v + p * v * v) / determinant
            half_log_det[event, cluster] = 0.5 * np.log(determinant)


@numba.njit(cache=True)
def knot_sums(features, knot, place, weight, n_knots):
    """Return the normal equations of one moving mean: diagonal and off-diagonal (n_knots,), right side, weights."""
    n_features = features.shape[1]
    diagonal, beside = np.zeros(n_knots), np.zeros(n_knots)
    right = np.zeros((n_knots, n_features))
    for event in range(len(weight)):
        if weight[event] < 1e-3:
            continue
        high = place[event]
        low = 1.0 - high
        first = knot[event]
        diagonal[first] += weight[event] * low * low
        diagonal[first + 1] += weight[event] * high * high
        beside[first] += weight[event] * low * high
        for feature in range(n_features):
            right[first, feature] += weight[event] * low * features[event, feature]
            right[first + 1, feature] += weight[event] * high * features[event, feature]
    return diagonal, beside, right


@numba.njit(cache=True)
def posterior(distances, half_log_det, log_shares, log_background, contamination, spread, n_features, responsibilities):
    """Fill in responsibilities (n_events, n_clusters + 1), the last for no cluster; return log likelihoods (n_events,).

    A cluster is a Gaussian contaminated with a wider one, so that overlapping spikes neither pull it nor leave it.
    """
    n_events, n_clusters = distances.shape
    likelihood = np.empty(n_events)
    pure, mixed = np.log(1.0 - contamination), np.log(contamination) - n_features * np.log(spread)
    values = np.empty(n_clusters + 1)
    for event in range(n_events):
        largest = log_background
        values[n_clusters] = log_background
        for cluster in range(n_clusters):
            half = 0.5 * distances[event, cluster]
            narrow, wide = pure - half, mixed - half / (spread * spread)
            top = max(narrow, wide)
            density = top + np.log(np.exp(narrow - top) + np.exp(wide - top))
            values[cluster] = density - half_log_det[event, cluster] + log_shares[cluster]
            if values[cluster] > largest:
                largest = values[cluster]
        total = 0.0
        for cluster in range(n_clusters + 1):
            values[cluster] = np.exp(values[cluster] - largest)
            total += values[cluster]
        for cluster in range(n_clusters + 1):
            responsibilities[event, cluster] = values[cluster] / total
        likelihood[event] = largest + np.log(total)
    return likelihood
