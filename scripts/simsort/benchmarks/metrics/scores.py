"""Statistics of how well a number predicts a property: area under the ROC curve, calibration, bootstrap intervals."""

from collections.abc import Callable

import numpy as np

LEVEL = 0.95
N_RESAMPLES = 500


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a positive has the larger value, ties counting half.

    Parameters
    ----------
    values : array, (n,)
        Finite.
    positive : array of bool, (n,)

    Returns
    -------
    auc : float
        NaN with positives or negatives alone.
    """
    from scipy.stats import rankdata

    n_positive, n = int(positive.sum()), len(values)
    if n_positive in (0, n):
        return np.nan
    return float((rankdata(values)[positive].sum() / n_positive - (n_positive + 1) / 2) / (n - n_positive))


def roc(values: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates over all thresholds, both from 0 to 1."""
    order = np.argsort(-values, kind="stable")
    last = np.append(np.diff(values[order]) != 0, True)  # of each run of ties
    true, false = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    return np.append(0, false / false[-1]), np.append(0, true / true[-1])


def interval(statistic: Callable, clusters: np.ndarray, *, n_resamples: int = N_RESAMPLES,
             seed: int = 0) -> tuple[float, float]:
    """Return a bootstrap interval, clusters drawn with replacement.

    Parameters
    ----------
    statistic : callable
        `statistic(rows)` of an array of row numbers; NaN is left out.
    clusters : array, (n,)
        Cluster of each row; rows of one cluster come together.
    n_resamples, seed : int
        Number of draws and their seed.

    Returns
    -------
    low, high : float
        Percentiles of `LEVEL`; NaN where the statistic is never known.
    """
    rng = np.random.default_rng(seed)
    _, numbers = np.unique(clusters, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    found = [statistic(np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]))
             for _ in range(n_resamples)]
    found = np.array(found)[np.isfinite(found)]
    if not found.size:
        return np.nan, np.nan
    return tuple(float(q) for q in np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))


def calibration(predicted: np.ndarray, true: np.ndarray, edges: tuple[float, ...]) -> list[dict]:
    """Compare a prediction with the truth in bins of the prediction.

    Returns
    -------
    bins : list of dict
        `low`, `high` (the first bin holds its lower edge, each its upper one), `rows` (their numbers), `n`,
        `predicted` and `true` (means; None in an empty bin).
    """
    bins = []
    for index, (low, high) in enumerate(zip(edges[:-1], edges[1:])):
        rows = np.flatnonzero((predicted <= high) & ((predicted > low) | ((index == 0) & (predicted == low))))
        bins.append({"low": low, "high": high, "n": len(rows), "rows": rows,
                     "predicted": float(predicted[rows].mean()) if len(rows) else None,
                     "true": float(true[rows].mean()) if len(rows) else None})
    return bins


def confusion(passes: np.ndarray, positive: np.ndarray) -> dict:
    """Return how a yes or no predicts a property.

    Returns
    -------
    rates : dict
        `sensitivity` (of the positives that pass), `specificity` (of the negatives that do not), `precision` (of those
        that pass that are positive), and `auc`, the mean of the first two: the area under the ROC curve of one point.
        NaN where nothing can be counted.
    """
    def share(part, whole):
        return float(part.sum() / whole.sum()) if whole.any() else np.nan

    sensitivity, specificity = share(passes & positive, positive), share(~passes & ~positive, ~positive)
    return {"sensitivity": sensitivity, "specificity": specificity, "precision": share(passes & positive, passes),
            "auc": (sensitivity + specificity) / 2}
