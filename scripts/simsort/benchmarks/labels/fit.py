"""Fit additive models on units and pairs of known truth."""

import warnings

import numpy as np
import pandas as pd

from simsort.labelling.additive import AdditiveModel, Curve

# Metrics that mean the same in recordings of any duration, gain and number of units. (sliding_rp_violation does not: it
# is larger the fewer spikes there are; the bounds of contamination say the same, and how sure it is.)
UNIT_METRICS = (
    "snr", "isi_violations_ratio", "rp_contamination", "contamination_at_least", "contamination_at_most",
    "amplitude_cutoff", "amplitude_cv_median", "amplitude_excess",
    "l_ratio", "d_prime", "nn_hit_rate", "nn_miss_rate", "silhouette",
    "peak_to_trough_duration", "trough_half_width", "peak_before_to_trough_ratio", "peak_after_to_trough_ratio",
    "num_positive_peaks", "num_negative_peaks", "waveform_baseline_flatness", "exp_decay")
FROM_COMPONENTS = ("l_ratio", "d_prime", "nn_hit_rate", "nn_miss_rate", "silhouette")  # --runmode fast leaves them out
FROM_TEMPLATES = UNIT_METRICS[-8:]
KNOT_QUANTILES = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # of the fit: the smaller, the flatter the curves
N_FOLDS = 5
NEVER = -30.0  # log odds of a label without examples


def fit(table: pd.DataFrame, metrics, target: str, labels: tuple, strength: float,
        about: dict | None = None) -> AdditiveModel:
    """Fit a model.

    Parameters
    ----------
    table : pandas.DataFrame
        Metrics and the true label in column `target`.
    metrics : sequence of str
        Columns to use; those without two different values are left out.
    labels : tuple
        All labels.
    strength : float
        Inverse of the penalty of logistic regression.
    about : dict | None, default: None
        Kept in the model.
    """
    from sklearn.linear_model import LogisticRegression

    knots = {name: knots_of(table[name]) for name in metrics if name in table}
    knots = {name: points for name, points in knots.items() if len(points) >= 2}
    basis = {name: hats(table[name].to_numpy("float64"), points) for name, points in knots.items()}
    middle = {name: columns.mean(axis=0) for name, columns in basis.items()}
    design = np.concatenate([columns - middle[name] for name, columns in basis.items()], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on convergence to the last digit
        fitted = LogisticRegression(C=strength, max_iter=2000).fit(design, table[target])
    weights, intercept = by_label(fitted, labels)
    curves, start = {}, 0
    for name, points in knots.items():
        part = weights[:, start:start + len(points) + 1]
        level = part @ middle[name]  # a metric's mean contribution is nothing, so that it speaks for what is unusual
        unknown = part[:, -1] - level if basis[name][:, -1].any() else np.zeros(len(labels))
        curves[name] = Curve(points, part[:, :-1].T - level, unknown)
        start += len(points) + 1
    return AdditiveModel(labels, curves, intercept, about or {})


def by_label(fitted, labels: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (n_labels, n_columns) and intercept of a fit; a label that was not seen is never said."""
    coefficients, intercepts, classes = fitted.coef_, fitted.intercept_, list(fitted.classes_)
    if len(classes) == 2:  # scikit-learn then has one row, for the second
        classes = classes[1:]
    weights = np.zeros((len(labels), coefficients.shape[1]))
    intercept = np.where([label in fitted.classes_ for label in labels], 0.0, NEVER)
    for row, name in enumerate(classes):
        weights[labels.index(name)], intercept[labels.index(name)] = coefficients[row], intercepts[row]
    return weights, intercept


def knots_of(values: pd.Series) -> np.ndarray:
    """Return the knots of a metric's curve: quantiles, each once."""
    known = values[np.isfinite(values)]
    return np.unique(np.quantile(known, KNOT_QUANTILES)) if len(known) else np.zeros(0)


def hats(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the basis of a curve, shape (n, n_knots + 1): a hat at each knot, and whether the value is unknown."""
    known = np.isfinite(values)
    columns = np.stack([np.interp(np.where(known, values, 0.0), knots, unit) for unit in np.eye(len(knots))], axis=1)
    return np.column_stack([columns * known[:, None], ~known])


def with_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Add copies of a third of the rows without metrics of principal components, and of another without shapes."""
    copies = []
    for seed, names in enumerate((FROM_COMPONENTS, FROM_TEMPLATES)):
        part = table.sample(frac=1 / 3, random_state=seed).copy()
        part[[name for name in names if name in part]] = np.nan
        copies.append(part)
    return pd.concat([table, *copies], ignore_index=True)


def out_of_fold(table: pd.DataFrame, metrics, target: str, labels: tuple, strength: float) -> np.ndarray:
    """Return probabilities (n_rows, n_labels) of models fitted on the other recordings."""
    from sklearn.model_selection import GroupKFold

    found = np.zeros((len(table), len(labels)))
    n_folds = min(N_FOLDS, table["recording"].nunique())
    for train, test in GroupKFold(n_folds).split(table, groups=table["recording"]):
        model = fit(prepared(table.iloc[train], target), metrics, target, labels, strength)
        found[test] = model.predict(table.iloc[test])[0]
    return found


def prepared(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows to fit on."""
    return with_gaps(table) if target == "truth" else table


def choose_and_fit(table: pd.DataFrame, metrics, target: str, labels: tuple, about: dict) -> AdditiveModel:
    """Choose the strength by recordings left out in turn, and fit on all."""
    truth = indices(table[target], labels)
    losses = {}
    for strength in STRENGTHS:
        found = out_of_fold(table, metrics, target, labels, strength)
        losses[strength] = float(-np.log(np.maximum(found[np.arange(len(truth)), truth], 1e-6)).mean())
    strength = min(losses, key=losses.get)
    about = about | {"n_examples": len(table), "n_recordings": int(table["recording"].nunique()), "strength": strength}
    return fit(prepared(table, target), metrics, target, labels, strength, about)


def indices(values, labels: tuple) -> np.ndarray:
    """Return the place of each label."""
    return values.map({label: i for i, label in enumerate(labels)}).to_numpy()
