"""Whether two clusters are two neurons: by distance, by a valley between them, and by who fires right after whom."""

from dataclasses import dataclass

import numpy as np

from simsort.sorting.own.mixture import DriftingMixture

REFRACTORY_S = (0.0005, 0.0020)  # closer pairs are one event to the detector
CHANCE_S = (0.005, 0.050)
ENOUGH_PAIRS = 4.0  # expected by chance, for the refractory period to tell
REFRACTORY_SHARE = 0.3
ONE_D, CLOSE_D, FAR_D = 2.0, 3.0, 4.5
SMALL_CHANGE, LARGE_CHANGE = 0.25, 0.4  # relative to the length of the mean: neurons vary by that much
SHARED_TIME = 0.15
VALLEY_DEPTH, VALLEY_Z = 0.7, 2.0


@dataclass(frozen=True, kw_only=True)
class Pair:
    """How far two clusters are apart.

    Parameters
    ----------
    d : float
        Distance of the means in standard deviations, averaged over the time that both share, or across the gap.
    relative : float
        The same as a share of the shorter mean.
    shared : float
        Share of time that both fire in.
    """

    d: float
    relative: float
    shared: float


def measure(mixture: DriftingMixture, one: int, other: int, occupancy: np.ndarray) -> Pair:
    """Measure the distance of two clusters."""
    means = mixture.means[[one, other]]
    a, b = occupancy[one], occupancy[other]
    both = common_time(a, b)
    shared = float(both.sum())
    if shared > SHARED_TIME:
        d = np.sqrt(np.maximum(still_distances(mixture, means[0], means[1]) - error(mixture, a, b), 0))
        lengths = np.linalg.norm(means, axis=2).min(axis=0)
        d = float((both * d).sum() / shared)
        return Pair(d=d, relative=d / max(float((both * lengths).sum() / shared), 1e-9), shared=shared)
    closest = nearest_knots(a, b)
    if closest is None:
        return Pair(d=np.inf, relative=np.inf, shared=shared)
    i, j = closest
    squared = still_distances(mixture, means[0][i:i + 1], means[1][j:j + 1])[0]
    d = float(np.sqrt(max(squared - error(mixture, a[i:i + 1], b[j:j + 1])[0], 0)))
    d /= np.sqrt(1 + abs(i - j) / mixture.settings.stiffness)  # a mean may have moved meanwhile
    return Pair(d=d, relative=d / max(np.linalg.norm(means[0][i]), 1e-9), shared=shared)


