"""CEED's evaluation: how well a Gaussian mixture and nearest neighbours tell units apart in an embedding."""

import warnings

import numpy as np

N_FITS = 50
N_NEIGHBOURS = 200  # as published
MOST_COMPONENTS_FACTOR = 2
SEED = 0


def gmm_aris(features: np.ndarray, unit: np.ndarray, *, n_fits: int = N_FITS, seed: int = SEED) -> np.ndarray:
    """Return adjusted Rand indices (n_fits,) of full-covariance Gaussian mixtures with the known number of units.

    Parameters
    ----------
    features : array, (n, dim)
    unit : array, (n,)
    n_fits : int, default: 50
        Fits, each from another start.
    seed : int, default: 0
    """
    from sklearn.metrics import adjusted_rand_score

    n_units = len(np.unique(unit))
    return np.array([adjusted_rand_score(unit, mixture(features, n_units, seed + fit).predict(features.astype(float)))
                     for fit in range(n_fits)])


def mixture(features: np.ndarray, n_components: int, seed: int):
    """Fit one Gaussian mixture."""
    from sklearn.mixture import GaussianMixture

    features = features.astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits that stop early are scored as they are
        return GaussianMixture(n_components, covariance_type="full", reg_covar=1e-5 * max(features.var(), 1e-9),
                               random_state=seed).fit(features)


def automatic_k(features: np.ndarray, most: int, *, seed: int = SEED, n_starts: int = 3) -> int:
    """Return the number of components, up to `most`, by the Bayesian information criterion.

    The search goes up until the criterion has not fallen for three numbers; each is the best of a few starts.
    """
    best, chosen, since = np.inf, 1, 0
    for k in range(1, most + 1):
        value = min(mixture(features, k, seed + start).bic(features.astype(float)) for start in range(n_starts))
        best, chosen, since = (value, k, 0) if value < best else (best, chosen, since + 1)
        if since == 3:
            break
    return chosen


def automatic_ari(features: np.ndarray, unit: np.ndarray, *, seed: int = SEED, n_starts: int = 3) -> tuple[float, int]:
    """Return the adjusted Rand index with the number of components found, of the likeliest fit, and the number."""
    from sklearn.metrics import adjusted_rand_score

    k = automatic_k(features, MOST_COMPONENTS_FACTOR * len(np.unique(unit)), seed=seed, n_starts=n_starts)
    models = [mixture(features, k, seed + start) for start in range(n_starts)]
    best = max(models, key=lambda model: model.score(features.astype(float)))
    return float(adjusted_rand_score(unit, best.predict(features.astype(float)))), k


def knn_accuracy(features: np.ndarray, unit: np.ndarray, known: np.ndarray, known_unit: np.ndarray) -> float:
    """Return the share of spikes whose nearest known ones are mostly of their own unit.

    Parameters
    ----------
    features, known : arrays, (n, dim) and (n_known, dim)
    unit, known_unit : arrays, (n,) and (n_known,)
    """
    from sklearn.neighbors import KNeighborsClassifier

    fewest = np.unique(known_unit, return_counts=True)[1].min()
    model = KNeighborsClassifier(int(min(N_NEIGHBOURS, max(fewest, 1)))).fit(known, known_unit)
    return float((model.predict(features) == unit).mean())


def halves(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of every second spike of each unit, and of the others."""
    turn = np.zeros(len(unit), dtype=int)
    for one in np.unique(unit):
        turn[unit == one] = np.arange((unit == one).sum()) % 2
    return np.flatnonzero(turn == 0), np.flatnonzero(turn == 1)


def scores_of(features: np.ndarray, unit: np.ndarray, *, n_fits: int = N_FITS, seed: int = SEED,
              automatic: bool = False) -> dict:
    """Return `ari` (mean over fits), `ari_sd` and `knn`, and where asked for `ari_automatic` and `k`.

    Neighbours are looked for among every second spike, for the others.
    """
    aris = gmm_aris(features, unit, n_fits=n_fits, seed=seed)
    known, asked = halves(unit)
    found = dict(ari=float(aris.mean()), ari_sd=float(aris.std()),
                 knn=knn_accuracy(features[asked], unit[asked], features[known], unit[known]))
    if automatic:
        found["ari_automatic"], found["k"] = automatic_ari(features, unit, seed=seed)
    return found
