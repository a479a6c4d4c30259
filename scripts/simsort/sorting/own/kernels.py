"""The inner loops of the mixture, compiled.

A cluster's mean moves: it is known at knots in time and interpolated between them. Around the mean at its time, a spike
scatters with the noise (variance 1 in every feature, as features are whitened), with the neuron's own variation of
amplitude (along the mean) and with the error of its time (along the mean's derivative), so that the covariance is
I + a a' + b b' with a = amplitude_sd * mean and b = jitter_sd * derivative: Woodbury's identity with a 2 x 2 matrix.
All that is needed are inner products, those of means and derivatives at neighbouring knots known beforehand.
"""

import numba
import numpy as np

NEGLIGIBLE = 30.0  # log units below the likeliest
BLOCK = 512  # events at a time


@numba.njit(cache=True, nogil=True)
def knot_products(means, slopes):
    """Return inner products at each knot and with the next, (n_knots, 7, n_clusters) float64."""
    n_knots, n_clusters, _ = means.shape
    found = np.zeros((n_knots, 7, n_clusters))
    for knot in range(n_knots):
        after = min(knot + 1, n_knots - 1)
        for cluster in range(n_clusters):
            for feature in range(means.shape[2]):
                m0, m1 = means[knot, cluster, feature], means[after, cluster, feature]
                s0, s1 = slopes[knot, cluster, feature], slopes[after, cluster, feature]
                found[knot, 0, cluster] += m0 * m0
                found[knot, 1, cluster] += m0 * m1
                found[knot, 2, cluster] += s0 * s0
                found[knot, 3, cluster] += s0 * s1
                found[knot, 4, cluster] += m0 * s0
                found[knot, 5, cluster] += m0 * s1
                found[knot, 6, cluster] += m1 * s0
    return found


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})
def distances_of(squared, dots, here, after, high, amplitude_sd, jitter_sd, distances, determinants):
    """Fill in an event's squared Mahalanobis distances and the covariances' determinants, (n_clusters,) each.

    Parameters
    ----------
    squared : float
        The event's squared length.
    dots : array, (4 * n_clusters,)
        Its inner products with means at the knots before and after, and with derivatives there.
    here, after : arrays, (7, n_clusters)
        Of `knot_products`.
    high : float
        How far the event is from one knot to the next.
    """
    n_clusters = len(distances)
    low = 1.0 - high
    ll, lh, hh = low * low, low * high, high * high
    aa, bb, ab = amplitude_sd * amplitude_sd, jitter_sd * jitter_sd, amplitude_sd * jitter_sd
    for cluster in range(n_clusters):
        xm = low * dots[cluster] + high * dots[n_clusters + cluster]
        xs = low * dots[2 * n_clusters + cluster] + high * dots[3 * n_clusters + cluster]
        mm = ll * here[0, cluster] + 2.0 * lh * here[1, cluster] + hh * after[0, cluster]
        ss = ll * here[2, cluster] + 2.0 * lh * here[3, cluster] + hh * after[2, cluster]
        ms = ll * here[4, cluster] + lh * (here[5, cluster] + here[6, cluster]) + hh * after[4, cluster]
        u, v = xm - mm, xs - ms
        p, q, cross = 1.0 + aa * mm, 1.0 + bb * ss, ab * ms
        determinant = p * q - cross * cross
        rest = squared - 2.0 * xm + mm - (q * aa * u * u - 2.0 * cross * ab * u * v + p * bb * v * v) / determinant
        distances[cluster] = max(rest, 0.0)
        determinants[cluster] = determinant


@numba.njit(cache=True, nogil=True)
def end_of_block(knot, start):
    """Return where the events end that are worked on together from `start`: those after the same knot."""
    stop = start + 1
    while stop < len(knot) and stop - start < BLOCK and knot[stop] == knot[start]:
        stop += 1
    return stop


@numba.njit(cache=True, nogil=True)
def squared_length(features, event):
    """Return an event's inner product with itself."""
    total = 0.0
    for feature in range(features.shape[1]):
        total += np.float64(features[event, feature]) * features[event, feature]
    return total


@numba.njit(cache=True, nogil=True)
def squared_distances(features, knot, place, table, products, amplitude_sd, jitter_sd):
    """Return Mahalanobis distances and half log determinants, both (n_events, n_clusters).

    Events are in the order of time. `table` (n_knots, n_features, 4 * n_clusters) holds means and derivatives as
    `distances_of` takes their inner products.
    """
    n_events, n_clusters = len(features), products.shape[2]
    distances, determinants = np.empty((n_events, n_clusters)), np.empty((n_events, n_clusters))
    start = 0
    while start < n_events:
        first, stop = knot[start], end_of_block(knot, start)
        dots = np.dot(features[start:stop], table[first])
        here, after = products[first], products[first + 1]
        for event in range(start, stop):
            distances_of(squared_length(features, event), dots[event - start], here, after, place[event], amplitude_sd,
                         jitter_sd, distances[event], determinants[event])
        start = stop
    return distances, 0.5 * np.log(determinants)


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def posterior(features, knot, place, table, products, amplitude_sd, jitter_sd, log_shares, log_background,
              contamination, spread):
    """Return responsibilities (n_events, n_clusters + 1), the last for no cluster, and log likelihoods (n_events,).

    A cluster is a Gaussian contaminated with a wider one, so that overlapping spikes neither pull it nor leave it. The
    rest as for `squared_distances`.
    """
    n_events, n_features = features.shape
    n_clusters = products.shape[2]
    responsibilities, likelihood = np.zeros((n_events, n_clusters + 1)), np.empty(n_events)
    pure, mixed = np.log(1.0 - contamination), np.log(contamination) - n_features * np.log(spread)
    narrow, wide = np.empty(n_clusters), np.empty(n_clusters)
    distances, determinants = np.empty(n_clusters), np.empty(n_clusters)
    start = 0
    while start < n_events:
        first, stop = knot[start], end_of_block(knot, start)
        dots = np.dot(features[start:stop], table[first])
        here, after = products[first], products[first + 1]
        for event in range(start, stop):
            distances_of(squared_length(features, event), dots[event - start], here, after, place[event], amplitude_sd,
                         jitter_sd, distances, determinants)
            largest = log_background
            for cluster in range(n_clusters):
                narrow[cluster] = wide[cluster] = -np.inf
                # the determinant is at least 1: without it this is the most the cluster can be
                far = 0.5 * distances[cluster] / (spread * spread)
                if log_shares[cluster] - far < largest - NEGLIGIBLE:
                    continue
                rest = log_shares[cluster] - 0.5 * np.log(determinants[cluster])
                narrow[cluster] = pure - 0.5 * distances[cluster] + rest
                wide[cluster] = mixed - far + rest
                largest = max(largest, narrow[cluster], wide[cluster])
            total = np.exp(log_background - largest)
            responsibilities[event, n_clusters] = total
            for cluster in range(n_clusters):
                value = 0.0
                if narrow[cluster] > largest - NEGLIGIBLE:
                    value = np.exp(narrow[cluster] - largest)
                if wide[cluster] > largest - NEGLIGIBLE:
                    value += np.exp(wide[cluster] - largest)
                responsibilities[event, cluster] = value
                total += value
            for cluster in range(n_clusters + 1):
                responsibilities[event, cluster] /= total
            likelihood[event] = largest + np.log(total)
        start = stop
    return responsibilities, likelihood