def common_time(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the share of each knot (n_knots,) in the time that two clusters of such occupancies have in common."""
    return np.minimum(a / max(a.sum(), 1e-9), b / max(b.sum(), 1e-9))


def nearest_knots(a: np.ndarray, b: np.ndarray) -> tuple[int, int] | None:
    """Return a knot of each of two occupancies, as close in time as they come; None if one is nowhere."""
    knots_a, knots_b = np.flatnonzero(a > 0.5), np.flatnonzero(b > 0.5)
    if not len(knots_a) or not len(knots_b):
        return None
    i, j = np.unravel_index(np.abs(knots_a[:, None] - knots_b[None]).argmin(), (len(knots_a), len(knots_b)))
    return int(knots_a[i]), int(knots_b[j])


def error(mixture: DriftingMixture, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return by how much the noise of two means, of so many events at each knot, enlarges their squared distance."""
    stiffness = 2 * mixture.settings.stiffness  # neighbouring knots lend their events
    return mixture.n_features * (1 / (a + stiffness) + 1 / (b + stiffness))


def still_distances(mixture: DriftingMixture, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return squared distances (n,) between means (n, n_features), in the scatter around their middle."""
    return squares_around(mixture, (one + other) / 2, one - other)


def squares_around(mixture: DriftingMixture, middle: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Return squared lengths (n,) of gaps (n, n_features), in the scatter around the middles."""
    return (gap * scaled_gap(mixture, middle, gap)).sum(axis=1)


def scaled_gap(mixture: DriftingMixture, middle: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Return gaps (n, n_features) times the inverse covariance at the middles."""
    u = mixture.settings.amplitude_sd * middle
    v = mixture.settings.jitter_sd * mixture.slopes(middle)
    p, q, cross = 1 + (u * u).sum(axis=1), 1 + (v * v).sum(axis=1), (u * v).sum(axis=1)
    gu, gv = (gap * u).sum(axis=1), (gap * v).sum(axis=1)
    determinant = p * q - cross**2
    along_u, along_v = (q * gu - cross * gv) / determinant, (p * gv - cross * gu) / determinant
    return gap - along_u[:, None] * u - along_v[:, None] * v


def at_times(means: np.ndarray, knot: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return a moving mean (n_knots, n_features) at events."""
    return means[knot] * (1 - place)[:, None] + means[knot + 1] * place[:, None]


def between(mixture: DriftingMixture, one: np.ndarray, other: np.ndarray, rows) -> tuple[np.ndarray, float]:
    """Project events on the line from one moving mean to another.

    Returns
    -------
    position : array, (n,)
        0 in the middle, in standard deviations, positive towards `one`.
    d : float
        Median distance of the means.
    """
    knot, place = mixture.knot[rows], mixture.place[rows]
    a, b = at_times(one, knot, place), at_times(other, knot, place)
    scaled = scaled_gap(mixture, (a + b) / 2, a - b)
    d = np.sqrt(np.maximum(((a - b) * scaled).sum(axis=1), 1e-9))
    return ((mixture.features[rows] - (a + b) / 2) * scaled).sum(axis=1) / d, float(np.median(d))


def has_valley(position: np.ndarray, is_one: np.ndarray, d: float) -> bool:
    """Tell whether projected events have two peaks with significantly fewer events between them."""
    if d < ONE_D or is_one.sum() < 8 or (~is_one).sum() < 8:
        return False
    high, low = np.median(position[is_one]), np.median(position[~is_one])
    if high - low < ONE_D:
        return False
    ordered = np.sort(position)

    def count(centre):
        return np.searchsorted(ordered, centre + 0.5) - np.searchsorted(ordered, centre - 0.5)

    peak = min(count(high), count(low))
    floor = min(count(centre) for centre in np.linspace(low + 0.5, high - 0.5, max(int((high - low) / 0.2), 3)))
    return floor < VALLEY_DEPTH * peak and (peak - floor) / np.sqrt(peak + floor + 1) > VALLEY_Z


def pairs_within(one_s: np.ndarray, other_s: np.ndarray, low_s: float, high_s: float) -> int:
    """Count pairs of spikes (sorted times) whose distance lies between two values."""
    count = 0
    for a, b in ((one_s, other_s), (other_s, one_s)):
        count += int((np.searchsorted(b, a + high_s) - np.searchsorted(b, a + low_s)).sum())
    return count


def refractoriness(one_s: np.ndarray, other_s: np.ndarray) -> tuple[float, float]:
    """Return how many pairs fall into the refractory period of the other's spikes, and how many chance would give.

    Chance is taken from longer intervals, so that common changes of rate do not matter.
    """
    low, high = REFRACTORY_S
    expected = pairs_within(one_s, other_s, *CHANCE_S) * (high - low) / (CHANCE_S[1] - CHANCE_S[0])
    return float(pairs_within(one_s, other_s, low, high)), expected


def are_one(mixture: DriftingMixture, one: int, other: int, pair: Pair, trains: list, noisy: bool) -> bool:
    """Decide whether two clusters are one neuron.

    Very close ones are. Others are when they keep each other's refractory period, as far as that can be told; else when
    they lie within a neuron's own variation, or no valley divides them. Where one is noise (`noisy`) it cannot be told:
    troughs of the noise hide behind spikes, before and after which the traces are above zero.
    """
    if pair.shared <= SHARED_TIME:
        return pair.d < CLOSE_D
    if pair.d < ONE_D:
        return True
    if pair.d > FAR_D and pair.relative > LARGE_CHANGE:
        return False
    found, expected = refractoriness(trains[one], trains[other])
    if expected >= ENOUGH_PAIRS and not noisy:
        return found < REFRACTORY_SHARE * expected
    if pair.relative < SMALL_CHANGE:
        return True
    return pair.d < CLOSE_D and not divided(mixture, one, other)


def divided(mixture: DriftingMixture, one: int, other: int) -> bool:
    """Tell whether there is a valley between two clusters' events."""
    responsibilities = mixture.responsibilities
    rows = np.flatnonzero(responsibilities[:, one] + responsibilities[:, other] > 0.5)
    if len(rows) < 10:
        return False
    position, d = between(mixture, mixture.means[one], mixture.means[other], rows)
    return has_valley(position, responsibilities[rows, one] > responsibilities[rows, other], d)
